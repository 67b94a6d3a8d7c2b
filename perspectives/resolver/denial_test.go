package resolver

import (
	"encoding/base32"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"mpicsim/perspectives/costtest"
)

// model is a small zone that knows the truth about its names: what the proofs of
// denial are held to. Names are made of the labels a, b and * and lie up to three
// labels below the apex.
type model struct {
	apex  string
	types map[string][]uint16 // of the names that have records
}

// universe is all names that a test asks for.
func (m model) universe() []string {
	all, last := []string(nil), []string{m.apex}
	for range 3 {
		var next []string
		for _, up := range last {
			for _, label := range []string{"a", "b", "*"} {
				next = append(next, label+"."+up)
			}
		}
		all, last = append(all, next...), next
	}
	return append(all, m.apex)
}

// randomModel gives some names of the universe records. Wildcards are neither
// delegations nor DNAMEs (RFC 4592 4).
func randomModel(r *rand.Rand) model {
	m := model{apex: "z.", types: map[string][]uint16{"z.": {dns.TypeSOA, dns.TypeNS, dns.TypeTXT}}}
	kinds := [][]uint16{
		{dns.TypeTXT}, {dns.TypeA, dns.TypeTXT}, {dns.TypeCNAME}, {dns.TypeDNAME}, {dns.TypeNS}, {dns.TypeNS, dns.TypeDS},
	}
	for _, name := range m.universe() {
		if name != m.apex && r.IntN(5) == 0 {
			n := len(kinds)
			if strings.HasPrefix(name, "*") {
				n = 3
			}
			m.types[name] = kinds[r.IntN(n)]
		}
	}
	for name := range m.types { // what is below a delegation or DNAME is not there
		if m.redirect(name) != "" {
			delete(m.types, name)
		}
	}
	return m
}

func (m model) has(name string, t uint16) bool { return slices.Contains(m.types[name], t) }

func (m model) cut(name string) bool { return name != m.apex && m.has(name, dns.TypeNS) }

// redirect returns the delegation or DNAME above name, "" if there is none.
func (m model) redirect(name string) string {
	for up := name; up != m.apex; {
		up = parentOf(up)
		if m.cut(up) || m.has(up, dns.TypeDNAME) {
			return up
		}
	}
	return ""
}

// exists says whether name or a name below it has records.
func (m model) exists(name string) bool {
	for owner := range m.types {
		if dns.IsSubDomain(name, owner) {
			return true
		}
	}
	return false
}

// encloser returns the closest name above name that exists.
func (m model) encloser(name string) string {
	for up := parentOf(name); ; up = parentOf(up) {
		if m.exists(up) {
			return up
		}
	}
}

func (m model) nxdomain(name string) bool {
	return m.redirect(name) == "" && !m.exists(name) && !m.exists("*."+m.encloser(name))
}

func (m model) nodata(name string, qtype uint16) bool {
	if m.redirect(name) != "" {
		return false
	}
	at := name
	if !m.exists(name) {
		if at = "*." + m.encloser(name); !m.exists(at) {
			return false
		}
	}
	if m.cut(at) && qtype != dns.TypeDS || m.has(at, dns.TypeCNAME) {
		return false
	}
	// The apex speaks about its own DS records only from the other side.
	return !m.has(at, qtype) && (at != m.apex || qtype != dns.TypeDS)
}

// withDenialTypes adds the types that signing adds.
func withDenialTypes(types []uint16, denial uint16) []uint16 {
	out := append(slices.Clone(types), dns.TypeRRSIG, denial)
	slices.Sort(out)
	return out
}

func (m model) nsecChain(t *testing.T) []nsec {
	t.Helper()
	var owners []domain
	byOwner := map[string][]uint16{}
	for name, types := range m.types {
		d, _ := domainOf(name)
		owners = append(owners, d)
		byOwner[fmt.Sprint(d)] = types
	}
	slices.SortFunc(owners, domain.compare)
	var out []nsec
	for i, o := range owners {
		rr := &dns.NSEC{
			Hdr: dns.RR_Header{Name: presentation(o)}, NextDomain: presentation(owners[(i+1)%len(owners)]),
			TypeBitMap: withDenialTypes(byOwner[fmt.Sprint(o)], dns.TypeNSEC),
		}
		apex, _ := domainOf(m.apex)
		n, ok := nsecOf(rr, apex)
		if !ok {
			t.Fatalf("refused: %v", rr)
		}
		out = append(out, n)
	}
	return out
}

