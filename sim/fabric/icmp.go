package fabric

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"mpicsim/topology"
)

// ICMP types that the fabric reads or sends (RFC 792, RFC 4443).
const (
	icmpUnreachable    = 3
	icmpTimeExceeded   = 11
	icmp6Unreachable   = 1
	icmp6TimeExceeded  = 3
	icmpCodeNet        = 0
	icmpCodeHost       = 1
	icmp6CodeNoRoute   = 0
	icmp6CodeNoAddress = 3
)

// trouble is why a router could not forward a packet.
type trouble uint8

const (
	noRoute trouble = iota
	noHost
	ttlExpired
)

// codes returns the ICMP type and code for a packet of the given family.
func (t trouble) codes(is4 bool) (typ, code uint8) {
	switch {
	case t == ttlExpired && is4:
		return icmpTimeExceeded, 0
	case t == ttlExpired:
		return icmp6TimeExceeded, 0
	case t == noHost && is4:
		return icmpUnreachable, icmpCodeHost
	case t == noHost:
		return icmp6Unreachable, icmp6CodeNoAddress
	case is4:
		return icmpUnreachable, icmpCodeNet
	default:
		return icmp6Unreachable, icmp6CodeNoRoute
	}
}

// RouterAddr returns the address by which the router of an AS signs its ICMP
// messages. The IPv6 address spells the AS number in decimal: fd00:a5::1:6509
// is AS 16509. The IPv4 address is the AS's index in the graph within
// 100.64.0.0/10, modulo its size. Routers can not be reached at these addresses.
func (f *Fabric) RouterAddr(as int32, is4 bool) netip.Addr {
	if is4 {
		n := 100<<24 | 64<<16 | uint32(as)&0x3fffff
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], n)
		return netip.AddrFrom4(b)
	}
	b := [16]byte{0xfd, 0x00, 0x00, 0xa5}
	digits := f.graph.ASN(as).String()
	if asHex, err := strconv.ParseUint(digits, 16, 64); err == nil { // decimal digits read as hexadecimal: at most 10 of them
		binary.BigEndian.PutUint64(b[8:], asHex)
	}
	return netip.AddrFrom16(b)
}

// routerAS returns the AS whose router signs with addr.
func (f *Fabric) routerAS(addr netip.Addr) (topology.ASN, bool) {
	if addr.Is4() {
		b := addr.As4()
		n := binary.BigEndian.Uint32(b[:])
		if n>>22 != (100<<24|64<<16)>>22 || int(n&0x3fffff) >= f.graph.Len() {
			return 0, false
		}
		return f.graph.ASN(int32(n & 0x3fffff)), true
	}
	b := addr.As16()
	if [8]byte(b[:8]) != [8]byte{0xfd, 0x00, 0x00, 0xa5} {
		return 0, false
	}
	asn, err := topology.ParseASN(strconv.FormatUint(binary.BigEndian.Uint64(b[8:]), 16))
	return asn, err == nil
}

// report sends an ICMP error about p from the router of AS as back to p's
// sender, at virtual time at.
func (f *Fabric) report(as int32, p packet, at time.Duration, why trouble) {
	if p.isICMPError() || f.closed.Load() {
		return
	}
	message, err := f.icmpError(as, p, why)
	if err != nil {
		panic("fabric: serialising an ICMP error: " + err.Error()) // our own headers: cannot fail on any input
	}
	f.forward(forwarding{as: as, raw: message, at: at})
}

// icmpError builds the error message: it quotes as much of p as fits into 576
// bytes for IPv4 (RFC 1812 4.3.2.3) and 1280 for IPv6 (RFC 4443 3.1).
func (f *Fabric) icmpError(as int32, p packet, why trouble) ([]byte, error) {
	typ, code := why.codes(p.is4())
	from := f.RouterAddr(as, p.is4())
	buf := gopacket.NewSerializeBuffer()
	opts := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if p.is4() {
		quote := p.raw[:min(len(p.raw), 576-28)]
		err := gopacket.SerializeLayers(buf, opts,
			&layers.IPv4{Version: 4, IHL: 5, TTL: 64, Protocol: layers.IPProtocolICMPv4, SrcIP: from.AsSlice(), DstIP: p.src.AsSlice()},
			&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(typ, code)}, gopacket.Payload(quote))
		return buf.Bytes(), err
	}
	ip := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolICMPv6, SrcIP: from.AsSlice(), DstIP: p.src.AsSlice()}
	icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(typ, code)}
	if err := icmp.SetNetworkLayerForChecksum(ip); err != nil {
		return nil, err
	}
	quote := p.raw[:min(len(p.raw), 1280-48)]
	err := gopacket.SerializeLayers(buf, opts, ip, icmp, gopacket.Payload(append(make([]byte, 4), quote...)))
	return buf.Bytes(), err
}
