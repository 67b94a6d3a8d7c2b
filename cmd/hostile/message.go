package main

import (
	"encoding/binary"
	"strings"
)

// The types that these messages are made of.
const (
	typeA      = 1
	typeNS     = 2
	typeCNAME  = 5
	typeSOA    = 6
	typeTXT    = 16
	typeDNAME  = 39
	typeNSEC   = 47
	typeHIP    = 55
	typeCAA    = 257
	servfail   = 2
	nxdomain   = 3
	header     = 12
	largest    = 65535
	flagQR     = 0x8000
	flagAA     = 0x0400
	flagTC     = 0x0200
	classIN    = 1
	ttlSeconds = 300
)

// name returns a name on the wire. A label may be a pointer, written by at.
func name(text string) []byte {
	var out []byte
	for label := range strings.SplitSeq(strings.TrimSuffix(text, "."), ".") {
		if label != "" {
			out = append(append(out, byte(len(label))), label...)
		}
	}
	return append(out, 0)
}

// at returns a pointer to an offset in the message, which ends a name.
func at(offset int) []byte { return binary.BigEndian.AppendUint16(nil, 0xC000|uint16(offset)) }

// asked is where the name of the question is.
func asked() []byte { return at(header) }

// below returns a name of one label below another, given on the wire.
func below(label string, parent []byte) []byte {
	return append(append([]byte{byte(len(label))}, label...), parent...)
}

func record(owner []byte, rrtype uint16, data []byte) []byte {
	out := append([]byte(nil), owner...)
	out = binary.BigEndian.AppendUint16(out, rrtype)
	out = binary.BigEndian.AppendUint16(out, classIN)
	out = binary.BigEndian.AppendUint32(out, ttlSeconds)
	out = binary.BigEndian.AppendUint16(out, uint16(len(data)))
	return append(out, data...)
}

// texts is the data of a TXT record of about n octets.
func texts(n int, octet byte) []byte {
	var out []byte
	for len(out) < n {
		out = append(out, 255)
		for range 255 {
			out = append(out, octet)
		}
	}
	return out
}

// caa is the data of a CAA record.
func caa(flags byte, tag, value string) []byte {
	return append(append([]byte{flags, byte(len(tag))}, tag...), value...)
}

func soa() []byte {
	return append(append(name("ns.plain.example"), name("admin.plain.example")...), make([]byte, 20)...)
}

// message is a reply under construction.
type message struct {
	flags    uint16
	rcode    int
	sections [3][][]byte
}

// fill adds records to a section until the message is full, or there are n.
func (m *message) fill(section, n int, next func(i int) []byte) *message {
	size := 600 // header and question
	for _, s := range m.sections {
		for _, rr := range s {
			size += len(rr)
		}
	}
	for i := range n {
		rr := next(i)
		if size += len(rr); size > largest {
			return m
		}
		m.sections[section] = append(m.sections[section], rr)
	}
	return m
}

// to returns the message as the reply to q. Over UDP what does not fit is truncated.
func (m *message) to(network string, q query) []byte {
	out := append([]byte(nil), q.raw[:2]...)
	size := q.end
	for _, s := range m.sections {
		for _, rr := range s {
			size += len(rr)
		}
	}
	truncated := network == "udp" && size > 1232
	flags := flagQR | m.flags | uint16(m.rcode)
	if truncated {
		flags |= flagTC
	}
	out = binary.BigEndian.AppendUint16(out, flags)
	out = append(out, 0, 1, 0, 0, 0, 0, 0, 0)
	out = append(out, q.raw[header:q.end]...)
	if truncated {
		return out
	}
	for i, s := range m.sections {
		binary.BigEndian.PutUint16(out[6+2*i:], uint16(len(s)))
		for _, rr := range s {
			out = append(out, rr...)
		}
	}
	return out
}
