package remote

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode"

	"mpicsim/perspectives"
	"mpicsim/perspectives/ijson"
)

// ClientConfig is one remote perspective as a CA knows it.
type ClientConfig struct {
	// Perspective is what the remote must say that it is. Name is required.
	Perspective perspectives.Perspective
	// URL is the server, such as "https://fra.mpic.example:8443". Its host is the
	// name, or IP address, that the server's certificate must have.
	URL string
	// Address is where to connect, for a Network that resolves no names; zero
	// stands for host and port of URL.
	Address netip.AddrPort
	// Roots issue the server's certificate, Certificates are the client's. Both
	// required.
	Roots        *x509.CertPool
	Certificates []tls.Certificate
	// Key verifies answers. Required.
	Key ed25519.PublicKey
	// Clock dates requests and judges the time of answers, and certificates.
	// Required.
	Clock perspectives.Clock
	// Network carries the connections: a *net.Dialer by default.
	Network perspectives.Network
	// Timeout bounds one check with everything that belongs to it, 40 s if 0. The
	// context may end it earlier.
	Timeout time.Duration
	// Validity is how long a request is valid, 1 min if 0, at most [MaxValidity].
	Validity time.Duration
	// ClockSkew is how far the clocks may differ, [ClockSkew] if 0.
	ClockSkew time.Duration
	// MaxAnswer is how many octets an answer may have, 1 MiB if 0:
	// four times the evidence of a check (perspectives.MaxEvidence).
	MaxAnswer int64
	// MaxIdle is how many connections are kept for later checks, 100 if 0; a
	// negative number closes each after its answer.
	MaxIdle int
	// Rand gives nonces, crypto/rand by default. It must be safe for concurrent
	// use.
	Rand io.Reader
	// OnAnswer, if set, is called with the octets of each request and its verified
	// answer, which together prove what the perspective said. It may keep them,
	// and is called by several goroutines at once if checks are made so.
	OnAnswer func(request, answer []byte)
}

// What keeps a client from having an answer to verify, as stable reasons of
// outcomes; the reasons for not believing one are with [AnswerError].
const (
	ReasonUnreachable    = "remote-unreachable"    // no connection, or it broke
	ReasonTimeout        = "remote-timeout"        // no answer in time
	ReasonCancelled      = "cancelled"             // the caller gave up
	ReasonAuthentication = "remote-authentication" // one side refused the other's certificate, or TLS
	ReasonRefused        = "refused-by-remote"     // the server said why it does not check
	ReasonTooLarge       = "answer-too-large"
	ReasonBadRequest     = "bad-request" // the check cannot be put in a request
)

// Client asks one remote perspective. It is a runner of package coordinator:
// whatever goes wrong is an outcome with verdict Error and one of this package's
// reasons. Create it with [New].
type Client struct {
	config    ClientConfig
	base      string
	http      *http.Client
	transport *http.Transport
}

const (
	defaultTimeout   = 40 * time.Second
	defaultValidity  = time.Minute
	defaultMaxAnswer = 4 * perspectives.MaxEvidence
	defaultMaxIdle   = 100         // as many checks at once need no handshake of their own
	clientIdle       = time.Minute // less than the server's
	maxRefusal       = 4 << 10
	clause           = "BR 3.2.2.9"
)

