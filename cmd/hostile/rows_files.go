package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"time"

	"mpicsim/topology/asrel"
)

// fileRows are files that somebody hands over: AS relationships that unpack to far
// more than they are. A file may cost twice what an honest one costs that is as long as
// the text that is read of it, and a little more, as may a check.
func fileRows(context.Context, func(*space, error) *space) []row {
	twice := func(honest cost) cost { return cost{2*honest.cpu + 50*time.Millisecond, 2*honest.peak + 1<<20} }
	const octets = 4 << 20
	// A file is made when it is first read: until then it would count as heap in use,
	// which lets the collector wait longer.
	read := func(file func() []byte) func() report {
		file = sync.OnceValue(file)
		return func() report {
			_, err := asrel.Read(bytes.NewReader(file()), "file")
			if err == nil {
				return report{verdict: "read"}
			}
			return report{verdict: fmt.Sprintf("%.90s", err)}
		}
	}
	honest := read(func() []byte { return relationships(octets) })
	var rows []row
	for _, f := range []struct {
		name string
		file func() []byte
	}{
		{"AS relationships: 4 MB of one link", func() []byte { return bytes.Repeat([]byte("7|8|-1\n"), octets/7) }},
		{"AS relationships: 64 MB of one link, gzip", func() []byte { return packed([]byte(strings.Repeat("7|8|-1\n", 64<<20/7))) }},
		{"AS relationships: 64 MB of zeros, gzip", func() []byte { return packed(make([]byte, 64<<20)) }},
		{"AS relationships: 32 MB of zeros in 46 octets of bzip2", zeros},
		{"AS relationships: a line without end", func() []byte { return bytes.Repeat([]byte("1"), octets) }},
	} {
		rows = append(rows, row{name: f.name, honest: honest, hostile: read(f.file), most: twice})
	}
	return rows
}

// relationships is a text in the manner of CAIDA's files: an AS has some seven links.
func relationships(octets int) []byte {
	var b bytes.Buffer
	for n := 0; b.Len() < octets; n++ {
		fmt.Fprintf(&b, "%d|%d|%d\n", n/7+1, n/7+2+n%7*1000, -n%2)
	}
	return b.Bytes()
}

// packed is text in gzip.
func packed(text []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(text) // a buffer takes everything
	_ = z.Close()
	return b.Bytes()
}

// zeros is 32 MiB of zero octets in bzip2.
func zeros() []byte {
	data, err := base64.StdEncoding.DecodeString("QlpoOTFBWSZTWaIgopoBAQHAAMAAAAggADCAKRtoAgGiAQDi7kinChIURBRTQA==")
	if err != nil {
		panic(err) // a constant
	}
	return data
}
