// Package conformance is a black-box conformance suite for services that speak
// Open MPIC's API, with all that it needs: the requests and what must come out
// ([Cases]), somebody who asks and judges ([Client]), and an emulated Internet
// with the DNS zones and the web, TLS and CAA fixtures that the requests are
// about ([World]). No packet leaves the process.
//
// The groups A, B and C are those of the suites that Open MPIC publishes for any
// service (open-mpic-api-compliance), for its AWS deployment and for its
// containers; their targets are public zones, which World holds under the same
// names: integration-testing.open-mpic.org and SSLMate's CAA test suite
// (caatestsuite.com, caatestsuite-dnssec.com). Group D has what implementations
// are known to differ in. Records, files and certificates are made from a
// description of the facts; where only the expected outcome was known, the
// fixture is derived from it, and a comment says so.
//
// # Where expectations differ from the published suites
//
// The expectations are those of the Baseline Requirements. A Case whose
// published expectation is another one, or that the published suite leaves out,
// says so in Case.Differs, and names in Case.Knob what implementations choose
// differently:
//
//   - dnssec: the primary must validate since 2026-03-15 (BR 3.2.2.8.1), so zones
//     with expired or missing signatures are refused.
//   - carve_out: a failed CAA lookup is permission only with the three proofs of
//     BR 3.2.2.8, whatever allow_lookup_failure says; never below a DS record.
//   - climb: RFC 8659 climbs from the name asked for, RFC 6844 did from an
//     alias's target as well.
//   - strict_2xx: any 2xx status will do (BR 3.2.2.4.18 and .19).
//   - max_hops: at least 12 redirects are followed.
//   - trim: white space before the key authorization is a mismatch (RFC 8555 8.3
//     ignores it at the end only).
//   - ssrf_probe: a forbidden redirect is not followed at all: nobody contacts
//     port 8080 (World.Trespasses).
//   - acct_case: account URIs are compared exactly (RFC 8657 3).
//   - wild_policy: a persistent record validates wildcards without a policy
//     parameter (BR 3.2.2.4.22).
//   - crit_bit: the critical flag is the bit with the value 128 alone.
//   - caa_ip: CAA does not apply to IP addresses, so it permits.
//   - alpn_strict: acme-tls/1 must be negotiated (RFC 8737 3).
//   - dot: cname_chain keeps the trailing dots.
//   - monitor: quorum_count 0, which has Open MPIC's services say is_valid whatever
//     the remotes see, is rejected: from 2025-09-15 a quorum that is missed forbids
//     issuance (BR 3.2.2.9).
//
// The days from which the Baseline Requirements forbid a method are not applied:
// the published suites ask for ip-address (3.2.2.4.8), forbidden from 2026-03-15.
// A service that applies them refuses those cases.
//
// # What is not modelled
//
// Names of the CAA test suite that are about certificates with further names,
// reports to iodef, alias chains that RFC 6844 alone followed into parents, and
// the algorithm of the published DNSSEC zones: they are signed with algorithm 5,
// which no validator may trust any more, ours with 13.
//
// Timeouts run on the operating system's clock: see [World].
package conformance
