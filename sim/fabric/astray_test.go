package fabric_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/sim/fabric"
	"mpicsim/topology"
)

// newTrap is the line in which the client's own prefix is hijacked from a virtual
// time on: what AS 3, 4 and 5 send to the client ends in AS 3, at the attacker's
// host if it has the client's address. Packets to the server are not touched.
func newTrap(hijackAt time.Duration, owned bool) *line {
	GinkgoHelper()
	plain := newLine(0, false)
	g := plain.graph
	type hops = map[topology.ASN]topology.ASN
	tables := func(client hops) []fabric.PrefixRoutes {
		return []fabric.PrefixRoutes{
			staticRoutes{clientPrefix, g, client},
			staticRoutes{serverPrefix, g, hops{1: 2, 2: 3, 3: 4, 4: 5, 5: 5}},
			staticRoutes{netip.MustParsePrefix("198.18.3.0/24"), g, hops{1: 2, 2: 3, 3: 3, 4: 3, 5: 4}},
		}
	}
	left, stolen := hops{1: 1, 2: 1, 3: 2, 4: 3, 5: 4}, hops{1: 1, 2: 1, 3: 3, 4: 3, 5: 4}
	epochs := []fabric.Epoch{{Routes: tables(left)}, {From: hijackAt, Routes: tables(stolen)}}
	if hijackAt == 0 {
		epochs = []fabric.Epoch{{Routes: tables(stolen)}}
	}
	f, err := fabric.New(fabric.Config{Graph: g, Epochs: epochs, Start: plain.Start(), Seed: 1})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(f.Close)
	w := &line{Fabric: f, graph: g}
	add := func(name string, as topology.ASN, addrs ...netip.Addr) *fabric.Host {
		GinkgoHelper()
		h, err := f.AddHost(fabric.HostConfig{Name: name, AS: as, Addrs: addrs})
		Expect(err).NotTo(HaveOccurred())
		return h
	}
	w.client, w.server = add("client", 1, clientAddr), add("server", 5, serverAddr)
	addrs := []netip.Addr{netip.MustParseAddr("198.18.3.10")}
	if owned {
		addrs = append(addrs, clientAddr)
	}
	w.attacker = add("attacker", 3, addrs...)
	return w
}

// echo answers each connection and each datagram with what it got; a datagram
// that begins with a question mark is not answered.
func echo(w *line) {
	GinkgoHelper()
	l, err := w.server.Listen(context.Background(), "tcp", "203.0.113.80:7")
	Expect(err).NotTo(HaveOccurred())
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c) }()
		}
	}()
	pc, err := w.server.ListenPacket(context.Background(), "udp", "203.0.113.80:7")
	Expect(err).NotTo(HaveOccurred())
	go func() {
		buf := make([]byte, 100)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			if buf[0] != '?' {
				_, _ = pc.WriteTo(buf[:n], from)
			}
		}
	}()
	DeferCleanup(func() { _ = l.Close(); _ = pc.Close() })
}

// inTime fails if the body takes longer than a timeout of the client would.
func inTime(body func()) {
	GinkgoHelper()
	started := time.Now()
	body()
	Expect(time.Since(started)).To(BeNumerically("<", 900*time.Millisecond), "nobody waits really")
}

