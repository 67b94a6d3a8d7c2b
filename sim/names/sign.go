package names

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// sign adds the zone's keys, its denial records and all signatures (RFC 4035 2).
// It does nothing without a keyring, or if the zone is to lack them.
func (z *Zone) sign(keys *keyring) error {
	if keys == nil {
		return nil
	}
	z.anchor = keys.anchor()
	if keys.spec.has(Stripped) {
		return nil
	}
	z.silent = keys.spec.has(MissingDenial)
	s, err := newZoneSigner(z, keys)
	if err != nil {
		return fmt.Errorf("zone %s: sign: %w", z.origin, err)
	}
	if err := s.run(); err != nil {
		return fmt.Errorf("zone %s: sign: %w", z.origin, err)
	}
	z.negativeSOA = z.makeNegativeSOA()
	return nil
}

// zoneSigner signs one zone. It ends with the zone.
type zoneSigner struct {
	zone     *Zone
	keys     *keyring
	foreign  *signingKey // only if a fault wants it
	trap     []*dns.DNSKEY
	used     []bool // the faults that have fitted something
	denyTTL  uint32 // seconds, of NSEC and NSEC3 records (RFC 9077 3)
	position int    // of the first key trap among the faults, -1 if there is none
}

func newZoneSigner(z *Zone, keys *keyring) (*zoneSigner, error) {
	spec, ttl := keys.spec, keys.ksk.record.Hdr.Ttl
	s := &zoneSigner{
		zone: z, keys: keys, used: make([]bool, len(spec.Faults)),
		denyTTL:  min(z.soa.Hdr.Ttl, z.soa.Minttl),
		position: slices.IndexFunc(spec.Faults, func(f Fault) bool { return f.Kind == KeyTrap }),
	}
	if spec.has(ForeignKey) {
		var err error
		if s.foreign, err = drawKey(spec, z.origin, foreign, ttl); err != nil {
			return nil, err
		}
	}
	if s.position >= 0 {
		s.trap = trapKeys(spec, z.origin, ttl, spec.Faults[s.position].Keys)
	}
	return s, nil
}

// run publishes the keys, builds the chain and signs.
func (s *zoneSigner) run() error {
	if err := s.publishKeys(); err != nil {
		return err
	}
	deny := s.nsec
	if s.keys.spec.NSEC3 != nil {
		deny = s.nsec3
	}
	chain, err := deny()
	if err != nil {
		return err
	}
	for _, owner := range s.zone.owners() {
		sets := s.zone.nodes[owner].sets
		for i := range sets {
			if !s.zone.authoritative(owner, sets[i].rtype) {
				continue
			}
			if err := s.signSet(owner, &sets[i]); err != nil {
				return err
			}
		}
	}
	if s.zone.denial, err = chain(); err != nil {
		return err
	}
	for i, used := range s.used {
		if f := s.keys.spec.Faults[i]; f.Kind.spoilsSignatures() && !used {
			return fmt.Errorf("fault %d, %v: fits no RRset that is signed and that no earlier fault fits", i+1, f.Kind)
		}
	}
	return nil
}

// publishKeys adds the DNSKEY records, and the NSEC3PARAM record if there is to
// be one.
func (s *zoneSigner) publishKeys() error {
	public := []dns.RR{s.keys.ksk.record}
	if s.keys.zsk != s.keys.ksk {
		public = append(public, s.keys.zsk.record)
	}
	for _, k := range s.trap {
		public = append(public, k)
	}
	if p := s.keys.spec.NSEC3; p != nil {
		public = append(public, &dns.NSEC3PARAM{
			Hdr:  dns.RR_Header{Name: s.zone.origin, Rrtype: dns.TypeNSEC3PARAM, Class: dns.ClassINET},
			Hash: dns.SHA1, Iterations: p.Iterations, SaltLength: uint8(len(p.Salt)), Salt: fmt.Sprintf("%X", p.Salt),
		})
	}
	for _, rr := range public {
		if err := s.zone.add(record{rr: rr, file: "signing of zone " + s.zone.origin}); err != nil {
			return err
		}
	}
	return nil
}

