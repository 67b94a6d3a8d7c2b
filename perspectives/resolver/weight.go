package resolver

import (
	"encoding/binary"
	"fmt"

	"github.com/miekg/dns"
)

// maxNames is how many octets the names of one message may have when they are
// unpacked. A name of two octets on the wire, a pointer, stands for up to a thousand
// in presentation format (RFC 1035 4.1.4, 5.1): 64 kB of pointers for 32 MB.
const maxNames = 1 << 20

// weigh returns an error if unpacking wire would take far more than its own size in
// memory: because of the names in it, ErrLimit, or of several questions, errStray; and
// errUncounted if there are more records than its header says.
// What it cannot read is for package dns to refuse, which does not read on either.
// It takes time in proportion to the size of wire.
func weigh(wire []byte) error {
	w := weighing{wire: wire}
	if binary.BigEndian.Uint16(wire[4:]) > 1 {
		return errStray
	}
	off := headerSize
	if binary.BigEndian.Uint16(wire[4:]) == 1 {
		off = w.name(off)
		if off += 4; w.broken {
			return nil
		}
	}
	records := 0
	for section := 6; section < headerSize; section += 2 {
		records += int(binary.BigEndian.Uint16(wire[section:]))
	}
	for ; records > 0 && off < len(wire) && !w.broken; records-- {
		off = w.record(off)
		if w.octets > maxNames {
			return fmt.Errorf("%w: a message whose names have more than %d octets", ErrLimit, maxNames)
		}
	}
	if truncated := wire[2]&0x02 != 0; !truncated && !w.broken && off < len(wire) && goesOn(wire, off) {
		return errUncounted
	}
	return nil
}

const (
	// recordOctets is what comes between a record's owner and its data.
	recordOctets = 10
	maxPointers  = 126 // as many as package dns follows
)

// weighing walks through a message.
type weighing struct {
	wire   []byte
	octets int  // of the names so far, unpacked
	broken bool // whether something could not be read
}

// record takes the names of the record at off into account and returns where the
// next one begins.
func (w *weighing) record(off int) int {
	off = w.name(off)
	if w.broken || off+recordOctets > len(w.wire) {
		w.broken = true
		return off
	}
	rrtype := binary.BigEndian.Uint16(w.wire[off:])
	size := int(binary.BigEndian.Uint16(w.wire[off+8:]))
	data := off + recordOctets
	end := data + size
	if end > len(w.wire) {
		w.broken = true
		return end
	}
	switch skip, names := placesOfNames(rrtype); names {
	case anywhere:
		w.octets += longestName
	case everywhere:
		w.octets += size / 2 * longestName
	default:
		for data += skip; names > 0 && data < end && !w.broken; names-- {
			data = w.name(data)
		}
	}
	w.broken = false // in the data: its length says where it ends
	return end
}

const (
	longestName = 4 * maxName // in presentation format, about
	// anywhere and everywhere stand for a name after something of varying length,
	// and for names to the end after it: the most that it can be is counted.
	anywhere, everywhere = -1, -2
)

// placesOfNames says how many octets come before the first name in the data of a type, and
// how many names there are then at most.
func placesOfNames(rrtype uint16) (skip, names int) {
	switch rrtype {
	case dns.TypeNS, dns.TypeCNAME, dns.TypeDNAME, dns.TypePTR, dns.TypeMD, dns.TypeMF, dns.TypeMB, dns.TypeMG, dns.TypeMR,
		dns.TypeNSEC, dns.TypeNXT, dns.TypeNSAPPTR, dns.TypeTKEY, dns.TypeTSIG:
		return 0, 1
	case dns.TypeSOA, dns.TypeMINFO, dns.TypeRP, dns.TypeTALINK:
		return 0, 2
	case dns.TypeMX, dns.TypeAFSDB, dns.TypeRT, dns.TypeKX, dns.TypeLP, dns.TypeSVCB, dns.TypeHTTPS:
		return 2, 1
	case dns.TypePX:
		return 2, 2
	case dns.TypeSRV:
		return 6, 1
	case dns.TypeRRSIG, dns.TypeSIG:
		return 18, 1
	case dns.TypeNAPTR, dns.TypeIPSECKEY, dns.TypeAMTRELAY:
		return 0, anywhere
	case dns.TypeHIP:
		return 0, everywhere
	}
	return 0, 0
}

// name adds the unpacked size of the name at off and returns where it ends.
func (w *weighing) name(off int) int {
	end := 0 // set by the first pointer
	for pointers := 0; ; {
		if off >= len(w.wire) {
			w.broken = true
			return off
		}
		c := int(w.wire[off])
		off++
		switch {
		case c == 0:
			if w.octets++; end == 0 {
				end = off
			}
			return end
		case c < 0x40 && off+c <= len(w.wire) && w.octets <= maxNames:
			w.octets += unpacked(w.wire[off:off+c]) + 1
			off += c
		case c >= 0xC0 && off < len(w.wire) && pointers < maxPointers:
			pointers++
			to := c&0x3F<<8 | int(w.wire[off])
			if end == 0 {
				end = off + 1
			}
			off = to
		default:
			w.broken = true
			return off
		}
	}
}

// unpacked returns how many octets a label has in presentation format.
func unpacked(label []byte) int {
	n := 0
	for _, c := range label {
		switch {
		case c < ' ' || c > '~':
			n += 4
		case c == '.' || c == '\\' || c == '"' || c == '(' || c == ')' || c == ';' || c == '@' || c == '$' || c == '\'' || c == ' ':
			n += 2
		default:
			n++
		}
	}
	return n
}
