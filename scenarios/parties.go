package scenarios

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode"

	"mpicsim/perspectives"
	"mpicsim/perspectives/coordinator"
	"mpicsim/sim/names"
	"mpicsim/topology"
)

// block is a range of addresses that nobody in a story can announce.
type block struct {
	prefix netip.Prefix
	why    string
}

// blocks are those that the emulated Internet uses itself (perspectives, the
// root's and the TLDs' name servers, routers; see package replay), and those
// that a TCP/IP stack does not take packets from or for.
func blocks() []block {
	const own, special = "which the emulated Internet uses itself", "which holds no global unicast addresses"
	return []block{
		{netip.MustParsePrefix("10.0.0.0/8"), own},
		{netip.MustParsePrefix("198.19.0.0/16"), own},
		{netip.MustParsePrefix("100.64.0.0/10"), own},
		{netip.MustParsePrefix("fc00::/7"), own},
		{netip.MustParsePrefix("0.0.0.0/8"), special},
		{netip.MustParsePrefix("127.0.0.0/8"), special},
		{netip.MustParsePrefix("169.254.0.0/16"), special},
		{netip.MustParsePrefix("224.0.0.0/3"), special},
		{netip.MustParsePrefix("::/8"), special},
		{netip.MustParsePrefix("fe80::/10"), special},
		{netip.MustParsePrefix("ff00::/8"), special},
	}
}

// upperZones hold the names of the root's and the TLDs' name servers.
func upperZones() []string { return []string{"root-servers.net", "tld-servers.net"} }

// text returns an address or prefix for error messages.
func text(x interface {
	IsValid() bool
	String() string
},
) string {
	if !x.IsValid() {
		return "nothing"
	}
	return x.String()
}

func (v *validation) victim() {
	victim := v.s.Victim
	v.check(victim.AS != 0, "victim.as", "nothing", "an AS number")
	v.name("victim.domain", victim.Domain, "a domain name of at least two labels, in lower case and without a trailing dot")
	v.check(len(victim.Domain) <= 200, "victim.domain", fmt.Sprintf("%d characters", len(victim.Domain)), "at most 200, so that names fit below it")
	v.check(len(victim.Prefixes) > 0, "victim.prefixes", "nothing", "at least one prefix")
	v.check(len(victim.Prefixes) <= MaxPrefixes, "victim.prefixes", fmt.Sprintf("%d prefixes", len(victim.Prefixes)), fmt.Sprintf("at most %d", MaxPrefixes))
	for n, p := range victim.Prefixes {
		field := fmt.Sprintf("victim.prefixes[%d]", n)
		v.prefix(field, p)
		v.check(!slices.Contains(victim.Prefixes[:n], p), field, p.String()+" a second time", "each prefix once")
	}
	v.web()
	v.caa()
	v.nameServers()
	v.holders()
}

// name checks a domain name: what a certificate can be for, or what can issue
// one.
func (v *validation) name(field, name, expected string) {
	if !domainPattern.MatchString(name) {
		v.fail(field, quote(name), expected)
		return
	}
	// The coordinator has the last word on names.
	const token, thumbprint = "AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	c, err := coordinator.NormalizeCheck(perspectives.Check{
		Domain: name, Method: perspectives.HTTP01, Token: token, KeyAuthorization: token + "." + thumbprint,
		IssuerDomains: []string{name},
	})
	switch {
	case err != nil:
		v.fail(field, quote(name), expected+", with valid Punycode after xn-- and not an address")
	case c.Domain != name:
		v.fail(field, quote(name), c.Domain)
	}
	for _, zone := range upperZones() {
		v.check(!under(name, zone), field, quote(name), fmt.Sprintf("a name outside %s, where the upper name servers are", zone))
	}
}

// under says whether name is zone or lies below it.
func under(name, zone string) bool { return name == zone || strings.HasSuffix(name, "."+zone) }