// authoritative says whether the zone has the last word on an RRset, and so
// signs it: not on what lies below a zone cut, and of the cut itself only on
// what says that and how the child is signed (RFC 4035 2.2).
func (z *Zone) authoritative(owner string, rtype uint16) bool {
	switch z.cutAbove(owner) {
	case "":
		return true
	case owner:
		return rtype == dns.TypeDS || rtype == dns.TypeNSEC
	default:
		return false
	}
}

// signSet gives an RRset its signatures, spoilt as the first fault that fits
// says.
func (s *zoneSigner) signSet(owner string, set *rrset) error {
	spec, kind := s.keys.spec, FaultKind(0)
	for i, f := range spec.Faults {
		if f.Kind.spoilsSignatures() && f.fits(owner, set.rtype) {
			kind, s.used[i] = f.Kind, true
			break
		}
	}
	if kind == MissingSignature {
		return nil
	}
	signer := s.keys.zsk
	if set.rtype == dns.TypeDNSKEY {
		signer = s.keys.ksk
	}
	sig := &dns.RRSIG{SignerName: s.zone.origin}
	from, to := spec.Inception, spec.Expiration
	switch kind {
	case Expired:
		from, to = from.Add(from.Sub(to)-time.Second), from.Add(-time.Second)
	case NotYetValid:
		from, to = to.Add(time.Second), to.Add(to.Sub(from)+time.Second)
	case WrongSigner:
		if sig.SignerName = parent(s.zone.apex); sig.SignerName == "" {
			sig.SignerName = "invalid."
		}
	case ForeignKey:
		signer = s.foreign
	default: // FlippedBit comes last
	}
	sig.Inception, sig.Expiration = uint32(from.Unix()), uint32(to.Unix())
	if err := s.seal(signer, sig, set.rrs); err != nil {
		return fmt.Errorf("%s %s: %w", owner, dns.Type(set.rtype), err)
	}
	if kind == FlippedBit {
		flipBit(sig)
	}
	set.sigs = []dns.RR{sig}
	if s.position >= 0 && kind == 0 && set.rtype != dns.TypeDNSKEY {
		sig.KeyTag = s.trap[0].KeyTag()
		set.sigs = trapSignatures(spec, sig, spec.Faults[s.position].Signatures)
	}
	return nil
}

// seal fills in the signature of an RRset. Package dns takes any owner name that
// begins with an asterisk for a wildcard; only a whole label is one (RFC 4592
// 2.1.1), and another spelling keeps it from that.
func (s *zoneSigner) seal(k *signingKey, sig *dns.RRSIG, rrs []dns.RR) error {
	h := rrs[0].Header()
	sig.Algorithm, sig.KeyTag = k.record.Algorithm, k.tag()
	if k.signer == nil {
		sig.Hdr = dns.RR_Header{Name: h.Name, Rrtype: dns.TypeRRSIG, Class: h.Class, Ttl: h.Ttl}
		sig.TypeCovered, sig.OrigTtl = h.Rrtype, h.Ttl
		sig.Labels = uint8(dns.CountLabel(h.Name))
		if strings.HasPrefix(h.Name, "*.") {
			sig.Labels--
		}
		purpose := fmt.Sprintf("signature of %s %d", key(h.Name), h.Rrtype)
		sig.Signature = base64.StdEncoding.EncodeToString(noise(s.keys.spec.Seed, s.zone.origin, purpose, 64))
		return nil
	}
	if strings.HasPrefix(h.Name, "*") && !strings.HasPrefix(h.Name, "*.") {
		rrs = slices.Clone(rrs)
		for i, rr := range rrs {
			rrs[i] = dns.Copy(rr)
			rrs[i].Header().Name = `\042` + rr.Header().Name[1:]
		}
	}
	sig.Hdr.Ttl = h.Ttl
	err := sig.Sign(reproducible{k.signer}, rrs)
	sig.Hdr.Name = h.Name
	return err
}

// flipBit changes the lowest bit of the octet in the middle of a signature.
func flipBit(sig *dns.RRSIG) {
	octets, _ := base64.StdEncoding.DecodeString(sig.Signature) // just encoded
	octets[len(octets)/2] ^= 1
	sig.Signature = base64.StdEncoding.EncodeToString(octets)
}
