package dcv

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// maxCoded is how many octets a coded body may have beyond those that are wanted of
// it: the header of gzip with a name and a comment, its trailer, and what deflate
// adds to octets that it cannot shorten.
const maxCoded = 16 << 10

// decoded returns the body without its content coding, and the coding if there is one
// that it has not undone. We ask for "identity" and nothing else, but a server or a
// cache may not care (RFC 9110 12.5.3), and what a file contains does not depend on
// how it is carried.
//
// Only gzip is undone, once, and no more of it is read than limit octets of text can
// need: a stream of empty blocks, which never gives any, ends with an error. A body
// that is called gzip and does not begin like it is taken as it came.
func decoded(header http.Header, body io.Reader, limit int) (text io.Reader, unknown string, err error) {
	var codings []string
	for _, field := range header.Values("Content-Encoding") {
		for coding := range strings.SplitSeq(field, ",") {
			if coding = strings.ToLower(strings.TrimSpace(coding)); coding != "" && coding != "identity" {
				codings = append(codings, coding)
			}
		}
	}
	switch {
	case len(codings) == 0:
		return body, "", nil
	case len(codings) > 1 || codings[0] != "gzip" && codings[0] != "x-gzip": // RFC 9110 8.4.1.3
		return body, strings.Join(codings, ", "), nil
	}
	in := bufio.NewReaderSize(io.LimitReader(body, int64(limit)+int64(limit)/64+maxCoded), 4<<10)
	// An error comes back when the body is read.
	if magic, _ := in.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return in, "", nil
	}
	unzipped, err := gzip.NewReader(in)
	if err != nil {
		return nil, "", fmt.Errorf("gzip: %w", err)
	}
	return unzipped, "", nil
}
