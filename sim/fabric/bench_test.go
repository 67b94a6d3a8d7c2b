package fabric_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	"mpicsim/sim/fabric"
	"mpicsim/topology"
)

// benchLine is a line of 5 ASes, a client at one end and servers at the other.
func benchLine(b *testing.B) (client, server *fabric.Host) {
	b.Helper()
	var t topology.Builder
	for n := topology.ASN(2); n <= 5; n++ {
		t.AddLink(topology.Link{A: n, B: n - 1, Kind: topology.Peering})
	}
	g, _, err := t.Build()
	if err != nil {
		b.Fatal(err)
	}
	type hops = map[topology.ASN]topology.ASN
	f, err := fabric.New(fabric.Config{Graph: g, Epochs: []fabric.Epoch{{Routes: []fabric.PrefixRoutes{
		staticRoutes{clientPrefix, g, hops{1: 1, 2: 1, 3: 2, 4: 3, 5: 4}},
		staticRoutes{serverPrefix, g, hops{1: 2, 2: 3, 3: 4, 4: 5, 5: 5}},
	}}}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(f.Close)
	if client, err = f.AddHost(fabric.HostConfig{Name: "client", AS: 1, Addrs: []netip.Addr{clientAddr}}); err != nil {
		b.Fatal(err)
	}
	if server, err = f.AddHost(fabric.HostConfig{Name: "server", AS: 5, Addrs: []netip.Addr{serverAddr}}); err != nil {
		b.Fatal(err)
	}
	return client, server
}

// BenchmarkHTTP is one GET with a new connection and a new client, over 5 ASes.
func BenchmarkHTTP(b *testing.B) {
	client, server := benchLine(b)
	l, err := server.Listen(context.Background(), "tcp", "203.0.113.80:80")
	if err != nil {
		b.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") })}
	go func() { _ = s.Serve(l) }()
	b.Cleanup(func() { _ = s.Close() })
	b.SetParallelism(4)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if body, err := fetch(client.NewSession(0), "http://203.0.113.80/"); err != nil || body != "hello" {
				b.Errorf("got %q, %v", body, err)
				return
			}
		}
	})
}

// BenchmarkDNS is one query over UDP with a new socket, over 5 ASes.
func BenchmarkDNS(b *testing.B) {
	client, server := benchLine(b)
	pc, err := server.ListenPacket(context.Background(), "udp", "203.0.113.80:53")
	if err != nil {
		b.Fatal(err)
	}
	started := make(chan struct{})
	s := &dns.Server{PacketConn: pc, NotifyStartedFunc: func() { close(started) }, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		_ = w.WriteMsg(new(dns.Msg).SetReply(q))
	})}
	go func() { _ = s.ActivateAndServe() }()
	<-started
	b.Cleanup(func() { _ = s.Shutdown() })
	query, err := new(dns.Msg).SetQuestion("example.com.", dns.TypeA).Pack()
	if err != nil {
		b.Fatal(err)
	}
	b.SetParallelism(4)
	b.RunParallel(func(pb *testing.PB) {
		buf := make([]byte, 1500)
		for pb.Next() {
			c, err := client.NewSession(0).DialContext(context.Background(), "udp", "203.0.113.80:53")
			if err != nil {
				b.Error(err)
				return
			}
			if _, err = c.Write(query); err == nil {
				_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
				_, err = c.Read(buf)
			}
			if err != nil && !errors.Is(err, io.EOF) {
				b.Error(err)
				return
			}
			_ = c.Close()
		}
	})
}
