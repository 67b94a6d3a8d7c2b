// Package resolver is an iterative DNS resolver: it starts at the root hints
// and follows referrals itself, so that every packet of a lookup leaves from
// the perspective that it serves (BR 3.2.2.9).
//
// What is done: UDP with EDNS(0) (RFC 6891), TCP after truncation (RFC 7766), plainer
// questions for servers that do not cope, one thing given up at a time (EDNS, the
// random case of letters, TCP), retries over the servers of a zone, CNAME chains,
// DNAME (RFC 6672), name servers without glue or with glue that does not work,
// NXDOMAIN against NODATA (RFC 2308), and bailiwick rules: from a server of zone Z
// only data at or below Z is believed, in the answer and as glue. Servers above the
// zone of a name see only as much of it as they must (QNAME minimisation, RFC 9156),
// and the letters of questions have a random case that the reply must echo (0x20).
// Everything that a hostile server could make long is bounded by [Limits].
//
// What is believed: a reply that is truncated or ends early is never an answer.
// Records are believed with the AA bit and without it. If the RA bit shows that the
// server is recursive, they are the last resort, for the case that no other server of
// the zone has any and none is silent, unless signatures prove them. That records do
// not exist is never believed of a recursive server without such a proof; of one
// other server only if the reply has the AA bit and the SOA record of the zone, or is
// proven by DNSSEC; without either only if all servers of the zone say so. A referral
// that leads away from the zone and the SOA record of another zone show a lame
// server.
//
// With trust anchors every answer is validated (RFC 4033 to 4035, RFC 6840 4):
// positive answers, wildcards, aliases, and by NSEC or NSEC3 (RFC 5155) what does
// not exist. Algorithms are 8, 10, 13, 14 and 15, DS digests SHA-256 and SHA-384.
// RSA keys have the sizes of RFC 5702 and public exponents of up to 64 bits; an
// answer that only a wider one could validate is an [ErrUnsupportedKey]: not usable,
// not bogus, and never Insecure. SHA-1 is not supported: a zone whose DS records name only algorithms or digests
// that are not is Insecure (RFC 4035 5.2), never Secure. NSEC3 records with more
// than 50 iterations make an answer Insecure, with more than 150 it is refused
// (RFC 9276 3.2). A reply that fails validation counts as the failure of its
// server: another server is asked, and only if none gives a valid reply is the
// lookup's error [ErrBogus].
//
// What is not done: root priming (RFC 8109), any cache of answers, aggressive use
// of NSEC (RFC 8198), updates of trust anchors (RFC 5011), algorithm 16.
//
// What a [Session] remembers is which servers hold which zone, what they cannot do,
// and the zones' validated keys; it must be used for one check of one attempt and
// then be dropped, because results must be reused neither across perspectives nor
// across attempts (BR 3.2.2.9). A [Resolver] remembers nothing.
//
// A context that carries a [budget.Budget] bounds all lookups made in it together; a
// lookup that it ends fails with [ErrLimit].
//
// Queries are strictly sequential, and the order of servers is that of the
// hints and referrals: the same replies give the same queries. A Resolver is
// safe for concurrent use, a Session is not.
package resolver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"

	"mpicsim/perspectives"
	"mpicsim/perspectives/budget"
)

// Root is one root name server (a root hint).
type Root struct {
	// Name is its host name, such as "a.root-servers.net".
	Name string
	// Addrs are asked in this order.
	Addrs []netip.AddrPort
}

// Options says where and how a [Resolver] asks.
type Options struct {
	// Network carries the queries. Required.
	Network perspectives.Network
	// Clock stamps the evidence. Required.
	Clock perspectives.Clock
	// Roots are the root hints, asked in this order. Required; [RealRoots] has
	// those of the public DNS.
	Roots []Root
	// Limits bounds the work for one lookup. Zero fields stand for defaults.
	Limits Limits
	// Rand gives message IDs and the case of the letters in questions, two
	// bytes and one for each eight letters for each query. The default is
	// crypto/rand. It must be safe for concurrent use if sessions are.
	Rand io.Reader
	// TrustAnchors are DS or DNSKEY records in presentation format; [RootAnchors]
	// has those of the public DNS. With none, nothing is validated, and every
	// answer is Indeterminate; what lies under none of them is Indeterminate,
	// too. Signatures are judged by Clock.
	TrustAnchors []string
	// FullNames sends the full name asked for to every server on the way down,
	// instead of only as many labels as the server must know (RFC 9156).
	FullNames bool
	// PlainCase sends names in lower case, instead of in a random case that the
	// reply must echo (draft-vixie-dnsext-dns0x20).
	PlainCase bool
	// Port is where name servers other than the roots are asked, 53 by default.
	// Anything else is for tests on the loopback.
	Port uint16
	// Allowed refuses addresses of name servers, such as reserved ones, by
	// returning an error; nil allows all.
	Allowed func(netip.Addr) error
}

