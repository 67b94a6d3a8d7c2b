package attack

import "strings"

// fields is a set of the fields of Attack that not every kind takes.
type fields uint32

const (
	fieldPrefix fields = 1 << iota
	fieldAddress
	fieldType
	fieldVia
	fieldPrepend
	fieldVictimPrepend
	fieldPoison
	fieldExport
	fieldNoExport
	fieldWithhold
	fieldCommunities
	fieldROAOrigin
	fieldMaxLength
	fieldRevokeROAs
	fieldSilent
	fieldHold
	fieldGap
	fieldTimes

	// scope says who hears of an announcement, shape everything that can be special
	// about one.
	scope = fieldExport | fieldNoExport | fieldWithhold
	shape = fieldPrefix | fieldAddress | fieldType | fieldVia | fieldPrepend | fieldPoison | scope
)

type fieldName struct {
	field fields
	name  string
}

func fieldNames() []fieldName {
	return []fieldName{
		{fieldPrefix, "prefix"},
		{fieldAddress, "address"},
		{fieldType, "type"},
		{fieldVia, "via"},
		{fieldPrepend, "prepend"},
		{fieldVictimPrepend, "victim-prepend"},
		{fieldPoison, "poison"},
		{fieldExport, "export"},
		{fieldNoExport, "no-export"},
		{fieldWithhold, "withhold"},
		{fieldCommunities, "communities"},
		{fieldROAOrigin, "roa-origin"},
		{fieldMaxLength, "max-length"},
		{fieldRevokeROAs, "revoke-roas"},
		{fieldSilent, "silent"},
		{fieldHold, "hold"},
		{fieldGap, "gap"},
		{fieldTimes, "times"},
	}
}

func (f fields) names() []string {
	var names []string
	for _, n := range fieldNames() {
		if f&n.field != 0 {
			names = append(names, n.name)
		}
	}
	return names
}

func (f fields) String() string { return strings.Join(f.names(), ", ") }

// Fields returns the fields that attacks of a kind take beside kind, attacker,
// victim and target, in the spelling of files: lower case with hyphens; nil for
// an unknown kind. One of needs at least must be set, if there are any.
func Fields(k Kind) (takes, needs []string) {
	s, _ := specOf(k)
	return s.takes.names(), s.needs.names()
}

// fields returns those that are set.
func (a Attack) fields() fields {
	var set fields
	add := func(f fields, is bool) {
		if is {
			set |= f
		}
	}
	add(fieldPrefix, a.Prefix.IsValid())
	add(fieldAddress, a.Address.IsValid())
	add(fieldType, a.Type != 0)
	add(fieldVia, len(a.Via) > 0)
	add(fieldPrepend, a.Prepend != 0)
	add(fieldVictimPrepend, a.VictimPrepend != 0)
	add(fieldPoison, len(a.Poison) > 0)
	add(fieldExport, a.exports())
	add(fieldNoExport, a.NoExport)
	add(fieldWithhold, len(a.Withhold) > 0)
	add(fieldCommunities, a.Communities)
	add(fieldROAOrigin, a.ROAOrigin != 0)
	add(fieldMaxLength, a.MaxLength != 0)
	add(fieldRevokeROAs, a.RevokeROAs)
	add(fieldSilent, a.Silent)
	add(fieldHold, a.Hold != 0)
	add(fieldGap, a.Gap != 0)
	add(fieldTimes, a.Times != 0)
	return set
}

// exports says whether Export says anything.
func (a Attack) exports() bool {
	return len(a.Export.To) > 0 || len(a.Export.Except) > 0 || a.Export.Classes != 0
}
