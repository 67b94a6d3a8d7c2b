package remote_test

import (
	"crypto/sha256"
	"encoding/json"
	"testing"

	"mpicsim/perspectives"
	"mpicsim/perspectives/remote"
)

// BenchmarkAnswer signs and verifies the answer of an http-01 validation with the
// evidence of six DNS queries, as a perspective and a coordinator do for every
// check, and writes its canonical form alone.
func BenchmarkAnswer(b *testing.B) {
	public, signing := newKey(b)
	request, err := json.Marshal(remote.Request{
		APIVersion: remote.APIVersion, Perspective: "test/fra", Nonce: make(remote.Base64, 16), NotBefore: epoch(), NotAfter: epoch(), Check: check(),
	})
	if err != nil {
		b.Fatal(err)
	}
	digest := sha256.Sum256(request)
	one := &runner{Perspective: fra()}
	result := one.Run(b.Context(), check())
	for range 6 {
		result.DCV.Evidence = append(result.DCV.Evidence, perspectives.Evidence{
			Kind: "dns", Query: "www.example.com. A", Server: "192.0.2.53:53", Answer: []string{"www.example.com.\t300\tIN\tA\t192.0.2.80"},
			Status: "NOERROR", Started: epoch(), Took: 1234567,
		})
	}
	answer := remote.Answer{
		APIVersion: remote.APIVersion, Perspective: "test/fra", RIR: result.RIR, RequestDigest: digest[:],
		Nonce: make(remote.Base64, 16), AnsweredAt: epoch(), Result: result,
	}
	signed, err := answer.Sign(signing)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("sign", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := answer.Sign(signing); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("verify", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := (remote.Expected{Perspective: fra(), Key: public, Request: request}).Verify(signed); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("canonical", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(signed)))
		for b.Loop() {
			if _, err := remote.Canonical(signed); err != nil {
				b.Fatal(err)
			}
		}
	})
}