// Limits bounds one lookup. A zero field stands for its default; reaching a
// limit ends the lookup with [ErrLimit], except where it says "the rest is
// ignored". Then the error has ErrLimit if those that were asked were of no use.
type Limits struct {
	// Timeout is how long one exchange may take, default 5 s. It runs on the
	// operating system's clock: in an emulated network a silently dropped query
	// costs this much real time.
	Timeout time.Duration
	// Tries is how often a server that stays silent is asked the same question,
	// default 2. All other servers of the zone come before the second try.
	Tries int
	// Queries is how many messages one lookup may send, name servers' addresses
	// and retries included, default 100.
	Queries int
	// Delegations is how many referrals are followed for one name, default 16.
	Delegations int
	// CNAMEs is how long an alias chain may be, default 12.
	CNAMEs int
	// NameServers is how many name servers of a zone are considered, default
	// 13; the rest is ignored.
	NameServers int
	// Addresses is how many addresses of one name server are considered,
	// default 4; the rest is ignored.
	Addresses int
	// Glueless is how many name servers of one zone are looked up because the
	// referral had no address for them, default 4; the rest is ignored. It
	// keeps a referral from multiplying queries (the NXNS attack).
	Glueless int
	// Depth is how deep lookups of name servers' addresses may nest, default 4.
	Depth int
	// Signatures is how many signatures one lookup may verify, default 128.
	Signatures int
	// SignaturesPerSet is how many pairs of key and signature are tried for one
	// record set, default 8: a zone may have many keys with the same tag
	// (KeyTrap, CVE-2023-50387).
	SignaturesPerSet int
	// Hashes is how many names one lookup may hash for NSEC3 and how many keys
	// for DS, default 1000 (CVE-2023-50868).
	Hashes int
}

// withDefaults returns l with its zero fields filled in, or an error that names
// a negative one.
func (l Limits) withDefaults() (Limits, error) {
	for _, f := range []struct {
		name  string
		value *int
		def   int
	}{
		{"Tries", &l.Tries, 2},
		{"Queries", &l.Queries, 100},
		{"Delegations", &l.Delegations, 16},
		{"CNAMEs", &l.CNAMEs, 12},
		{"NameServers", &l.NameServers, 13},
		{"Addresses", &l.Addresses, 4},
		{"Glueless", &l.Glueless, 4},
		{"Depth", &l.Depth, 4},
		{"Signatures", &l.Signatures, 128},
		{"SignaturesPerSet", &l.SignaturesPerSet, 8},
		{"Hashes", &l.Hashes, 1000},
	} {
		if *f.value < 0 {
			return l, fmt.Errorf("limit %s: found %d, expected a positive number or 0 for the default", f.name, *f.value)
		}
		if *f.value == 0 {
			*f.value = f.def
		}
	}
	if l.Timeout < 0 {
		return l, fmt.Errorf("limit Timeout: found %v, expected a positive duration or 0 for the default", l.Timeout)
	}
	if l.Timeout == 0 {
		l.Timeout = 5 * time.Second
	}
	return l, nil
}

// Resolver serves one perspective. Create it with [New].
type Resolver struct {
	network perspectives.Network
	clock   perspectives.Clock
	roots   []Root
	limits  Limits
	rand    io.Reader
	port    uint16
	allowed func(netip.Addr) error
	// anchors are the trust anchors by canonical zone name. It is only looked
	// up, never walked.
	anchors   map[string][]*dns.DS
	fullNames bool
	plainCase bool
	// recursive is set for a stub.
	recursive bool
}

// validates says whether there are trust anchors.
func (r *Resolver) validates() bool { return len(r.anchors) > 0 }

