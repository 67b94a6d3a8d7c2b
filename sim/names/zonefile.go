package names

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// DefaultTTL is the TTL of records that are written without one.
const DefaultTTL = 5 * time.Minute

// ZoneSpec describes a zone in the few words that most zones need.
type ZoneSpec struct {
	// Origin is the zone's name, such as "victim.example"; "." is the root.
	Origin string
	// NameServers get an NS record each, and address records if their names lie
	// in the zone. The first one is the SOA record's MNAME.
	NameServers []NameServer
	// Records are further lines in zone-file format (RFC 1035 5), relative to
	// Origin: "www IN A 192.0.2.80". $INCLUDE and $GENERATE are refused.
	// An SOA record in it takes the place of the default one.
	Records string
	// RecordsFile is what errors call Records; "zone ORIGIN" if empty.
	RecordsFile string
	// TTL is used where Records give none, and as the SOA record's MINIMUM; 0
	// means DefaultTTL. Whole seconds, at most 2^31-1 (RFC 2181 8).
	TTL time.Duration
	// Sign makes a signed zone; nil leaves it unsigned, but see
	// [HierarchySpec.Sign].
	Sign *SigningSpec
	// Unsigned leaves a registry unsigned in spite of [HierarchySpec.Sign].
	Unsigned bool
	// Behaviour is how every server treats queries for this zone.
	Behaviour Behaviour
}

// Build returns the zone. An error names the line of Records and what is wrong
// with it.
func (s ZoneSpec) Build() (*Zone, error) {
	records, err := s.records()
	if err != nil {
		return nil, err
	}
	keys, err := s.keyring()
	if err != nil {
		return nil, err
	}
	return s.build(records, keys)
}

// build returns the zone with these records and keys.
func (s ZoneSpec) build(records []record, keys *keyring) (*Zone, error) {
	z, err := newZone(s.Origin, records)
	if err != nil {
		return nil, err
	}
	z.behaviour = s.Behaviour
	return z, z.sign(keys)
}

// keyring draws the zone's keys, nil if it is not to be signed.
func (s ZoneSpec) keyring() (*keyring, error) {
	if s.Behaviour > LameSelf {
		return nil, fmt.Errorf("zone %s: %v is not known", s.Origin, s.Behaviour)
	}
	if s.Unsigned && s.Sign != nil {
		return nil, fmt.Errorf("zone %s: Sign and Unsigned contradict each other", s.Origin)
	}
	ttl, err := ttlSeconds(s.TTL)
	if err != nil {
		return nil, fmt.Errorf("zone %s: %w", s.Origin, err)
	}
	return newKeyring(s.Origin, s.Sign, ttl)
}

// ParseOptions says how zone-file text is read.
type ParseOptions struct {
	// Origin is the zone's name, which relative names are completed with.
	Origin string
	// File is what errors call the text.
	File string
	// TTL is used for records without one until a $TTL line; 0 means DefaultTTL.
	TTL time.Duration
}

// ParseZone reads a whole zone from zone-file text (RFC 1035 5, RFC 2308 4).
// $INCLUDE and $GENERATE are refused. Errors start with "FILE:LINE: "; the line
// is the last one of a record that spans several.
func ParseZone(r io.Reader, options ParseOptions) (*Zone, error) {
	records, err := parseRecords(r, options)
	if err != nil {
		return nil, err
	}
	return newZone(options.Origin, records)
}

// parseRecords reads zone-file text without judging what the records say.
func parseRecords(r io.Reader, options ParseOptions) ([]record, error) {
	origin, err := absolute(options.Origin)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", options.File, err)
	}
	ttl, err := ttlSeconds(options.TTL)
	if err != nil {
		return nil, fmt.Errorf("%s: zone %s: %w", options.File, origin, err)
	}
	lines := &lineCounter{in: bufio.NewReader(r)}
	parser := dns.NewZoneParser(lines, origin, "")
	parser.SetIncludeAllowed(false)
	parser.SetDefaultTTL(ttl)
	var records []record
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		if ttl := rr.Header().Ttl; ttl > math.MaxInt32 {
			return nil, record{rr, options.File, lines.line()}.errorf("TTL %d, want at most %d (RFC 2181 8)", ttl, math.MaxInt32)
		}
		records = append(records, record{rr, options.File, lines.line()})
	}
	if err := cmp.Or(lines.refused, parser.Err()); err != nil {
		return nil, fmt.Errorf("%s:%d: %w", options.File, lines.line(), err)
	}
	return records, nil
}

// lineCounter counts the lines that a zone parser has taken: the parser reads
// byte by byte and stops behind the newline that ends a record. It also keeps
// $GENERATE from the parser, which would not heed $TTL there.
type lineCounter struct {
	in       *bufio.Reader
	newlines int
	last     byte
	refused  error
}

var errGenerate = errors.New("$GENERATE is not part of the zone-file format (RFC 1035 5.1); write the records out")

