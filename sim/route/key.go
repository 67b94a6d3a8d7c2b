package route

import (
	"math"

	"mpicsim/topology"
)

// A route at one AS is packed into 64 bits, so that the better of two routes is
// the lower number and no route is the highest number:
//
//	63..62  relationship      topology.Relationship: own, customer, peer, provider
//	61..46  length            AS numbers in the path, the AS's own included
//	45      side              0 for the side that an attacker or victim bound prefers
//	44..14  next hop          graph index of the neighbour, 0 for an own route
//	13..0   announcement      index into the announcements
//
// Graph indexes ascend with AS numbers, so lower means lowest neighbour. With
// TieBreakSeeded and TieBreakNearest the bits above the next hop are compared
// first and equal ones are decided by propagation.prefer.
type key uint64

const (
	annBits       = 14
	nextBits      = 31
	nextShift     = annBits
	sideShift     = nextShift + nextBits // 45: key>>sideShift is relationship, length and side
	lengthShift   = sideShift + 1
	relationShift = lengthShift + 16

	maxLength = math.MaxUint16

	noRoute key = math.MaxUint64
)

func ownKey(length, announcement int, side uint64) key {
	return key(uint64(length)<<lengthShift | side | uint64(announcement))
}

func (k key) relationship() topology.Relationship { return topology.Relationship(k >> relationShift) }
func (k key) length() int                         { return int(k >> lengthShift & maxLength) }
func (k key) next() int32                         { return int32(k >> nextShift & (1<<nextBits - 1)) }
func (k key) announcement() int                   { return int(k & (1<<annBits - 1)) }

// exported returns what a neighbour, to which the AS with graph index from is
// rel, holds after taking over route k from it: one hop longer, same side, same
// announcement.
func (k key) exported(rel topology.Relationship, from int32) key {
	const keep = 1<<sideShift | (1<<annBits - 1)
	length := (k>>lengthShift&maxLength + 1) << lengthShift
	return key(rel)<<relationShift | length | k&keep | key(from)<<nextShift
}
