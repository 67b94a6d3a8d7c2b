package perspectives

import "time"

// DNSSEC is the security status of an answer (RFC 4033 5). The zero value means
// that nothing was validated.
type DNSSEC string

// The statuses of RFC 4033 5.
const (
	NotValidated  DNSSEC = ""
	Secure        DNSSEC = "secure"
	Insecure      DNSSEC = "insecure"
	Bogus         DNSSEC = "bogus"
	Indeterminate DNSSEC = "indeterminate"
)

// ChainLink is one step of a DNSSEC chain of trust, as evidence: what a zone's
// keys say about one set of records.
type ChainLink struct {
	// Zone is the zone whose keys were used; Owner and Type name the records that
	// the step is about, such as "example.com." and "DS".
	Zone   string `json:"zone"`
	Owner  string `json:"owner"`
	Type   string `json:"type"`
	Status DNSSEC `json:"status"`
	// Algorithm, KeyTag, Inception and Expiration are those of the signature that
	// was verified, zero if none was.
	Algorithm  uint8     `json:"algorithm,omitempty"`
	KeyTag     uint16    `json:"key_tag,omitempty"`
	Inception  time.Time `json:"inception,omitzero"`
	Expiration time.Time `json:"expiration,omitzero"`
	// Detail is a phrase for people; EDE says why the status is not Secure, as
	// "EDE 7 (Signature Expired)", if there is a code for it (RFC 8914).
	Detail string `json:"detail,omitempty"`
	EDE    string `json:"ede,omitempty"`
}

// Seen is what an outcome was judged by, in the form that interfaces report:
// the parts that the evidence, which is the record of every exchange, does not
// single out. Only the part of the protocol used is set.
type Seen struct {
	DNS *SeenDNS `json:"dns,omitempty"`
	Web *SeenWeb `json:"web,omitempty"`
	TLS *SeenTLS `json:"tls,omitempty"`
}

// SeenDNS is the record set that was judged.
type SeenDNS struct {
	// Name is where the records were looked for, and for CAA found, without
	// trailing dot; FoundAt is where aliases led, the same if there were none.
	Name    string `json:"name"`
	FoundAt string `json:"found_at"`
	// Records are the data of the records: the text of TXT records with their
	// strings joined, otherwise the presentation format without owner, TTL,
	// class and type.
	Records []string `json:"records"`
	// Cut says that there were more, which were judged but are not kept.
	Cut bool `json:"cut,omitempty"`
	// Rcode is the DNS response code, such as 0 or 3.
	Rcode int `json:"rcode"`
	// CNAMEs is the alias chain with trailing dots.
	CNAMEs []string `json:"cnames,omitempty"`
	// DNSSEC is the status of the answer.
	DNSSEC DNSSEC `json:"dnssec,omitempty"`
}

// SeenWeb is the HTTP response that was judged, and how it was reached.
type SeenWeb struct {
	URL     string `json:"url"`     // of the response
	Status  int    `json:"status"`  // of the response
	Address string `json:"address"` // "ip:port" that gave it
	// Page is the beginning of the body, as long as was needed to judge it and
	// at most 4 KiB; nothing is known about its encoding.
	Page []byte `json:"page"`
	// Hops are the redirects met, in order. The last one is the response itself if
	// the way ended there, refused or leading nowhere.
	Hops []Hop `json:"hops,omitempty"`
}

// Hop is one redirect: where it was met, its status, and where it leads as the
// server wrote it.
type Hop struct {
	URL      string `json:"url"`
	Status   int    `json:"status"`
	Location string `json:"location"`
}

// SeenTLS is the certificate that was judged, as far as one came.
type SeenTLS struct {
	Version     string `json:"version"`  // such as "TLS 1.3"
	Protocol    string `json:"protocol"` // negotiated by ALPN
	CommonName  string `json:"common_name,omitempty"`
	Certificate []byte `json:"certificate,omitempty"` // DER
	// Cut says that the certificate was too large to be kept.
	Cut bool `json:"cut,omitempty"`
}

// LookupFailure is the proof that a failed CAA lookup may be taken as permission
// (BR 3.2.2.8): it was tried again, the failure lies outside of the CA's
// infrastructure, and the domain is Insecure (RFC 4035 4.3). It is what an
// auditor asks for, and says as well which of the three could not be proved.
type LookupFailure struct {
	// Name is the name whose CAA records could not be looked up, without trailing
	// dot.
	Name string `json:"name"`
	// Attempts are the failed lookups, at least two if the proof is complete.
	Attempts []FailedLookup `json:"attempts"`
	// Outside says why the failure is not the perspective's own, empty if that
	// could not be shown.
	Outside string `json:"outside,omitempty"`
	// OutsideEvidence are exchanges that the perspective had at the same time
	// with others, which show that its own network and resolver work.
	OutsideEvidence []Evidence `json:"outside_evidence,omitempty"`
	// DNSSEC is the status of the zone whose servers gave no usable answer. Only
	// Insecure is a proof.
	DNSSEC DNSSEC `json:"dnssec"`
	// Chain is the chain of trust down to where it ends, which shows it.
	Chain []ChainLink `json:"chain,omitempty"`
	// Missing names the proofs that could not be had: "retry",
	// "outside-infrastructure", "insecure". None if the proof is complete.
	Missing []string `json:"missing,omitempty"`
	// Cut says that there was more evidence than is kept.
	Cut bool `json:"cut,omitempty"`
}

// FailedLookup is one lookup that gave no usable answer.
type FailedLookup struct {
	Started  time.Time     `json:"started"`
	Took     time.Duration `json:"took_ns"`
	Error    string        `json:"error"`
	DNSSEC   DNSSEC        `json:"dnssec"`
	Evidence []Evidence    `json:"evidence,omitempty"`
}

// Complete says whether all three proofs are there.
func (f LookupFailure) Complete() bool {
	return len(f.Missing) == 0 && len(f.Attempts) >= 2 && f.Outside != "" && f.DNSSEC == Insecure
}