var _ = Describe("An answer that does not come back", func() {
	timeout := func(d time.Duration) context.Context {
		ctx, cancel := context.WithTimeout(context.Background(), d)
		DeferCleanup(cancel)
		return ctx
	}

	DescribeTable("ends a dial when its context would have, at once",
		func(owned bool, port string, to string) {
			w := newTrap(0, owned)
			echo(w)
			s := w.client.NewSession(time.Minute)
			inTime(func() {
				_, err := s.DialContext(timeout(10*time.Second), "tcp", "203.0.113.80:"+port)
				Expect(err).To(MatchError(os.ErrDeadlineExceeded))
			})
			Expect(s.Elapsed()).To(Equal(time.Minute + 10*time.Second))
			f := s.Flows()[0]
			Expect(f.To).To(Equal("server"), "the question got there")
			Expect([]any{f.Astray, f.AstrayTo}).To(Equal([]any{true, to}))
		},
		Entry("if another host has the address", true, "7", "attacker"),
		Entry("if nobody has it", false, "7", ""),
		Entry("if it was a refusal", true, "8", "attacker"),
	)

	It("ends a dial without a deadline as an operating system would", func() {
		w := newTrap(0, true)
		echo(w)
		s := w.client.NewSession(0)
		_, err := s.DialContext(context.Background(), "tcp", "203.0.113.80:7")
		var timeout net.Error
		Expect(errors.As(err, &timeout) && timeout.Timeout()).To(BeTrue())
		Expect(s.Elapsed()).To(Equal(127 * time.Second))
	})

	It("ends the wait for a datagram, each time anew", func() {
		w := newTrap(0, true)
		echo(w)
		s := w.client.NewSession(0)
		c, err := s.DialContext(timeout(5*time.Second), "udp", "203.0.113.80:7")
		Expect(err).NotTo(HaveOccurred())
		defer c.Close()
		inTime(func() {
			for n := range 3 {
				_, err = c.Write([]byte("hello"))
				Expect(err).NotTo(HaveOccurred())
				_, err = c.Read(make([]byte, 100))
				Expect(err).To(MatchError(ContainSubstring("timeout")))
				Expect(s.Elapsed()).To(Equal(time.Duration(n+1) * 5 * time.Second))
			}
		})
		Expect(s.Flows()[0].AstrayTo).To(Equal("attacker"))
	})

	It("ends the wait at the connection's own deadline if that comes first", func() {
		w := newTrap(0, true)
		echo(w)
		s := w.client.NewSession(0)
		c, err := s.DialContext(timeout(5*time.Second), "udp", "203.0.113.80:7")
		Expect(err).NotTo(HaveOccurred())
		defer c.Close()
		Expect(c.SetReadDeadline(time.Now().Add(2 * time.Second))).To(Succeed())
		_, err = c.Write([]byte("hello"))
		Expect(err).NotTo(HaveOccurred())
		inTime(func() {
			_, err = c.Read(make([]byte, 100))
			Expect(err).To(MatchError(ContainSubstring("timeout")))
		})
		Expect(s.Elapsed()).To(Equal(2 * time.Second))
	})

	It("is told from an answer that nobody gives", func() {
		w := newTrap(time.Hour, true)
		echo(w)
		s := w.client.NewSession(0)
		c, err := s.DialContext(timeout(5*time.Second), "udp", "203.0.113.80:7")
		Expect(err).NotTo(HaveOccurred())
		defer c.Close()
		_, err = c.Write([]byte("?"))
		Expect(err).NotTo(HaveOccurred())
		Expect(c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))).To(Succeed())
		_, err = c.Read(make([]byte, 100))
		Expect(err).To(MatchError(ContainSubstring("timeout")))
		Expect(s.Flows()[0].Astray).To(BeFalse())
	})

	It("ends a connection in the middle, after what came before", func() {
		w := newTrap(time.Minute, true)
		l, err := w.server.Listen(context.Background(), "tcp", "203.0.113.80:9")
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(l.Close)
		done := make(chan struct{})
		go func() {
			defer GinkgoRecover()
			defer close(done)
			c, err := l.Accept()
			Expect(err).NotTo(HaveOccurred())
			_, err = c.Write([]byte("before"))
			Expect(err).NotTo(HaveOccurred())
			busy, err := w.server.SessionFor(c)
			Expect(err).NotTo(HaveOccurred())
			udp, err := busy.DialContext(timeout(2*time.Minute), "udp", "198.18.3.10:9") // nobody answers the door
			Expect(err).NotTo(HaveOccurred())
			Expect(udp.SetReadDeadline(time.Now().Add(10 * time.Millisecond))).To(Succeed())
			_, _ = udp.Write([]byte("x"))
			_, _ = udp.Read(make([]byte, 1))
			_ = udp.Close()
			_, err = c.Write([]byte("after"))
			Expect(err).NotTo(HaveOccurred())
		}()
		s := w.client.NewSession(time.Minute - 2*oneWay)
		c, err := s.DialContext(timeout(30*time.Second), "tcp", "203.0.113.80:9")
		Expect(err).NotTo(HaveOccurred())
		defer c.Close()
		<-done
		all, err := io.ReadAll(c)
		Expect(string(all)).To(Equal("before"))
		Expect(err).To(MatchError(ContainSubstring("timeout")))
		Expect(s.Elapsed()).To(Equal(time.Minute-2*oneWay+30*time.Second), "nothing was written: the patience began with the dial")
		Expect(s.Flows()[0].AstrayTo).To(Equal("attacker"))
	})
})

var _ = Describe("A server that asks others before it answers", func() {
	It("answers when it knows", func(ctx SpecContext) {
		w := newLine(0, false)
		serveHTTP(w.client, clientAddr, 80, nil)
		l, err := w.server.Listen(ctx, "tcp", "203.0.113.80:9")
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(l.Close)
		sessions := make(chan *fabric.Session, 1)
		go func() {
			defer GinkgoRecover()
			c, err := l.Accept()
			Expect(err).NotTo(HaveOccurred())
			defer c.Close()
			_, err = io.ReadFull(c, make([]byte, 4))
			Expect(err).NotTo(HaveOccurred())
			s, err := w.server.SessionFor(c)
			Expect(err).NotTo(HaveOccurred())
			body, err := fetch(s, "http://198.18.1.10/")
			Expect(err).NotTo(HaveOccurred())
			_, err = c.Write([]byte(body))
			Expect(err).NotTo(HaveOccurred())
			sessions <- s
		}()
		s := w.client.NewSession(time.Hour)
		c, err := s.DialContext(ctx, "tcp", "203.0.113.80:9")
		Expect(err).NotTo(HaveOccurred())
		_, err = c.Write([]byte("who?"))
		Expect(err).NotTo(HaveOccurred())
		all, err := io.ReadAll(c)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(all)).To(Equal("client"))
		Expect(s.Elapsed()).To(Equal(time.Hour+8*oneWay), "two for the handshake, one for the question, four for the page, one for the answer")
		theirs := <-sessions
		Expect(theirs.Flows()).To(HaveLen(1))
		Expect(theirs.Flows()[0].SentAt).To(Equal(time.Hour + 3*oneWay))
	}, SpecTimeout(10*time.Second))

	It("does so for its own connections only", func(ctx SpecContext) {
		w := newLine(0, false)
		_, err := w.server.SessionFor(nil)
		Expect(err).To(HaveOccurred())
		serveHTTP(w.server, serverAddr, 80, nil)
		c, err := w.client.NewSession(0).DialContext(ctx, "tcp", "203.0.113.80:80")
		Expect(err).NotTo(HaveOccurred())
		_, err = w.server.SessionFor(c)
		Expect(err).To(MatchError(ContainSubstring("want a connection of one of its listeners")))
	})
})