func presentation(d domain) string {
	labels := slices.Clone(d)
	slices.Reverse(labels)
	return strings.Join(labels, ".") + "."
}

// omitted says whether an opt-out chain leaves name out.
func (m model) omitted(name string) bool { return m.cut(name) && !m.has(name, dns.TypeDS) }

func (m model) nsec3Chain(optOut bool, iterations uint16, salt string) []*dns.NSEC3 {
	hashes := map[string][]uint16{}
	for name, types := range m.types {
		if optOut && m.omitted(name) {
			continue
		}
		hashes[dns.HashName(name, dns.SHA1, iterations, salt)] = withDenialTypes(types, dns.TypeNSEC3)
		if m.cut(name) && !m.has(name, dns.TypeDS) {
			hashes[dns.HashName(name, dns.SHA1, iterations, salt)] = types
		}
		for up := name; up != m.apex; {
			up = parentOf(up)
			if h := dns.HashName(up, dns.SHA1, iterations, salt); hashes[h] == nil && m.types[up] == nil {
				hashes[h] = []uint16{} // an empty non-terminal
			}
		}
	}
	var owners []string
	for h := range hashes {
		owners = append(owners, h)
	}
	slices.Sort(owners)
	var out []*dns.NSEC3
	for i, h := range owners {
		rr := &dns.NSEC3{
			Hdr: dns.RR_Header{Name: h + "." + m.apex}, Hash: dns.SHA1, Iterations: iterations, Salt: salt,
			NextDomain: owners[(i+1)%len(owners)], TypeBitMap: hashes[h],
		}
		if optOut {
			rr.Flags = 1
		}
		out = append(out, rr)
	}
	return out
}

// sample keeps each element with the probability of n in 4.
func sample[T any](r *rand.Rand, n int, all []T) []T {
	var out []T
	for _, x := range all {
		if r.IntN(4) < n {
			out = append(out, x)
		}
	}
	return out
}

// TestProofsAreSoundAndComplete asks everything of random zones. With the whole
// chain each true claim is proven; with any part of it nothing that is untrue is.
func TestProofsAreSoundAndComplete(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		m := randomModel(r)
		apex, _ := domainOf(m.apex)
		hashes := 1 << 20
		kind := seed % 3
		build := func(keep int) *denial {
			d := &denial{zone: apex, nsec3: nsec3Set{zone: apex, hashes: &hashes}}
			if kind == 0 {
				d.nsec = sample(r, keep, m.nsecChain(t))
				return d
			}
			for _, rr := range sample(r, keep, m.nsec3Chain(kind == 2, uint16(seed%4), "aabb")) {
				if err := d.nsec3.add(rr); err != nil {
					t.Fatal(err)
				}
			}
			return d
		}
		judge{t, m, kind == 2, build(4), true, fmt.Sprintf("seed %d, whole chain", seed)}.all()
		for part := range 3 {
			judge{t, m, kind == 2, build(part + 1), false, fmt.Sprintf("seed %d, part %d", seed, part)}.all()
		}
	}
}

// judge compares what d proves with the truth of m.
type judge struct {
	t      *testing.T
	m      model
	optOut bool
	d      *denial
	whole  bool
	where  string
}