// New returns a client, or an error that names the perspective and the field that
// is missing or impossible. It contacts nobody.
func New(c ClientConfig) (*Client, error) {
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("remote perspective %q: %w", c.Perspective.Name, err)
	}
	c.Timeout = cmp.Or(c.Timeout, defaultTimeout)
	c.Validity = cmp.Or(c.Validity, defaultValidity)
	c.ClockSkew = cmp.Or(c.ClockSkew, ClockSkew)
	c.MaxAnswer = cmp.Or(c.MaxAnswer, int64(defaultMaxAnswer))
	c.MaxIdle = cmp.Or(c.MaxIdle, defaultMaxIdle)
	if c.Network == nil {
		c.Network = &net.Dialer{}
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	u, err := url.Parse(c.URL)
	if err != nil { // validated above
		return nil, err
	}
	transport := &http.Transport{
		Proxy: nil, // whatever the environment says
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if c.Address.IsValid() {
				address = c.Address.String()
			}
			return c.Network.DialContext(ctx, network, address)
		},
		TLSClientConfig: &tls.Config{
			MinVersion: tls.VersionTLS13, RootCAs: c.Roots, Certificates: c.Certificates,
			ServerName: u.Hostname(), Time: c.Clock, NextProtos: []string{"http/1.1"},
		},
		DisableCompression:     true,
		DisableKeepAlives:      c.MaxIdle < 0,
		MaxIdleConnsPerHost:    max(c.MaxIdle, 0),
		IdleConnTimeout:        clientIdle,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
	return &Client{
		config: c, base: "https://" + u.Host, transport: transport,
		http: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

func (c ClientConfig) validate() error {
	u, err := url.Parse(c.URL)
	switch {
	case c.Perspective.Name == "":
		return errors.New("the perspective has no name")
	case err != nil || u.Scheme != "https" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil:
		return fmt.Errorf("URL %q: expected https://HOST:PORT", c.URL)
	case c.Roots == nil || len(c.Certificates) == 0:
		return errors.New("roots or client certificates: missing")
	case len(c.Key) != ed25519.PublicKeySize:
		return fmt.Errorf("key: found %d octets, expected an Ed25519 public key of %d", len(c.Key), ed25519.PublicKeySize)
	case c.Clock == nil:
		return errors.New("no clock")
	case c.Timeout < 0 || c.Validity < 0 || c.Validity > MaxValidity || c.ClockSkew < 0 || c.MaxAnswer < 0:
		return fmt.Errorf("timeout %v, validity %v, clock skew %v, answer of %d octets: expected 0 or more, and a validity of at most %v",
			c.Timeout, c.Validity, c.ClockSkew, c.MaxAnswer, MaxValidity)
	}
	return nil
}

// Describe returns the perspective as configured.
func (c *Client) Describe() perspectives.Perspective { return c.config.Perspective }

// Close closes the connections that are kept. The client can go on.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Run asks the remote perspective the questions of check and returns what it saw,
// or, with the verdict Error for each question, why there is no answer that can
// be believed.
func (c *Client) Run(ctx context.Context, check perspectives.Check) perspectives.Result {
	started := c.config.Clock()
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	answer, err := c.ask(ctx, check)
	if _, broken := errors.AsType[*staleError](err); broken && ctx.Err() == nil {
		// A kept connection had been closed by the server; no answer had begun.
		c.transport.CloseIdleConnections()
		answer, err = c.ask(ctx, check)
	}
	if err == nil {
		return answer.Result
	}
	reason, detail := explain(ctx, err)
	outcome := perspectives.Outcome{
		Verdict: perspectives.Error, Reason: reason, Clause: clause,
		Detail: fmt.Sprintf("no answer of %s: %s", c.config.Perspective.Name, detail),
	}
	result := perspectives.Result{
		Perspective: c.config.Perspective.Name, RIR: c.config.Perspective.RIR, Questions: check.Questions,
		TargetAddresses: []string{}, Started: started, Finished: c.config.Clock(),
	}
	if check.Questions.DCV() {
		result.DCV = outcome
	}
	if check.Questions.CAA() {
		result.CAA = outcome
	}
	return result
}

// Info asks the remote perspective about itself. It says what the server claims:
// it is not signed, and not compared with the configuration.
func (c *Client) Info(ctx context.Context) (Info, error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	var info Info
	body, err := c.exchange(ctx, http.MethodGet, PathInfo, nil)
	if err == nil {
		err = decodeInfo(body, &info)
	}
	if err != nil {
		reason, detail := explain(ctx, err)
		return Info{}, fmt.Errorf("remote perspective %q: %s: %s", c.config.Perspective.Name, reason, detail)
	}
	return info, nil
}

// decodeInfo reads an Info, which unlike an answer holds fractions: coordinates.
func decodeInfo(body []byte, info *Info) error {
	if err := ijson.Decode(body, info, ijson.IgnoreUnknown); err != nil {
		return &AnswerError{ReasonBadAnswer, wellPut(err)}
	}
	return nil
}

// ask makes one request and verifies its answer.
func (c *Client) ask(ctx context.Context, check perspectives.Check) (Answer, error) {
	path := PathCheck
	switch check.Questions {
	case perspectives.OnlyDCV:
		path = PathDCV
	case perspectives.OnlyCAA:
		path = PathCAA
	case perspectives.Both:
	}
	nonce := make(Base64, minNonce)
	if _, err := io.ReadFull(c.config.Rand, nonce); err != nil {
		return Answer{}, &AnswerError{ReasonBadRequest, fmt.Errorf("nonce: %w", err)}
	}
	sent := c.config.Clock()
	asked := Request{
		APIVersion: APIVersion, Perspective: c.config.Perspective.Name, Nonce: nonce,
		NotBefore: sent.UTC(), NotAfter: sent.Add(c.config.Validity).UTC(), Check: check,
	}
	request, err := encode(asked)
	if err != nil {
		return Answer{}, &AnswerError{ReasonBadRequest, err}
	}
	body, err := c.exchange(ctx, http.MethodPost, path, request)
	if err != nil {
		return Answer{}, err
	}
	answer, err := Expected{
		Perspective: c.config.Perspective, Key: c.config.Key, Request: request, asked: &asked,
		Sent: sent, Received: c.config.Clock(), Skew: c.config.ClockSkew,
	}.Verify(body)
	if err == nil && c.config.OnAnswer != nil {
		c.config.OnAnswer(request, body)
	}
	return answer, err
}

// staleError is the failure of a connection that had been kept.
type staleError struct{ err error }

func (e *staleError) Error() string { return e.err.Error() }

func (e *staleError) Unwrap() error { return e.err }

// exchange returns the body of a response with status 200. Others are an error
// with what the server says.
func (c *Client) exchange(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	kept := false
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { kept = i.Reused }})
	request, err := http.NewRequestWithContext(traced, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, &AnswerError{ReasonBadRequest, err}
	}
	request.Header.Set("User-Agent", "mpicsim")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	request.GetBody = nil // a second try is a new request with a nonce of its own
	response, err := c.http.Do(request)
	if err != nil {
		if kept && ctx.Err() == nil {
			return nil, &staleError{err}
		}
		return nil, err
	}
	defer response.Body.Close()
	limit := c.config.MaxAnswer
	if response.StatusCode != http.StatusOK {
		limit = maxRefusal
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	switch {
	case ctx.Err() != nil: // also where an end was read while the connection was being closed
		return nil, ctx.Err()
	case err != nil:
		return nil, fmt.Errorf("reading the answer: %w", err)
	case response.StatusCode != http.StatusOK:
		return nil, &AnswerError{ReasonRefused, refusalError(response.StatusCode, answer)}
	case int64(len(answer)) > limit:
		return nil, &AnswerError{ReasonTooLarge, fmt.Errorf("found more than %d octets", limit)}
	}
	return answer, nil
}

// refusalError words a response that is not 200.
func refusalError(status int, body []byte) error {
	var r Refusal
	if err := ijson.Decode(body, &r, ijson.IgnoreUnknown); err != nil || r.Code == "" {
		return fmt.Errorf("status %d without a code", status)
	}
	detail := fmt.Sprintf("status %d, %s: %s", status, printable(r.Code, 50), printable(r.Detail, 500))
	if r.RetryAfter > 0 {
		detail += fmt.Sprintf("; try again in %d s", r.RetryAfter)
	}
	return errors.New(detail)
}

// printable returns the beginning of what a server wrote, fit for a log.
func printable(s string, most int) string {
	runes := []rune(s)
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '.'
	}, string(runes[:min(most, len(runes))]))
}

// explain returns the reason of an error of a request, and its detail.
func explain(ctx context.Context, err error) (reason, detail string) {
	if known, ok := errors.AsType[*AnswerError](err); ok {
		return known.Reason, known.Err.Error()
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // the URL is known
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return ReasonCancelled, "the request was cancelled"
	}
	if timeout := net.Error(nil); ctx.Err() != nil || errors.As(err, &timeout) && timeout.Timeout() {
		return ReasonTimeout, "no answer in time: " + err.Error()
	}
	if authenticates(err) {
		return ReasonAuthentication, err.Error()
	}
	return ReasonUnreachable, err.Error()
}

// authenticates says whether err is about who is at the other end: a certificate
// that is not trusted, here or there, or something that is not the TLS expected.
func authenticates(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.AlertError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return true
	}
	if remote, ok := errors.AsType[*net.OpError](err); ok && remote.Op == "remote error" {
		return true // an alert of the other side
	}
	return strings.Contains(err.Error(), "tls: ") // crypto/tls has no type for its other errors
}
