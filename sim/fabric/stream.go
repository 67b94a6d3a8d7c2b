package fabric

import (
	"sort"
	"sync"
	"time"
)

// initialWindow is how many bytes of a TCP stream may leave before anything has
// been acknowledged: ten segments (RFC 6928).
const initialWindow = 10 * (mtu - 40)

// mark says that the bytes of a stream up to end (exclusive, counted from the
// first byte of data) were written, or arrived, at a time.
type mark struct {
	end uint32
	at  time.Duration
}

// marks is a stream's history in ascending order of end.
type marks []mark

// maxMarks bounds the history of one direction of a connection; the older half
// is forgotten when it is full.
const maxMarks = 1024

func (m *marks) add(end uint32, at time.Duration) {
	if n := len(*m); n > 0 {
		last := &(*m)[n-1]
		if end <= last.end {
			return // seen before: the first time counts
		}
		if at <= last.at {
			last.end = end
			return
		}
		if n == maxMarks {
			*m = append((*m)[:0], (*m)[n/2:]...)
		}
	}
	*m = append(*m, mark{end, at})
}

// at returns when the byte before offset end was written or arrived.
func (m marks) at(end uint32) time.Duration {
	n := sort.Search(len(m), func(n int) bool { return m[n].end >= end })
	if n == len(m) {
		n--
	}
	if n < 0 {
		return 0
	}
	return m[n].at
}

// tcpFlow is one end's view of a TCP connection: which byte was written or
// arrived when.
type tcpFlow struct {
	clock *clock // the session's for a client, the connection's own for a server

	mu        sync.Mutex
	opened    time.Duration // when the client dialled
	lastWrite time.Duration
	sent      uint32 // bytes written by the application
	sentBase  uint32 // initial sequence number of what we send
	out       marks
	read      uint32 // bytes read by the application
	inBase    uint32
	syn       time.Duration // arrival of the peer's SYN
	in        marks
	got       uint32        // end of the data that has arrived
	held      []byte        // a reset that arrived after data which is still unread
	acked     time.Duration // arrival of the latest acknowledgement
	latest    time.Duration // arrival of the latest segment of any kind
	closed    bool
	closing   time.Duration

	dial  func(error) // fails the dial that is under way; nil otherwise
	trace func([]int32, *Host)

	// Only of who dialled:
	strayed  func(*Host)   // told that an answer went astray
	patience time.Duration // what the dial's context allowed, 0 for no bound
	conn     *tcpConn
	lost     bool // an answer went astray: there will be no other
}

// wrote notes that the application is about to write n bytes.
func (f *tcpFlow) wrote(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent += uint32(n)
	f.lastWrite = f.clock.now()
	f.out.add(f.sent, f.lastWrite)
}

// consumed notes that the application has read n bytes and moves its clock.
func (f *tcpFlow) consumed(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.read += uint32(n)
	f.clock.advance(f.in.at(f.read))
}

// ended moves the application's clock to the end of the stream.
func (f *tcpFlow) ended() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.in); n > 0 {
		f.clock.advance(f.in[n-1].at)
	}
}

// broken moves the application's clock to the latest arrival.
func (f *tcpFlow) broken() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clock.advance(f.latest)
}

// finish notes that the application closes its side now.
func (f *tcpFlow) finish(whole bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closing == 0 {
		f.closing = f.clock.now()
	}
	f.closed = f.closed || whole
}

// outgoing returns the virtual time at which a segment leaves.
func (f *tcpFlow) outgoing(s segment) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.flags&flagSYN != 0 {
		f.sentBase = s.seq + 1
		if s.flags&flagACK != 0 {
			return f.syn
		}
		return f.opened
	}
	if s.flags&flagRST != 0 {
		return max(f.latest, f.closing)
	}
	var at time.Duration
	if s.length > 0 {
		end := s.seq - f.sentBase + s.length
		at = f.out.at(end)
		if end > initialWindow {
			at = max(at, f.acked)
		}
	}
	if s.flags&flagFIN != 0 {
		at = max(at, f.closing)
	}
	if s.length == 0 && s.flags&flagFIN == 0 {
		at = f.syn
		if n := s.ack - f.inBase; n > 0 {
			at = max(at, f.in.at(n))
		}
	}
	return at
}

// incoming notes a segment that arrives.
func (f *tcpFlow) incoming(s segment, at time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.latest = max(f.latest, at)
	if s.flags&flagACK != 0 {
		f.acked = max(f.acked, at)
	}
	if s.flags&flagSYN != 0 {
		if f.syn == 0 {
			f.inBase, f.syn = s.seq+1, at
		}
		return
	}
	if s.flags&flagRST != 0 {
		return
	}
	end := s.seq - f.inBase + s.length
	if s.length > 0 {
		f.got = max(f.got, end)
	}
	if s.flags&flagFIN != 0 {
		end++
	}
	if end > 0 && (s.length > 0 || s.flags&flagFIN != 0) {
		f.in.add(end, at)
	}
}

// hold keeps a reset from the stack while there is data that arrived before it
// and that the application has yet to read: in virtual time the application
// reads first. It returns false if the reset may pass.
func (f *tcpFlow) hold(reset []byte) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || f.read >= f.got {
		return false
	}
	f.held = reset
	return true
}

// release returns the reset that was held, once everything before it is read.
func (f *tcpFlow) release() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.read < f.got {
		return nil
	}
	reset := f.held
	f.held = nil
	return reset
}

// done says whether the application has closed the connection.
func (f *tcpFlow) done() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed
}

// failDial ends a dial that is under way because of an ICMP error that arrived
// at a virtual time.
func (f *tcpFlow) failDial(err error, at time.Duration) {
	f.mu.Lock()
	dial := f.dial
	f.latest = max(f.latest, at)
	f.mu.Unlock()
	if dial != nil {
		dial(err)
	}
}
