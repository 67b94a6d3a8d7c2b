package policy

import (
	"fmt"
	"strings"
	"time"

	"mpicsim/perspectives"
)

// The reasons of a decision that forbids issuance before anybody is asked.
const (
	// MethodBanned: the BR no longer allow the validation method on the day.
	MethodBanned = "method-banned"
	// MethodUnsuitable: the method cannot validate the target: a wildcard name by
	// one that is not suitable for them.
	MethodUnsuitable = "method-unsuitable"
	// ReverseZoneName: the name lies in a reverse zone, for which no certificate
	// may be issued.
	ReverseZoneName = "reverse-zone-name"
)

// MethodRule is what the BR say about a validation method on a day.
type MethodRule struct {
	Method perspectives.Method `json:"method"`
	// Name is the title of the section, shortened.
	Name string `json:"name"`
	// Section is the section for names, AddressSection that for IP addresses,
	// such as "BR 3.2.2.4.19"; empty if there is none.
	Section        string `json:"section,omitempty"`
	AddressSection string `json:"address_section,omitempty"`
	// MPIC says that remotes must corroborate (BR 3.2.2.9). It is true of all
	// methods here; the others need no perspectives.
	MPIC bool `json:"mpic"`
	// Criterion is what a remote must see to corroborate.
	Criterion string `json:"criterion"`
	// Wildcard says that the method is suitable for wildcard names.
	Wildcard bool `json:"wildcard"`
	// DiscouragedFrom is the first day on which the method SHOULD NOT be used,
	// BannedFrom the first on which it MUST NOT; zero if no such day is known.
	DiscouragedFrom time.Time `json:"discouraged_from,omitzero"`
	BannedFrom      time.Time `json:"banned_from,omitzero"`
	// Discouraged and Banned say which of those days have come.
	Discouraged bool `json:"discouraged"`
	Banned      bool `json:"banned"`
	// Reuse is how long a validation may be relied on if it is used on the day
	// (BR 4.2.1).
	Reuse time.Duration `json:"reuse_ns"`
}

// SectionFor returns the section that applies to IP addresses or to names.
func (r MethodRule) SectionFor(address bool) string {
	if address {
		return r.AddressSection
	}
	return r.Section
}

// MethodAt returns what the BR say about a method on date, which is read as a
// calendar day in UTC. It returns an error for a method that is not known.
//
// Banned is about names and IP addresses alike: no method has days that differ
// between its two sections.
func MethodAt(m perspectives.Method, date time.Time) (MethodRule, error) {
	for _, r := range methodRules() {
		if r.Method != m {
			continue
		}
		today := dayOf(date)
		r.MPIC = true
		r.Discouraged = !r.DiscouragedFrom.IsZero() && !today.Before(r.DiscouragedFrom)
		r.Banned = !r.BannedFrom.IsZero() && !today.Before(r.BannedFrom)
		r.Reuse = ReuseAt(today)
		if m == perspectives.DNSPersistent || m == perspectives.IPPersistent {
			r.Reuse = min(r.Reuse, persistentReuse) // BR 3.2.2.4.22
		}
		return r, nil
	}
	var names []string
	for _, known := range perspectives.Methods() {
		names = append(names, string(known))
	}
	return MethodRule{}, fmt.Errorf("validation method %q: want one of %s", m, strings.Join(names, ", "))
}

const (
	oneDay = 24 * time.Hour
	// persistentReuse is how long a persistent record that was seen may be relied
	// on (BR 3.2.2.4.22).
	persistentReuse = 10 * oneDay
)

// ReuseAt returns how long the validation of a domain or IP address may be relied
// on when a certificate is issued on date (BR 4.2.1, ballot SC-081): 398 days,
// 200 from 2026-03-15, 100 from 2027-03-15, 10 from 2029-03-15.
func ReuseAt(date time.Time) time.Duration {
	today := dayOf(date)
	switch {
	case !today.Before(day(2029, time.March, 15)):
		return 10 * oneDay
	case !today.Before(day(2027, time.March, 15)):
		return 100 * oneDay
	case !today.Before(day(2026, time.March, 15)):
		return 200 * oneDay
	}
	return 398 * oneDay
}

// CAAReuse is how long corroborations of CAA may be relied on (BR 3.2.2.9).
const CAAReuse = 398 * oneDay

func dayOf(date time.Time) time.Time {
	u := date.UTC()
	return day(u.Year(), u.Month(), u.Day())
}

// What a remote must see, in the words of BR 3.2.2.9.
const (
	sameChallenge = "the same challenge information (Random Value, Request Token or token)"
	sameAddress   = "the same IP address"
	sameContact   = "the same selected contact address"
	sameFQDN      = "the same FQDN"
	sameAccount   = "a valid Persistent DCV TXT Record with the same accounturi"
)

