package domain

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"mpicsim/perspectives/resolver"
)

// FromSurvey returns the domain that a survey of the DNS has found, with weight 1.
// Only a survey by a resolver that validates can tell what is protected.
func FromSurvey(s *resolver.Survey) Domain {
	w := &walk{names: map[string]*resolver.SurveyName{}, zones: map[string]*resolver.SurveyZone{}, out: Domain{Name: plain(s.Name), Weight: 1}}
	for i := range s.Names {
		w.names[s.Names[i].Name] = &s.Names[i]
	}
	for i := range s.Zones {
		w.zones[s.Zones[i].Name] = &s.Zones[i]
	}
	w.web(s.Name)
	w.exposed = map[string]bool{}
	w.forgeable(s.Name)
	w.all(s)
	w.gaps(s)
	return w.out
}

// plain returns a name without its trailing dot.
func plain(name string) string {
	if name == "." {
		return name
	}
	return strings.TrimSuffix(name, ".")
}

// walk turns a survey into a domain.
type walk struct {
	names map[string]*resolver.SurveyName
	zones map[string]*resolver.SurveyZone
	out   Domain
	// exposed are the zones whose servers can forge something that matters, by
	// "zone Z", and the names that can be forged, by "name N".
	exposed map[string]bool
}

// end follows aliases to a name with addresses, nil if there is none.
func (w *walk) end(name string) *resolver.SurveyName {
	n := w.names[name]
	for range len(w.names) {
		if n == nil || n.Alias == "" {
			return n
		}
		n = w.names[n.Alias]
	}
	return nil // aliases in a circle
}

// web adds the web addresses.
func (w *walk) web(name string) {
	n := w.end(name)
	if n == nil {
		return
	}
	why := "address of the domain"
	if n.Name != name {
		why = fmt.Sprintf("address of %s, which the domain is an alias of", plain(n.Name))
	}
	for _, a := range n.Addresses {
		w.out.Addresses = append(w.out.Addresses, Address{Address: a, Role: Web, Name: plain(n.Name), Why: why})
	}
}

// forgeable marks what an attacker can use to forge the answer about a name:
// nothing if it is secure; else the servers of every zone on the way, and what can
// be used to forge the addresses of those that came without glue. The target of
// an alias matters even if the alias is secure.
func (w *walk) forgeable(name string) {
	n := w.names[name]
	if n == nil || w.exposed["name "+name] {
		return
	}
	w.exposed["name "+name] = true
	if n.Status != resolver.Secure {
		for _, z := range w.chain(n.Zone) {
			w.exposed["zone "+z.Name] = true
			for _, server := range z.Servers {
				if len(server.Glue) == 0 {
					w.forgeable(server.Name)
				}
			}
		}
	}
	w.forgeable(n.Alias)
}

// chain returns the zones from the root down to one.
func (w *walk) chain(zone string) []*resolver.SurveyZone {
	var out []*resolver.SurveyZone
	for z := w.zones[zone]; z != nil && len(out) <= len(w.zones); z = w.zones[z.Parent] {
		out = append(out, z)
	}
	slices.Reverse(out)
	return out
}

// all adds the servers of every zone on the way to every name.
func (w *walk) all(s *resolver.Survey) {
	needed := map[string]string{s.Name: "the domain"} // why each name is looked up
	done := map[string]bool{}
	for _, n := range s.Names {
		for _, z := range w.chain(n.Zone) {
			if done[z.Name] {
				continue
			}
			done[z.Name] = true
			for _, server := range z.Servers {
				if len(server.Glue) == 0 && needed[server.Name] == "" {
					needed[server.Name] = fmt.Sprintf("%s, a name server of %s without glue", plain(server.Name), plain(z.Name))
				}
			}
			w.serve(z, needed[n.Name])
		}
		if n.Alias != "" && needed[n.Alias] == "" {
			needed[n.Alias] = fmt.Sprintf("%s, the target of an alias", plain(n.Alias))
		}
	}
}

// serve adds the servers of a zone.
func (w *walk) serve(z *resolver.SurveyZone, whose string) {
	for _, server := range z.Servers {
		addrs := server.Glue
		if len(addrs) == 0 {
			if n := w.end(server.Name); n != nil {
				addrs = n.Addresses
			}
		}
		for _, a := range addrs {
			w.add(Address{
				Address: a, Role: roleOf(plain(z.Name)), Name: plain(server.Name), Zone: plain(z.Name),
				Why: "on the way to " + whose, Protected: !w.exposed["zone "+z.Name],
			})
		}
	}
}

func (w *walk) add(a Address) {
	same := func(b Address) bool {
		return a.Address == b.Address && a.Name == b.Name && a.Zone == b.Zone && a.Role == b.Role
	}
	if a.Address = a.Address.Unmap(); a.Address.IsValid() && a.Address != (netip.Addr{}) && !slices.ContainsFunc(w.out.Addresses, same) {
		w.out.Addresses = append(w.out.Addresses, a)
	}
}

// gaps collects what is missing.
func (w *walk) gaps(s *resolver.Survey) {
	add := func(format string, args ...any) {
		w.out.Gaps = append(w.out.Gaps, legible(fmt.Sprintf(format, args...)))
	}
	for _, n := range s.Names {
		for _, gap := range n.Gaps {
			add("%s: %s", plain(n.Name), gap)
		}
	}
	for _, z := range s.Zones {
		for _, gap := range z.Gaps {
			add("zone %s: %s", plain(z.Name), gap)
		}
	}
	for _, gap := range s.Gaps {
		add("%s", gap)
	}
}

// legible makes text that others wrote in part fit for a line.
func legible(text string) string {
	return strings.Map(func(r rune) rune {
		if printable(string(r)) {
			return r
		}
		return '.'
	}, strings.ToValidUTF8(text, "."))
}