// New returns a Resolver, or an error that names the option that is missing or
// impossible.
func New(o Options) (*Resolver, error) {
	if o.Network == nil || o.Clock == nil {
		return nil, errors.New("resolver: Network and Clock are required")
	}
	limits, err := o.Limits.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("resolver: %w", err)
	}
	if err := checkRoots(o.Roots); err != nil {
		return nil, fmt.Errorf("resolver: %w", err)
	}
	anchors, err := parseAnchors(o.TrustAnchors)
	if err != nil {
		return nil, fmt.Errorf("resolver: %w", err)
	}
	r := &Resolver{
		network: budget.Network(o.Network), clock: o.Clock, roots: slices.Clone(o.Roots), limits: limits,
		rand: o.Rand, port: o.Port, allowed: o.Allowed,
		anchors: anchors, fullNames: o.FullNames, plainCase: o.PlainCase,
	}
	if r.rand == nil {
		r.rand = rand.Reader
	}
	if r.port == 0 {
		r.port = 53
	}
	return r, nil
}

func checkRoots(roots []Root) error {
	if len(roots) == 0 {
		return errors.New("no root hints: at least one root name server is required")
	}
	for _, root := range roots {
		if len(root.Addrs) == 0 {
			return fmt.Errorf("root %q: no address", root.Name)
		}
		for _, a := range root.Addrs {
			if !a.IsValid() || a.Port() == 0 {
				return fmt.Errorf("root %q: found address %v, expected an IP address and a port", root.Name, a)
			}
		}
	}
	return nil
}

// Session is one check's use of a [Resolver]. It remembers the delegations that
// it has seen, which name servers did not respond and which manner of asking they
// do not understand, and nothing else. It is
// not safe for concurrent use.
type Session struct {
	r *Resolver
	// zones are the zones whose servers are known, by canonical name. It is
	// only looked up, never walked.
	zones map[string]*zone
	// endpoints are the servers' addresses met so far. It is only looked up, never
	// walked.
	endpoints map[netip.AddrPort]*endpoint
	// glue has the addresses of name servers that referrals came with, by name. It is
	// only looked up, never walked.
	glue map[string][]netip.Addr
	// reached says which families replied: IPv4 is true.
	reached map[bool]bool
}

// NewSession returns a Session that knows the root hints only.
func (r *Resolver) NewSession() *Session {
	root := &zone{name: "."}
	s := &Session{
		r: r, zones: map[string]*zone{".": root}, endpoints: make(map[netip.AddrPort]*endpoint),
		glue: make(map[string][]netip.Addr), reached: make(map[bool]bool),
	}
	root.trust = s.trusted(".", trust{})
	for _, hint := range r.roots {
		for _, a := range hint.Addrs {
			root.add(dns.CanonicalName(hint.Name), s.endpoint(a))
		}
	}
	return s
}

// Lookup resolves in a session of its own.
func (r *Resolver) Lookup(ctx context.Context, name string, qtype uint16) (*Answer, error) {
	return r.NewSession().Lookup(ctx, name, qtype)
}

// Answer is what the authoritative servers say about a name and a type: the
// records, or with no Records that the name (NXDOMAIN) or the type (NODATA) does
// not exist.
type Answer struct {
	// Records are all records of the type asked for, in the order received.
	Records []dns.RR
	// CNAMEs are the names that the name asked for leads to, in order, in
	// canonical form (lower case, trailing dot).
	CNAMEs []string
	// Rcode is dns.RcodeSuccess or dns.RcodeNameError, at the end of CNAMEs.
	Rcode int
	// Server gave the final answer.
	Server netip.AddrPort
	// Zone is the zone that Server was asked as a server of.
	Zone string
	// Trace has every exchange of this lookup, in order.
	Trace []perspectives.Evidence
	// Status is the DNSSEC status of the whole answer, aliases included: the
	// weakest of its parts. It is never Bogus, and Indeterminate if there are no
	// trust anchors.
	Status Status
	// Reason says why Status is not Secure, in a phrase for people.
	Reason string
	// Chain has the steps of validation from the trust anchor down, in order.
	Chain []Link
	// EDE says why Status is not Secure, if there is a code for it.
	EDE []EDE
}

// Lookup resolves name, with or without trailing dot, to the records of type
// qtype, following aliases. That the name or the type does not exist is an
// Answer; every error is an [*Error].
func (s *Session) Lookup(ctx context.Context, name string, qtype uint16) (*Answer, error) {
	limits := s.r.limits
	l := &lookup{s: s, r: s.r, budget: budget.From(ctx), queries: limits.Queries, signatures: limits.Signatures, hashes: limits.Hashes}
	if s.r.validates() {
		l.now = s.r.clock()
	}
	a, err := l.start(ctx, name, qtype)
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("%w: %w", ctx.Err(), err)
		}
		return nil, l.failure(name, qtype, err)
	}
	a.Trace, a.Chain = l.trace, l.chain
	return a, nil
}
