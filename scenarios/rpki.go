package scenarios

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"mpicsim/topology"
	"mpicsim/topology/rpki"
)

// RPKI is what the Resource PKI says when a story starts: what ASes with
// [Routing].Policies judge routes by. Events of kind roa change its VRPs.
type RPKI struct {
	// VRPs, optional, are validated ROA payloads: "203.0.113.0/24 AS64500", or with
	// the maximum length "198.51.100.0/22-24 AS64510". AS0 says that nobody may
	// announce the prefix.
	VRPs []VRP `yaml:"vrps"`
	// File, optional, holds more VRPs, and ASPAs: JSON of rpki-client, CSV or JSON of
	// Routinator, plain or .gz; relative to the scenario's file.
	File string `yaml:"file"`
	// ASPAs, optional, name all providers of a customer: "AS64500: 10 20".
	ASPAs []ASPA `yaml:"aspas"`
	// PathEnds, optional, name all neighbours of an origin: "AS64500: 10 20", with
	// "non-transit" behind them if the origin forwards for nobody.
	PathEnds []PathEnd `yaml:"path-ends"`
}

// VRP is one validated ROA payload as a scenario writes it.
type VRP struct{ rpki.VRP }

const vrpForm = "a prefix, perhaps a maximum length, and an origin, such as 203.0.113.0/24 AS64500 or 198.51.100.0/22-24 AS64510"

// UnmarshalText reads "203.0.113.0/24 AS64500" or "198.51.100.0/22-24 AS64510".
func (v *VRP) UnmarshalText(text []byte) error {
	fields := strings.Fields(string(text))
	if len(fields) != 2 {
		return errors.New("not a prefix and an origin")
	}
	prefix, longest, given := strings.Cut(fields[0], "-")
	var err error
	if v.Prefix, err = parsePrefix(prefix); err != nil {
		return err
	}
	v.MaxLength = v.Prefix.Bits()
	if given {
		if v.MaxLength, err = strconv.Atoi(longest); err != nil {
			return err
		}
	}
	if v.Origin, err = originASN(fields[1]); err != nil {
		return err
	}
	_, err = rpki.NewVRPs([]rpki.VRP{v.VRP})
	return err
}

// originASN reads an AS number that may be 0.
func originASN(text string) (topology.ASN, error) {
	if text == "0" || strings.EqualFold(text, "AS0") {
		return 0, nil
	}
	return topology.ParseASN(text)
}

// String returns what UnmarshalText reads.
func (v VRP) String() string {
	longest := ""
	if v.MaxLength != v.Prefix.Bits() {
		longest = fmt.Sprintf("-%d", v.MaxLength)
	}
	return fmt.Sprintf("%v%s AS%v", v.Prefix, longest, v.Origin)
}

// MarshalText writes what UnmarshalText reads.
func (v VRP) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// ASPA is one validated ASPA payload as a scenario writes it.
type ASPA struct{ rpki.ASPA }

const aspaForm = "a customer and its providers, such as AS64500: 10 20; AS0 for none"

// UnmarshalText reads "AS64500: 10 20".
func (a *ASPA) UnmarshalText(text []byte) error {
	customer, providers, err := attestation(string(text))
	if err != nil {
		return err
	}
	a.ASPA = rpki.ASPA{Customer: customer}
	for _, text := range providers {
		provider, err := originASN(text)
		if err != nil {
			return err
		}
		a.Providers = append(a.Providers, provider)
	}
	_, err = rpki.NewASPAs([]rpki.ASPA{a.ASPA})
	return err
}

// attestation takes apart what an AS says of others.
func attestation(text string) (topology.ASN, []string, error) {
	who, others, ok := strings.Cut(text, ":")
	if !ok {
		return 0, nil, errors.New("no colon")
	}
	asn, err := topology.ParseASN(strings.TrimSpace(who))
	return asn, strings.Fields(others), err
}

// String returns what UnmarshalText reads.
func (a ASPA) String() string { return attest(a.Customer, a.Providers) }

// MarshalText writes what UnmarshalText reads.
func (a ASPA) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

func attest(who topology.ASN, others []topology.ASN) string {
	var b strings.Builder
	fmt.Fprintf(&b, "AS%v:", who)
	for _, asn := range others {
		fmt.Fprintf(&b, " %v", asn)
	}
	return b.String()
}

// PathEnd is one path-end record as a scenario writes it.
type PathEnd struct{ rpki.PathEnd }

const pathEndForm = "an origin and its neighbours, such as AS64500: 10 20, with non-transit behind them if it forwards for nobody"

