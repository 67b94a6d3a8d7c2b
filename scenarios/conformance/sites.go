package conformance

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"

	"mpicsim/sim/web"
)

// The challenges of http-01, website-change and tls-alpn-01. The token ends in a
// letter that says what its URL does: A has the key authorization, B redirects
// to it, C redirects to port 8080, Z does not exist.
const (
	tokenStem   = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-o"
	thumbprint  = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
	wrongThumb  = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9XZ"
	keyAuth     = tokenStem + "A." + thumbprint
	keyAuthHash = "653471d42925d7eb4cd39a39cda8b34d3034c94cb90067ab78c8123560ba2e5f" // SHA-256 of keyAuth, hexadecimal
	longHops    = 12
)

const validationPath = "/.well-known/pki-validation/"

// openMPICSite is the web server of the integration zone: files, and redirects
// with status 302 to absolute URLs.
func openMPICSite() web.Site {
	base := "http://" + integration
	to := func(path string) web.Page { return web.Page{Redirect: base + path} }
	forbidden := func(path string) web.Page { return web.Page{Redirect: base + ":8080" + path} }
	site := web.Site{Owner: "integration", Pages: map[string]web.Page{
		"/redirect-target":                                      {Body: keyAuth},
		"/redirect-target-website-change":                       {Body: "test-validation-redirect"},
		"/redirect-target-12":                                   {Body: "test-validation-long-redirect"},
		web.ChallengePrefix + tokenStem + "A":                   {Body: keyAuth},
		web.ChallengePrefix + tokenStem + "B":                   to("/redirect-target"),
		web.ChallengePrefix + tokenStem + "C":                   forbidden("/redirect-target"),
		validationPath + "validation-doc.txt":                   {Body: "test-validation\n"},
		validationPath + "validation-doc-redirect.txt":          to("/redirect-target-website-change"),
		validationPath + "validation-doc-bad-port-redirect.txt": forbidden("/redirect-target-website-change"),
		validationPath + "validation-long-redirect.txt":         to("/redirect-target-1"),
		"/redirect-target-" + fmt.Sprint(longHops-1):            to("/redirect-target-12"),
	}}
	for n := 1; n < longHops-1; n++ {
		site.Pages[fmt.Sprintf("/redirect-target-%d", n)] = to(fmt.Sprintf("/redirect-target-%d", n+1))
	}
	return site
}

// ourSite is the web server of group D.
func ourSite() web.Site {
	return web.Site{Owner: "conformance", Pages: map[string]web.Page{
		web.ChallengePrefix + tokenStem + "A": {Body: " " + keyAuth},
		validationPath + "status-203.txt":     {Status: http.StatusNonAuthoritativeInfo, Body: "found-with-203"},
		validationPath + "status-303.txt":     {Status: http.StatusSeeOther, Redirect: "http://" + ours + validationPath + "status-203.txt"},
		validationPath + "split.txt":          {Body: strings.Repeat("padding ", 4000) + "found-after-many-packets"},
	}}
}

// challengeDigest is keyAuthHash as octets.
func challengeDigest() (digest [32]byte, err error) {
	if _, err := hex.Decode(digest[:], []byte(keyAuthHash)); err != nil {
		return digest, fmt.Errorf("the digest of the tls-alpn-01 challenge: %w", err)
	}
	return digest, nil
}
