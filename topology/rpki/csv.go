package rpki

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"mpicsim/topology/unpack"
)

// The columns of a CSV of VRPs.
const (
	columnASN    = "ASN"
	columnPrefix = "IP Prefix"
	columnMax    = "Max Length"
	columnAnchor = "Trust Anchor"
)

// alias returns how FORT names a column, "" for one that it does not name otherwise.
func alias(column string) string {
	switch column {
	case columnPrefix:
		return "Prefix"
	case columnMax:
		return "Max prefix length"
	}
	return ""
}

// csvText reads CSV with a header, line by line.
type csvText struct {
	r    *unpack.CSV
	name string
	// width is the number of columns.
	width int
}

// openCSV reads the header and returns the places of the columns wanted in it, -1
// for those that it does not name. All but the last optional ones are required.
func openCSV(text io.Reader, name string, optional int, wanted ...string) (*csvText, []int, error) {
	t := &csvText{r: unpack.NewCSV(text), name: name}
	t.r.ReuseRecord = true
	t.r.FieldsPerRecord = -1 // looked at here, with a better message
	header, err := t.r.Read()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, t.explain(err)
	}
	t.width = len(header)
	columns := make([]int, len(wanted))
	for i, w := range wanted {
		columns[i] = slices.Index(header, w)
		if other := alias(w); columns[i] < 0 && other != "" {
			columns[i] = slices.Index(header, other)
		}
		if columns[i] < 0 && i < len(wanted)-optional {
			var bad badFields
			bad.add(name, 1, "header", strconv.Quote(strings.Join(header[:min(len(header), shown)], ",")),
				fmt.Sprintf("columns with the names %q", wanted[:len(wanted)-optional]))
			return nil, nil, bad.refusal()
		}
	}
	return t, columns, nil
}

// explain says where reading failed.
func (t *csvText) explain(err error) error {
	if syntax := new(csv.ParseError); errors.As(err, &syntax) {
		return fmt.Errorf("%s:%d: CSV, column %d: %w", t.name, syntax.Line, syntax.Column, syntax.Err)
	}
	return fmt.Errorf("%s: after byte %d: %w", t.name, t.r.InputOffset(), err)
}

// rows calls each with every row and its line, until it fails. Rows of another width
// go to bad. A row is valid during the call.
func (t *csvText) rows(bad *badFields, each func(row []string, line int) error) error {
	for {
		row, err := t.r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return t.explain(err)
		}
		line, _ := t.r.FieldPos(0)
		if len(row) != t.width {
			bad.add(t.name, line, "row", fmt.Sprintf("%d fields", len(row)), fmt.Sprintf("%d as in the header", t.width))
			if err := bad.full(); err != nil {
				return err
			}
			continue
		}
		if err := errors.Join(each(row, line), bad.full()); err != nil {
			return err
		}
	}
}

// readCSV reads VRPs.
func (p *parser) readCSV(text io.Reader) error {
	f := p.file
	t, at, err := openCSV(text, f.Name, 1, columnASN, columnPrefix, columnMax, columnAnchor)
	if err != nil {
		return err
	}
	return t.rows(&p.bad, func(row []string, line int) error {
		if len(f.VRPs) == p.most.rows {
			return fmt.Errorf("%s:%d: more than %d VRPs", f.Name, line, p.most.rows)
		}
		var v VRP
		ok := true
		check := func(column int, name, want string) {
			if want != "" {
				p.bad.add(f.Name, line, name, strconv.Quote(row[column]), want)
				ok = false
			}
		}
		var want string
		v.Origin, want = parseASN(row[at[0]])
		check(at[0], columnASN, want)
		v.Prefix, want = parsePrefix(row[at[1]])
		check(at[1], columnPrefix, want)
		v.MaxLength = v.Prefix.Bits() // RIPE's archive leaves the column empty where the ROA has none
		if text := row[at[2]]; text != "" {
			v.MaxLength, want = parseMaxLength(text, v.Prefix)
			check(at[2], columnMax, want)
		}
		if at[3] >= 0 {
			v.TrustAnchor = p.anchor([]byte(row[at[3]]))
		}
		if ok {
			f.VRPs = append(f.VRPs, v)
		}
		return nil
	})
}

// WriteCSV writes VRPs as Routinator's csv, in the order given. It returns an error
// for one that [NewVRPs] would refuse, and those of w.
func WriteCSV(w io.Writer, vrps []VRP) error {
	out := csv.NewWriter(w)
	if err := out.Write([]string{columnASN, columnPrefix, columnMax, columnAnchor}); err != nil {
		return fmt.Errorf("writing VRPs: %w", err)
	}
	row := make([]string, 4)
	for i, v := range vrps {
		if err := v.check(); err != nil {
			return fmt.Errorf("writing VRP %d (AS %d): %w", i, v.Origin, err)
		}
		row[0], row[1], row[2], row[3] = "AS"+v.Origin.String(), v.Prefix.String(), strconv.Itoa(v.MaxLength), v.TrustAnchor
		if err := out.Write(row); err != nil {
			return fmt.Errorf("writing VRPs: %w", err)
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("writing VRPs: %w", err)
	}
	return nil
}
