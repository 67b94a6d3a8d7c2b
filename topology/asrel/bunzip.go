package asrel

import (
	"bytes"
	"compress/bzip2"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"runtime"
	"sync"
)

// The marks in a bzip2 stream, 48 bits each, at any bit position: one opens each
// block, the other the 32-bit checksum that ends a stream.
const (
	blockMark  = 0x314159265359
	endMark    = 0x177245385090
	markBits   = 48
	headerSize = 4 // "BZh1" to "BZh9"
)

// A block of honest text has its level x 100,000 octets and packs to more than a
// fiftieth of that. Many smaller ones are left to the sequential reader, which
// allocates its tables once and not for each block.
const (
	minBlock    = 4 << 10
	minParallel = 16
)

// errRuns says that a block is not decompressed here.
var errRuns = errors.New("a block of long runs")

// bunzip decompresses bzip2 data, several blocks at a time. A block depends on
// no other, but the format does not say where blocks start: they are found by
// their marks. A mark may also turn up inside a block by chance (about one in
// 10^14 per bit); the pieces then do not decompress, and the rest of the
// text is read by one sequential reader, whose verdict stands. So does it when
// the data are damaged.
//
// Each block's own checksum is verified, and so is each stream's.
type bunzip struct {
	packed  []byte
	pieces  []<-chan piece
	current []byte // of the text, still to be read
	done    int64  // bytes of the text that have been taken into current
	serial  io.Reader
	room    chan struct{} // one for each block that may be in memory
	stop    chan struct{}
	closing sync.Once
}

// piece is one decompressed block.
type piece struct {
	text []byte
	err  error
}

// newBunzip starts to decompress packed, with as many workers as there are
// processors for Go to use.
func newBunzip(packed []byte) *bunzip {
	z := &bunzip{packed: packed, stop: make(chan struct{})}
	spans, ok := findBlocks(packed)
	if !ok {
		z.serial = bzip2.NewReader(bytes.NewReader(packed))
		return z
	}
	z.start(spans, runtime.GOMAXPROCS(0))
	return z
}

// start hands the blocks to workers in order. At most twice as many blocks as
// workers are in memory before they are read.
func (z *bunzip) start(spans []span, workers int) {
	type job struct {
		span
		out chan<- piece
	}
	jobs := make(chan job)
	z.pieces = make([]<-chan piece, 0, len(spans))
	z.room = make(chan struct{}, 2*workers)
	outs := make([]chan piece, len(spans))
	for i := range spans {
		outs[i] = make(chan piece, 1)
		z.pieces = append(z.pieces, outs[i])
	}
	go func() {
		defer close(jobs)
		for i, s := range spans {
			select {
			case z.room <- struct{}{}:
			case <-z.stop:
				return
			}
			jobs <- job{s, outs[i]}
		}
	}()
	for range workers {
		go func() {
			for j := range jobs {
				j.out <- j.decompress(z.packed) // has room for it
			}
		}()
	}
}

// decompress decompresses one block. Its text is about level x 100,000 bytes
// long; that a run of one byte was shortened first can make it up to 51 times as
// long. One that is more than twice as long is an error: the sequential reader need
// not hold it.
func (s span) decompress(packed []byte) piece {
	const start = 100_000
	most := 2 * int(s.level-'0') * start
	var text bytes.Buffer
	text.Grow(most/2 + bytes.MinRead)
	n, err := text.ReadFrom(io.LimitReader(bzip2.NewReader(bytes.NewReader(s.wrap(packed))), int64(most)+1))
	if err == nil && n > int64(most) {
		err = errRuns
	}
	return piece{text.Bytes(), err}
}

// Close stops the workers. It never fails.
func (z *bunzip) Close() error {
	z.closing.Do(func() { close(z.stop) })
	return nil
}

// Read implements [io.Reader].
func (z *bunzip) Read(p []byte) (int, error) {
	for len(z.current) == 0 && z.serial == nil {
		if len(z.pieces) == 0 {
			return 0, io.EOF
		}
		next := <-z.pieces[0]
		<-z.room
		z.pieces = z.pieces[1:]
		if next.err != nil {
			if err := z.fallBack(); err != nil {
				return 0, err
			}
			break
		}
		z.current = next.text
		z.done += int64(len(next.text))
	}
	if z.serial != nil {
		n, err := z.serial.Read(p)
		if err != nil && !errors.Is(err, io.EOF) {
			err = fmt.Errorf("bzip2: %w", err)
		}
		return n, err
	}
	n := copy(p, z.current)
	z.current = z.current[n:]
	return n, nil
}

// fallBack goes on where the last good block ended, with the sequential reader.
func (z *bunzip) fallBack() error {
	z.Close() // never fails
	z.serial = bzip2.NewReader(bytes.NewReader(z.packed))
	if _, err := io.CopyN(io.Discard, z.serial, z.done); err != nil {
		return fmt.Errorf("bzip2: %w", err)
	}
	return nil
}

