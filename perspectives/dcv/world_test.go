package dcv_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/dcv"
	"mpicsim/perspectives/resolver"
)

const (
	token   = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
	keyAuth = token + ".9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"
	// digest is base64url(SHA-256(keyAuth)).
	digest = "lCM7cZyQXcVHK2nnW3jjAhNT3Fvm18UN-kWZZknKoYM"
)

// world is the Internet of one spec: names, and what listens at which address.
type world struct {
	names     map[string]any    // "www.example.test A" -> []string of RDATA, or error
	listeners map[string]string // "203.0.113.7:80" -> loopback address
	refusals  map[string]error  // "203.0.113.7:80" -> what dialling it fails with
	options   func(o *dcv.Options)
	check     perspectives.Check
	status    resolver.Status // of every answer
	// failedStatus is that of every failed lookup.
	failedStatus resolver.Status

	// What run brought.
	outcome perspectives.Outcome
	targets []string

	mu       sync.Mutex
	dialled  []string        // addresses dialled, in order
	asked    []string        // names looked up, in order
	requests []*http.Request // requests served, in order
}

func newWorld() *world {
	return &world{
		names:     map[string]any{},
		listeners: map[string]string{},
		refusals:  map[string]error{},
		options:   func(*dcv.Options) {},
		check: perspectives.Check{
			Domain: "www.example.test", Method: perspectives.HTTP01, Token: token, KeyAuthorization: keyAuth,
		},
	}
}

// DialContext implements perspectives.Network: it leads to the listeners of this
// world and refuses everything else.
func (w *world) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	w.mu.Lock()
	w.dialled = append(w.dialled, address)
	w.mu.Unlock()
	if err := w.refusals[address]; err != nil {
		return nil, err
	}
	real, ok := w.listeners[address]
	if !ok {
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}
	return (&net.Dialer{}).DialContext(ctx, network, real)
}

// Lookup implements dcv.Resolver.
func (w *world) Lookup(_ context.Context, name string, qtype uint16) (*resolver.Answer, error) {
	query := name + " " + dns.TypeToString[qtype]
	w.asked = append(w.asked, query)
	trace := []perspectives.Evidence{{Kind: "dns", Query: query}}
	a := &resolver.Answer{Server: netip.MustParseAddrPort("192.0.2.53:53"), Trace: trace, Status: w.status}
	switch records := w.names[query].(type) {
	case error:
		if errors.Is(records, errNameError) {
			a.Rcode = dns.RcodeNameError
			return a, nil
		}
		return nil, &resolver.Error{Name: name, Type: qtype, Err: records, Trace: trace, Status: w.failedStatus}
	case []string:
		for _, data := range records {
			if alias, ok := strings.CutPrefix(data, "CNAME "); ok && qtype != dns.TypeCNAME {
				a.CNAMEs = append(a.CNAMEs, alias)
				continue
			}
			rr, err := dns.NewRR(name + ". " + dns.TypeToString[qtype] + " " + data)
			if err != nil {
				return nil, err
			}
			a.Records = append(a.Records, rr)
		}
	default:
		if !w.exists(name) {
			a.Rcode = dns.RcodeNameError
		}
	}
	return a, nil
}

func (w *world) exists(name string) bool {
	for query := range w.names {
		if strings.HasPrefix(query, name+" ") {
			return true
		}
	}
	return false
}

// web serves h at the addresses given, such as "203.0.113.7:80".
func (w *world) web(h http.HandlerFunc, addresses ...string) {
	srv := httptest.NewServer(w.recorded(h))
	DeferCleanup(srv.Close)
	for _, a := range addresses {
		w.listeners[a] = srv.Listener.Addr().String()
	}
}

// secure is web over TLS.
func (w *world) secure(h http.HandlerFunc, addresses ...string) {
	srv := httptest.NewTLSServer(w.recorded(h))
	DeferCleanup(srv.Close)
	for _, a := range addresses {
		w.listeners[a] = srv.Listener.Addr().String()
	}
}

func (w *world) recorded(h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		w.mu.Lock()
		w.requests = append(w.requests, req)
		w.mu.Unlock()
		h(rw, req)
	})
}

// raw answers every connection to address with the given pieces, written one
// by one, and closes it.
func (w *world) raw(address string, pieces ...string) {
	GinkgoHelper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // test
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(l.Close)
	w.listeners[address] = l.Addr().String()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 4096)
			_, _ = c.Read(buf)
			for _, p := range pieces {
				_, _ = c.Write([]byte(p))
			}
			_ = c.Close()
		}
	}()
}

// run makes the check.
func (w *world) run(ctx context.Context) {
	GinkgoHelper()
	now := time.Date(2026, 12, 15, 0, 0, 0, 0, time.UTC)
	o := dcv.Options{
		Network: w,
		Clock: func() time.Time {
			now = now.Add(time.Second)
			return now
		},
		Timeout: 5 * time.Second,
	}
	w.options(&o)
	v, err := dcv.New(o)
	Expect(err).NotTo(HaveOccurred())
	w.outcome, w.targets = v.Validate(ctx, w, w.check)
}

// serve answers with status and body.
func serve(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// redirect answers with status and Location.
func redirect(status int, location string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", location)
		w.WriteHeader(status)
	}
}

// refusing refuses the addresses given.
func refusing(addrs ...string) func(*dcv.Options) {
	return func(o *dcv.Options) {
		o.Allowed = func(a netip.Addr) error {
			for _, r := range addrs {
				if netip.MustParseAddr(r) == a {
					return fmt.Errorf("address %v is reserved", a)
				}
			}
			return nil
		}
	}
}

var errServerFailure = errors.New("SERVFAIL")

// errNameError makes a lookup say that the name does not exist, whatever else there
// is at it.
var errNameError = errors.New("NXDOMAIN")

func fixed() time.Time { return time.Time{} }
