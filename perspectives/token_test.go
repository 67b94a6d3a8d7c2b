package perspectives_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
)

// TestForeignToken: the token of http-01 and its key authorization must agree
// unless the check says that they need not, and then too the token must be one.
func TestForeignToken(t *testing.T) {
	for name, c := range map[string]struct {
		token   string
		foreign bool
		refused string // "" if it is not
	}{
		"the same":                 {token: "tok"},
		"another":                  {token: "other", refused: `expected that of the key authorization, "tok"`},
		"another, which may be":    {token: "other", foreign: true},
		"the same, may be another": {token: "tok", foreign: true},
		"none":                     {foreign: true, refused: "base64url"},
		"a path":                   {token: "../x", foreign: true, refused: "base64url"},
		"an escape":                {token: "%2e", foreign: true, refused: "base64url"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			err := perspectives.Check{
				Domain: "example.com", Method: perspectives.HTTP01, Token: c.token, KeyAuthorization: "tok.thumb",
				DCV: perspectives.DCVParameters{ForeignToken: c.foreign},
			}.Acceptable()
			if c.refused == "" {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			g.Expect(err).To(MatchError(ContainSubstring(c.refused)))
		})
	}
}
