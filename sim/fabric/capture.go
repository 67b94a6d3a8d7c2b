package fabric

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// capture keeps every packet that a host sends or receives. A nil capture
// records nothing.
type capture struct {
	mu     sync.Mutex
	frames []frame
}

type frame struct {
	at   time.Duration
	host *Host
	out  bool
	raw  []byte
}

func (c *capture) record(h *Host, raw []byte, at time.Duration, out bool) {
	if c == nil {
		return
	}
	raw = bytes.Clone(raw)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frames = append(c.frames, frame{at, h, out, raw})
}

// WriteCapture writes what was captured so far as one pcapng file: an interface
// for each host, named after it, packets in order of virtual time, dated from
// the fabric's start. Frames have synthetic Ethernet headers, because tcpdump
// refuses files with several raw IP interfaces: a host in AS n is 02:00 followed
// by n in four bytes, its router 06:00 followed by n. It returns the number of
// packets, and an error if the fabric was built without Capture.
func (f *Fabric) WriteCapture(w io.Writer) (int, error) {
	if f.capture == nil {
		return 0, errors.New("writing the capture: nothing was captured")
	}
	f.capture.mu.Lock()
	frames := slices.Clone(f.capture.frames)
	f.capture.mu.Unlock()
	slices.SortStableFunc(frames, func(a, b frame) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.host.number, b.host.number), cmp.Compare(a.turn(), b.turn()),
			bytes.Compare(a.stream(), b.stream()), bytes.Compare(a.raw, b.raw))
	})
	out, err := f.captureHeader(w)
	if err != nil {
		return 0, fmt.Errorf("writing the capture: %w", err)
	}
	for _, fr := range frames {
		data, err := fr.ethernet(uint32(f.graph.ASN(fr.host.as)))
		if err != nil {
			return 0, fmt.Errorf("writing the capture: %w", err)
		}
		info := gopacket.CaptureInfo{
			Timestamp: f.start.Add(fr.at), CaptureLength: len(data), Length: len(data), InterfaceIndex: fr.host.number,
		}
		if err := out.WritePacket(info, data); err != nil {
			return 0, fmt.Errorf("writing the capture: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return 0, fmt.Errorf("writing the capture: %w", err)
	}
	return len(frames), nil
}

// turn orders what a host does at one moment: it sends when it has received.
func (fr frame) turn() int {
	if fr.out {
		return 1
	}
	return 0
}

// stream orders the segments of a TCP stream at one moment, but for sequence
// numbers that wrap around: addresses, ports and sequence number.
func (fr frame) stream() []byte {
	p, ok := parse(fr.raw)
	if !ok || p.proto != protoTCP || len(p.payload) < 8 {
		return nil
	}
	src, dst := p.src.As16(), p.dst.As16()
	return slices.Concat(src[:], dst[:], p.payload[:8])
}

// captureHeader writes the section header and the interfaces.
func (f *Fabric) captureHeader(w io.Writer) (*pcapgo.NgWriter, error) {
	hosts := f.Hosts()
	if len(hosts) == 0 {
		return nil, errors.New("no hosts")
	}
	options := pcapgo.NgWriterOptions{SectionInfo: pcapgo.NgSectionInfo{Application: "mpicsim"}}
	var out *pcapgo.NgWriter
	for n, h := range hosts {
		face := pcapgo.NgInterface{
			Name: h.name, Description: fmt.Sprintf("AS %v", h.ASN()), LinkType: layers.LinkTypeEthernet, TimestampResolution: 9,
		}
		var err error
		if n == 0 {
			out, err = pcapgo.NewNgWriterInterface(w, face, options)
		} else {
			_, err = out.AddInterface(face)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// ethernet puts a synthetic Ethernet header before the packet.
func (fr frame) ethernet(asn uint32) ([]byte, error) {
	host := []byte{2, 0, byte(asn >> 24), byte(asn >> 16), byte(asn >> 8), byte(asn)}
	router := slices.Clone(host)
	router[0] = 6
	eth := &layers.Ethernet{SrcMAC: router, DstMAC: host, EthernetType: layers.EthernetTypeIPv6}
	if fr.out {
		eth.SrcMAC, eth.DstMAC = host, router
	}
	if fr.raw[0]>>4 == 4 {
		eth.EthernetType = layers.EthernetTypeIPv4
	}
	buf := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{}, eth, gopacket.Payload(fr.raw))
	return buf.Bytes(), err
}
