package route

import "mpicsim/topology"

// flags are the policies of one AS as bits. The lower ones are filters: a route
// carries the set of filters that would reject it, and an AS accepts it if it has
// none of them.
type flags uint16

const (
	rovCustomer flags = 1 << iota // rejects invalid routes from customers
	rovPeer
	rovProvider
	tooLong
	aspa
	otc
	peerlock
	pathEnd
	firstAS

	preferValid
	bgpsec
	rovpp
)

// rovFrom returns the filter that rejects invalid routes from neighbours of kind
// rel.
func rovFrom(rel topology.Relationship) flags { return rovCustomer << (rel - topology.Customer) }

// flags packs the policy.
func (p Policy) flags() flags {
	f := tooLong
	if p.AcceptsLong {
		f = 0
	}
	rov := p.ROV
	if p.ROVPP {
		rov = ROVOn
		f |= rovpp
	}
	switch rov {
	case ROVOff:
	case ROVOn:
		f |= rovCustomer | rovPeer | rovProvider
	case ROVCustomersExempt:
		f |= rovPeer | rovProvider
	case ROVPeers:
		f |= rovPeer
	case ROVPreferValid:
		f |= preferValid
	}
	for _, on := range []struct {
		set bool
		bit flags
	}{{p.ASPA, aspa}, {p.OTC, otc}, {p.PeerlockLite, peerlock}, {p.PathEnd, pathEnd}, {p.FirstAS, firstAS}, {p.BGPsec, bgpsec}} {
		if on.set {
			f |= on.bit
		}
	}
	return f
}

// policy unpacks the flags. ROVPP comes back with ROVOn.
func (f flags) policy() Policy {
	p := Policy{
		ASPA: f&aspa != 0, OTC: f&otc != 0, PeerlockLite: f&peerlock != 0, PathEnd: f&pathEnd != 0,
		FirstAS: f&firstAS != 0, BGPsec: f&bgpsec != 0, ROVPP: f&rovpp != 0, AcceptsLong: f&tooLong == 0,
	}
	switch {
	case f&rovCustomer != 0:
		p.ROV = ROVOn
	case f&rovProvider != 0:
		p.ROV = ROVCustomersExempt
	case f&rovPeer != 0:
		p.ROV = ROVPeers
	case f&preferValid != 0:
		p.ROV = ROVPreferValid
	}
	return p
}
