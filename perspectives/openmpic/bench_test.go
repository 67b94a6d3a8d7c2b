package openmpic

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	. "github.com/onsi/gomega"
)

// BenchmarkMPIC measures what the API adds to a check by five remotes that answer
// at once: decoding, cohort, decision, metrics, encoding.
func BenchmarkMPIC(b *testing.B) {
	g := NewWithT(b)
	s := serve(g)
	body := fmt.Sprintf(caaRequest, "null")
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		s.server.ServeHTTP(w, posted("/mpic", body))
		if w.Code != http.StatusOK {
			b.Fatal(w.Body.String())
		}
	}
}
