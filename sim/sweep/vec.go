package sweep

import "math/bits"

// width is the number of words in a vec, lanes that of its bits.
const (
	width = 8
	lanes = width * 64
)

// vec holds one bit for each attacker of a block.
type vec [width]uint64

func (v *vec) set(lane int) { v[lane>>6] |= 1 << (lane & 63) }

func (v *vec) get(lane int) bool { return v[lane>>6]>>(lane&63)&1 != 0 }

func (v *vec) any() bool {
	return v[0]|v[1]|v[2]|v[3]|v[4]|v[5]|v[6]|v[7] != 0
}

// or adds the bits of a.
func (v *vec) or(a *vec) {
	v[0] |= a[0]
	v[1] |= a[1]
	v[2] |= a[2]
	v[3] |= a[3]
	v[4] |= a[4]
	v[5] |= a[5]
	v[6] |= a[6]
	v[7] |= a[7]
}

// minus takes the bits of a away.
func (v *vec) minus(a *vec) {
	v[0] &^= a[0]
	v[1] &^= a[1]
	v[2] &^= a[2]
	v[3] &^= a[3]
	v[4] &^= a[4]
	v[5] &^= a[5]
	v[6] &^= a[6]
	v[7] &^= a[7]
}

// and returns the bits that v and a share.
func (v *vec) and(a *vec) vec {
	return vec{v[0] & a[0], v[1] & a[1], v[2] & a[2], v[3] & a[3], v[4] & a[4], v[5] & a[5], v[6] & a[6], v[7] & a[7]}
}

// count returns the number of bits.
func (v *vec) count() (n int) {
	for _, word := range v {
		n += bits.OnesCount64(word)
	}
	return n
}

// within says whether every bit of v is set in a.
func (v *vec) within(a *vec) bool {
	return v[0]&^a[0]|v[1]&^a[1]|v[2]&^a[2]|v[3]&^a[3]|v[4]&^a[4]|v[5]&^a[5]|v[6]&^a[6]|v[7]&^a[7] == 0
}

// first returns a vec with the first n bits set.
func first(n int) (v vec) {
	for w := range v {
		switch left := n - w*64; {
		case left >= 64:
			v[w] = ^uint64(0)
		case left > 0:
			v[w] = 1<<left - 1
		}
	}
	return v
}

// transpose turns a 64 x 64 bit matrix, row r in m[r] with column 0 in bit 0,
// over its diagonal (Warren, Hacker's Delight 7-3).
func transpose(m *[64]uint64) {
	mask := uint64(1<<32 - 1)
	for j := 32; j != 0; j, mask = j>>1, mask^mask<<(j>>1) {
		for k := 0; k < 64; k = ((k | j) + 1) &^ j {
			t := (m[k]>>j ^ m[k|j]) & mask
			m[k] ^= t << j
			m[k|j] ^= t
		}
	}
}

// levels is a set of path lengths from 0 to 31.
type levels uint32

func (s levels) has(length int) bool { return s>>length&1 != 0 }

// rank returns how many lengths in s are below length.
func (s levels) rank(length int) int { return bits.OnesCount32(uint32(s & (1<<length - 1))) }

func (s levels) count() int { return bits.OnesCount32(uint32(s)) }

func (s levels) lowest() int { return bits.TrailingZeros32(uint32(s)) }

// maxLength is the greatest AS path length that a pass can hold.
const maxLength = 31