func (v *validation) web() {
	victim := v.s.Victim
	v.check(len(victim.Web) > 0, "victim.web", "nothing", "at least one address")
	v.check(len(victim.Web) <= MaxWebAddresses, "victim.web", fmt.Sprintf("%d addresses", len(victim.Web)), fmt.Sprintf("at most %d", MaxWebAddresses))
	for n, a := range victim.Web {
		field := fmt.Sprintf("victim.web[%d]", n)
		inside := slices.ContainsFunc(victim.Prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
		v.check(inside, field, a.String(), "an address in one of victim.prefixes")
		v.check(!slices.Contains(victim.Web[:n], a), field, a.String()+" a second time", "each address once")
	}
}

// caa has each record read by who will serve it.
func (v *validation) caa() {
	for n, r := range v.s.Victim.CAA {
		field := fmt.Sprintf("victim.caa[%d]", n)
		const expected = `flags, tag and value of one CAA record, such as 0 issue "ca.example"`
		if strings.ContainsFunc(r, unicode.IsControl) {
			v.fail(field, quote(r), expected)
			continue
		}
		_, err := names.ZoneSpec{
			Origin: "zone.invalid", NameServers: []names.NameServer{{Name: "ns.zone.invalid", Addrs: []netip.Addr{netip.IPv6Loopback()}}},
			Records: "@ IN CAA " + r + "\n",
		}.Build()
		v.check(err == nil, field, quote(r), expected)
	}
}

func (v *validation) nameServers() {
	victim := v.s.Victim
	v.check(len(victim.NameServers) > 0, "victim.name-servers", "nothing", "at least one name server")
	v.check(len(victim.NameServers) <= MaxNameServers, "victim.name-servers", fmt.Sprintf("%d name servers", len(victim.NameServers)), fmt.Sprintf("at most %d", MaxNameServers))
	addresses, hosts := map[netip.Addr]bool{}, map[string]bool{}
	for n, ns := range victim.NameServers {
		field := fmt.Sprintf("victim.name-servers[%d]", n)
		v.name(field+".name", ns.Name, "a host name in lower case and without a trailing dot")
		v.check(ns.Name == "" || !hosts[ns.Name], field+".name", quote(ns.Name), "a name of its own")
		v.check(ns.Name == "" || ns.Name != victim.Domain, field+".name", quote(ns.Name), "another name than the domain, whose addresses are the web server's")
		v.prefix(field+".prefix", ns.Prefix)
		inside := ns.Prefix.IsValid() && ns.Prefix.Contains(ns.Address)
		v.check(inside, field+".address", text(ns.Address), "an address in the name server's prefix")
		v.check(!inside || !addresses[ns.Address], field+".address", text(ns.Address), "an address of its own")
		v.check(!inside || !slices.Contains(victim.Web, ns.Address), field+".address", text(ns.Address), "another address than the web server's")
		addresses[ns.Address], hosts[ns.Name] = true, true
	}
}

// holders checks that each prefix has one rightful holder, and that packets for
// each address get to the AS that its host stands in, by the longest prefix.
func (v *validation) holders() {
	victim := v.s.Victim
	holder := map[netip.Prefix]topology.ASN{}
	for _, p := range victim.Prefixes {
		holder[p] = victim.AS
	}
	for n, ns := range victim.NameServers {
		as, taken := holder[ns.Prefix]
		if ns.Prefix.IsValid() && taken && as != ns.AS {
			v.fail(fmt.Sprintf("victim.name-servers[%d].as", n), fmt.Sprintf("AS %v", ns.AS), fmt.Sprintf("AS %v, which announces %v already", as, ns.Prefix))
			return
		}
		holder[ns.Prefix] = ns.AS
	}
	own := func(field string, a netip.Addr, as topology.ASN) {
		if o, ok := v.s.holderOf(a); ok && o.AS != as {
			v.fail(field, a.String(), fmt.Sprintf("an address outside %v, which AS %v announces", o.Prefix, o.AS))
		}
	}
	for n, a := range victim.Web {
		own(fmt.Sprintf("victim.web[%d]", n), a, victim.AS)
	}
	for n, ns := range victim.NameServers {
		own(fmt.Sprintf("victim.name-servers[%d].address", n), ns.Address, ns.AS)
	}
}

// holderOf returns the longest rightfully announced prefix that holds a.
func (s *Scenario) holderOf(a netip.Addr) (best Owned, ok bool) {
	for _, o := range s.Owned() {
		if o.Prefix.Contains(a) && (!ok || o.Prefix.Bits() > best.Prefix.Bits()) {
			best, ok = o, true
		}
	}
	return best, ok
}

// HostAS returns the AS that the victim's host with an address stands in, 0 if
// there is no such host.
func (s *Scenario) HostAS(a netip.Addr) topology.ASN {
	if slices.Contains(s.Victim.Web, a) {
		return s.Victim.AS
	}
	for _, ns := range s.Victim.NameServers {
		if ns.Address == a {
			return ns.AS
		}
	}
	return 0
}

// AccountURI returns the URI of a side's account at the CA, which CAA records can
// bind issuance to (accounturi, RFC 8657 3): https://ca.example/acct/victim.
func (s *Scenario) AccountURI(side string) string { return "https://" + s.CA.Issuer + "/acct/" + side }

// Rightful returns the AS that announces by right the longest prefix that p lies
// in; the victim's if there is none.
func (s *Scenario) Rightful(p netip.Prefix) topology.ASN {
	if o, ok := s.covering(p); ok {
		return o.AS
	}
	return s.Victim.AS
}

// covering returns the longest prefix that holds all of another.
func (s *Scenario) covering(p netip.Prefix) (best Owned, ok bool) {
	for _, o := range s.Owned() {
		if o.holds(p) && (!ok || o.Prefix.Bits() > best.Prefix.Bits()) {
			best, ok = o, true
		}
	}
	return best, ok
}

// holds says whether a prefix is the owned one or a part of it.
func (o Owned) holds(p netip.Prefix) bool {
	return o.Prefix.IsValid() && o.Prefix.Bits() <= p.Bits() && o.Prefix.Contains(p.Addr())
}

// prefix checks a prefix that somebody in the story announces.
func (v *validation) prefix(field string, p netip.Prefix) {
	if !p.IsValid() {
		v.fail(field, "nothing", "a prefix")
		return
	}
	for _, b := range blocks() {
		if b.prefix.Overlaps(p) {
			v.fail(field, p.String(), fmt.Sprintf("a prefix outside %v, %s", b.prefix, b.why))
			return
		}
	}
	v.length(field, p)
}

// length refuses prefixes that are too long to be announced by right: longer ones
// are filtered nearly everywhere.
func (v *validation) length(field string, p netip.Prefix) {
	longest := Longest(p.Addr())
	v.check(p.Bits() > 0 && p.Bits() <= longest, field, p.String(), fmt.Sprintf("a length from 1 to %d", longest))
}

// acceptable refuses announcements that nobody would accept: they would prove
// nothing.
func (v *validation) acceptable(field string, p netip.Prefix) {
	longest := Longest(p.Addr())
	accepted := slices.ContainsFunc(v.s.Routing.Policies, func(r RoutingPolicy) bool { return r.AcceptsLong })
	v.check(p.Bits() > 0 && (p.Bits() <= longest || accepted), field, p.String(),
		fmt.Sprintf("a length from 1 to %d, or routing.policies with accepts-long", longest))
}

func (v *validation) attacker() {
	a := v.s.Attacker
	v.check(a.AS != 0, "attacker.as", "nothing", "an AS number")
	if a.AS != 0 {
		v.opponents()
	}
	v.prefix("attacker.prefix", a.Prefix)
	v.check(a.Prefix.IsValid() && a.Prefix.Contains(a.Address), "attacker.address", text(a.Address), "an address in attacker.prefix")
	for _, o := range v.s.Owned() {
		v.check(!a.Prefix.IsValid() || !a.Prefix.Overlaps(o.Prefix), "attacker.prefix", a.Prefix.String(), fmt.Sprintf("a prefix apart from %v", o.Prefix))
	}
}

// opponents checks that the attacker is neither the victim nor hosts its name
// servers: nobody hijacks what is announced by right. If only the other side's
// AS is from the command line, that one is reported.
func (v *validation) opponents() {
	s := v.s
	found := fmt.Sprintf("AS %v", s.Attacker.AS)
	switch {
	case s.Attacker.AS == s.Victim.AS && s.FromFlag("victim.as") && !s.FromFlag("attacker.as"):
		v.fail("victim.as", found, "another AS than the attacker's")
	case s.Attacker.AS == s.Victim.AS:
		v.fail("attacker.as", found, "another AS than the victim's")
	default:
		for _, ns := range s.Victim.NameServers {
			v.check(ns.AS != s.Attacker.AS, "attacker.as", found, fmt.Sprintf("another AS than that of the victim's name server %s", ns.Name))
		}
	}
}
