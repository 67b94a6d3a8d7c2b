package event

import "time"

// item is what will happen: a message is processed, or a timer expires.
type item struct {
	at   time.Duration
	seq  uint64 // in the order in which items were put, to break ties of at
	slot int32  // of the receiver; for a timer, of the sender
	node int32  // what is advertised, noNode for a withdrawal, timer for a timer
	gen  uint32 // which life of the session the item belongs to
	msg  int32  // index of the recorded message, if any
}

const timer int32 = -2

func (a *item) before(b *item) bool { return a.at < b.at || a.at == b.at && a.seq < b.seq }

// queue is a heap of items with four children to a node, which is kinder to
// caches than two. The zero value is empty.
type queue struct {
	items []item
	seq   uint64
}

func (q *queue) put(it item) {
	q.seq++
	it.seq = q.seq
	q.items = append(q.items, it)
	n := len(q.items) - 1
	for n > 0 {
		up := (n - 1) / 4
		if !it.before(&q.items[up]) {
			break
		}
		q.items[n] = q.items[up]
		n = up
	}
	q.items[n] = it
}

// take removes and returns the first item. The queue must not be empty.
func (q *queue) take() item {
	first := q.items[0]
	last := len(q.items) - 1
	it := q.items[last]
	q.items = q.items[:last]
	if last == 0 {
		return first
	}
	n := 0
	for {
		least := 4*n + 1
		if least >= last {
			break
		}
		for c := least + 1; c < min(least+4, last); c++ {
			if q.items[c].before(&q.items[least]) {
				least = c
			}
		}
		if !q.items[least].before(&it) {
			break
		}
		q.items[n] = q.items[least]
		n = least
	}
	q.items[n] = it
	return first
}