func (l *lineCounter) ReadByte() (byte, error) {
	if l.refused == nil && (l.last == '\n' || l.last == 0) {
		const directive = "$GENERATE"
		if start, _ := l.in.Peek(len(directive)); strings.EqualFold(string(start), directive) {
			l.last, l.refused = '$', errGenerate // line() names the line that begins here
		}
	}
	if l.refused != nil {
		return 0, l.refused
	}
	b, err := l.in.ReadByte()
	if err != nil {
		return 0, err // io.EOF must stay as it is
	}
	l.last = b
	if b == '\n' {
		l.newlines++
	}
	return b, nil
}

// Read makes lineCounter an [io.Reader]; the parser prefers ReadByte.
func (l *lineCounter) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	b, err := l.ReadByte()
	if err != nil {
		return 0, err
	}
	p[0] = b
	return 1, nil
}

// line returns the line of the byte that was read last, from 1.
func (l *lineCounter) line() int {
	if l.last == '\n' {
		return l.newlines
	}
	return l.newlines + 1
}

// records returns the records of Records and those that the other fields make.
func (s ZoneSpec) records() ([]record, error) {
	file := s.RecordsFile
	if file == "" {
		file = "zone " + s.Origin
	}
	written, err := parseRecords(strings.NewReader(s.Records), ParseOptions{Origin: s.Origin, File: file, TTL: s.TTL})
	if err != nil {
		return nil, err
	}
	origin, err := absolute(s.Origin)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	ttl, _ := ttlSeconds(s.TTL) // checked by parseRecords
	d := deriver{file: file, ttl: ttl}
	for _, ns := range s.NameServers {
		if err := d.nameServer(origin, origin, ns); err != nil {
			return nil, err
		}
	}
	if !hasSOA(written) {
		if err := d.soa(origin, s.NameServers); err != nil {
			return nil, err
		}
	}
	return append(d.records, written...), nil
}

func hasSOA(records []record) bool {
	for _, r := range records {
		if r.rr.Header().Rrtype == dns.TypeSOA {
			return true
		}
	}
	return false
}

// deriver makes records that follow from a spec.
type deriver struct {
	file    string
	ttl     uint32 // seconds
	records []record
}

func (d *deriver) add(rr dns.RR) {
	d.records = append(d.records, record{rr: rr, file: d.file})
}

func (d *deriver) header(name string, rtype uint16) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: rtype, Class: dns.ClassINET, Ttl: d.ttl}
}

// soa adds the default SOA record; the first name server is the MNAME.
func (d *deriver) soa(origin string, servers []NameServer) error {
	if len(servers) == 0 {
		return fmt.Errorf("%s: no name server and no SOA record, want one of them", d.file)
	}
	mname, err := absolute(servers[0].Name)
	if err != nil {
		return fmt.Errorf("%s: name server: %w", d.file, err)
	}
	rname, err := absolute(child("hostmaster", origin))
	if err != nil {
		return fmt.Errorf("%s: mailbox of the SOA record: %w", d.file, err)
	}
	d.add(&dns.SOA{
		Hdr: d.header(origin, dns.TypeSOA), Ns: mname, Mbox: rname,
		Serial: 1, Refresh: 7200, Retry: 900, Expire: 1209600, Minttl: d.ttl,
	})
	return nil
}

// nameServer adds an NS record for owner, and the server's addresses if its
// name lies in the zone origin.
func (d *deriver) nameServer(origin, owner string, ns NameServer) error {
	name, err := absolute(ns.Name)
	if err != nil {
		return fmt.Errorf("%s: name server: %w", d.file, err)
	}
	d.add(&dns.NS{Hdr: d.header(owner, dns.TypeNS), Ns: name})
	if !inside(key(name), key(origin)) {
		return nil
	}
	return d.addresses(name, ns.Addrs)
}

// addresses adds an A or AAAA record for each address.
func (d *deriver) addresses(name string, addrs []netip.Addr) error {
	for _, addr := range addrs {
		switch {
		case addr.Is4():
			d.add(&dns.A{Hdr: d.header(name, dns.TypeA), A: addr.AsSlice()})
		case addr.Is6() && !addr.Is4In6() && addr.Zone() == "":
			d.add(&dns.AAAA{Hdr: d.header(name, dns.TypeAAAA), AAAA: addr.AsSlice()})
		default:
			return fmt.Errorf("%s: name server %s: address %v, want IPv4, or IPv6 without a scope zone", d.file, name, addr)
		}
	}
	return nil
}

// ttlSeconds returns a TTL in seconds, DefaultTTL for 0.
func ttlSeconds(ttl time.Duration) (uint32, error) {
	if ttl == 0 {
		ttl = DefaultTTL
	}
	if ttl < 0 || ttl%time.Second != 0 || ttl/time.Second > math.MaxInt32 {
		return 0, fmt.Errorf("TTL %v: %w", ttl, errTTL)
	}
	return uint32(ttl / time.Second), nil
}

var errTTL = errors.New("want whole seconds from 0 to 2147483647 (RFC 2181 8)")
