package attack

import (
	"net/netip"
)

// The longest prefixes that are accepted everywhere (RFC 7454 section 6.1.3).
const (
	LongestIPv4 = 24
	LongestIPv6 = 48
)

// longest returns the longest accepted length of a prefix's family.
func (in *Setting) longest(p netip.Prefix) int {
	own, usual := in.LongestIPv4, LongestIPv4
	if p.Addr().Is6() {
		own, usual = in.LongestIPv6, LongestIPv6
	}
	if own > 0 {
		return own
	}
	return usual
}

// Part says whether the attack is one that announces a part of the target and
// nothing else.
func (a Attack) Part() bool {
	s, _ := specOf(a.Kind)
	return s.subPrefix || a.Kind == RouteLeak && a.Type == leakInternal
}

// fillPrefix fills in what is announced.
func (p *planning) fillPrefix() {
	a := &p.Attack
	longest := p.in.longest(a.Target)
	switch {
	case a.Prefix.IsValid():
		if a.Prefix.Bits() > longest && a.Prefix != a.Target {
			p.assume("%v is longer than /%d, which most networks do not accept (RFC 7454 section 6.1.3): policies decide who does.", a.Prefix, longest)
		}
	case !a.Part():
		a.Prefix = a.Target
	case a.Target.Bits() >= longest:
		p.refuse(NoLongerPrefix, "%v has no part that is accepted everywhere: longer than /%d is not (RFC 7454 section 6.1.3)", a.Target, longest)
	default:
		at := a.Address
		if !at.IsValid() {
			at = a.Target.Addr()
		}
		a.Prefix = netip.PrefixFrom(at, longest).Masked()
	}
}
