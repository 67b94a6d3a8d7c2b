package remote

import (
	"container/heap"
	"sync"
	"time"
)

// memory is the nonces of one partner. It outlives reloads of the configuration, not
// the process.
type memory struct {
	mu     sync.Mutex
	nonces nonces
}

// remember keeps a nonce until its request has expired. It returns full if there
// are limit of them already: an unexpired nonce is never forgotten.
func (m *memory) remember(nonce Base64, expiry, now time.Time, limit int) (fresh, full bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.nonces.remember(string(nonce), expiry, now, limit)
}

// nonces is a set of nonces that forgets what has expired. The zero value is
// empty.
type nonces struct {
	seen     map[string]struct{}
	byExpiry expiries
}

func (n *nonces) remember(nonce string, expiry, now time.Time, limit int) (fresh, full bool) {
	for len(n.byExpiry) > 0 && n.byExpiry[0].expiry.Before(now) {
		old, _ := heap.Pop(&n.byExpiry).(expiring)
		delete(n.seen, old.nonce)
	}
	if _, known := n.seen[nonce]; known {
		return false, false
	}
	if len(n.seen) >= limit {
		return false, true
	}
	if n.seen == nil {
		n.seen = map[string]struct{}{}
	}
	n.seen[nonce] = struct{}{}
	heap.Push(&n.byExpiry, expiring{expiry, nonce})
	return true, false
}

type expiring struct {
	expiry time.Time
	nonce  string
}

// expiries is a heap, the earliest expiry first.
type expiries []expiring

func (e expiries) Len() int           { return len(e) }
func (e expiries) Less(i, j int) bool { return e[i].expiry.Before(e[j].expiry) }
func (e expiries) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }

// Push implements [heap.Interface].
func (e *expiries) Push(x any) {
	if one, ok := x.(expiring); ok {
		*e = append(*e, one)
	}
}

// Pop implements [heap.Interface].
func (e *expiries) Pop() any {
	last := len(*e) - 1
	one := (*e)[last]
	*e = (*e)[:last]
	return one
}
