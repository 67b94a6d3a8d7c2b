package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// TestFetch downloads from a local server that has the file of one month and
// several things that go wrong.
func TestFetch(t *testing.T) {
	g := NewWithT(t)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	fmt.Fprint(w, "# a comment\n1|2|-1|bgp\n2|3|0|mlp\n")
	g.Expect(w.Close()).To(Succeed())
	now := time.Now().UTC()
	last := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC).AddDate(0, -1, 0).Format("20060102")
	asked := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Path
		switch r.URL.Path {
		case "/mirror/20250901.as-rel2.txt.bz2", "/mirror/" + last + ".as-rel2.txt.bz2":
			_, _ = w.Write(packed.Bytes())
		case "/mirror/20250801.as-rel2.txt.bz2": // ends early
			w.Header().Set("Content-Length", fmt.Sprint(packed.Len()))
			_, _ = w.Write(packed.Bytes()[:packed.Len()-4])
		case "/mirror/20250701.as-rel2.txt.bz2": // whole, but cut before it was sent
			_, _ = w.Write(packed.Bytes()[:packed.Len()-4])
		case "/mirror/20250601.as-rel2.txt.bz2":
			fmt.Fprint(w, "<html>Please log in</html>\n")
		case "/mirror/20250501.as-rel2.txt.bz2":
			fmt.Fprint(w, "# nothing\n")
		case "/mirror/20250401.as-rel2.txt.bz2":
			http.Error(w, "out of order", http.StatusServiceUnavailable)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	dir := t.TempDir()
	fetch := func(args ...string) (int, string, string) {
		var out, stderr bytes.Buffer
		code := run(append([]string{"topology", "fetch", "--url", server.URL + "/mirror"}, args...), testStreams(&out, &stderr))
		return code, out.String(), stderr.String()
	}
	file := filepath.Join(dir, "a.bz2")

	code, out, notes := fetch("--month", "2025-09", "-o", file)
	g.Expect(code).To(Equal(exitDone), notes)
	g.Expect(out).To(MatchRegexp(`^[0-9a-f]{64}  %s\n$`, file))
	g.Expect(notes).To(And(ContainSubstring("acceptable-use agreement"), ContainSubstring("3 ASes, 1 provider-to-customer and 1 peer-to-peer")))
	g.Expect(os.ReadFile(file)).To(Equal(packed.Bytes()))

	code, _, notes = fetch("--month", "2025-09", "-o", file)
	g.Expect(code).To(Equal(exitBadInput))
	g.Expect(notes).To(ContainSubstring("is there already"))
	code, _, _ = fetch("--month", "2025-09", "-o", file, "--force")
	g.Expect(code).To(Equal(exitDone))

	code, _, notes = fetch("-o", filepath.Join(dir, "latest.bz2"))
	g.Expect(code).To(Equal(exitDone), notes)
	g.Expect(asked).To(ContainSubstring(last), "this month's is not there")
	g.Expect(notes).To(ContainSubstring("is not published yet"))

	for month, want := range map[string]string{
		"2025-08": "bytes: unexpected EOF", "2025-07": "unexpected EOF", "2025-06": "20250601.as-rel2.txt.bz2:1: ", "2025-05": "has no links",
		"2025-04": "the server answers 503", "2025-03": "not published: try an earlier --month", "September": "expected a month such as 2025-09",
	} {
		code, out, notes := fetch("--month", month, "-o", filepath.Join(dir, "b.bz2"))
		g.Expect(code).To(Equal(exitBadInput), month)
		g.Expect(out).To(BeEmpty())
		g.Expect(notes).To(ContainSubstring(want), month)
	}
	code, _, notes = fetch("--url", "ftp://127.0.0.1/")
	g.Expect(code).To(Equal(exitBadInput))
	g.Expect(notes).To(ContainSubstring("expected the http or https URL"))
	code, _, notes = fetch("--month", "2025-09", "-o", filepath.Join(dir, "none", "b.bz2"))
	g.Expect(code).To(Equal(exitBadInput))
	g.Expect(notes).To(ContainSubstring("no such file or directory"))

	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(left).To(BeEmpty(), "files half written")
	_, err = os.Stat(filepath.Join(dir, "b.bz2"))
	g.Expect(err).To(MatchError(os.ErrNotExist))
}

// TestFetchThroughAProxy checks that the environment's proxy is asked.
func TestFetchThroughAProxy(t *testing.T) {
	g := NewWithT(t)
	asked := ""
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.String()
		http.NotFound(w, r)
	}))
	defer proxy.Close()
	// Go reads the environment once in a process, so another one has to ask.
	cmd := exec.CommandContext(t.Context(), "mpicsim", "topology", "fetch", "--url", "http://caida.example/serial-2/", "--month", "2025-09")
	cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), "HTTP_PROXY="+proxy.URL, "http_proxy="+proxy.URL, "NO_PROXY=", "no_proxy=")
	out, err := cmd.CombinedOutput()
	g.Expect(err).To(HaveOccurred())
	g.Expect(asked).To(Equal("http://caida.example/serial-2/20250901.as-rel2.txt.bz2"), "%s", out)
}
