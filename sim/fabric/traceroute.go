package fabric

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"mpicsim/topology"
)

// Hop is one line of a traceroute.
type Hop struct {
	// TTL is what the probe was sent with.
	TTL uint8
	// Addr is who answered.
	Addr netip.Addr
	// AS is the AS of the router that answered, 0 if the destination did.
	AS topology.ASN
	// RTT is the probe's round-trip time.
	RTT time.Duration
	// Reached is true for the destination's own answer.
	Reached bool
	// Unreachable is true if a router said that it cannot deliver.
	Unreachable bool
}

// traceReply is the ICMP error that a probe caused.
type traceReply struct {
	from       netip.Addr
	at         time.Duration
	kind, code uint8
	is4        bool
}

// maxHops bounds a traceroute.
const maxHops = 64

// firstTracePort is the destination port of the first probe; each further one
// has the next, as Van Jacobson's traceroute does it.
const firstTracePort = 33434

// Traceroute sends UDP probes from the host to dst at virtual time at, with a
// TTL of 1, 2 and so on, until dst answers, a router reports that it cannot
// deliver, or 64 hops are done. Each AS on the way is one hop. It returns the
// hops so far and an error if ctx ends or nobody answers.
func (h *Host) Traceroute(ctx context.Context, dst netip.Addr, at time.Duration) ([]Hop, error) {
	source, err := h.source(dst)
	if err != nil {
		return nil, err
	}
	port := h.takePort()
	replies := make(chan traceReply, 1)
	h.mu.Lock()
	h.traces[port] = replies
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.traces, port)
	}()
	var hops []Hop
	for ttl := uint8(1); ttl <= maxHops; ttl++ {
		if err := ctx.Err(); err != nil {
			return hops, err
		}
		raw, err := probe(netip.AddrPortFrom(source, port), netip.AddrPortFrom(dst, firstTracePort+uint16(ttl)-1), ttl)
		if err != nil {
			return hops, err
		}
		h.fabric.capture.record(h, raw, at, true)
		h.fabric.forward(forwarding{as: h.as, from: h, raw: raw, at: at})
		select {
		case r := <-replies: // the fabric answers before forward returns
			hop := h.hop(ttl, r, dst)
			hop.RTT = r.at - at
			hops = append(hops, hop)
			if hop.Reached || hop.Unreachable {
				return hops, nil
			}
		default:
			return hops, fmt.Errorf("traceroute to %v: no answer to TTL %d", dst, ttl)
		}
	}
	return hops, errors.New("traceroute: too many hops")
}

// hop reads a reply.
func (h *Host) hop(ttl uint8, r traceReply, dst netip.Addr) Hop {
	hop := Hop{TTL: ttl, Addr: r.from, Reached: r.from == dst}
	if asn, ok := h.fabric.routerAS(r.from); ok && !hop.Reached {
		hop.AS = asn
	}
	expired := r.is4 && r.kind == icmpTimeExceeded || !r.is4 && r.kind == icmp6TimeExceeded
	hop.Unreachable = !expired && !hop.Reached
	return hop
}

// probe builds a UDP datagram with a TTL.
func probe(from, to netip.AddrPort, ttl uint8) ([]byte, error) {
	buf := gopacket.NewSerializeBuffer()
	opts := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	udp := &layers.UDP{SrcPort: layers.UDPPort(from.Port()), DstPort: layers.UDPPort(to.Port())}
	var ip interface {
		gopacket.NetworkLayer
		gopacket.SerializableLayer
	} = &layers.IPv4{
		Version: 4, IHL: 5, TTL: ttl, Protocol: layers.IPProtocolUDP,
		SrcIP: from.Addr().AsSlice(), DstIP: to.Addr().AsSlice(),
	}
	if to.Addr().Is6() {
		ip = &layers.IPv6{
			Version: 6, HopLimit: ttl, NextHeader: layers.IPProtocolUDP,
			SrcIP: from.Addr().AsSlice(), DstIP: to.Addr().AsSlice(),
		}
	}
	if err := udp.SetNetworkLayerForChecksum(ip); err != nil {
		return nil, fmt.Errorf("building a probe: %w", err)
	}
	if err := gopacket.SerializeLayers(buf, opts, ip, udp, gopacket.Payload("mpicsim traceroute")); err != nil {
		return nil, fmt.Errorf("building a probe: %w", err)
	}
	return buf.Bytes(), nil
}
