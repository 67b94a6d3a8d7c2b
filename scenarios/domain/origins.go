package domain

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"

	"mpicsim/scenarios"
	"mpicsim/topology"
	"mpicsim/topology/rpki"
	"mpicsim/topology/unpack"
)

// MaxOriginsBytes is the size above which a table of origins is refused, packed or
// not.
const MaxOriginsBytes = 1 << 27

// Origins says which ASes originate which prefixes. It is immutable and safe for
// concurrent use.
type Origins struct {
	ases map[netip.Prefix][]topology.ASN
	// lengths are those of the prefixes, the longest first, by family.
	v4, v6 []int
	// SHA256 is the file's hash in hexadecimal, as it is: packed if it is packed.
	SHA256 string
}

// ReadOrigins reads a table of prefixes and their origins, plain or gzip: CSV with
// a header that has the columns "prefix" and "asn"; others are left alone. A
// prefix may be there several times with different ASes: then each of them counts
// as its origin. Errors name file, line and field.
func ReadOrigins(path string) (*Origins, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading origins: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxOriginsBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading origins: %w", err)
	}
	return ParseOrigins(data, path)
}

// ParseOrigins reads what [ReadOrigins] reads; errors call it file.
func ParseOrigins(data []byte, file string) (*Origins, error) {
	fail := func(line int, field, found, expected string) error {
		return &scenarios.FieldError{File: file, Line: line, Column: min(line, 1), Field: field, Found: found, Expected: expected}
	}
	sum := sha256.Sum256(data)
	data, err := unpack.Bytes(data, MaxOriginsBytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	o := &Origins{ases: map[netip.Prefix][]topology.ASN{}, SHA256: hex.EncodeToString(sum[:])}
	r := unpack.NewCSV(bytes.NewReader(data))
	r.ReuseRecord = true
	prefixAt, asnAt := -1, -1
	for n := 0; ; n++ {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if e, ok := errors.AsType[*csv.ParseError](err); ok {
			return nil, fail(e.Line, "", e.Err.Error(), "as many comma-separated fields as the header has")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if n == 0 {
			prefixAt, asnAt = slices.Index(record, "prefix"), slices.Index(record, "asn")
			if prefixAt < 0 || asnAt < 0 {
				return nil, fail(1, "", fmt.Sprintf("the columns %.200q", record), `a header with the columns "prefix" and "asn"`)
			}
			continue
		}
		line, _ := r.FieldPos(prefixAt)
		p, err := netip.ParsePrefix(record[prefixAt])
		if err != nil || p != p.Masked() || p.Addr().Is4In6() {
			return nil, fail(line, "prefix", quote(record[prefixAt]), "a prefix without host bits, such as 203.0.113.0/24")
		}
		asn, err := topology.ParseASN(record[asnAt])
		if err != nil {
			return nil, fail(line, "asn", quote(record[asnAt]), "an AS number from 1 to 4294967295")
		}
		o.add(p, asn)
	}
	if len(o.ases) == 0 {
		return nil, fail(0, "", "no prefix", `a header with the columns "prefix" and "asn", and lines`)
	}
	o.sort()
	return o, nil
}

func (o *Origins) add(p netip.Prefix, asn topology.ASN) {
	ases := o.ases[p]
	if !slices.Contains(ases, asn) {
		o.ases[p] = append(ases, asn)
	}
	lengths := &o.v4
	if p.Addr().Is6() {
		lengths = &o.v6
	}
	if ases == nil && !slices.Contains(*lengths, p.Bits()) {
		*lengths = append(*lengths, p.Bits())
	}
}

func (o *Origins) sort() {
	for _, ases := range o.ases {
		slices.Sort(ases)
	}
	for _, lengths := range []*[]int{&o.v4, &o.v6} {
		slices.Sort(*lengths)
		slices.Reverse(*lengths)
	}
}

// Len returns how many prefixes there are.
func (o *Origins) Len() int { return len(o.ases) }

// Lookup returns the longest prefix that holds an address, with its origins in
// ascending order; nil if there is none. The caller must not change the slice.
func (o *Origins) Lookup(a netip.Addr) (netip.Prefix, []topology.ASN) {
	return o.lookup(a, a.BitLen())
}

// Accepted is Lookup among the prefixes that are accepted everywhere, which are at
// most a /24 or a /48 long (RFC 7454 section 6.1.3): what packets from elsewhere
// follow.
func (o *Origins) Accepted(a netip.Addr) (netip.Prefix, []topology.ASN) {
	return o.lookup(a, scenarios.Longest(a))
}

func (o *Origins) lookup(a netip.Addr, longest int) (netip.Prefix, []topology.ASN) {
	lengths := o.v4
	if a.Is6() {
		lengths = o.v6
	}
	for _, bits := range lengths {
		if bits > longest {
			continue
		}
		if p, err := a.Prefix(bits); err == nil && o.ases[p] != nil {
			return p, o.ases[p]
		}
	}
	return netip.Prefix{}, nil
}

// WriteOrigins writes the prefixes and origins of VRPs as a table that
// [ReadOrigins] reads, in order and each once: what the RPKI knows of who
// originates what. AS0 originates nothing and is left out.
func WriteOrigins(w io.Writer, vrps []rpki.VRP) error {
	type pair struct {
		prefix netip.Prefix
		asn    topology.ASN
	}
	var all []pair
	for _, v := range vrps {
		if v.Origin != 0 {
			all = append(all, pair{v.Prefix, v.Origin})
		}
	}
	slices.SortFunc(all, func(a, b pair) int {
		return cmp.Or(a.prefix.Compare(b.prefix), cmp.Compare(a.asn, b.asn))
	})
	out := csv.NewWriter(w)
	if err := out.Write([]string{"prefix", "asn"}); err != nil {
		return fmt.Errorf("writing origins: %w", err)
	}
	for _, p := range slices.Compact(all) {
		if err := out.Write([]string{p.prefix.String(), p.asn.String()}); err != nil {
			return fmt.Errorf("writing origins: %w", err)
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("writing origins: %w", err)
	}
	return nil
}

// Targets are the ASes that an attacker of a domain can take the place of.
type Targets struct {
	// ASes originate the prefixes of the addresses, in ascending order.
	ASes []topology.ASN
	// Unmapped are the addresses that lie in no prefix of the table. Nobody knows
	// who can hijack them: a domain that has some must not count as safe.
	Unmapped []netip.Addr
}

// Map returns the targets that a domain has in a scope.
func (o *Origins) Map(d *Domain, s Scope) Targets {
	var t Targets
	for _, a := range d.In(s) {
		_, ases := o.Lookup(a)
		if ases == nil {
			t.Unmapped = append(t.Unmapped, a)
		}
		t.ASes = append(t.ASes, ases...)
	}
	slices.Sort(t.ASes)
	t.ASes = slices.Compact(t.ASes)
	return t
}