// methodRules returns the methods of BR 3.2.2.4 and 3.2.2.5 that need
// corroboration, as of BR 2.2.6. Sunsets: ballots SC-090 and SC-091. That
// IPPersistent needs it is a reading: its section has no sentence about
// BR 3.2.2.9 and refers to that of DNSPersistent.
func methodRules() []MethodRule {
	const (
		name    = "BR 3.2.2.4."
		address = "BR 3.2.2.5."
	)
	var (
		discouraged = day(2026, time.March, 15)
		in2026      = day(2026, time.March, 15)
		in2027      = day(2027, time.March, 15)
		in2028      = day(2028, time.March, 15)
	)
	return []MethodRule{
		{Method: perspectives.DNS01, Name: "DNS Change", Section: name + "7", Criterion: sameChallenge, Wildcard: true},
		{Method: perspectives.DNSChange, Name: "DNS Change", Section: name + "7", Criterion: sameChallenge, Wildcard: true},
		{Method: perspectives.IPAddress, Name: "IP Address", Section: name + "8", Criterion: sameAddress, BannedFrom: in2026},
		{
			Method: perspectives.ContactEmailCAA, Name: "Email to DNS CAA Contact", Section: name + "13", Criterion: sameContact,
			Wildcard: true, DiscouragedFrom: discouraged, BannedFrom: in2028,
		},
		{
			Method: perspectives.ContactEmailTXT, Name: "Email to DNS TXT Contact", Section: name + "14", Criterion: sameContact,
			Wildcard: true, DiscouragedFrom: discouraged, BannedFrom: in2028,
		},
		{
			Method: perspectives.ContactPhoneTXT, Name: "Phone Contact with DNS TXT Record Phone Contact", Section: name + "16",
			Criterion: sameContact, Wildcard: true, DiscouragedFrom: discouraged, BannedFrom: in2027,
		},
		{
			Method: perspectives.ContactPhoneCAA, Name: "Phone Contact with DNS CAA Phone Contact", Section: name + "17",
			Criterion: sameContact, Wildcard: true, DiscouragedFrom: discouraged, BannedFrom: in2027,
		},
		{
			Method: perspectives.WebsiteChange, Name: "Agreed-Upon Change to Website v2", Section: name + "18",
			AddressSection: address + "1", Criterion: sameChallenge,
		},
		{
			Method: perspectives.HTTP01, Name: "Agreed-Upon Change to Website - ACME", Section: name + "19",
			AddressSection: address + "6", Criterion: sameChallenge,
		},
		{
			Method: perspectives.TLSALPN01, Name: "TLS Using ALPN", Section: name + "20", AddressSection: address + "7",
			Criterion: sameChallenge,
		},
		{
			Method: perspectives.DNSAccount01, Name: "DNS Labeled with Account ID - ACME", Section: name + "21",
			Criterion: sameChallenge, Wildcard: true,
		},
		{
			Method: perspectives.DNSPersistent, Name: "DNS TXT Record with Persistent Value", Section: name + "22",
			Criterion: sameAccount, Wildcard: true,
		},
		{
			Method: perspectives.ReverseAddressLookup, Name: "Reverse Address Lookup", AddressSection: address + "3",
			Criterion: sameFQDN, BannedFrom: in2027,
		},
		{
			Method: perspectives.IPPersistent, Name: "DNS TXT Record with Persistent Value in the Reverse Namespace",
			AddressSection: address + "8", Criterion: sameAccount,
		},
	}
}

// Refuse returns the decision that forbids issuance for c on date whatever the
// perspectives would see: the method is banned, or not suitable for a wildcard,
// or the name is one for which no certificate may be issued. forbidden is false
// if there is no such rule. Of a method, only checks that ask for domain control
// are judged. It returns an error for a method that is not known.
func Refuse(c perspectives.Check, date time.Time) (d perspectives.Decision, forbidden bool, err error) {
	refusal := perspectives.Decision{Quorum: "0/0"}
	if zone := reverseZone(c.Name()); zone != "" && !dayOf(date).Before(day(2026, time.March, 15)) {
		refusal.Reason, refusal.Clause = ReverseZoneName, "BR 4.2.2 (effective 2026-03-15)"
		refusal.Detail = fmt.Sprintf("%s lies in the reverse zone %s", c.Domain, zone)
		return refusal, true, nil
	}
	if !c.Questions.DCV() {
		return perspectives.Decision{}, false, nil
	}
	rule, err := MethodAt(c.Method, date)
	if err != nil {
		return perspectives.Decision{}, false, err
	}
	_, isAddress := c.Address()
	section := rule.SectionFor(isAddress)
	switch {
	case rule.Banned:
		from := rule.BannedFrom.Format(time.DateOnly)
		refusal.Reason, refusal.Clause = MethodBanned, fmt.Sprintf("%s (banned from %s)", section, from)
		refusal.Detail = fmt.Sprintf("%s, %q, must not be used from %s on", c.Method, rule.Name, from)
		return refusal, true, nil
	case c.Wildcard() && !rule.Wildcard:
		refusal.Reason, refusal.Clause = MethodUnsuitable, section
		refusal.Detail = fmt.Sprintf("%s, %q, is not suitable for the wildcard name %s", c.Method, rule.Name, c.Domain)
		return refusal, true, nil
	}
	return perspectives.Decision{}, false, nil
}

// reverseZone returns the suffix for IP addresses that name has, "" if none.
func reverseZone(name string) string {
	for _, zone := range []string{"in-addr.arpa", "ip6.arpa"} {
		if name == zone || strings.HasSuffix(name, "."+zone) {
			return zone
		}
	}
	return ""
}
