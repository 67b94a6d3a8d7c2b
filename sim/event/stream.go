package event

import (
	"hash/fnv"
	"net/netip"
	"time"

	"mpicsim/sim/route"
	"mpicsim/topology"
)

// stream is a seeded source of random numbers for one purpose and prefix. What it
// gives depends on who sends to whom and when, not on what was drawn before: a
// change in one corner of a topology draws nothing anew in another.
type stream uint64

func newStream(seed uint64, purpose string, p netip.Prefix) stream {
	h := fnv.New64a()
	h.Write([]byte(purpose + " " + p.String()))
	return stream(route.SeededHash(seed, topology.ASN(h.Sum64()>>32), topology.ASN(h.Sum64())))
}

// unit returns a number from 0 to below 1.
func (s stream) unit(from, to topology.ASN, now time.Duration) float64 {
	v := route.SeededHash(uint64(s)^uint64(now), from, to)
	return float64(v>>11) / (1 << 53)
}
