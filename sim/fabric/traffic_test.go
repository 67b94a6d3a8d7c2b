package fabric_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/sim/fabric"
	"mpicsim/topology"
)

// serveHTTP runs an unmodified net/http server on a host; it answers with its
// name.
func serveHTTP(h *fabric.Host, addr netip.Addr, port uint16, handler http.Handler) {
	GinkgoHelper()
	l, err := h.Listen(context.Background(), "tcp", netip.AddrPortFrom(addr, port).String())
	Expect(err).NotTo(HaveOccurred())
	if handler == nil {
		handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, h.Name()) })
	}
	server := &http.Server{Handler: handler}
	go func() { _ = server.Serve(l) }()
	DeferCleanup(server.Close)
}

// fetch gets a URL with an unmodified net/http client in a session.
func fetch(s *fabric.Session, url string) (string, error) {
	client := &http.Client{Transport: &http.Transport{DialContext: s.DialContext, DisableKeepAlives: true}, Timeout: 20 * time.Second}
	resp, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

var _ = Describe("Traffic", func() {
	DescribeTable("an unmodified HTTP client reaches an unmodified HTTP server",
		func(addr netip.Addr) {
			w := newLine(0, false)
			serveHTTP(w.server, addr, 80, nil)
			s := w.client.NewSession(0)
			Expect(fetch(s, "http://"+netip.AddrPortFrom(addr, 80).String()+"/")).To(Equal("server"))
			By("taking two round trips: one to connect, one for the answer")
			Expect(s.Elapsed()).To(Equal(4 * oneWay))
			flows := s.Flows()
			Expect(flows).To(HaveLen(1))
			Expect(flows[0].Path).To(Equal([]topology.ASN{1, 2, 3, 4, 5}))
			Expect(flows[0].To).To(Equal("server"))
		},
		Entry("over IPv4", serverAddr),
		Entry("over IPv6", serverAddr6),
	)

	It("gives each client the times of its own way, however many there are", func() {
		w := newLine(0, false)
		serveHTTP(w.server, serverAddr, 80, nil)
		var wg sync.WaitGroup
		elapsed := make([]time.Duration, 64)
		for n := range elapsed {
			wg.Go(func() {
				defer GinkgoRecover()
				start := time.Duration(n) * time.Second
				s := w.client.NewSession(start)
				Expect(fetch(s, "http://203.0.113.80/")).To(Equal("server"))
				elapsed[n] = s.Elapsed() - start
			})
		}
		wg.Wait()
		Expect(elapsed).To(HaveEach(4 * oneWay))
	})

	It("carries a body of many windows whole", func() {
		w := newLine(0, false)
		body := make([]byte, 1<<20)
		_, err := rand.Read(body)
		Expect(err).NotTo(HaveOccurred())
		serveHTTP(w.server, serverAddr, 80, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write(body) }))
		s := w.client.NewSession(0)
		got, err := fetch(s, "http://203.0.113.80/")
		Expect(err).NotTo(HaveOccurred())
		Expect(bytes.Equal([]byte(got), body)).To(BeTrue(), "the body differs") // not Equal, which would print both
		By("taking more than the two round trips that fit into the initial window")
		Expect(s.Elapsed()).To(BeNumerically(">=", 6*oneWay))
	})

	It("runs an unmodified miekg/dns server and client over UDP and TCP", func() {
		w := newLine(0, false)
		handler := dns.HandlerFunc(func(rw dns.ResponseWriter, q *dns.Msg) {
			m := new(dns.Msg).SetReply(q)
			m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(192, 0, 2, 1)}}
			_ = rw.WriteMsg(m)
		})
		pc, err := w.server.ListenPacket(context.Background(), "udp", "203.0.113.80:53")
		Expect(err).NotTo(HaveOccurred())
		l, err := w.server.Listen(context.Background(), "tcp", "203.0.113.80:53")
		Expect(err).NotTo(HaveOccurred())
		for _, server := range []*dns.Server{{PacketConn: pc, Handler: handler}, {Listener: l, Handler: handler}} {
			started := make(chan struct{})
			server.NotifyStartedFunc = func() { close(started) }
			go func() { _ = server.ActivateAndServe() }()
			<-started
			DeferCleanup(server.Shutdown)
		}
		for network, trips := range map[string]time.Duration{"udp": 1, "tcp": 2} {
			s := w.client.NewSession(0)
			c, err := s.DialContext(context.Background(), network, "203.0.113.80:53")
			Expect(err).NotTo(HaveOccurred())
			client := dns.Client{Net: network}
			q := new(dns.Msg).SetQuestion("example.com.", dns.TypeA)
			r, _, err := client.ExchangeWithConn(q, &dns.Conn{Conn: c})
			Expect(err).NotTo(HaveOccurred())
			Expect(r.Answer).To(HaveLen(1))
			Expect(s.Elapsed()).To(Equal(2*trips*oneWay), network)
			Expect(c.Close()).To(Succeed())
		}
	})

	It("refuses a connection to a closed port after one round trip", func() {
		w := newLine(0, false)
		s := w.client.NewSession(0)
		_, err := s.DialContext(context.Background(), "tcp", "203.0.113.80:81")
		Expect(errors.Is(err, syscall.ECONNREFUSED)).To(BeTrue(), "%v", err)
		Expect(s.Elapsed()).To(Equal(2 * oneWay))
	})

	DescribeTable("answers what cannot be delivered with an ICMP error, at once",
		func(network, address string, want error, after time.Duration) {
			w := newLine(0, false)
			s := w.client.NewSession(0)
			c, err := s.DialContext(context.Background(), network, address)
			if network == "udp" {
				Expect(err).NotTo(HaveOccurred())
				_, err = c.Write([]byte("hello"))
				Expect(err).NotTo(HaveOccurred())
				Expect(c.SetReadDeadline(time.Now().Add(10 * time.Second))).To(Succeed())
				_, err = c.Read(make([]byte, 10))
			}
			Expect(errors.Is(err, want)).To(BeTrue(), "got %v, want %v", err, want)
			Expect(s.Elapsed()).To(Equal(after))
		},
		Entry("no route, TCP", "tcp", "192.0.2.1:80", syscall.ENETUNREACH, time.Duration(0)),
		Entry("no route, UDP", "udp", "192.0.2.1:80", syscall.ENETUNREACH, time.Duration(0)),
		Entry("no route, IPv6", "tcp", "[2001:db8:ffff::1]:80", syscall.ENETUNREACH, time.Duration(0)),
		Entry("no such host, TCP", "tcp", "203.0.113.99:80", syscall.EHOSTUNREACH, 2*oneWay),
		Entry("no such host, UDP", "udp", "203.0.113.99:80", syscall.EHOSTUNREACH, 2*oneWay),
		Entry("no such host, IPv6", "udp", "[2001:db8:5::99]:80", syscall.EHOSTUNREACH, 2*oneWay),
		Entry("closed UDP port", "udp", "203.0.113.80:9", syscall.ECONNREFUSED, 2*oneWay),
		Entry("closed UDP port, IPv6", "udp", "[2001:db8:5::80]:9", syscall.ECONNREFUSED, 2*oneWay),
	)

	It("traces the AS path", func() {
		w := newLine(0, false)
		for _, dst := range []netip.Addr{serverAddr, serverAddr6} {
			hops, err := w.client.Traceroute(context.Background(), dst, 0)
			Expect(err).NotTo(HaveOccurred())
			Expect(hops).To(HaveLen(6))
			for n, hop := range hops[:5] {
				Expect(hop.AS).To(Equal(topology.ASN(n + 1)))
				Expect(hop.RTT).To(Equal(2 * time.Duration(n) * (tenDegrees + perHop)))
			}
			Expect(hops[5].Reached).To(BeTrue())
			Expect(hops[5].Addr).To(Equal(dst))
			Expect(hops[5].RTT).To(Equal(2 * oneWay))
		}
		By("ending where a router cannot deliver")
		hops, err := w.client.Traceroute(context.Background(), netip.MustParseAddr("203.0.113.99"), 0)
		Expect(err).NotTo(HaveOccurred())
		Expect(hops[len(hops)-1].Unreachable).To(BeTrue())
	})

	It("sends exactly the packets after a change of routes the new way", func() {
		const hijack = 10 * time.Second
		w := newLine(hijack, false)
		serveHTTP(w.server, serverAddr, 80, nil)
		serveHTTP(w.attacker, serverAddr, 80, nil)
		answers := map[string]string{}
		for name, at := range map[string]time.Duration{"just before": hijack - 1, "at": hijack, "after": hijack + time.Second} {
			s := w.client.NewSession(at)
			c, err := s.DialContext(context.Background(), "udp", "203.0.113.80:9")
			Expect(err).NotTo(HaveOccurred())
			_, err = c.Write([]byte("?"))
			Expect(err).NotTo(HaveOccurred())
			answers[name] = s.Flows()[0].To
		}
		Expect(answers).To(Equal(map[string]string{"just before": "server", "at": "attacker", "after": "attacker"}))
	})

	It("lets a client read what was sent before a hijack, although the attacker resets the connection", func() {
		const hijack = oneWay * 5 / 2 // the request is on its way, the client's later acknowledgements go to the attacker
		w := newLine(hijack, false)
		serveHTTP(w.server, serverAddr, 80, nil)
		for range 50 {
			s := w.client.NewSession(0)
			Expect(fetch(s, "http://203.0.113.80/")).To(Equal("server"))
			Expect(s.Elapsed()).To(Equal(4 * oneWay))
		}
	})

	It("refuses hosts and sockets that cannot be", func() {
		w := newLine(0, false)
		_, err := w.AddHost(fabric.HostConfig{Name: "x", AS: 5, Addrs: []netip.Addr{serverAddr}})
		Expect(err).To(MatchError(fabric.ErrAddressTaken))
		_, err = w.AddHost(fabric.HostConfig{Name: "client", AS: 5, Addrs: []netip.Addr{netip.MustParseAddr("203.0.113.9")}})
		Expect(err).To(MatchError(ContainSubstring("another host has this name")))
		_, err = w.AddHost(fabric.HostConfig{Name: "x", AS: 99, Addrs: []netip.Addr{serverAddr}})
		Expect(err).To(MatchError(ContainSubstring("AS 99 is not in the topology")))
		_, err = w.AddHost(fabric.HostConfig{Name: "x", AS: 5, Addrs: []netip.Addr{netip.IPv4Unspecified()}})
		Expect(err).To(MatchError(ContainSubstring("want a plain unicast")))
		_, err = w.server.Listen(context.Background(), "tcp", "0.0.0.0:80")
		Expect(err).To(MatchError(ContainSubstring(`want one of host "server"'s`)))
		_, err = w.client.NewSession(0).DialContext(context.Background(), "tcp", "example.com:80")
		Expect(err).To(MatchError(ContainSubstring("names are not resolved here")))
		_, err = w.client.NewSession(0).DialContext(context.Background(), "tcp4", "[2001:db8::1]:80")
		Expect(err).To(MatchError(ContainSubstring("is not IPv4")))
	})

	It("moves the clock by the timeout when a server does not answer", func() {
		w := newLine(0, false)
		_, err := w.server.ListenPacket(context.Background(), "udp", "203.0.113.80:7")
		Expect(err).NotTo(HaveOccurred())
		s := w.client.NewSession(time.Second)
		c, err := s.DialContext(context.Background(), "udp", "203.0.113.80:7")
		Expect(err).NotTo(HaveOccurred())
		_, err = c.Write([]byte("?"))
		Expect(err).NotTo(HaveOccurred())
		Expect(c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))).To(Succeed())
		_, err = c.Read(make([]byte, 1))
		Expect(err).To(HaveOccurred())
		Expect(strings.Contains(err.Error(), "timeout")).To(BeTrue(), "%v", err)
		Expect(s.Elapsed()).To(Equal(time.Second + 100*time.Millisecond))
	})
})
