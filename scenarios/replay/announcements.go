package replay

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"mpicsim/scenarios"
	"mpicsim/sim/route"
	"mpicsim/topology"
)

// announcements are those of each prefix, in the order of their beginnings.
type announcements map[netip.Prefix][]route.Announcement

func (a announcements) clone() announcements {
	out := make(announcements, len(a))
	for p, list := range a {
		if len(list) > 0 {
			out[p] = slices.Clone(list)
		}
	}
	return out
}

// begin makes announcements: those of one AS for one prefix in this list together
// replace what it announced before (RFC 4271 3.1), the first in its place.
func (a announcements) begin(list ...route.Announcement) {
	type key struct {
		by     topology.ASN
		prefix netip.Prefix
	}
	seen := map[key]bool{}
	for _, n := range list {
		k := key{n.Announcer(), n.Prefix}
		if seen[k] {
			a[n.Prefix] = append(a[n.Prefix], n)
			continue
		}
		seen[k] = true
		mine := func(b route.Announcement) bool { return b.Announcer() == k.by }
		at := slices.IndexFunc(a[n.Prefix], mine)
		if at < 0 {
			a[n.Prefix] = append(a[n.Prefix], n)
			continue
		}
		rest := slices.DeleteFunc(slices.Clone(a[n.Prefix]), mine)
		a[n.Prefix] = slices.Insert(rest, at, n)
	}
}

// end withdraws all that an AS announces for a prefix.
func (a announcements) end(by topology.ASN, p netip.Prefix) {
	a[p] = slices.DeleteFunc(a[p], func(b route.Announcement) bool { return b.Announcer() == by })
}

// all returns the announcements of all prefixes in order.
func (a announcements) all() []route.Announcement {
	var out []route.Announcement
	for _, p := range a.prefixes() {
		out = append(out, a[p]...)
	}
	return out
}

// prefixes returns the announced prefixes in order.
func (a announcements) prefixes() []netip.Prefix {
	var out []netip.Prefix
	for p, list := range a {
		if len(list) > 0 {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, netip.Prefix.Compare)
	return out
}

// standing are the announcements that hold for the whole story: those of the
// perspectives and coordinators, the attacker's own prefix and the upper name servers.
func (w *World) standing() announcements {
	anns := announcements{}
	add := func(p netip.Prefix, as topology.ASN, attacker bool) {
		anns[p] = append(anns[p], route.Announcement{Prefix: p, Path: []topology.ASN{as}, Attacker: attacker})
	}
	add(rootPrefix, w.rootAS, false)
	add(tldPrefix, w.tldAS, false)
	add(w.source.Attacker.Prefix, w.source.Attacker.AS, true)
	for _, name := range w.order {
		st := w.sites[name]
		for _, p := range st.prefixes {
			add(p, st.attachment.ASN, false)
		}
	}
	owned, _ := w.hostsOfCA(scenarios.Coordinator)
	for _, o := range owned {
		add(o.Prefix, o.AS, false)
	}
	return anns
}

// announcedKey tells announcements of one prefix apart.
func announcedKey(list []route.Announcement) string {
	var key strings.Builder
	for _, a := range list {
		fmt.Fprintf(&key, "%v/%v;", a, a.Attacker)
	}
	return key.String()
}
