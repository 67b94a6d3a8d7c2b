package remote

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"
)

// code is a stable identifier of a refusal with its HTTP status.
type code struct {
	name   string
	status int
}

// The codes of version 1.
//
//nolint:gochecknoglobals // immutable table
var (
	codeBadRequest     = code{"bad-request", http.StatusBadRequest}
	codeBadCheck       = code{"bad-check", http.StatusBadRequest}
	codeVersion        = code{"unsupported-version", http.StatusBadRequest}
	codeNotYetValid    = code{"not-yet-valid", http.StatusBadRequest}
	codeExpired        = code{"expired", http.StatusBadRequest}
	codeUnknownPartner = code{"unknown-partner", http.StatusForbidden}
	codeRevoked        = code{"revoked", http.StatusForbidden}
	codeNoRevocations  = code{"revocation-unknown", http.StatusForbidden}
	codeMethodRefused  = code{"method-refused", http.StatusForbidden}
	codeIssuerRefused  = code{"issuer-refused", http.StatusForbidden}
	codePathRefused    = code{"path-refused", http.StatusForbidden}
	codeNotFound       = code{"not-found", http.StatusNotFound}
	codeHTTPMethod     = code{"http-method-refused", http.StatusMethodNotAllowed}
	codeReplayed       = code{"replayed", http.StatusConflict}
	codeTooLarge       = code{"request-too-large", http.StatusRequestEntityTooLarge}
	codeContentType    = code{"wrong-content-type", http.StatusUnsupportedMediaType}
	codeMisdirected    = code{"wrong-perspective", http.StatusMisdirectedRequest}
	codeRate           = code{"rate-limited", http.StatusTooManyRequests}
	codeQuota          = code{"over-quota", http.StatusTooManyRequests}
	codeInternal       = code{"internal", http.StatusInternalServerError}
	codeBusy           = code{"busy", http.StatusServiceUnavailable}
	codeDraining       = code{"draining", http.StatusServiceUnavailable}
)

// codes returns all of them.
func codes() []code {
	return []code{
		codeBadRequest, codeBadCheck, codeVersion, codeNotYetValid, codeExpired, codeUnknownPartner, codeRevoked, codeNoRevocations,
		codeMethodRefused,
		codeIssuerRefused, codePathRefused, codeNotFound, codeHTTPMethod, codeReplayed, codeTooLarge, codeContentType,
		codeMisdirected, codeRate, codeQuota, codeInternal, codeBusy, codeDraining,
	}
}

// maxDetail bounds what a refusal says, to the partner and in its log, in octets.
const maxDetail = 1000

func refuse(c code, format string, args ...any) *Refusal {
	return &Refusal{APIVersion: APIVersion, Status: c.status, Code: c.name, Detail: cut(fmt.Sprintf(format, args...), maxDetail)}
}

// cut returns s, or its beginning of about most octets with an ellipsis.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}

// after says when it is worth another try, rounded up to seconds and at least 1.
func (r *Refusal) after(wait time.Duration) *Refusal {
	r.RetryAfter = max(1, int(math.Ceil(wait.Seconds())))
	return r
}
