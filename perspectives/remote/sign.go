package remote

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"mpicsim/perspectives"
	"mpicsim/perspectives/ijson"
)

// signatureContext comes before the canonical form in what is signed, so that the
// key's signatures mean nothing anywhere else.
const signatureContext = "mpicsim perspective answer v1\x00"

// Sign returns the body of an answer: a with key's identifier and signature. It is
// an error if a string of a is not UTF-8: its octets could not be signed as they
// are.
func (a Answer) Sign(key ed25519.PrivateKey) ([]byte, error) {
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok || len(key) != ed25519.PrivateKeySize {
		return nil, errors.New("sign the answer: expected an Ed25519 key")
	}
	a.KeyID, a.Signature = KeyID(public), nil
	unsigned, err := encode(a)
	if err != nil {
		return nil, fmt.Errorf("encode the answer: %w", err)
	}
	canonical, err := Canonical(unsigned)
	if err != nil {
		return nil, fmt.Errorf("canonical form of the answer: %w", err)
	}
	a.Signature = ed25519.Sign(key, append([]byte(signatureContext), canonical...))
	// What is signed is an object with members, so that one more can follow.
	return append(unsigned[:len(unsigned)-1], `,"signature":"`+text(a.Signature)+`"}`...), nil
}

// Expected is what an answer must match.
type Expected struct {
	// Perspective is the perspective that was asked.
	Perspective perspectives.Perspective
	// Key is its public key.
	Key ed25519.PublicKey
	// Request is the body that it was asked with.
	Request []byte
	asked   *Request // what Request says, if known
	// Sent and Received are when, by the client's clock; both zero for an answer
	// that is looked at later, whose time is then not judged.
	Sent, Received time.Time
	// Skew is how far the clocks may differ, [ClockSkew] if 0.
	Skew time.Duration
}

// AnswerError says why an answer is not believed. Reason is one of the constants
// below.
type AnswerError struct {
	Reason string
	Err    error
}

func (e *AnswerError) Error() string { return e.Reason + ": " + e.Err.Error() }

func (e *AnswerError) Unwrap() error { return e.Err }

// What makes an answer one that is not believed, as stable reasons of outcomes.
const (
	ReasonBadAnswer        = "bad-answer"         // no JSON, or not that of an answer
	ReasonWrongVersion     = "wrong-version"      // another version of the protocol
	ReasonBadSignature     = "bad-signature"      // not signed by the expected key, or changed since
	ReasonWrongPerspective = "wrong-perspective"  // the answer of another perspective
	ReasonWrongRegion      = "wrong-region"       // in another RIR service region
	ReasonReplayed         = "replayed"           // the answer to an earlier request
	ReasonWrongRequest     = "wrong-request"      // the answer to another request with the nonce
	ReasonWrongQuestions   = "wrong-questions"    // not the questions that were asked
	ReasonClockSkew        = "clock-skew"         // signed at a time that cannot be
	ReasonMissingVerdict   = "missing-verdict"    // a question without an answer
	ReasonUnaskedVerdict   = "unrequested-answer" // an answer without a question
)

func distrust(reason, format string, args ...any) error {
	return &AnswerError{reason, fmt.Errorf(format, args...)}
}

// Verify reads the body of an answer and returns it if it is the expected one.
// The error is an [*AnswerError].
func (e Expected) Verify(body []byte) (Answer, error) {
	var a Answer
	canonical, err := decode(body, &a, ijson.IgnoreUnknown, "signature")
	if err != nil {
		return Answer{}, &AnswerError{ReasonBadAnswer, err}
	}
	if a.APIVersion != APIVersion {
		return Answer{}, distrust(ReasonWrongVersion, "found version %q, expected %q", a.APIVersion, APIVersion)
	}
	if len(e.Key) != ed25519.PublicKeySize ||
		!ed25519.Verify(e.Key, append([]byte(signatureContext), canonical...), a.Signature) {
		return Answer{}, distrust(ReasonBadSignature, "key %s says that the answer is not its own; it names key %s",
			text(KeyID(e.Key)), text(a.KeyID))
	}
	if err := e.match(a); err != nil {
		return Answer{}, err
	}
	return a, nil
}

// match holds a signed answer against what was asked.
func (e Expected) match(a Answer) error {
	p, r := e.Perspective, a.Result
	digest := sha256.Sum256(e.Request)
	request := e.asked
	if request == nil {
		request = &Request{}
		if err := ijson.Decode(e.Request, request, ijson.IgnoreUnknown); err != nil {
			return distrust(ReasonWrongRequest, "the request: %w", wellPut(err))
		}
	}
	switch {
	case a.Perspective != p.Name || r.Perspective != p.Name:
		return distrust(ReasonWrongPerspective, "found perspective %q with a result of %q, expected %q", a.Perspective, r.Perspective, p.Name)
	case a.RIR != p.RIR || r.RIR != p.RIR:
		return distrust(ReasonWrongRegion, "found region %v with a result of %v, expected %v", a.RIR, r.RIR, p.RIR)
	case !bytes.Equal(a.KeyID, KeyID(e.Key)):
		return distrust(ReasonBadSignature, "found key %s, expected %s", text(a.KeyID), text(KeyID(e.Key)))
	case !bytes.Equal(a.Nonce, request.Nonce):
		return distrust(ReasonReplayed, "found nonce %s, expected %s", text(a.Nonce), text(request.Nonce))
	case !bytes.Equal(a.RequestDigest, digest[:]):
		return distrust(ReasonWrongRequest, "found request digest %s, expected %s", text(a.RequestDigest), text(digest[:]))
	case a.TraceIdentifier != request.TraceIdentifier:
		return distrust(ReasonWrongRequest, "found trace identifier %q, expected %q", a.TraceIdentifier, request.TraceIdentifier)
	}
	if err := matchQuestions(request.Check.Questions, r); err != nil {
		return err
	}
	return e.matchTime(a)
}

// matchQuestions wants a verdict for each question that was asked and for no
// other.
func matchQuestions(asked perspectives.Questions, r perspectives.Result) error {
	if r.Questions != asked {
		return distrust(ReasonWrongQuestions, "found questions %q, expected %q", r.Questions, asked)
	}
	for _, q := range []struct {
		name    string
		asked   bool
		verdict perspectives.Verdict
	}{{"domain control", asked.DCV(), r.DCV.Verdict}, {"CAA", asked.CAA(), r.CAA.Verdict}} {
		if q.asked && q.verdict == perspectives.Unanswered {
			return distrust(ReasonMissingVerdict, "nothing about %s, which was asked", q.name)
		}
		if !q.asked && q.verdict != perspectives.Unanswered {
			return distrust(ReasonUnaskedVerdict, "verdict %v about %s, which was not asked", q.verdict, q.name)
		}
	}
	return nil
}

func (e Expected) matchTime(a Answer) error {
	if e.Sent.IsZero() && e.Received.IsZero() {
		return nil
	}
	skew := e.Skew
	if skew == 0 {
		skew = ClockSkew
	}
	if a.AnsweredAt.Before(e.Sent.Add(-skew)) || a.AnsweredAt.After(e.Received.Add(skew)) {
		return distrust(ReasonClockSkew, "signed at %s, expected between %s and %s, give or take %v",
			a.AnsweredAt.UTC().Format(time.RFC3339), e.Sent.UTC().Format(time.RFC3339), e.Received.UTC().Format(time.RFC3339), skew)
	}
	return nil
}

func text(b Base64) string {
	t, _ := b.MarshalText() // never fails
	return string(t)
}
