package names

import (
	"fmt"

	"github.com/miekg/dns"
)

// Behaviour is how a server treats queries, of all zones ([Config]) or of one
// ([ZoneSpec]).
type Behaviour uint8

// The behaviours. All but the first are faults.
const (
	Normal Behaviour = iota
	// Drop never replies.
	Drop
	// Refuse replies REFUSED.
	Refuse
	// ServFail replies SERVFAIL.
	ServFail
	// LameUpward refers to the root, as servers used to do that did not know the
	// zone. The referral leads nowhere new.
	LameUpward
	// LameSelf refers to the zone that was asked for, and so to itself.
	LameSelf
)

//nolint:gochecknoglobals // immutable table
var behaviourNames = [...]string{"serve", "drop", "refuse", "fail", "lame upward", "lame self"}

func (b Behaviour) String() string {
	if int(b) < len(behaviourNames) {
		return behaviourNames[b]
	}
	return fmt.Sprintf("Behaviour(%d)", uint8(b))
}

// misbehave returns the answer of a server that does not serve zone z, nil for
// one that does. Z is nil if the query belongs to no zone.
func (b Behaviour) misbehave(z *Zone) *answer {
	switch b {
	case Drop:
		return &answer{outcome: Dropped}
	case Refuse:
		return &answer{outcome: Refused, rcode: dns.RcodeRefused}
	case ServFail:
		return &answer{outcome: ServerFailed, rcode: dns.RcodeServerFailure}
	case LameUpward:
		return &answer{outcome: Referral, authority: []dns.RR{&dns.NS{
			Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: 518400},
			Ns:  "a.root-servers.net.",
		}}}
	case LameSelf:
		if z == nil {
			return nil
		}
		servers := z.nodes[z.apex].set(dns.TypeNS)
		a := &answer{outcome: Referral, authority: servers}
		z.addAddresses(a, servers)
		return a
	default:
		return nil
	}
}