func (j judge) all() {
	j.t.Helper()
	for _, name := range j.m.universe() {
		d, _ := domainOf(name)
		status, err := j.d.nameError(d)
		j.claim("nameError "+name, name, j.m.nxdomain(name), status, err)
		for _, qtype := range []uint16{dns.TypeTXT, dns.TypeA, dns.TypeDS, dns.TypeCAA} {
			status, err := j.d.noData(d, qtype)
			j.claim("noData "+name+" "+typeName(qtype), name, j.m.nodata(name, qtype), status, err)
		}
		j.noDS(name, d)
		for labels := range len(d) {
			status, err := j.d.noCloser(d, labels)
			ce, _ := domainOf(j.m.encloser(name))
			truth := j.m.redirect(name) == "" && !j.m.exists(name) && name != j.m.apex && len(ce) == labels
			if err == nil && len(j.d.nsec3.records) > 0 {
				// NSEC3 records show that the next closer name does not exist. That
				// the wildcard's parent does is shown by the wildcard.
				truth = j.m.redirect(name) == "" && !j.m.exists(name) && len(ce) <= labels
				if j.m.redirect(name) != "" && len(ce) > labels {
					truth = false
				} else if j.m.redirect(name) != "" {
					continue // no wildcard is below a delegation or DNAME
				}
			}
			j.claim(fmt.Sprintf("noCloser %s %d", name, labels), name, truth, status, err)
		}
	}
}

func (j judge) claim(what, name string, truth bool, status Status, err error) {
	j.t.Helper()
	// In an opt-out chain an unsigned delegation may be wherever no record says
	// otherwise: nothing is promised there, and Insecure says just that.
	mayBeOmitted := j.optOut
	for owner := range j.m.types {
		if dns.IsSubDomain(name, owner) && !j.m.omitted(owner) {
			mayBeOmitted = false
		}
	}
	switch {
	case err == nil && !truth && (status != Insecure || !mayBeOmitted):
		j.t.Errorf("%s: %s is proven and not so: %v\n%v", j.where, what, status, j.m.types)
	case err != nil && truth && j.whole && !mayBeOmitted:
		j.t.Errorf("%s: %s is so and not proven: %v\n%v", j.where, what, err, j.m.types)
	case err == nil && status == Insecure && !j.optOut, err == nil && status != Secure && status != Insecure:
		j.t.Errorf("%s: %s: status %v", j.where, what, status)
	}
}

func (j judge) noDS(name string, d domain) {
	j.t.Helper()
	kind, err := j.d.noDS(d)
	if err != nil {
		if j.whole && j.m.redirect(name) == "" && j.m.exists(name) && name != j.m.apex && !j.m.has(name, dns.TypeDS) && !j.optOut {
			j.t.Errorf("%s: noDS %s is so and not proven: %v\n%v", j.where, name, err, j.m.types)
		}
		return
	}
	switch {
	case kind == insecureCut && !j.m.omitted(name):
		j.t.Errorf("%s: noDS %s proves a delegation that there is not\n%v", j.where, name, j.m.types)
	case kind == noCut && (j.m.cut(name) || j.m.redirect(name) != "" || name == j.m.apex):
		j.t.Errorf("%s: noDS %s proves that a delegation is none\n%v", j.where, name, j.m.types)
	case kind == optOutSpan && !j.optOut:
		j.t.Errorf("%s: noDS %s: an opt-out span without opt-out", j.where, name)
	}
}

