package fabric

// stackDepth is a little more than a packet needs on its way down one TCP/IP
// stack and up another.
const stackDepth = 20 << 10

// growStack makes the goroutine's stack as large as a packet's way needs, in one
// step and while there is little on it. Without it a short-lived goroutine, such
// as one that answers one query, grows its stack three times over with deeper
// and deeper frames to copy: 20 % of the time of a DNS exchange.
//
//go:noinline
func growStack(at int) byte {
	if at >= 0 { // always: room for the frame was made on entry, none need be cleared
		return 0
	}
	var frame [stackDepth]byte
	return frame[at&1023] // an index that the compiler cannot know keeps the frame
}
