package remote

import (
	"container/heap"
	"math"
	"sync"
	"time"
)

// usage is what one partner has used up. It outlives reloads of the
// configuration, not the process.
type usage struct {
	mu      sync.Mutex
	tokens  float64
	filled  time.Time // when tokens was right; zero before the first request
	day     int64     // of the quota, in days since 1970-01-01 UTC
	used    int
	running int
	nonces  nonces
}

const secondsPerDay = 24 * 60 * 60

// takeToken takes one token out of p's bucket, or says how long it takes until
// there is one. A clock that goes back gives no tokens.
func (u *usage) takeToken(p Partner, now time.Time) (wait time.Duration, ok bool) {
	if p.ChecksPerSecond == 0 {
		return 0, true
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	burst := float64(p.Burst)
	if u.filled.IsZero() {
		u.tokens = burst
	} else if since := now.Sub(u.filled).Seconds(); since > 0 {
		u.tokens += since * p.ChecksPerSecond
	}
	u.tokens = min(u.tokens, burst) // the burst may have become smaller
	u.filled = now
	// Sums of intervals may miss a whole token by a rounding error.
	if u.tokens < 1-1e-9 {
		return time.Duration(math.Ceil((1 - u.tokens) / p.ChecksPerSecond * float64(time.Second))), false
	}
	u.tokens = max(0, u.tokens-1)
	return 0, true
}

// takeQuota counts one check against p's quota, or says when the next day begins.
func (u *usage) takeQuota(p Partner, now time.Time) (wait time.Duration, ok bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.turn(now)
	if p.DailyQuota > 0 && u.used >= p.DailyQuota {
		return time.Unix((u.day+1)*secondsPerDay, 0).Sub(now), false
	}
	u.used++
	return 0, true
}

// usedOn returns how many checks the day of now has had.
func (u *usage) usedOn(now time.Time) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.turn(now)
	return u.used
}

// turn begins a new day if now lies in one. A clock that goes back does not give
// the day's quota again.
func (u *usage) turn(now time.Time) {
	if day := floorDiv(now.Unix(), secondsPerDay); day > u.day {
		u.day, u.used = day, 0
	}
}

func floorDiv(a, b int64) int64 {
	if a < 0 {
		return -((b - 1 - a) / b)
	}
	return a / b
}

// enter counts a check that runs, unless p has too many; leave ends it.
func (u *usage) enter(p Partner) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if p.Concurrent > 0 && u.running >= p.Concurrent {
		return false
	}
	u.running++
	return true
}

func (u *usage) leave() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.running--
}

// remember keeps a nonce until its request has expired. It returns full if there
// are limit of them already: an unexpired nonce is never forgotten.
func (u *usage) remember(nonce Base64, expiry, now time.Time, limit int) (fresh, full bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.nonces.remember(string(nonce), expiry, now, limit)
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
