package resolver

import (
	"math/bits"

	"github.com/miekg/dns"
)

// What steps cost of [budget.Work], a unit of which is about 10 ns of processor
// time. Measured on the machine of docs/performance.md and rounded up.
const (
	// recordWork is to unpack one record of a message, and to look through it as
	// often as classification and validation do.
	recordWork = 80
	// signatureWork is to judge whether a signature may be that of a set.
	signatureWork = 300
	// setRecordWork is to bring one record into canonical form (RFC 4034 6).
	setRecordWork = 120
	// keyWork is to read a key, which may be a point that must lie on its curve.
	keyWork = 2000
	// shaWork is to hash 64 octets.
	shaWork = 10
	// dataWork is to unpack an octet of data, which package dns writes as up to four.
	dataWork = 6
)

// messageWork is what it costs to unpack and classify a reply: its records, their
// data, and their owners, which are short on the wire and long in memory.
func messageWork(m *dns.Msg) int {
	work := 0
	for _, section := range [][]dns.RR{m.Answer, m.Ns, m.Extra} {
		for _, rr := range section {
			h := rr.Header()
			work += recordWork + len(h.Name) + dataWork*int(h.Rdlength)
		}
	}
	return work
}

// hashWork is what it costs to hash size octets, and then iterations times a digest
// with a salt of salt octets.
func hashWork(size, salt, iterations int) int {
	blocks := func(n int) int { return (n+9)/64 + 1 }
	return shaWork * (2 + blocks(size) + iterations*(1+blocks(salt+20)))
}

// setWork is what it costs to bring a set into canonical form.
func setWork(set rrset) int {
	work := 0
	for _, rr := range set.records {
		h := rr.Header()
		work += setRecordWork + int(h.Rdlength) + len(h.Name)
	}
	return work
}

// verifyWork is what it costs to try one pair of key and signature for set.
func verifyWork(k publicKey, set rrset) int {
	work := 1000 + setWork(set)/3
	switch k := k.(type) {
	case *rsaKey:
		words := k.n.BitLen()/64 + 1
		multiplications := bits.Len64(k.e) + bits.OnesCount64(k.e)
		return work + words*words*multiplications/4
	case ecdsaKey:
		if k.key.Params().BitSize > 256 {
			return work + 110_000
		}
		return work + 9_000
	}
	return work + 7_000 // Ed25519
}