// span is where a block lies, in bits: its mark starts at from, and it ends
// before to. level is the digit in its stream's header.
type span struct {
	from, to int
	level    byte
}

// findBlocks cuts packed, one bzip2 stream or several in a row, into its blocks.
// It returns false if packed does not look whole, which is for the sequential reader
// to explain, or if it has more blocks than it should.
func findBlocks(packed []byte) (spans []span, ok bool) {
	most := minParallel + len(packed)/minBlock
	for rest := 0; rest < len(packed); {
		blocks, end, ok := findStream(packed, rest, most-len(spans))
		if !ok {
			return nil, false
		}
		spans = append(spans, blocks...)
		rest = end
	}
	return spans, true
}

// findStream cuts the stream that starts at byte start, and returns the byte
// that it ends before. It checks the stream's checksum against the blocks', of which
// it takes at most so many.
func findStream(packed []byte, start, most int) (spans []span, end int, ok bool) {
	body := start + headerSize
	if len(packed) < body || string(packed[start:start+3]) != "BZh" {
		return nil, 0, false
	}
	level := packed[start+3]
	if level < '1' || level > '9' {
		return nil, 0, false
	}
	var window, sum uint64
	shifts := markShifts()
	for at := body; at < len(packed); at++ {
		window = window<<8 | uint64(packed[at])
		// A mark may end shift bits before this byte's end; the longest first.
		for try := shifts[window>>16&0xff]; try != 0; {
			shift := bits.Len8(try) - 1
			try &^= 1 << shift
			mark := window >> shift & (1<<markBits - 1)
			if mark != blockMark && mark != endMark {
				continue
			}
			from := (at+1)*8 - shift - markBits
			if from < body*8 || len(spans) == 0 && from != body*8 {
				continue
			}
			if n := len(spans); n > 0 {
				spans[n-1].to = from
			}
			crc, ok := bits32(packed, from+markBits)
			if !ok {
				return nil, 0, false
			}
			if mark == endMark {
				return spans, (from + markBits + 32 + 7) / 8, crc == uint32(sum)
			}
			if len(spans) == most {
				return nil, 0, false
			}
			spans = append(spans, span{from: from, level: level})
			sum = uint64(uint32(sum)<<1|uint32(sum)>>31) ^ uint64(crc)
		}
	}
	return nil, 0, false
}

// markShifts returns, for each value that the byte two before the present one may
// have, the shifts (as bits) at which a mark can end in the present one: nearly
// always none, which saves eight comparisons.
func markShifts() (shifts [256]uint8) {
	for _, mark := range []uint64{blockMark, endMark} {
		for shift := range 8 {
			shifts[mark<<shift>>16&0xff] |= 1 << shift
		}
	}
	return shifts
}

// bits32 returns the 32 bits from bit at.
func bits32(packed []byte, at int) (uint32, bool) {
	if (at+32+7)/8 > len(packed) {
		return 0, false
	}
	var wide [8]byte
	copy(wide[:], packed[at/8:])
	return uint32(binary.BigEndian.Uint64(wide[:]) >> (32 - at%8)), true
}

// wrap returns the block as a bzip2 stream of its own. The checksum of a stream
// of one block is that of the block, which follows the block's mark.
func (s span) wrap(packed []byte) []byte {
	n := s.to - s.from
	out := make([]byte, headerSize, headerSize+(n+markBits+32)/8+2)
	copy(out, "BZh")
	out[3] = s.level
	i, shift := s.from/8, s.from%8
	for range (n + 7) / 8 { // the last byte may hold bits beyond the block
		b := packed[i] << shift
		if shift > 0 && i+1 < len(packed) {
			b |= packed[i+1] >> (8 - shift)
		}
		out = append(out, b)
		i++
	}
	crc := binary.BigEndian.Uint32(out[headerSize+markBits/8:])
	return appendBits(out, headerSize*8+n, endMark, markBits, uint64(crc), 32)
}

// appendBits cuts out to its first n bits and appends the low bits of each value,
// given as value, width, value, width.
func appendBits(out []byte, n int, valuesAndWidths ...uint64) []byte {
	out = out[:(n+7)/8]
	if n%8 > 0 {
		out[n/8] &^= 0xff >> (n % 8)
	}
	for k := 0; k < len(valuesAndWidths); k += 2 {
		for bit := int(valuesAndWidths[k+1]) - 1; bit >= 0; bit-- {
			if n%8 == 0 {
				out = append(out, 0)
			}
			out[n/8] |= byte(valuesAndWidths[k]>>bit&1) << (7 - n%8)
			n++
		}
	}
	return out
}
