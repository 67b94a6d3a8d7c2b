package fabric

import (
	"encoding/binary"
	"net/netip"
)

// Protocol numbers (IANA).
const (
	protoICMP   = 1
	protoTCP    = 6
	protoUDP    = 17
	protoICMPv6 = 58
)

// TCP flags (RFC 9293 3.1).
const (
	flagFIN = 0x01
	flagSYN = 0x02
	flagRST = 0x04
	flagACK = 0x10
)

// packet is a view of the header fields that the fabric needs. raw is the whole
// IP packet and belongs to whoever holds the view.
type packet struct {
	raw      []byte
	src, dst netip.Addr
	proto    uint8
	payload  []byte // the transport header and what follows
}

// parse reads an IPv4 or IPv6 packet without extension headers. It returns false
// for anything that is too short or has a later fragment's offset.
func parse(raw []byte) (packet, bool) {
	if len(raw) < 20 {
		return packet{}, false
	}
	switch raw[0] >> 4 {
	case 4:
		ihl := int(raw[0]&0xf) * 4
		total := int(binary.BigEndian.Uint16(raw[2:]))
		if ihl < 20 || total < ihl || total > len(raw) || binary.BigEndian.Uint16(raw[6:])&0x1fff != 0 {
			return packet{}, false
		}
		return packet{
			raw: raw[:total], proto: raw[9], payload: raw[ihl:total],
			src: netip.AddrFrom4([4]byte(raw[12:16])), dst: netip.AddrFrom4([4]byte(raw[16:20])),
		}, true
	case 6:
		if len(raw) < 40 {
			return packet{}, false
		}
		total := 40 + int(binary.BigEndian.Uint16(raw[4:]))
		if total > len(raw) {
			return packet{}, false
		}
		return packet{
			raw: raw[:total], proto: raw[6], payload: raw[40:total],
			src: netip.AddrFrom16([16]byte(raw[8:24])), dst: netip.AddrFrom16([16]byte(raw[24:40])),
		}, true
	}
	return packet{}, false
}

func (p packet) is4() bool { return p.raw[0]>>4 == 4 }

// flow returns the packet's flow as seen by its sender. The ports are 0 for
// protocols without ports.
func (p packet) flow() flowKey {
	k := flowKey{proto: p.proto, local: netip.AddrPortFrom(p.src, 0), remote: netip.AddrPortFrom(p.dst, 0)}
	if (p.proto == protoTCP || p.proto == protoUDP) && len(p.payload) >= 4 {
		k.local = netip.AddrPortFrom(p.src, binary.BigEndian.Uint16(p.payload))
		k.remote = netip.AddrPortFrom(p.dst, binary.BigEndian.Uint16(p.payload[2:]))
	}
	return k
}

// flowKey names a flow from one end's point of view.
type flowKey struct {
	proto         uint8
	local, remote netip.AddrPort
}

func (k flowKey) reverse() flowKey { return flowKey{k.proto, k.remote, k.local} }

// segment is what the fabric reads of a TCP header.
type segment struct {
	seq, ack uint32
	flags    uint8
	length   uint32 // bytes of data
}

// tcp reads the TCP header; false if there is none.
func (p packet) tcp() (segment, bool) {
	if p.proto != protoTCP || len(p.payload) < 20 {
		return segment{}, false
	}
	offset := int(p.payload[12]>>4) * 4
	if offset < 20 || offset > len(p.payload) {
		return segment{}, false
	}
	return segment{
		seq:    binary.BigEndian.Uint32(p.payload[4:]),
		ack:    binary.BigEndian.Uint32(p.payload[8:]),
		flags:  p.payload[13],
		length: uint32(len(p.payload) - offset),
	}, true
}

// ttl returns the IPv4 TTL or IPv6 hop limit.
func (p packet) ttl() uint8 {
	if p.is4() {
		return p.raw[8]
	}
	return p.raw[7]
}

// decrementTTL takes one off the TTL in place and mends the IPv4 header
// checksum (RFC 1624, equation 3). The TTL must not be 0.
func (p packet) decrementTTL() {
	if !p.is4() {
		p.raw[7]--
		return
	}
	before := binary.BigEndian.Uint16(p.raw[8:])
	p.raw[8]--
	after := binary.BigEndian.Uint16(p.raw[8:])
	sum := uint32(^binary.BigEndian.Uint16(p.raw[10:])) + uint32(^before) + uint32(after)
	sum = sum&0xffff + sum>>16
	sum = sum&0xffff + sum>>16
	binary.BigEndian.PutUint16(p.raw[10:], ^uint16(sum))
}

// isICMPError says whether the packet reports an error, which must not be
// answered with another (RFC 1122 3.2.2, RFC 4443 2.4).
func (p packet) isICMPError() bool {
	if len(p.payload) < 8 {
		return false
	}
	switch p.proto {
	case protoICMP:
		t := p.payload[0]
		return t == icmpUnreachable || t == icmpTimeExceeded || t == 4 || t == 5 || t == 12
	case protoICMPv6:
		return p.payload[0] < 128
	}
	return false
}

// quoted returns the start of the packet that an ICMP error is about, as sent.
func (p packet) quoted() (flowKey, bool) {
	if !p.isICMPError() {
		return flowKey{}, false
	}
	inner := p.payload[8:]
	if len(inner) < 20 {
		return flowKey{}, false
	}
	var header int
	k := flowKey{}
	switch inner[0] >> 4 {
	case 4:
		header = int(inner[0]&0xf) * 4
		k.proto = inner[9]
		k.local = netip.AddrPortFrom(netip.AddrFrom4([4]byte(inner[12:16])), 0)
		k.remote = netip.AddrPortFrom(netip.AddrFrom4([4]byte(inner[16:20])), 0)
	case 6:
		header = 40
		if len(inner) < header {
			return flowKey{}, false
		}
		k.proto = inner[6]
		k.local = netip.AddrPortFrom(netip.AddrFrom16([16]byte(inner[8:24])), 0)
		k.remote = netip.AddrPortFrom(netip.AddrFrom16([16]byte(inner[24:40])), 0)
	default:
		return flowKey{}, false
	}
	if (k.proto == protoTCP || k.proto == protoUDP) && len(inner) >= header+4 {
		k.local = netip.AddrPortFrom(k.local.Addr(), binary.BigEndian.Uint16(inner[header:]))
		k.remote = netip.AddrPortFrom(k.remote.Addr(), binary.BigEndian.Uint16(inner[header+2:]))
	}
	return k, true
}
