package domain

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"mpicsim/perspectives/resolver"
	"mpicsim/sim/names"
)

// FromHierarchy returns the domain that zones describe, with weight 1, without any
// packet: what [FromSurvey] makes of a survey in the emulated Internet. A zone is
// protected if there is an unbroken chain of DS records, with algorithms and
// digests that resolvers support, from the root's keys to its own; whether
// signatures are valid is not looked at. It returns an error if the hierarchy does
// not hold a zone that it delegates.
func FromHierarchy(h *names.Hierarchy, name string) (Domain, error) {
	w := &zoneWalk{h: h, files: map[string]*zoneFile{}, seen: map[string]bool{}}
	w.out.Name = strings.ToLower(strings.TrimSuffix(name, ".") + ".")
	for _, p := range h.Placements {
		for _, z := range p.Zones {
			origin := strings.ToLower(z.Origin())
			if w.files[origin] == nil {
				w.files[origin] = parseZone(z)
			}
			f := w.files[origin]
			f.addrs = append(f.addrs, p.Addrs...)
		}
	}
	w.want(w.out.Name)
	for n := 0; n < len(w.queue); n++ {
		if err := w.resolve(w.queue[n]); err != nil {
			return Domain{}, err
		}
	}
	return FromSurvey(&w.out), nil
}

// zoneFile is one zone's records.
type zoneFile struct {
	origin  string
	records map[string][]zoneRecord // by owner
	addrs   []netip.Addr            // where the zone is served
}

type zoneRecord struct{ kind, data string }

// parseZone reads the text of a zone: absolute names, one record a line.
func parseZone(z *names.Zone) *zoneFile {
	f := &zoneFile{origin: strings.ToLower(z.Origin()), records: map[string][]zoneRecord{}}
	for line := range strings.Lines(z.Text()) {
		const owner, ttl, class, kind, data = 0, 1, 2, 3, 4
		fields := strings.SplitN(strings.TrimSpace(line), "\t", data+1)
		if len(fields) <= data || fields[class] != "IN" || fields[ttl] == "" {
			continue
		}
		name := strings.ToLower(fields[owner])
		f.records[name] = append(f.records[name], zoneRecord{fields[kind], fields[data]})
	}
	return f
}

// data returns the data of the records of one type at a name.
func (f *zoneFile) data(name, kind string) []string {
	var out []string
	for _, r := range f.records[name] {
		if r.kind == kind {
			out = append(out, r.data)
		}
	}
	return out
}

// targets returns the names in records of one type at a name.
func (f *zoneFile) targets(name, kind string) []string {
	out := f.data(name, kind)
	for i := range out {
		out[i] = strings.ToLower(out[i])
	}
	return out
}

// addresses returns those in A, then in AAAA records.
func (f *zoneFile) addresses(name string) []netip.Addr {
	var out []netip.Addr
	for _, text := range slices.Concat(f.data(name, "A"), f.data(name, "AAAA")) {
		if a, err := netip.ParseAddr(text); err == nil {
			out = append(out, a)
		}
	}
	return out
}

// source returns the name whose records answer for name: itself, or the wildcard
// at its closest encloser (RFC 4592); "" if there is none.
func (f *zoneFile) source(name string) string {
	exists := func(name string) bool {
		for owner := range f.records {
			if owner == name || strings.HasSuffix(owner, "."+name) {
				return true
			}
		}
		return false
	}
	if exists(name) {
		return name
	}
	for up := above(name); up != ""; up = above(up) {
		if exists(up) || up == f.origin {
			if wildcard := "*." + up; f.records[wildcard] != nil {
				return wildcard
			}
			return ""
		}
	}
	return ""
}

// above returns the name one label up, "" for the root.
func above(name string) string {
	_, rest, _ := strings.Cut(name, ".")
	if rest == "" && name != "." {
		return "."
	}
	if name == "." {
		return ""
	}
	return rest
}

// below says whether name is zone or lies below it.
func below(name, zone string) bool {
	return zone == "." || name == zone || strings.HasSuffix(name, "."+zone)
}

// zoneWalk surveys zones as a resolver's Surveyor does servers.
type zoneWalk struct {
	h     *names.Hierarchy
	files map[string]*zoneFile
	out   resolver.Survey
	queue []string
	seen  map[string]bool
}

