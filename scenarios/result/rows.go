package result

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"

	"github.com/parquet-go/parquet-go"

	"mpicsim/topology"
)

// rowReader puts the columns of row groups together.
type rowReader struct {
	m      *Manifest
	hijack Hijack
	sets   [4]Set
	bytes  int
	cursor [columns]cursor
}

// cursor reads one column of a row group.
type cursor struct {
	pages  parquet.Pages
	page   parquet.Page
	values parquet.ValueReader
	batch  []parquet.Value
	n, at  int
}

func newRowReader(m *Manifest, viewpoints int) *rowReader {
	r := &rowReader{m: m, bytes: setBytes(viewpoints)}
	for n := range r.sets {
		r.sets[n] = make(Set, (viewpoints+63)/64)
	}
	r.hijack.Reached, r.hijack.Lower, r.hijack.Picked, r.hijack.Upper = r.sets[0], r.sets[1], r.sets[2], r.sets[3]
	for c := range r.cursor {
		r.cursor[c].batch = make([]parquet.Value, batchRows)
	}
	return r
}

// read yields the rows of a group, and says whether the caller wants more.
func (r *rowReader) read(group parquet.RowGroup, yield func(*Hijack, error) bool) (bool, error) {
	defer func() {
		for c := range r.cursor {
			r.cursor[c].close()
		}
	}()
	err := guarded(func() error {
		for c, chunk := range group.ColumnChunks() {
			r.cursor[c].pages = chunk.Pages()
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	attack, prefix := "", ""
	for range group.NumRows() {
		var row [columns]parquet.Value
		for c := range row {
			v, err := r.cursor[c].next()
			if err != nil {
				return false, fmt.Errorf("column %s: %w", columnNames()[c], err)
			}
			row[c] = v
		}
		h := &r.hijack
		h.Victim, h.Attacker = topology.ASN(row[columnVictim].Uint32()), topology.ASN(row[columnAttacker].Uint32())
		if b := row[columnAttack].ByteArray(); string(b) != attack {
			attack = string(b)
		}
		h.Attack = attack
		if b := row[columnPrefix].ByteArray(); string(b) != prefix {
			prefix = string(b)
			p, err := netip.ParsePrefix(prefix)
			if err != nil {
				return false, fmt.Errorf("column prefix: found %.80q, expected a prefix", prefix)
			}
			h.Prefix = p
		}
		h.VictimWeight, h.AttackerWeight = row[columnVictimWeight].Double(), row[columnAttackerWeight].Double()
		if h.Count = row[columnCount].Int64(); h.Count < 1 {
			return false, damaged("found a row for %d hijacks, expected 1 or more", h.Count)
		}
		for n, set := range r.sets {
			b := row[columnReached+column(n)].ByteArray()
			if len(b) != r.bytes {
				return false, fmt.Errorf("a set of %d bytes: expected %d", len(b), r.bytes)
			}
			set.unpack(b)
		}
		if err := r.m.belongs(h); err != nil {
			return false, err
		}
		if !yield(h, nil) {
			return false, nil
		}
	}
	return true, nil
}

// belongs returns an error about a hijack that is none of the manifest's.
func (m *Manifest) belongs(h *Hijack) error {
	switch {
	case len(m.Attacks) > 0 && !slices.Contains(m.Attacks, h.Attack):
		return damaged("found the attack %.80q, expected one of the manifest's %q", h.Attack, m.Attacks)
	case !m.Aggregate && (h.Count != 1 || h.Attacker == 0):
		return damaged("found a row for %d hijacks by AS %v, expected one of one attacker: the manifest says that rows are not aggregated", h.Count, h.Attacker)
	}
	return nil
}

// next returns the next value of the column.
func (c *cursor) next() (parquet.Value, error) {
	for c.at == c.n {
		if err := guarded(c.fill); err != nil {
			return parquet.Value{}, err
		}
	}
	c.at++
	return c.batch[c.at-1], nil
}

// fill reads the next values of a page into the batch, perhaps none.
func (c *cursor) fill() error {
	if c.values == nil {
		page, err := c.pages.ReadPage()
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		c.page, c.values = page, page.Values()
	}
	n, err := c.values.ReadValues(c.batch)
	c.n, c.at = n, 0
	if errors.Is(err, io.EOF) {
		err = nil
		if n == 0 {
			parquet.Release(c.page)
			c.page, c.values = nil, nil
		}
	}
	return err
}

func (c *cursor) close() {
	_ = guarded(func() error { // reading has failed before, or is done
		if c.page != nil {
			parquet.Release(c.page)
		}
		if c.pages != nil {
			return c.pages.Close()
		}
		return nil
	})
	*c = cursor{batch: c.batch}
}
