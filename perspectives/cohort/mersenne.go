package cohort

import (
	"crypto/sha512"
	"encoding/binary"
	"math/bits"
)

const (
	mtSize   = 624
	mtPeriod = 397
)

// mersenne is the generator MT19937 (Matsumoto and Nishimura 1998) as CPython's
// random.Random seeds and reads it. It is good for reproducing what Python draws
// and for nothing else: whoever sees 624 outputs knows all that follow.
type mersenne struct {
	state [mtSize]uint32
	next  int
}

// newMersenne seeds as random.Random(seed) does for bytes (version 2): by the
// number that the seed and its SHA-512 digest spell, highest octet first.
func newMersenne(seed []byte) *mersenne {
	digest := sha512.Sum512(seed)
	number := append(append([]byte{}, seed...), digest[:]...)
	for len(number)%4 != 0 {
		number = append([]byte{0}, number...)
	}
	var key []uint32 // lowest 32 bits first
	for i := len(number) - 4; i >= 0; i -= 4 {
		key = append(key, binary.BigEndian.Uint32(number[i:]))
	}
	for len(key) > 1 && key[len(key)-1] == 0 {
		key = key[:len(key)-1] // a number has no leading zeros
	}
	m := &mersenne{}
	m.seedByArray(key)
	return m
}

func (m *mersenne) seedByNumber(s uint32) {
	m.state[0] = s
	for i := 1; i < mtSize; i++ {
		m.state[i] = 1812433253*(m.state[i-1]^m.state[i-1]>>30) + uint32(i)
	}
	m.next = mtSize
}

func (m *mersenne) seedByArray(key []uint32) {
	m.seedByNumber(19650218)
	i, j := 1, 0
	wrap := func() {
		if i++; i == mtSize {
			m.state[0], i = m.state[mtSize-1], 1
		}
	}
	for range max(mtSize, len(key)) {
		before := m.state[i-1]
		m.state[i] = (m.state[i] ^ (before^before>>30)*1664525) + key[j] + uint32(j)
		wrap()
		if j++; j == len(key) {
			j = 0
		}
	}
	for range mtSize - 1 {
		before := m.state[i-1]
		m.state[i] = (m.state[i] ^ (before^before>>30)*1566083941) - uint32(i)
		wrap()
	}
	m.state[0] = 1 << 31
}

// uint32 returns the next 32 bits, Python's getrandbits(32).
func (m *mersenne) uint32() uint32 {
	if m.next == mtSize {
		m.refill()
	}
	y := m.state[m.next]
	m.next++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

func (m *mersenne) refill() {
	for i := range mtSize {
		y := m.state[i]&(1<<31) | m.state[(i+1)%mtSize]&(1<<31-1)
		m.state[i] = m.state[(i+mtPeriod)%mtSize] ^ y>>1 ^ y&1*0x9908b0df
	}
	m.next = 0
}

// below returns a number from 0 to n-1, for 1 <= n < 2^31, by drawing as many
// bits as n has until they are less than n.
func (m *mersenne) below(n int) int {
	shift := 32 - bits.Len32(uint32(n))
	for {
		if r := int(m.uint32() >> shift); r < n {
			return r
		}
	}
}

// shuffle permutes like random.shuffle: from the end, each place with one at or
// before it.
func (m *mersenne) shuffle(n int, swap func(i, j int)) {
	for i := n - 1; i >= 1; i-- {
		swap(i, m.below(i+1))
	}
}
