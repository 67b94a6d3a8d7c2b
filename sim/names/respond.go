package names

import (
	"net"
	"slices"

	"github.com/miekg/dns"
)

const (
	plainSize   = 512  // octets over UDP without EDNS(0) (RFC 1035 4.2.1)
	defaultSize = 1232 // octets over UDP that no 1280-octet link fragments
)

// QueryEvent is one query and what became of it. Names are as asked.
type QueryEvent struct {
	// Network is "udp" or "tcp".
	Network string
	// Local and Remote are those of the socket. Over UDP Remote is the address
	// that ReadFrom returned.
	Local, Remote net.Addr
	// Name and Type are the question's, such as "Victim.example." and "CAA".
	Name, Type string
	// Zone is the zone that answered, "" if none.
	Zone    string
	Outcome Outcome
	// Rcode is the response code's name, such as "NXDOMAIN", "" if there was no
	// reply.
	Rcode string
	// Truncated says that the answer did not fit and the TC bit was sent.
	Truncated bool
	// Size of the reply in octets, 0 if there was no reply.
	Size int
}

// responder turns queries into replies. It is immutable.
type responder struct {
	zones     map[string]*Zone // by key of the origin
	udpSize   int              // octets, the most that this server sends over UDP
	behaviour Behaviour
}

// accept decides on a message by its header alone: what is not a query with
// one question and nothing else gets no reply, NOTIMP or FORMERR.
func (s *responder) accept(h dns.Header) dns.MsgAcceptAction {
	action := accept(h)
	if s.behaviour == Drop && action != dns.MsgAccept {
		return dns.MsgIgnore
	}
	return action
}

func accept(h dns.Header) dns.MsgAcceptAction {
	const response = 1 << 15
	opcode := int(h.Bits >> 11 & 0xF)
	switch {
	case h.Bits&response != 0:
		return dns.MsgIgnore
	case opcode != dns.OpcodeQuery:
		return dns.MsgRejectNotImplemented
	case h.Qdcount != 1 || h.Ancount != 0 || h.Nscount != 0:
		return dns.MsgReject
	default:
		return dns.MsgAccept
	}
}

// respond returns the reply to a query that accept let through, as a message or
// nil, and what happened. Udp says whether the reply is bounded by the size that the
// client can take.
func (s *responder) respond(query *dns.Msg, udp bool) ([]byte, QueryEvent) {
	reply := new(dns.Msg).SetReply(query)
	reply.Compress = true
	limit, event := dns.MaxMsgSize, QueryEvent{}
	opt, rcode := clientOPT(query)
	if udp {
		limit = s.sizeFor(opt)
	}
	if len(query.Question) == 1 {
		event.Name, event.Type = query.Question[0].Name, dns.Type(query.Question[0].Qtype).String()
	}
	var a answer
	if rcode == dns.RcodeSuccess {
		a, event.Zone = s.answer(query, opt != nil && opt.Do())
	} else {
		a = answer{outcome: Malformed, rcode: rcode}
	}
	event.Outcome = a.outcome
	if a.outcome == Dropped || s.behaviour == Drop {
		event.Outcome = Dropped
		return nil, event
	}
	reply.Rcode, reply.Authoritative = a.rcode, a.authoritative
	reply.Answer, reply.Ns, reply.Extra = a.answer, a.authority, a.additional
	var own []dns.RR
	if opt != nil {
		own = []dns.RR{s.ownOPT(opt)}
	}
	wire := fit(reply, a.courtesy, own, limit)
	if wire == nil { // not even TCP can carry it
		event.Outcome = ServerFailed
		reply.Rcode, reply.Authoritative, reply.Truncated = dns.RcodeServerFailure, false, false
		wire = pack(reply, own, limit)
	}
	event.Rcode = rcodeName(reply.Rcode)
	event.Truncated = reply.Truncated
	event.Size = len(wire)
	return wire, event
}

