package unpack

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
)

// MaxRecord bounds a record of CSV in octets. [csv.Reader] has no such bound and
// keeps 48 octets for each field, of which there may be one for each octet of text.
const MaxRecord = 1 << 16

// CSV is a [csv.Reader] that fails at a record of more than about [MaxRecord] octets,
// however many lines it has. Create it with [NewCSV].
type CSV struct {
	*csv.Reader
	guard *recordGuard
}

// NewCSV returns a reader of the records of r.
func NewCSV(r io.Reader) *CSV {
	guard := &recordGuard{r: r}
	return &CSV{csv.NewReader(bufio.NewReaderSize(guard, 1<<14)), guard}
}

// Read returns the next record as [csv.Reader.Read] does.
func (c *CSV) Read() ([]string, error) {
	c.guard.left = MaxRecord
	return c.Reader.Read()
}

// recordGuard bounds what is read below one record.
type recordGuard struct {
	r    io.Reader
	left int
}

func (g *recordGuard) Read(p []byte) (int, error) {
	if g.left <= 0 {
		return 0, &boundError{fmt.Sprintf("a record of more than %d octets", MaxRecord), "a shorter one"}
	}
	n, err := g.r.Read(p[:min(len(p), g.left)])
	g.left -= n
	return n, err
}
