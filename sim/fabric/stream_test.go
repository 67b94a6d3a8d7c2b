package fabric

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/topology"
)

func ring(t *testing.T, asns ...topology.ASN) *topology.Graph {
	t.Helper()
	var b topology.Builder
	for n, asn := range asns {
		b.AddLink(topology.Link{A: asn, B: asns[(n+1)%len(asns)], Kind: topology.Peering})
	}
	g, _, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestMarksRememberTheFirstTime(t *testing.T) {
	g := NewWithT(t)
	var m marks
	g.Expect(m.at(1)).To(BeZero())
	m.add(10, 1)
	m.add(20, 1)
	m.add(15, 9) // seen before
	m.add(30, 5)
	m.add(25, 2)
	g.Expect(m).To(HaveLen(2), "equal times are merged")
	g.Expect(m.at(1)).To(Equal(time.Duration(1)))
	g.Expect(m.at(20)).To(Equal(time.Duration(1)))
	g.Expect(m.at(21)).To(Equal(time.Duration(5)))
	g.Expect(m.at(99)).To(Equal(time.Duration(5)))
	for n := range uint32(5000) {
		m.add(100+n, time.Duration(10+n))
	}
	g.Expect(len(m)).To(BeNumerically("<=", maxMarks), "memory is bounded")
	g.Expect(m.at(5099)).To(Equal(time.Duration(5009)))
}

func TestOutgoingSegmentsCarryTheTimeOfTheirBytes(t *testing.T) {
	g := NewWithT(t)
	f := &tcpFlow{clock: new(clock), opened: 3}
	const isn = 0xfffffff0 // sequence numbers wrap within the first bytes
	g.Expect(f.outgoing(segment{seq: isn, flags: flagSYN})).To(Equal(time.Duration(3)))
	f.incoming(segment{seq: 100, ack: isn + 1, flags: flagSYN | flagACK}, 10)
	f.clock.advance(10)
	f.wrote(20)
	f.clock.advance(50)
	f.wrote(30)
	first := isn + uint32(1)
	g.Expect(f.outgoing(segment{seq: first, flags: flagACK, length: 20})).To(Equal(time.Duration(10)))
	g.Expect(f.outgoing(segment{seq: first + 20, flags: flagACK, length: 30})).To(Equal(time.Duration(50)))
	g.Expect(f.outgoing(segment{seq: first, flags: flagACK, length: 20})).To(Equal(time.Duration(10)), "sent again, it keeps its time")
	f.incoming(segment{seq: 101, flags: flagACK, length: 5}, 60)
	f.incoming(segment{seq: 106, flags: flagACK | flagFIN, length: 5}, 80)
	g.Expect(f.outgoing(segment{seq: first + 50, ack: 106, flags: flagACK})).To(Equal(time.Duration(60)), "an acknowledgement follows what it acknowledges")
	g.Expect(f.outgoing(segment{seq: first + 50, ack: 112, flags: flagACK})).To(Equal(time.Duration(80)))
	f.consumed(5)
	g.Expect(f.clock.now()).To(Equal(time.Duration(60)))
	f.consumed(5)
	g.Expect(f.clock.now()).To(Equal(time.Duration(80)))
	f.finish(true)
	g.Expect(f.outgoing(segment{seq: first + 50, ack: 112, flags: flagACK | flagFIN})).To(Equal(time.Duration(80)))
}

func TestBytesBeyondTheInitialWindowWaitForAnAcknowledgement(t *testing.T) {
	g := NewWithT(t)
	f := &tcpFlow{clock: new(clock)}
	f.outgoing(segment{seq: 0, flags: flagSYN})
	f.wrote(initialWindow + 1)
	f.incoming(segment{ack: 1461, flags: flagACK}, 70)
	g.Expect(f.outgoing(segment{seq: 1, flags: flagACK, length: initialWindow})).To(Equal(time.Duration(0)))
	g.Expect(f.outgoing(segment{seq: 1 + initialWindow, flags: flagACK, length: 1})).To(Equal(time.Duration(70)))
}