// TestWhatDenialRecordsMustNotProve has the cases of RFC 6840 4.1, 4.3 and 4.4 and
// of RFC 5155 8.2 by name.
func TestWhatDenialRecordsMustNotProve(t *testing.T) {
	zone, _ := domainOf("z.")
	one := func(owner, next string, types ...uint16) *denial {
		n, ok := nsecOf(&dns.NSEC{Hdr: dns.RR_Header{Name: owner}, NextDomain: next, TypeBitMap: types}, zone)
		if !ok {
			t.Fatalf("NSEC %s %s refused", owner, next)
		}
		return &denial{zone: zone, nsec: []nsec{n}}
	}
	name := func(s string) domain { d, _ := domainOf(s); return d }
	for what, err := range map[string]error{
		"a name below a delegation":          second(one("a.z.", "c.z.", dns.TypeNS).noData(name("b.a.z."), dns.TypeA)),
		"a name below a DNAME":               second(one("a.z.", "c.z.", dns.TypeDNAME).nameError(name("b.a.z."))),
		"other types at a delegation":        second(one("a.z.", "c.z.", dns.TypeNS).noData(name("a.z."), dns.TypeA)),
		"DS by the child's NSEC":             second(one("a.z.", "c.z.", dns.TypeNS, dns.TypeSOA).noDS(name("a.z."))),
		"no DS where the types have it":      second(one("a.z.", "c.z.", dns.TypeNS, dns.TypeDS).noDS(name("a.z."))),
		"NODATA at an alias":                 second(one("a.z.", "c.z.", dns.TypeCNAME).noData(name("a.z."), dns.TypeA)),
		"NXDOMAIN of an empty non-terminal":  second(one("a.z.", "x.b.z.", dns.TypeA).nameError(name("b.z."))),
		"NXDOMAIN without the wildcard":      second(one("a.z.", "c.z.", dns.TypeA).nameError(name("b.z."))),
		"an ANY question where there is any": second(one("a.z.", "c.z.", dns.TypeA).noData(name("a.z."), dns.TypeANY)),
		"the name itself by its own NSEC":    second(one("a.z.", "c.z.", dns.TypeA).nameError(name("a.z."))),
	} {
		if err == nil {
			t.Errorf("%s: proven", what)
		}
	}
	// A delegation without NS is none: only a cut makes a child insecure.
	if kind, err := one("a.z.", "c.z.", dns.TypeA).noDS(name("a.z.")); err != nil || kind != noCut {
		t.Errorf("a name without NS: %v, %v", kind, err)
	}
	for owner, next := range map[string]string{"a.z.": "b.", "a.": "b.z.", "c.z.": "b.z."} {
		if _, ok := nsecOf(&dns.NSEC{Hdr: dns.RR_Header{Name: owner}, NextDomain: next}, zone); ok {
			t.Errorf("NSEC %s %s accepted in z.", owner, next)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// FuzzDenial feeds arbitrary records to the proofs: no panic, and no more hashes
// than allowed.
func FuzzDenial(f *testing.F) {
	f.Add("a.z.", "c.z.", []byte{1}, "b.z.", uint8(0), uint16(0), "")
	f.Add("z.", "z.", []byte{2, 6}, "b.a.z.", uint8(1), uint16(50), "ab")
	f.Add(strings.Repeat("0", 32)+".z.", strings.Repeat("V", 32), []byte{2}, "z.", uint8(1), uint16(51), "-")
	f.Add(`\000.z.`, `\255.\..z.`, []byte{43, 5, 39}, "*.z.", uint8(2), uint16(1), "zz")
	f.Add("z", ".", []byte(nil), ".", uint8(255), uint16(65535), "")
	f.Fuzz(func(t *testing.T, owner, next string, types []byte, asked string, flags uint8, iterations uint16, salt string) {
		zone, _ := domainOf("z.")
		name, ok := domainOf(asked)
		if !ok {
			return
		}
		var bitmap []uint16
		for _, b := range types {
			bitmap = append(bitmap, uint16(b))
		}
		hashes := 40
		d := &denial{zone: zone, nsec3: nsec3Set{zone: zone, hashes: &hashes}}
		if n, ok := nsecOf(&dns.NSEC{Hdr: dns.RR_Header{Name: owner}, NextDomain: next, TypeBitMap: bitmap}, zone); ok {
			d.nsec = append(d.nsec, n)
		}
		h := base32.HexEncoding.EncodeToString([]byte(fmt.Sprintf("%-20.20s", owner)))
		for _, rr := range []*dns.NSEC3{
			{Hdr: dns.RR_Header{Name: owner}, NextDomain: next, Hash: 1, Flags: flags, Iterations: iterations, Salt: salt, TypeBitMap: bitmap},
			{Hdr: dns.RR_Header{Name: h + ".z."}, NextDomain: h, Hash: 1, Flags: flags, Iterations: iterations, Salt: salt, TypeBitMap: bitmap},
		} {
			_ = d.nsec3.add(rr)
		}
		costtest.AtMost(t, costtest.Cost{CPU: 200 * time.Millisecond, Allocated: 8 << 20}, func() {
			_, _ = d.nameError(name)
			_, _ = d.noDS(name)
			_, _ = d.noData(name, dns.TypeANY)
			_, _ = d.noData(name, dns.TypeDS)
			for labels := range 4 {
				_, _ = d.noCloser(name, labels)
			}
		})
		if hashes < 0 {
			t.Fatalf("%d hashes too many", -hashes)
		}
	})
}
