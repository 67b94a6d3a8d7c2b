package result

import (
	"errors"
	"fmt"
	"math"
)

// The types of Thrift's compact protocol, in which Parquet stores footers and page
// headers (thrift-compact-protocol.md).
const (
	thriftTrue = iota + 1
	thriftFalse
	thriftByte
	thriftI16
	thriftI32
	thriftI64
	thriftDouble
	thriftBinary
	thriftList
	thriftSet
	thriftMap
	thriftStruct
)

const (
	// maxThriftDepth bounds nesting; Parquet's footers need 6 levels.
	maxThriftDepth = 16
	// maxThriftList bounds lists but that of the row groups; a column chunk's longest
	// has one entry for each encoding.
	maxThriftList = 64
)

var errThrift = errors.New("found no Thrift structure, expected one")

// compact reads one structure octet by octet, without keeping any of it: what does
// not fit into the octets that are there is refused before anybody makes room for it.
// The first error sticks.
type compact struct {
	b    []byte
	at   int
	most int // of a list
	err  error
}

func (c *compact) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
	}
}

func (c *compact) octet() byte {
	if c.err == nil && c.at >= len(c.b) {
		c.err = errThrift
	}
	if c.err != nil {
		return 0
	}
	c.at++
	return c.b[c.at-1]
}

// varint reads an unsigned number of up to 64 bits.
func (c *compact) varint() (n uint64) {
	for shift := 0; shift < 70; shift += 7 {
		o := c.octet()
		n |= uint64(o&0x7f) << shift
		if o < 0x80 {
			return n
		}
	}
	c.fail("%w: a number of more than ten octets", errThrift)
	return 0
}

// number reads a signed number.
func (c *compact) number() int64 {
	n := c.varint()
	return int64(n>>1) ^ -int64(n&1)
}

// size reads how long something is of which each part takes an octet at least.
func (c *compact) size(n uint64) int {
	if n > uint64(len(c.b)-c.at) {
		c.fail("%w: %d parts in %d octets", errThrift, n, len(c.b)-c.at)
		return 0
	}
	return int(n)
}

// structure reads one. field, if not nil, is called for each field, and returns true
// if it has read its value.
func (c *compact) structure(depth int, field func(id int64, kind byte) bool) {
	if depth == maxThriftDepth {
		c.fail("%w: more than %d levels", errThrift, maxThriftDepth)
	}
	for id := int64(0); c.err == nil; {
		head := c.octet()
		kind := head & 15
		if kind == 0 {
			return
		}
		if delta := head >> 4; delta != 0 {
			id += int64(delta)
		} else {
			id = c.number()
		}
		if id < 0 || id > math.MaxInt16 {
			c.fail("%w: field %d", errThrift, id)
		}
		if c.err == nil && (field == nil || !field(id, kind)) {
			c.skip(kind, depth)
		}
	}
}

// skip reads a value.
func (c *compact) skip(kind byte, depth int) {
	switch kind {
	case thriftTrue, thriftFalse: // said by the type
	case thriftByte:
		c.octet()
	case thriftI16, thriftI32, thriftI64:
		c.varint()
	case thriftDouble:
		c.at += c.size(8)
	case thriftBinary:
		c.at += c.size(c.varint())
	case thriftList, thriftSet:
		c.list(depth, c.most)
	case thriftStruct:
		c.structure(depth+1, nil)
	default: // maps too, which Parquet has none of
		c.fail("%w: type %d", errThrift, kind)
	}
}

// list reads a list of at most so many elements, and returns how many there are.
func (c *compact) list(depth, most int) int {
	if depth == maxThriftDepth {
		c.fail("%w: more than %d levels", errThrift, maxThriftDepth)
	}
	head := c.octet()
	size := uint64(head >> 4)
	if size == 15 {
		size = c.varint()
	}
	n := c.size(size)
	if n > most {
		c.fail("found a list of %d elements, expected at most %d", n, most)
	}
	for range n {
		if c.err != nil {
			break
		}
		if kind := head & 15; kind == thriftTrue || kind == thriftFalse {
			c.octet()
		} else {
			c.skip(kind, depth+1)
		}
	}
	return n
}
