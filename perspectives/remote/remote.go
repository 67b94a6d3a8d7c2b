// Package remote is the protocol between a CA and one remote perspective: server
// and client, version 1. docs/protocol.md is its specification, openapi.json its
// description for programs.
//
// The channel is TLS 1.3 with certificates on both sides (BR 3.2.2.9: an
// authenticated and encrypted channel). A request names the perspective that it
// is for, carries a nonce and expires. An answer is signed with the perspective's
// Ed25519 key and bound to the octets of the request, the nonce, the perspective,
// its RIR service region and the time: it can be kept as evidence, and shown to
// somebody who was not there.
//
// A server is shared by partners, CAs that are known by their client certificates.
// Each has the methods and issuer domains that it may ask for, a rate and a daily
// quota, and a log of its own.
//
// Not done here: DNS and validation (package local does them, behind [Runner]),
// files and signals (the command does them), who a partner is and how much it may ask
// for (package access), quotas that outlive the process or are shared by several.
//
// Timestamps come from the clocks given; timeouts run on the operating system's
// clock. [Server] and [Client] are safe for concurrent use.
package remote

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"net/netip"
	"time"

	"mpicsim/perspectives"
	"mpicsim/topology/place"
)

// APIVersion is the version of the protocol, in requests and answers. Version 1
// grows by fields in answers only: a client ignores those that it does not know,
// a server refuses a request with one that it does not know.
const APIVersion = "1"

// The paths of version 1. PathCheck asks as check.questions says, the others one
// question each.
const (
	PathCheck   = "/perspective/v1/check"
	PathDCV     = "/perspective/v1/dcv"
	PathCAA     = "/perspective/v1/caa"
	PathInfo    = "/perspective/v1/info"
	PathHealth  = "/healthz"
	PathMetrics = "/metrics"
	PathOpenAPI = "/openapi.json"
	// PathOpenMPICDCV and PathOpenMPICCAA are those of Open MPIC's containers.
	PathOpenMPICDCV = "/dcv"
	PathOpenMPICCAA = "/caa"
)

const (
	// MaxRequest is how many octets a request may have.
	MaxRequest = 64 << 10
	// MaxValidity is how long a request may be valid.
	MaxValidity = 10 * time.Minute
	// ClockSkew is how far the clocks of client and server may differ.
	ClockSkew = 30 * time.Second
	// minNonce and maxNonce bound a nonce, in octets; minNonce is 128 bits.
	minNonce, maxNonce = 16, 64
	maxTrace           = 256
)

// Runner carries out checks on one perspective's network: local.Local is one.
type Runner interface {
	Describe() perspectives.Perspective
	Run(ctx context.Context, c perspectives.Check) perspectives.Result
}

// Request is the body of a request for a check.
type Request struct {
	// APIVersion is "1".
	APIVersion string `json:"api_version"`
	// Perspective is the name of the perspective that is asked.
	Perspective string `json:"perspective"`
	// Nonce is 16 to 64 random octets, new in each request.
	Nonce Base64 `json:"nonce"`
	// NotBefore and NotAfter bound when the request is valid, at most 10 minutes.
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	// TraceIdentifier is logged and answered, at most 256 octets.
	TraceIdentifier string `json:"trace_identifier,omitempty"`
	// Check is what to check.
	Check perspectives.Check `json:"check"`
}

// Answer is the body of an answer to a [Request].
type Answer struct {
	// APIVersion is "1".
	APIVersion string `json:"api_version"`
	// Perspective and RIR are those of the perspective that answers.
	Perspective string    `json:"perspective"`
	RIR         place.RIR `json:"rir"`
	// RequestDigest is the SHA-256 digest of the request's body, octet by octet.
	RequestDigest Base64 `json:"request_digest"`
	// Nonce and TraceIdentifier are those of the request.
	Nonce           Base64 `json:"nonce"`
	TraceIdentifier string `json:"trace_identifier,omitempty"`
	// AnsweredAt is when the answer was signed, by the perspective's clock.
	AnsweredAt time.Time `json:"answered_at"`
	// Result is what the perspective saw.
	Result perspectives.Result `json:"result"`
	// KeyID is the SHA-256 digest of the 32 octets of the public key that verifies
	// the signature.
	KeyID Base64 `json:"key_id"`
	// Signature is the Ed25519 signature (RFC 8032) over the canonical form of the
	// answer without this member.
	Signature Base64 `json:"signature,omitempty"`
}

// Info is what a perspective says about itself to one partner.
type Info struct {
	// APIVersions are the versions spoken; Software is for people.
	APIVersions []string                 `json:"api_versions"`
	Software    string                   `json:"software"`
	Perspective perspectives.Perspective `json:"perspective"`
	// EgressAddresses are where checks come from, as far as configured.
	EgressAddresses []netip.Addr `json:"egress_addresses,omitempty"`
	// PublicKey is the Ed25519 key that verifies answers, KeyID its digest.
	PublicKey Base64 `json:"public_key"`
	KeyID     Base64 `json:"key_id"`
	// Time is the perspective's clock.
	Time time.Time `json:"time"`
	// Limits are the protocol's bounds as this server has them.
	Limits InfoLimits `json:"limits"`
	// Partner is who asks, as the server knows it.
	Partner InfoPartner `json:"partner"`
}

// InfoLimits are a server's bounds.
type InfoLimits struct {
	RequestOctets      int `json:"request_octets"`
	ValiditySeconds    int `json:"validity_seconds"`
	ClockSkewSeconds   int `json:"clock_skew_seconds"`
	CheckTimeoutMillis int `json:"check_timeout_ms"`
}

// InfoPartner says what the partner that asks may do.
type InfoPartner struct {
	Name          string                `json:"name"`
	Methods       []perspectives.Method `json:"methods"`
	IssuerDomains []string              `json:"issuer_domains"`
	OpenMPIC      bool                  `json:"open_mpic"`
	// ChecksPerSecond and Burst are the rate, DailyQuota the checks of a day in
	// UTC; 0 means no bound. UsedToday counts against the latter.
	ChecksPerSecond float64 `json:"checks_per_second"`
	Burst           int     `json:"burst"`
	DailyQuota      int     `json:"daily_quota"`
	UsedToday       int     `json:"used_today"`
}

// Refusal is the body of every response that is not 200.
type Refusal struct {
	APIVersion string `json:"api_version"`
	// Status is the HTTP status, Code a stable identifier.
	Status int    `json:"status"`
	Code   string `json:"code"`
	// Detail is a sentence for people.
	Detail string `json:"detail"`
	// RetryAfter says after how many seconds it is worth another try, 0 if never.
	RetryAfter int `json:"retry_after_seconds,omitempty"`
}

// Health is the body of GET /healthz.
type Health struct {
	// Status is "healthy", or "draining" with status 503.
	Status string `json:"status"`
}

// Base64 is octets that JSON holds in base64url without padding (RFC 4648 5).
type Base64 []byte

// MarshalText implements [encoding.TextMarshaler].
func (b Base64) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, b), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler]. It accepts nothing that
// MarshalText does not write.
func (b *Base64) UnmarshalText(text []byte) error {
	for _, c := range text {
		if c == '\r' || c == '\n' { // skipped by encoding/base64
			return base64.CorruptInputError(0)
		}
	}
	octets, err := base64.RawURLEncoding.Strict().AppendDecode(nil, text)
	if err != nil {
		return err
	}
	*b = octets
	return nil
}

// KeyID returns the identifier of a public key: its SHA-256 digest.
func KeyID(key ed25519.PublicKey) Base64 {
	digest := sha256.Sum256(key)
	return digest[:]
}