// nonTransit is the word for rpki.PathEnd.NonTransit.
const nonTransit = "non-transit"

// UnmarshalText reads "AS64500: 10 20" or "AS64500: 10 20 non-transit".
func (p *PathEnd) UnmarshalText(text []byte) error {
	origin, neighbors, err := attestation(string(text))
	if err != nil {
		return err
	}
	p.PathEnd = rpki.PathEnd{Origin: origin}
	if n := len(neighbors) - 1; n >= 0 && neighbors[n] == nonTransit {
		p.NonTransit, neighbors = true, neighbors[:n]
	}
	for _, text := range neighbors {
		neighbor, err := topology.ParseASN(text)
		if err != nil {
			return err
		}
		p.Neighbors = append(p.Neighbors, neighbor)
	}
	_, err = rpki.NewPathEnds([]rpki.PathEnd{p.PathEnd})
	return err
}

// String returns what UnmarshalText reads.
func (p PathEnd) String() string {
	s := attest(p.Origin, p.Neighbors)
	if p.NonTransit {
		s += " " + nonTransit
	}
	return s
}

// MarshalText writes what UnmarshalText reads.
func (p PathEnd) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// rpki checks what can be told without the file.
func (v *validation) rpki() {
	r := v.s.RPKI
	if r == nil {
		return
	}
	for n, p := range r.VRPs {
		v.check(!slices.Contains(r.VRPs[:n], p), fmt.Sprintf("rpki.vrps[%d]", n), p.String()+" a second time", "each VRP once")
	}
	_, given := v.s.at["rpki.file"]
	v.check(!given || r.File != "", "rpki.file", "nothing", "a file's name")
	v.check(printable(r.File), "rpki.file", "a character that cannot be printed", "printable text")
}

// Payloads are what the RPKI holds at some time.
type Payloads struct {
	VRPs     []rpki.VRP
	ASPAs    *rpki.ASPAs
	PathEnds *rpki.PathEnds
	// File, SHA256 and Generated are those of the file that some are from, empty if
	// none was named: its base name, its hash in hexadecimal, and when the relying
	// party says that it made it.
	File, SHA256, Generated string
}

// Payloads reads the file, if there is one, and adds what the scenario lists.
func (s *Source) Payloads() (*Payloads, error) {
	out := &Payloads{}
	if s.RPKI == nil {
		return out, nil
	}
	var aspas []rpki.ASPA
	if s.RPKI.File != "" {
		f, err := rpki.Open(s.path("rpki.file", s.RPKI.File))
		if err != nil {
			return nil, err
		}
		out.VRPs, aspas = f.VRPs, f.ASPAs
		out.File, out.SHA256, out.Generated = filepath.Base(s.RPKI.File), hex.EncodeToString(f.SHA256[:]), f.Generated
	}
	for _, v := range s.RPKI.VRPs {
		out.VRPs = append(out.VRPs, v.VRP)
	}
	for _, a := range s.RPKI.ASPAs {
		aspas = append(aspas, a.ASPA)
	}
	var pathEnds []rpki.PathEnd
	for _, p := range s.RPKI.PathEnds {
		pathEnds = append(pathEnds, p.PathEnd)
	}
	var err error
	if out.ASPAs, err = rpki.NewASPAs(aspas); err != nil {
		return nil, fmt.Errorf("rpki.aspas: %w", err)
	}
	if out.PathEnds, err = rpki.NewPathEnds(pathEnds); err != nil {
		return nil, fmt.Errorf("rpki.path-ends: %w", err)
	}
	return out, nil
}

// path returns the path of a file that a field names: relative to the scenario's
// file, unless the field was set on the command line.
func (s *Source) path(field, name string) string {
	if filepath.IsAbs(name) || s.FromFlag(field) || s.File == "" {
		return name
	}
	return filepath.Join(filepath.Dir(s.File), name)
}

// readScores reads the ASes with a measured score of at least above from a file of
// ROV scores, and its hash in hexadecimal.
func readScores(path string, above float64) (asns []topology.ASN, sha string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, "", fmt.Errorf("ROV scores: %w", err)
	}
	defer f.Close() // opened for reading only
	sum := sha256.New()
	all := io.TeeReader(f, sum)
	scores, err := rpki.ReadROVScores(all, path)
	if err != nil {
		return nil, "", err
	}
	if _, err := io.Copy(io.Discard, all); err != nil { // what a packed file has behind its end
		return nil, "", fmt.Errorf("ROV scores: %w", err)
	}
	return scores.AtLeast(above), hex.EncodeToString(sum.Sum(nil)), nil
}
