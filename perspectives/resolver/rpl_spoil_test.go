package resolver_test

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Offsets and flags of a message's header (RFC 1035 4.1.1).
const (
	rplFlags1, rplFlags2   = 2, 3 // AA, TC, RD; RA and the rcode
	rplAA, rplTC, rplRA    = 0x04, 0x02, 0x80
	rplHeaderSize, rplFour = 12, 4
)

// TestRPLSpoiled takes the peers' scenarios as a stock of zones and spoils all that
// their servers say: whatever the zone, what comes damaged never becomes an answer,
// least of all the one that there is nothing.
func TestRPLSpoiled(t *testing.T) {
	dir := rplDir(t)
	for _, c := range []struct {
		about string
		spoil func(wire []byte, tcp bool) []byte
		late  time.Duration
		// fine reports whether an answer may come all the same, nil for never. honest
		// is what comes of what the servers say unspoiled.
		fine func(a, honest *rplAnswer) bool
	}{
		{"truncated, and no TCP", func(wire []byte, tcp bool) []byte {
			if tcp {
				return nil
			}
			wire[rplFlags1] |= rplTC
			return wire
		}, 0, nil},
		{"truncated, over TCP as well", func(wire []byte, _ bool) []byte {
			wire[rplFlags1] |= rplTC
			return wire
		}, 0, nil},
		{"truncated and emptied", func(wire []byte, tcp bool) []byte {
			if tcp {
				return nil
			}
			wire[rplFlags1] |= rplTC
			return emptied(wire)
		}, 0, nil},
		{"cut off behind the question", func(wire []byte, _ bool) []byte {
			if wire[6]|wire[7]|wire[8]|wire[9] == 0 { // nothing that matters would be missing
				wire[7]++
			}
			return wire[:questionEnd(wire)]
		}, 0, nil},
		{"emptied, without AA", func(wire []byte, _ bool) []byte {
			wire[rplFlags1] &^= rplAA
			return emptied(wire)
		}, 0, nil},
		{"the word of a recursive server", func(wire []byte, _ bool) []byte {
			wire[rplFlags1] &^= rplAA
			wire[rplFlags2] |= rplRA
			return wire
		}, 0, func(a, _ *rplAnswer) bool { return a.secure || len(a.records) > 0 }},
		{"without signatures", func(wire []byte, _ bool) []byte {
			return changed(wire, func(rr dns.RR) bool { return rr.Header().Rrtype != dns.TypeRRSIG })
		}, 0, unsigned},
		{"with false signatures", func(wire []byte, _ bool) []byte {
			return changed(wire, func(rr dns.RR) bool {
				if sig, ok := rr.(*dns.RRSIG); ok && sig.TypeCovered != dns.TypeDNSKEY {
					sig.OrigTtl++
				}
				return true
			})
		}, 0, unsigned},
		{"whose signatures have expired", nil, 20 * 366 * 24 * time.Hour, unsigned},
		{"without proofs of what is not there", func(wire []byte, _ bool) []byte {
			return changed(wire, func(rr dns.RR) bool {
				t := rr.Header().Rrtype
				return t != dns.TypeNSEC && t != dns.TypeNSEC3
			})
		}, 0, func(a, honest *rplAnswer) bool { return !honest.secure || len(a.records) > 0 }},
		{"refused", func(wire []byte, _ bool) []byte {
			wire[rplFlags2] = wire[rplFlags2]&^0xf | dns.RcodeRefused
			return wire
		}, 0, nil},
		{"silent", func([]byte, bool) []byte { return nil }, 0, nil},
	} {
		t.Run(c.about, func(t *testing.T) {
			lookups, answered, secure := 0, 0, 0
			for _, path := range rplFiles(t, dir) {
				honest := answersOf(t, path, rplHow{})
				for i, a := range answersOf(t, path, rplHow{spoil: c.spoil, late: c.late}) {
					lookups++
					if honest[i].err == nil {
						answered++
					}
					if honest[i].secure {
						secure++
					}
					if a.err == nil && (c.fine == nil || !c.fine(a, honest[i])) {
						t.Errorf("%s: %s: found rcode %s, secure %v and %q, expected an error",
							filepath.Base(path), a.question.String(), dns.RcodeToString[a.rcode], a.secure, a.records)
					}
				}
			}
			if answered < 80 || secure < 10 { // nothing would be shown
				t.Errorf("found %d answers and %d Secure ones unspoiled, expected at least 80 and 10", answered, secure)
			}
			t.Logf("%d lookups, of which unspoiled %d have an answer and %d a Secure one", lookups, answered, secure)
		})
	}
}

// answersOf plays a file and returns all answers. That it asks for what a library has
// not got ends it early.
func answersOf(t *testing.T, path string, how rplHow) []*rplAnswer {
	t.Helper()
	var out []*rplAnswer
	how.watch = func(a *rplAnswer) { out = append(out, a) }
	if _, err := playRPL(t.Context(), readRPL(t, path), how); err != nil {
		t.Log(err)
	}
	return out
}

// unsigned allows what was not Secure before.
func unsigned(a, honest *rplAnswer) bool { return !honest.secure && !a.secure }

// changed returns a message without the records that keep refuses. One that cannot be
// read stays as it is.
func changed(wire []byte, keep func(dns.RR) bool) []byte {
	m := new(dns.Msg)
	if m.Unpack(wire) != nil {
		return wire
	}
	for _, section := range []*[]dns.RR{&m.Answer, &m.Ns, &m.Extra} {
		*section = slices.DeleteFunc(*section, func(rr dns.RR) bool { return !keep(rr) })
	}
	m.Compress = true
	out, err := m.Pack()
	if err != nil {
		return wire
	}
	return out
}

// questionEnd returns where the question section of a message ends.
func questionEnd(wire []byte) int {
	off := rplHeaderSize
	for range int(wire[4])<<8 | int(wire[5]) {
		_, end, err := dns.UnpackDomainName(wire, off)
		if err != nil {
			return len(wire)
		}
		off = end + rplFour
	}
	return min(off, len(wire))
}

// emptied returns a message without its records.
func emptied(wire []byte) []byte {
	for i := 6; i < rplHeaderSize; i++ {
		wire[i] = 0
	}
	return wire[:questionEnd(wire)]
}