// answer finds the zone for the question and asks it. Dnssec says whether the
// client wants signatures.
func (s *responder) answer(query *dns.Msg, dnssec bool) (answer, string) {
	if len(query.Question) != 1 {
		return answer{outcome: Malformed, rcode: dns.RcodeFormatError}, ""
	}
	q := query.Question[0]
	switch {
	case q.Qtype == dns.TypeOPT || q.Qtype == 0:
		return answer{outcome: Malformed, rcode: dns.RcodeFormatError}, ""
	case q.Qtype == dns.TypeAXFR || q.Qtype == dns.TypeIXFR || q.Qclass != dns.ClassINET:
		return answer{outcome: Refused, rcode: dns.RcodeRefused}, ""
	case q.Qtype >= 128 && q.Qtype <= 254: // other meta types (RFC 6895 3.1)
		return answer{outcome: Malformed, rcode: dns.RcodeNotImplemented}, ""
	}
	z := s.zoneFor(key(q.Name), q.Qtype)
	if a := s.behaviour.misbehave(z); a != nil {
		return *a, ""
	}
	if z == nil {
		return answer{outcome: Refused, rcode: dns.RcodeRefused}, ""
	}
	if a := z.behaviour.misbehave(z); a != nil {
		return *a, z.origin
	}
	return z.lookup(question{q.Name, q.Qtype, dnssec}), z.origin
}

// zoneFor returns the zone closest above name, nil if name is in none. The DS
// records of a zone are asked of a zone above it (RFC 4035 3.1.4.1).
func (s *responder) zoneFor(name string, qtype uint16) *Zone {
	if qtype == dns.TypeDS {
		if z := s.closest(parent(name)); z != nil {
			return z
		}
	}
	return s.closest(name)
}

// closest returns the zone whose apex is name or closest above it, nil if there
// is none.
func (s *responder) closest(name string) *Zone {
	for ; name != ""; name = parent(name) {
		if z := s.zones[name]; z != nil {
			return z
		}
	}
	return nil
}

// clientOPT returns the query's OPT record, nil if it has none, and the
// response code that it deserves (RFC 6891 6.1.1, 6.1.3).
func clientOPT(query *dns.Msg) (*dns.OPT, int) {
	var opt *dns.OPT
	for _, rr := range query.Extra {
		o, ok := rr.(*dns.OPT)
		if !ok {
			continue
		}
		if opt != nil || o.Hdr.Name != "." {
			return o, dns.RcodeFormatError
		}
		opt = o
	}
	if opt != nil && opt.Version() != 0 {
		return opt, dns.RcodeBadVers
	}
	return opt, dns.RcodeSuccess
}

// ownOPT returns the server's OPT record in answer to the client's. The DO bit
// is repeated (RFC 3225 3), options are not understood and so left out.
func (s *responder) ownOPT(client *dns.OPT) *dns.OPT {
	own := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}
	own.SetUDPSize(uint16(s.udpSize))
	if client.Do() {
		own.SetDo()
	}
	return own
}

// sizeFor returns how many octets a UDP reply may have: what the client takes,
// at least 512 (RFC 6891 6.2.3), and at most what this server sends.
func (s *responder) sizeFor(client *dns.OPT) int {
	if client == nil {
		return plainSize
	}
	return min(max(int(client.UDPSize()), plainSize), s.udpSize)
}

// fit packs the reply into limit octets. Signatures of additional records are
// courtesy and left out without a word (RFC 4035 3.1.1); so are addresses beside
// an authoritative answer. Glue in a referral is not (RFC 9471): the whole reply
// is then emptied and marked as truncated. It returns nil if even TCP cannot
// carry the reply.
func fit(reply *dns.Msg, courtesy, opt []dns.RR, limit int) []byte {
	extra := reply.Extra
	if wire := pack(reply, slices.Concat(extra, courtesy, opt), limit); wire != nil {
		return wire
	}
	if len(courtesy) > 0 {
		if wire := pack(reply, slices.Concat(extra, opt), limit); wire != nil {
			return wire
		}
	}
	if reply.Authoritative {
		if wire := pack(reply, opt, limit); wire != nil {
			return wire
		}
	}
	reply.Answer, reply.Ns = nil, nil
	if limit == dns.MaxMsgSize {
		return nil
	}
	reply.Truncated = true
	return pack(reply, opt, limit)
}

// pack returns the message with extra as its additional section, nil if it
// does not fit into limit octets.
func pack(reply *dns.Msg, extra []dns.RR, limit int) []byte {
	reply.Extra = extra
	wire, err := reply.Pack()
	if err != nil || len(wire) > limit {
		return nil
	}
	return wire
}

// rcodeName returns the mnemonic of a response code that this server sends.
func rcodeName(rcode int) string {
	if rcode == dns.RcodeBadVers { // shares its number with BADSIG
		return "BADVERS"
	}
	return dns.RcodeToString[rcode]
}
