package dcv

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"compress/zlib"
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
// Only gzip and deflate (the format of zlib) are undone, once, and no more is read of
// them than limit octets of text can need: a stream of empty blocks, which never gives
// any, ends with an error. A body that does not begin like its coding is taken as it
// came.
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
	case len(codings) > 1:
		return body, strings.Join(codings, ", "), nil
	}
	in := bufio.NewReaderSize(io.LimitReader(body, int64(limit)+int64(limit)/64+maxCoded), 4<<10)
	start, _ := in.Peek(2) // an error comes back when the body is read
	switch codings[0] {
	case "gzip", "x-gzip": // RFC 9110 8.4.1.3
		if !bytes.Equal(start, []byte{0x1f, 0x8b}) {
			return in, "", nil
		}
		text, err = gzip.NewReader(in)
	case "deflate": // RFC 9110 8.4.1.2, RFC 1950 2.2
		if len(start) < 2 || start[0]&0x0f != 8 || (int(start[0])<<8|int(start[1]))%31 != 0 {
			return in, "", nil
		}
		text, err = zlib.NewReader(in)
	default:
		return in, codings[0], nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", codings[0], err)
	}
	return text, "", nil
}
