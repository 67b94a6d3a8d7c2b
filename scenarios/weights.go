package scenarios

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"

	"mpicsim/topology"
	"mpicsim/topology/unpack"
)

// MaxWeightsBytes is the size above which a file of weights is refused, packed
// or not.
const MaxWeightsBytes = 1 << 26

// Weights says how much each AS counts.
type Weights struct {
	// ASes are in ascending order; Weight is above 0 for each of them.
	ASes   []topology.ASN
	Weight []float64
	// Sets is how many AS sets ("{64500,64501}") the file has in place of AS
	// numbers, SetsWeight how much they count. They do not say who the origin is
	// (RFC 9774) and are left out.
	Sets       int
	SetsWeight float64
	// SHA256 is the file's hash in hexadecimal, as it is: packed if it is packed.
	SHA256 string
}

// ReadWeights reads a file of weights, plain or gzip, as its first byte says:
//
//   - JSON: one object of AS numbers and weights, {"3356": 624, "7018": 39}.
//   - CSV with a header: the AS number in the named column ("asn" if that is
//     empty), its weight in the column "weight"; other columns are left alone.
//     Without a column "weight" each line counts 1. The lines of an AS add up.
//
// Weights are finite and above 0. Errors name file, line and field.
func ReadWeights(path, column string) (*Weights, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading weights: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxWeightsBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading weights: %w", err)
	}
	return ParseWeights(data, path, column)
}

// ParseWeights reads what [ReadWeights] reads; errors call it file.
func ParseWeights(data []byte, file, column string) (*Weights, error) {
	sum := sha256.Sum256(data)
	p := &weightParser{file: file, weights: map[topology.ASN]float64{}}
	data, err := unpack.Bytes(data, MaxWeightsBytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	read := func() error { return p.csv(data, column) }
	if text := bytes.TrimLeft(data, " \t\r\n"); len(text) > 0 && text[0] == '{' {
		read = func() error { return p.json(data, column) }
	}
	if err := read(); err != nil {
		return nil, err
	}
	if len(p.weights) == 0 {
		return nil, p.fail(0, "", "no AS", "AS numbers and weights")
	}
	w := &Weights{Sets: p.sets, SetsWeight: p.setsWeight, SHA256: hex.EncodeToString(sum[:])}
	for asn := range p.weights {
		w.ASes = append(w.ASes, asn)
	}
	slices.Sort(w.ASes)
	total := 0.0
	for _, asn := range w.ASes {
		w.Weight = append(w.Weight, p.weights[asn])
		total += p.weights[asn]
	}
	if math.IsInf(total, 0) {
		return nil, p.fail(0, "", "weights without a finite sum", "smaller weights")
	}
	return w, nil
}

// weightParser collects weights.
type weightParser struct {
	file       string
	weights    map[topology.ASN]float64
	sets       int
	setsWeight float64
}

func (p *weightParser) fail(line int, field, found, expected string) error {
	e := &FieldError{File: p.file, Line: line, Field: field, Found: found, Expected: expected}
	if line > 0 {
		e.Column = 1
	}
	return e
}

// setPattern matches an AS set.
var setPattern = regexp.MustCompile(`^\{\d+(,\d+)*\}$`)

// add reads one AS number and its weight. It returns 0 for an AS set.
func (p *weightParser) add(line int, asn, weight string) (topology.ASN, error) {
	w, err := strconv.ParseFloat(weight, 64)
	if err != nil || !(w > 0) || math.IsInf(w, 0) {
		return 0, p.fail(line, "weight", short(weight), "a number above 0")
	}
	if setPattern.MatchString(asn) {
		p.sets++
		p.setsWeight += w
		return 0, nil
	}
	as, err := topology.ParseASN(asn)
	if err != nil {
		return 0, p.fail(line, "asn", short(asn), "an AS number from 1 to 4294967295")
	}
	p.weights[as] += w
	return as, nil
}

// short quotes text that may be long.
func short(text string) string {
	if len(text) > 80 {
		return strconv.Quote(text[:80]) + "..."
	}
	return quote(text)
}

func (p *weightParser) csv(data []byte, column string) error {
	if column == "" {
		column = "asn"
	}
	r := unpack.NewCSV(bytes.NewReader(data))
	r.ReuseRecord = true
	header, err := r.Read()
	if errors.Is(err, io.EOF) {
		return p.fail(0, "", "nothing", "a header and lines of AS numbers and weights, or JSON")
	}
	if err != nil {
		return p.syntax(err)
	}
	at, weightAt := slices.Index(header, column), slices.Index(header, "weight")
	if at < 0 {
		return p.fail(1, "", fmt.Sprintf("the columns %.200q", header), fmt.Sprintf("a header with the column %q", column))
	}
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return p.syntax(err)
		}
		line, _ := r.FieldPos(at)
		weight := "1"
		if weightAt >= 0 {
			weight = record[weightAt]
		}
		if _, err := p.add(line, record[at], weight); err != nil {
			return err
		}
	}
}

func (p *weightParser) syntax(err error) error {
	if e, ok := errors.AsType[*csv.ParseError](err); ok {
		return p.fail(e.Line, "", e.Err.Error(), "as many comma-separated fields as the header has")
	}
	return fmt.Errorf("%s: %w", p.file, err)
}

func (p *weightParser) json(data []byte, column string) error {
	if column != "" {
		return p.fail(0, "", "JSON", fmt.Sprintf("CSV with the column %q", column))
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	lines, counted := 1, int64(0)
	line := func() int { // counts each octet once
		lines += bytes.Count(data[counted:d.InputOffset()], []byte("\n"))
		counted = d.InputOffset()
		return lines
	}
	if _, err := d.Token(); err != nil { // the brace
		return p.fail(line(), "", err.Error(), "a JSON object")
	}
	seen := map[topology.ASN]bool{}
	const expected = `a JSON object of AS numbers and weights, {"3356": 624}`
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return p.fail(line(), "", err.Error(), expected)
		}
		value, err := d.Token()
		if err != nil {
			return p.fail(line(), "", err.Error(), expected)
		}
		number, ok := value.(json.Number)
		if !ok {
			return p.fail(line(), "weight", short(fmt.Sprint(value)), "a number above 0")
		}
		as, err := p.add(line(), key.(string), number.String()) //nolint:forcetypeassert // an object's keys are strings
		if err != nil {
			return err
		}
		if as != 0 && seen[as] {
			return p.fail(line(), "", fmt.Sprintf("AS %v a second time", as), "each AS once")
		}
		seen[as] = true
	}
	if _, err := d.Token(); err != nil {
		return p.fail(line(), "", err.Error(), expected)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return p.fail(line(), "", "more behind the object", expected)
	}
	return nil
}