func (w *zoneWalk) want(name string) {
	if !w.seen[name] {
		w.seen[name] = true
		w.queue = append(w.queue, name)
	}
}

// resolve enters one name and the zones on the way to it.
func (w *zoneWalk) resolve(name string) error {
	f, status := w.files["."], resolver.Indeterminate
	if w.h.TrustAnchor.Zone != "" {
		status = resolver.Secure
	}
	w.enter(resolver.SurveyZone{Name: ".", Servers: w.hints(), Status: status})
	for {
		cut := f.cut(name)
		if cut == "" {
			break
		}
		child := w.files[cut]
		if child == nil {
			return fmt.Errorf("%s: delegated by %s, and not in the hierarchy", cut, f.origin)
		}
		if status == resolver.Secure && !chained(f, child) {
			status = resolver.Insecure
		}
		w.enter(resolver.SurveyZone{Name: cut, Parent: f.origin, Servers: servers(f, child), Status: status})
		f = child
	}
	n := resolver.SurveyName{Name: name, Zone: f.origin, Status: status}
	if n.Alias = f.alias(name); n.Alias == "" {
		n.Addresses = f.addresses(f.source(name))
	}
	w.out.Names = append(w.out.Names, n)
	if n.Alias != "" {
		w.want(n.Alias)
	}
	return nil
}

func (w *zoneWalk) enter(z resolver.SurveyZone) {
	if w.seen["zone "+z.Name] {
		return
	}
	w.seen["zone "+z.Name] = true
	w.out.Zones = append(w.out.Zones, z)
	for _, server := range z.Servers {
		if len(server.Glue) == 0 {
			w.want(server.Name)
		}
	}
}

func (w *zoneWalk) hints() []resolver.SurveyServer {
	var out []resolver.SurveyServer
	for _, ns := range w.h.RootHints {
		out = append(out, resolver.SurveyServer{Name: strings.ToLower(ns.Name), Delegated: true, Glue: ns.Addrs})
	}
	return out
}

// cut returns the topmost delegation of the zone at or above name, "" if there is
// none.
func (f *zoneFile) cut(name string) string {
	found := ""
	for up := name; up != f.origin && up != ""; up = above(up) {
		if len(f.data(up, "NS")) > 0 {
			found = up
		}
	}
	return found
}

// alias returns what name is an alias of, "" if of nothing.
func (f *zoneFile) alias(name string) string {
	for up := above(name); up != "" && below(up, f.origin); up = above(up) {
		if to := f.targets(up, "DNAME"); len(to) > 0 {
			return strings.TrimSuffix(name, up) + strings.TrimPrefix(to[0], ".")
		}
	}
	if to := f.targets(f.source(name), "CNAME"); len(to) > 0 {
		return to[0]
	}
	return ""
}

// servers returns the name servers of a zone as a resolver learns of them: from
// the referral with its glue, unless the servers of the zone above all hold the
// zone and so never refer to it.
func servers(parent, child *zoneFile) []resolver.SurveyServer {
	var out []resolver.SurveyServer
	hidden := !slices.ContainsFunc(parent.addrs, func(a netip.Addr) bool { return !slices.Contains(child.addrs, a) })
	if !hidden {
		for _, name := range parent.targets(child.origin, "NS") {
			s := resolver.SurveyServer{Name: name, Delegated: true}
			if below(name, parent.origin) {
				s.Glue = parent.addresses(name)
			}
			out = append(out, s)
		}
	}
	for _, name := range child.targets(child.origin, "NS") {
		at := slices.IndexFunc(out, func(s resolver.SurveyServer) bool { return s.Name == name })
		if at < 0 {
			at = len(out)
			out = append(out, resolver.SurveyServer{Name: name})
		}
		out[at].Apex = true
	}
	return out
}

// chained says whether a DS record of the parent that resolvers can use vouches
// for a zone that has keys: algorithms 8, 10, 13, 14 and 15, digests 2 and 4.
func chained(parent, child *zoneFile) bool {
	if len(child.data(child.origin, "DNSKEY")) == 0 {
		return false
	}
	return slices.ContainsFunc(parent.data(child.origin, "DS"), func(data string) bool {
		f := strings.Fields(data) // tag, algorithm, digest type, digest
		return len(f) > 3 && slices.Contains([]string{"8", "10", "13", "14", "15"}, f[1]) && slices.Contains([]string{"2", "4"}, f[2])
	})
}
