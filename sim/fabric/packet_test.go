package fabric

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	. "github.com/onsi/gomega"
)

// checksum is the Internet checksum as RFC 1071 defines it.
func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

func ipv4Packet(t *testing.T, ttl uint8, id uint16, dst string) []byte {
	t.Helper()
	buf := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		&layers.IPv4{
			Version: 4, IHL: 5, TTL: ttl, Id: id, Protocol: layers.IPProtocolUDP,
			SrcIP: netip.MustParseAddr("198.18.1.10").AsSlice(), DstIP: netip.MustParseAddr(dst).AsSlice(),
		}, gopacket.Payload("12345678"))
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// RFC 1624's incremental update must equal the full computation for every TTL,
// and for many values of the rest of the header (its traps are at 0 and 0xffff).
func TestDecrementTTLKeepsTheChecksum(t *testing.T) {
	g := NewWithT(t)
	for ttl := 1; ttl <= 255; ttl++ {
		for id := range 600 {
			p, ok := parse(ipv4Packet(t, uint8(ttl), uint16(id*109), "203.0.113.80"))
			g.Expect(ok).To(BeTrue())
			p.decrementTTL()
			g.Expect(p.ttl()).To(Equal(uint8(ttl - 1)))
			if got := checksum(p.raw[:20]); got != 0 {
				t.Fatalf("ttl %d, id %d: checksum is off by %#x", ttl, id*109, got)
			}
		}
	}
}

func TestRouterAddrRoundTrip(t *testing.T) {
	g := NewWithT(t)
	f := &Fabric{graph: ring(t, 1, 64512, 4200000000, 4294967295)}
	for i := range int32(f.graph.Len()) {
		for _, is4 := range []bool{true, false} {
			asn, ok := f.routerAS(f.RouterAddr(i, is4))
			g.Expect(ok).To(BeTrue())
			g.Expect(asn).To(Equal(f.graph.ASN(i)))
		}
	}
	g.Expect(f.RouterAddr(2, false).String()).To(Equal("fd00:a5::42:0:0"), "the AS number can be read off the address")
	_, ok := f.routerAS(netip.MustParseAddr("192.0.2.1"))
	g.Expect(ok).To(BeFalse())
}

// FuzzParse feeds arbitrary bytes to everything that reads headers.
func FuzzParse(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0x45, 0, 0, 20, 0, 0, 0, 0, 64, 6, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8})
	f.Add([]byte{0x4f, 0, 0, 20})
	f.Add(append([]byte{0x60, 0, 0, 0, 0, 8, 58, 64}, make([]byte, 40)...))
	icmp := append([]byte{0x45, 0, 0, 56, 0, 0, 0, 0, 64, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 3, 0, 0, 0, 0, 0, 0, 0}, []byte{0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 0, 8, 0, 0}...)
	f.Add(icmp)
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, ok := parse(raw)
		if !ok {
			return
		}
		if len(p.raw) > len(raw) || len(p.payload) > len(p.raw) {
			t.Fatal("the packet is longer than its bytes")
		}
		_ = p.flow()
		_, _ = p.tcp()
		_, _ = p.quoted()
		if p.ttl() > 0 {
			p.decrementTTL()
		}
	})
}
