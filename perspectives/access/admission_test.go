package access_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives/access"
)

// service counts as a client whoever asks for /NAME, and answers when it may.
type service struct {
	t         *testing.T
	g         *WithT
	admission *access.Admission
	address   string
	let       chan struct{} // lets requests for /NAME/slow go
}

const patience = 30 * time.Second

func serve(t *testing.T, connections int) *service {
	t.Helper()
	s := &service{t: t, g: NewWithT(t), let: make(chan struct{})}
	var err error
	s.admission, err = access.NewAdmission(connections)
	s.g.Expect(err).NotTo(HaveOccurred())
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	s.g.Expect(err).NotTo(HaveOccurred())
	s.address = l.Addr().String()
	server := &http.Server{ReadHeaderTimeout: patience, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, what, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		if denial := access.Admit(r.Context(), name); denial != nil {
			w.Header().Set("Connection", "close")
			http.Error(w, string(denial.Cause), http.StatusServiceUnavailable)
			return
		}
		if what == "slow" {
			<-s.let
		}
		_, _ = fmt.Fprint(w, name)
	})}
	s.admission.Attach(server)
	done := make(chan error, 1)
	go func() { done <- server.Serve(s.admission.Listen(l)) }()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
		open, strangers, _ := s.admission.Connections()
		s.g.Eventually(func() int { open, strangers, _ = s.admission.Connections(); return open }, patience).Should(BeZero())
		s.g.Expect(strangers).To(BeZero())
	})
	return s
}

// connection is one that a test keeps open.
type connection struct {
	*service
	net.Conn
	in *bufio.Reader
}

// dial connects from an address of the loopback.
func (s *service) dial(from string) *connection {
	s.t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.DialContext(s.t.Context(), "tcp", s.address)
	s.g.Expect(err).NotTo(HaveOccurred())
	s.g.Expect(c.SetDeadline(time.Now().Add(patience))).To(Succeed())
	s.t.Cleanup(func() { _ = c.Close() })
	return &connection{s, c, bufio.NewReader(c)}
}

// ask sends a request.
func (c *connection) ask(path string) *connection {
	_, err := fmt.Fprintf(c, "GET /%s HTTP/1.1\r\nHost: x\r\n\r\n", path)
	c.g.Expect(err).NotTo(HaveOccurred())
	return c
}

// answer returns a response's status, 0 if the connection was closed.
func (c *connection) answer() int {
	response, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return 0
	}
	_, err = bufio.NewReader(response.Body).ReadString(0)
	c.g.Expect(err).To(HaveOccurred())
	return response.StatusCode
}

// settle waits until so many connections are open, and strangers'.
func (s *service) settle(open, strangers int) {
	s.t.Helper()
	s.g.Eventually(func() []int {
		a, b, _ := s.admission.Connections()
		return []int{a, b}
	}, patience).Should(Equal([]int{open, strangers}))
}

// TestStrangersMakeRoomForEachOther: a client gets through however many say nothing,
// and nobody's request is cut off for them.
func TestStrangersMakeRoomForEachOther(t *testing.T) {
	s := serve(t, 16)
	busy := s.dial("127.0.0.1").ask("ca/slow")
	s.settle(1, 0)
	for range 100 {
		s.dial("127.0.0.2")
	}
	s.settle(1+4, 4)
	early := s.dial("127.0.0.3") // has not said yet who it is
	for range 100 {
		s.dial("127.0.0.2")
	}
	s.settle(1+4, 4)
	s.g.Expect(early.ask("partner").answer()).To(Equal(200), "an address of its own is not pushed out by another's many")
	s.g.Expect(s.dial("127.0.0.2").ask("partner").answer()).To(Equal(200), "nor is the newest of the same address")
	close(s.let)
	s.g.Expect(busy.answer()).To(Equal(200))
	_, _, closed := s.admission.Connections()
	s.g.Expect(closed.Strangers).To(BeNumerically(">=", 190))
	s.g.Expect(closed.Refused).To(BeZero())
}

// TestIdleClientsMakeRoom for new ones, the one that has been idle for longest first;
// nobody who is being answered does.
func TestIdleClientsMakeRoom(t *testing.T) {
	s := serve(t, 8)
	var idle []*connection
	for i := range 8 {
		idle = append(idle, s.dial("127.0.0.1").ask(fmt.Sprintf("c%d", i)))
		s.g.Expect(idle[i].answer()).To(Equal(200))
	}
	s.settle(8, 0)
	idle[0].ask("c0")
	s.g.Expect(idle[0].answer()).To(Equal(200)) // now c1 is the oldest
	s.g.Eventually(func() int {
		if s.dial("127.0.0.1").ask("new").answer() != 200 {
			return -1
		}
		_, _, closed := s.admission.Connections()
		return int(closed.Idle)
	}, patience).Should(Equal(1))
	s.g.Expect(idle[1].answer()).To(BeZero())
	s.g.Expect(idle[0].ask("c0").answer()).To(Equal(200))
}

// TestNoRoomAtAll: a connection is closed at once if everybody is being answered.
func TestNoRoomAtAll(t *testing.T) {
	s := serve(t, 8)
	var busy []*connection
	for i := range 8 {
		busy = append(busy, s.dial("127.0.0.1").ask(fmt.Sprintf("c%d/slow", i)))
		s.settle(i+1, 0)
	}
	s.g.Expect(s.dial("127.0.0.1").answer()).To(BeZero())
	_, _, closed := s.admission.Connections()
	s.g.Expect(closed).To(Equal(access.Closed{Refused: 1}))
	close(s.let)
	for _, c := range busy {
		s.g.Expect(c.answer()).To(Equal(200))
	}
}

// TestOneClientHasHalf of the places at most.
func TestOneClientHasHalf(t *testing.T) {
	s := serve(t, 8)
	for range 4 {
		s.g.Expect(s.dial("127.0.0.1").ask("greedy").answer()).To(Equal(200))
	}
	s.g.Expect(s.dial("127.0.0.1").ask("greedy").answer()).To(Equal(503))
	s.g.Expect(s.dial("127.0.0.1").ask("other").answer()).To(Equal(200))
}

func TestAdmissionElsewhere(t *testing.T) {
	g := NewWithT(t)
	g.Expect(access.Admit(context.Background(), "ca")).To(BeNil(), "a connection that nobody bounds")
	_, err := access.NewAdmission(7)
	g.Expect(err).To(MatchError("connections 7: expected 8 or more"))
}
