package dcv

import (
	"context"
	"strings"

	"github.com/miekg/dns"

	"mpicsim/perspectives"
)

// dnsChange looks for the value in a TXT, CNAME or CAA record of the domain, or
// of a label before it that begins with an underscore (BR 3.2.2.4.7): a record
// that contains it, or one that is it if the check asks for that. Names, which
// the target of a CNAME is, are compared without regard to case and to a dot at
// the end of the whole; of a CAA record the value of any property is looked at.
func (v *validation) dnsChange(ctx context.Context) perspectives.Outcome {
	d := v.check.DCV
	name := v.check.Name()
	if d.DNSNamePrefix != "" {
		name = d.DNSNamePrefix + "." + name
	}
	kind := d.DNSRecordType
	if kind == "" {
		kind = "TXT"
	}
	a, end := v.records(ctx, name, dns.StringToType[kind])
	if end != nil {
		return *end
	}
	found := 0
	for _, rr := range a.Records {
		var matches bool
		switch rr := rr.(type) {
		case *dns.TXT:
			matches = v.matchesValue(text(rr), d.IgnoreCase)
		case *dns.CAA:
			matches = v.matchesValue(rr.Value, d.IgnoreCase)
		case *dns.CNAME:
			matches = v.matchesName(rr.Target)
		default:
			continue
		}
		if found++; matches {
			return v.passed(ReasonRecordMatches, "a %s record at %s has the value", kind, name)
		}
	}
	if found > 0 {
		return v.failed(ReasonRecordMismatch, "none of the %d %s records at %s has the value %q", found, kind, name, d.ChallengeValue)
	}
	return v.absent(ReasonNoRecord, name, a, kind)
}

func (v *validation) matchesValue(data string, ignoreCase bool) bool {
	want := v.check.DCV.ChallengeValue
	switch {
	case !v.check.DCV.RequireExactMatch:
		return perspectives.Contains(data, want, ignoreCase)
	case ignoreCase:
		return perspectives.EqualFoldASCII(data, want)
	}
	return data == want
}

func (v *validation) matchesName(target string) bool {
	want := v.check.DCV.ChallengeValue
	if v.check.DCV.RequireExactMatch {
		return perspectives.EqualFoldASCII(strings.TrimSuffix(target, "."), strings.TrimSuffix(want, "."))
	}
	return perspectives.Contains(target, want, true)
}
