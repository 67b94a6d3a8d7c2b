package dcv

import (
	"context"
	"strings"

	"github.com/miekg/dns"

	"mpicsim/perspectives"
	"mpicsim/perspectives/caa"
)

// contact is a kind of contact that a domain can publish (BR appendix A).
type contact struct {
	what  string                  // for people
	label string                  // of the TXT record, A.2
	tag   string                  // of the CAA property, A.1
	valid func(value string) bool // whether a whole value is one
	equal func(a, b string, ignoreCase bool) bool
}

func contactOf(m perspectives.Method) contact {
	if m == perspectives.ContactEmailTXT || m == perspectives.ContactEmailCAA {
		return contact{"email address", "_validation-contactemail", "contactemail", isEmail, equalEmail}
	}
	return contact{"phone number", "_validation-contactphone", "contactphone", isGlobalNumber, equalNumber}
}

// contactTXT looks for the contact in a TXT record under the domain
// (BR 3.2.2.4.14, 3.2.2.4.16). The whole data must be a contact, with no padding
// or structure (A.2.1, A.2.2).
func (v *validation) contactTXT(ctx context.Context) perspectives.Outcome {
	c := contactOf(v.check.Method)
	name := c.label + "." + v.check.Name()
	a, end := v.records(ctx, name, dns.TypeTXT)
	if end != nil {
		return *end
	}
	found := texts(a)
	if len(found) == 0 {
		return v.absent(ReasonNoTXT, name, a, "TXT")
	}
	return v.judgeContact(c, name, found)
}

// contactCAA looks for it in the CAA record set that is relevant for the domain,
// found by climbing (RFC 8659 3; BR 3.2.2.4.13, 3.2.2.4.17). The climb ends at
// the first record set, whether or not it has a contact.
func (v *validation) contactCAA(ctx context.Context) perspectives.Outcome {
	c := contactOf(v.check.Method)
	set, err := caa.Find(ctx, v.resolver, v.check.Name())
	v.evidence = append(v.evidence, set.Trace...)
	v.chain = set.Chain
	if err != nil {
		return v.lookupFailed(err)
	}
	v.statuses = append(v.statuses, set.Status)
	v.seen = &perspectives.Seen{DNS: set.Seen()}
	if set.Server.IsValid() {
		v.targets = append(v.targets, set.Server.String())
	}
	var found []string
	for _, r := range set.Records {
		if perspectives.EqualFoldASCII(r.Tag, c.tag) {
			found = append(found, r.Value)
		}
	}
	switch {
	case len(set.Records) == 0:
		return v.failed(ReasonNoContact, "no CAA records from %s up to its top-level domain", set.Name)
	case len(found) == 0:
		return v.failed(ReasonNoContact, "the CAA records at %s have no %s property", set.Name, c.tag)
	}
	return v.judgeContact(c, set.Name, found)
}

// judgeContact passes if one of the values is the contact that was selected.
func (v *validation) judgeContact(c contact, name string, found []string) perspectives.Outcome {
	want := v.check.DCV.ChallengeValue
	usable := 0
	for _, value := range found {
		if !c.valid(value) {
			continue
		}
		usable++
		if c.equal(value, want, v.check.DCV.IgnoreCase) {
			return v.passed(ReasonContactMatches, "%s has the %s %s", name, c.what, want)
		}
	}
	if usable == 0 {
		return v.failed(ReasonContactUnusable, "none of the %d records at %s is as a whole a %s", len(found), name, c.what)
	}
	return v.failed(ReasonContactMismatch, "none of the %d records at %s is the %s %q", len(found), name, c.what, want)
}

// isEmail says whether the whole of s is an addr-spec (RFC 5322 3.4.1 with
// RFC 6532 3.2): a dot-atom local part, where characters beyond ASCII are
// allowed, and a host name. Quoted local parts, address literals, comments and
// white space, which nobody publishes, are not taken for addresses.
func isEmail(s string) bool {
	at := strings.LastIndexByte(s, '@')
	if at < 1 || at > 64 || len(s) > 254 {
		return false
	}
	for atom := range strings.SplitSeq(s[:at], ".") {
		if atom == "" || strings.ContainsFunc(atom, func(r rune) bool { return !isAtomText(r) }) {
			return false
		}
	}
	return isMailHost(s[at+1:])
}

// isAtomText: atext of RFC 5322 3.2.3, extended by RFC 6532 3.2.
func isAtomText(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return true
	case r == '\uFFFD': // octets that are no UTF-8 read as this
		return false
	case r > 0x9f: // beyond ASCII and its second set of control characters
		return true
	}
	return strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}

func isMailHost(host string) bool {
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			return false
		}
		for _, r := range label {
			if r != '-' && (r <= 0x9f && !isLetterOrDigit(r) || r == '\uFFFD') {
				return false
			}
		}
	}
	return true
}

func isLetterOrDigit(r rune) bool {
	return '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

// equalEmail compares the host without regard to case. So it does the local part
// only if asked: its meaning is for the host to say (RFC 5321 2.4).
func equalEmail(a, b string, ignoreCase bool) bool {
	i, j := strings.LastIndexByte(a, '@'), strings.LastIndexByte(b, '@')
	if i < 0 || j < 0 || !perspectives.EqualFoldASCII(a[i:], b[j:]) {
		return false
	}
	if ignoreCase {
		return perspectives.EqualFoldASCII(a[:i], b[:j])
	}
	return a[:i] == b[:j]
}

// isGlobalNumber says whether the whole of s is a global-number-digits of
// RFC 3966 5.1.4: a plus sign, then digits with visual separators among them.
func isGlobalNumber(s string) bool {
	digits, plus := strings.CutPrefix(s, "+")
	return plus && strings.Trim(digits, "0123456789-.()") == "" && strings.ContainsAny(digits, "0123456789") && len(s) <= 64
}

// equalNumber compares without regard to visual separators (RFC 3966 4).
func equalNumber(a, b string, _ bool) bool {
	strip := strings.NewReplacer("-", "", ".", "", "(", "", ")", "")
	return isGlobalNumber(b) && strip.Replace(a) == strip.Replace(b)
}
