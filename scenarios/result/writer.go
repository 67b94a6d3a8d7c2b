package result

import (
	"fmt"
	"io"
	"net/netip"

	"github.com/parquet-go/parquet-go"
)

// batchRows is how many rows are handed on together; groupRows how many a row
// group holds, which bounds what a writer keeps in memory.
const (
	batchRows = 1 << 10
	groupRows = 1 << 17
)

// HijackWriter writes hijacks as one Parquet file. It is not safe for concurrent
// use. Create it with [NewHijackWriter].
type HijackWriter struct {
	file        *parquet.GenericWriter[any]
	columns     []*parquet.ColumnWriter
	viewpoints  int
	batch       [columns][]parquet.Value
	filled      int    // rows of the batch
	sets        []byte // of the batch
	attack      string // the latest
	attackBytes []byte
	prefix      netip.Prefix // the latest
	prefixBytes []byte
	rows, all   int64 // in this row group, in all
}

// NewHijackWriter returns a writer of hijacks with sets of so many viewpoints. The
// same hijacks give the same bytes.
func NewHijackWriter(w io.Writer, viewpoints int) *HijackWriter {
	h := &HijackWriter{
		viewpoints: viewpoints,
		file: parquet.NewGenericWriter[any](w, hijackSchema(viewpoints),
			parquet.CreatedBy("mpicsim", StudySchema, ""), parquet.DataPageStatistics(false),
			parquet.PageBufferSize(1<<18), parquet.WriteBufferSize(1<<16),
			parquet.SkipPageBounds("reached"), parquet.SkipPageBounds("lower"), parquet.SkipPageBounds("picked"), parquet.SkipPageBounds("upper")),
		sets: make([]byte, batchRows*4*setBytes(viewpoints)),
	}
	h.columns = h.file.ColumnWriters()
	for c := range h.batch {
		h.batch[c] = make([]parquet.Value, batchRows)
	}
	return h
}

// Rows returns how many hijacks were written.
func (h *HijackWriter) Rows() int64 { return h.all }

// Write adds a hijack. What it refers to is copied.
func (h *HijackWriter) Write(x *Hijack) error {
	row := h.filled
	h.batch[columnVictim][row] = parquet.Int32Value(int32(x.Victim))     // the same 32 bits, read as unsigned
	h.batch[columnAttacker][row] = parquet.Int32Value(int32(x.Attacker)) // likewise
	if x.Attack != h.attack || h.attackBytes == nil {
		h.attack, h.attackBytes = x.Attack, []byte(x.Attack)
	}
	if x.Prefix != h.prefix || h.prefixBytes == nil {
		h.prefix, h.prefixBytes = x.Prefix, []byte(x.Prefix.String())
	}
	h.batch[columnPrefix][row] = parquet.ByteArrayValue(h.prefixBytes)
	h.batch[columnAttack][row] = parquet.ByteArrayValue(h.attackBytes)
	h.batch[columnVictimWeight][row] = parquet.DoubleValue(x.VictimWeight)
	h.batch[columnAttackerWeight][row] = parquet.DoubleValue(x.AttackerWeight)
	h.batch[columnCount][row] = parquet.Int64Value(x.Count)
	size := setBytes(h.viewpoints)
	for n, set := range [...]Set{x.Reached, x.Lower, x.Picked, x.Upper} {
		at := h.sets[(row*4+n)*size:][:size:size]
		set.pack(at)
		h.batch[columnReached+column(n)][row] = parquet.FixedLenByteArrayValue(at)
	}
	h.filled++
	h.all++
	if h.filled < batchRows {
		return nil
	}
	return h.flush()
}

// flush hands on the batch, and ends the row group if it is full.
func (h *HijackWriter) flush() error {
	h.rows += int64(h.filled)
	for c, w := range h.columns {
		if _, err := w.WriteRowValues(h.batch[c][:h.filled]); err != nil {
			return fmt.Errorf("writing column %s: %w", columnNames()[c], err)
		}
	}
	h.filled = 0
	if h.rows < groupRows {
		return nil
	}
	h.rows = 0
	if err := h.file.Flush(); err != nil {
		return fmt.Errorf("writing a row group: %w", err)
	}
	return nil
}

// Close writes what is left and the file's end. It does not close the writer
// below.
func (h *HijackWriter) Close() error {
	if err := h.flush(); err != nil {
		return err
	}
	if err := h.file.Close(); err != nil {
		return fmt.Errorf("writing the end of the file: %w", err)
	}
	return nil
}
