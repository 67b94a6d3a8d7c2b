package access

import (
	"math"
	"sync"
	"time"
)

// Usages are what clients have used up, by name. The zero value is empty. It grows
// with the names that are configured, and outlives reloads of them.
type Usages struct {
	mu     sync.Mutex
	byName map[string]*Usage
}

// Of returns what a client has used up.
func (s *Usages) Of(name string) *Usage {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.byName[name]
	if u == nil {
		if s.byName == nil {
			s.byName = map[string]*Usage{}
		}
		u = &Usage{}
		s.byName[name] = u
	}
	return u
}

// Usage is what one client has used up. It outlives reloads of the configuration,
// not the process. The zero value is nothing.
type Usage struct {
	mu      sync.Mutex
	tokens  float64
	filled  time.Time // when tokens was right; zero before the first request
	day     int64     // of the quota, in days since 1970-01-01 UTC
	used    int
	running int
}

const secondsPerDay = 24 * 60 * 60

// TakeToken takes one token out of c's bucket, or says how long it takes until there
// is one. A clock that goes back gives no tokens.
func (u *Usage) TakeToken(c Client, now time.Time) *Denial {
	if c.ChecksPerSecond == 0 {
		return nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	burst := float64(c.Burst)
	if u.filled.IsZero() {
		u.tokens = burst
	} else if since := now.Sub(u.filled).Seconds(); since > 0 {
		u.tokens += since * c.ChecksPerSecond
	}
	u.tokens = min(u.tokens, burst) // the burst may have become smaller
	u.filled = now
	// Sums of intervals may miss a whole token by a rounding error.
	if u.tokens < 1-1e-9 {
		wait := time.Duration(math.Ceil((1 - u.tokens) / c.ChecksPerSecond * float64(time.Second)))
		return deny(RateLimited, "more than %v requests a second and %d at once", c.ChecksPerSecond, c.Burst).after(wait)
	}
	u.tokens = max(0, u.tokens-1)
	return nil
}

// TakeQuota counts one check against c's quota, or says when the next day begins.
func (u *Usage) TakeQuota(c Client, now time.Time) *Denial {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.turn(now)
	if c.DailyQuota > 0 && u.used >= c.DailyQuota {
		return deny(OverQuota, "%d checks a day (UTC) are used up", c.DailyQuota).after(time.Unix((u.day+1)*secondsPerDay, 0).Sub(now))
	}
	u.used++
	return nil
}

// UsedOn returns how many checks the day of now has had.
func (u *Usage) UsedOn(now time.Time) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.turn(now)
	return u.used
}

// turn begins a new day if now lies in one. A clock that goes back does not give the
// day's quota again.
func (u *Usage) turn(now time.Time) {
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

// Enter counts a check that runs, unless c has too many; [Usage.Leave] ends it.
func (u *Usage) Enter(c Client) *Denial {
	u.mu.Lock()
	defer u.mu.Unlock()
	if c.Concurrent > 0 && u.running >= c.Concurrent {
		return deny(Busy, "more than %d checks of %q at a time", c.Concurrent, c.Name).after(time.Second)
	}
	u.running++
	return nil
}

// Leave ends what Enter began.
func (u *Usage) Leave() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.running--
}

// Slots bounds how many checks of all clients run at a time. A nil *Slots bounds
// nothing.
type Slots struct{ taken chan struct{} }

// NewSlots returns n slots, n > 0.
func NewSlots(n int) *Slots { return &Slots{make(chan struct{}, n)} }

// Enter takes a slot, or says that there is none; [Slots.Leave] gives it back.
func (s *Slots) Enter() *Denial {
	if s == nil {
		return nil
	}
	select {
	case s.taken <- struct{}{}:
		return nil
	default:
		return deny(Busy, "more than %d checks at a time", cap(s.taken)).after(time.Second)
	}
}

// Leave gives back a slot.
func (s *Slots) Leave() {
	if s != nil {
		<-s.taken
	}
}
