package perspectives

import "unicode/utf8"

// How much of what a stranger's servers send is kept with a result, in octets of
// its JSON. What was left out is marked: by Cut in the evidence and in what was
// seen, by an ellipsis in texts.
const (
	// MaxEvidence is how large the evidence of one check becomes by default: that
	// of both questions together, with what was seen and the chains of trust.
	MaxEvidence = 256 << 10
	// MaxExchange is how large the answer of one exchange becomes.
	MaxExchange = 16 << 10
	// maxDetail is how long a text for people becomes.
	maxDetail = 4 << 10
	// maxName is how long a name or a URL of evidence becomes, and maxWord what is an
	// identifier, or should be.
	maxName, maxWord = 2 << 10, 256
	// The most there are of some things: far more than one check brings.
	maxAddresses, maxHops, maxAttempts = 400, 100, 8
)

// frame is what an exchange takes in JSON besides its texts.
const frame = 160

// jsonSize returns how many octets s takes in JSON.
func jsonSize(s string) int {
	i := 0
	for i < len(s) && plainInJSON(s[i]) {
		i++
	}
	n := i + 2
	for i < len(s) {
		c := s[i]
		switch {
		case plainInJSON(c):
			n++
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRuneInString(s[i:])
			i += size
			if r == utf8.RuneError && size == 1 || r == '\u2028' || r == '\u2029' {
				size = len(`\ufffd`)
			}
			n += size
			continue
		case c == '"' || c == '\\' || c == '\n' || c == '\r' || c == '\t':
			n += 2
		default:
			n += 6
		}
		i++
	}
	return n
}

// plainInJSON reports whether c takes one octet in JSON.
func plainInJSON(c byte) bool {
	return c > '>' && c < 0x7f && c != '\\' || c > '&' && c < '<' || c == ' ' || c == '=' || c == '!' || c > '"' && c < '&'
}

// shortened returns s if it takes at most limit octets in JSON, or else its
// beginning with an ellipsis.
func shortened(s string, limit int) string {
	if 6*len(s)+2 <= limit || jsonSize(s) <= limit {
		return s
	}
	const ellipsis = "..."
	room, n := limit-len(ellipsis)-2, 0
	for i, r := range s {
		size := max(jsonSize(string(r))-2, utf8.RuneLen(r))
		if r == utf8.RuneError {
			size = len(`\ufffd`)
		}
		if n += size; n > room {
			return s[:i] + ellipsis
		}
	}
	return s
}

// Size returns about how many octets e takes in JSON.
func (e Evidence) Size() int {
	n := frame + len(e.Kind) + len(e.Status) + jsonSize(e.Query) + jsonSize(e.Server)
	for _, line := range e.Answer {
		n += jsonSize(line) + 1
	}
	return n
}

// Bound returns e with an answer of at most [MaxExchange] octets, marked as cut if
// there was more.
func (e Evidence) Bound() Evidence {
	e.Query = shortened(e.Query, maxName)
	most := 0
	for _, line := range e.Answer {
		most += 6*len(line) + 3
	}
	if most <= MaxExchange {
		return e
	}
	lines, _, cut := boundLines(e.Answer, MaxExchange)
	e.Answer, e.Cut = lines, e.Cut || cut
	return e
}

// boundLines returns the first of lines that fit into limit octets, the last one
// shortened, how much they take, and whether anything was left out.
func boundLines(lines []string, limit int) (kept []string, size int, cut bool) {
	for i, line := range lines {
		n := jsonSize(line) + 1
		if size+n <= limit {
			size += n
			continue
		}
		kept = append(kept, lines[:i]...)
		if room := limit - size - 1; room > 64 {
			kept = append(kept, shortened(line, room))
			size = limit
		}
		return kept, size, true
	}
	return lines, size, false
}

// Bound cuts r so that its JSON takes about limit octets at most, 0 standing for
// [MaxEvidence], and says where it did. It does not change what r shares with
// others.
func (r *Result) Bound(limit int) {
	if limit <= 0 {
		limit = MaxEvidence
	}
	r.Perspective = shortened(r.Perspective, maxWord)
	if len(r.TargetAddresses) > maxAddresses {
		r.TargetAddresses = r.TargetAddresses[:maxAddresses:maxAddresses]
	}
	addresses, _, _ := boundLines(r.TargetAddresses, maxAddresses*64)
	r.TargetAddresses = addresses
	asked := 1
	if r.Questions == Both {
		asked = 2
	}
	r.DCV.bound(limit / asked)
	r.CAA.bound(limit / asked)
}

// bound cuts o to about limit octets: a quarter each for what was seen and for the
// proof of a failed lookup, an eighth for the chain, the rest for the evidence.
func (o *Outcome) bound(limit int) {
	o.Detail, o.Reason, o.Clause = shortened(o.Detail, maxDetail), shortened(o.Reason, maxWord), shortened(o.Clause, maxWord)
	left := limit
	if o.Seen != nil {
		seen, size := o.Seen.bound(limit / 4)
		o.Seen = seen
		left -= size
	}
	if o.LookupFailure != nil {
		failure, size := o.LookupFailure.bound(limit / 4)
		o.LookupFailure = failure
		left -= size
	}
	var size int
	var cut bool
	o.Chain, size, cut = boundChain(o.Chain, limit/8)
	left -= size
	o.EvidenceCut = o.EvidenceCut || cut
	o.Evidence, _, cut = boundEvidence(o.Evidence, left)
	o.EvidenceCut = o.EvidenceCut || cut
}

// boundEvidence returns the exchanges that fit into limit octets, in order; where
// only the answer is too large, the exchange without it.
func boundEvidence(in []Evidence, limit int) (out []Evidence, size int, cut bool) {
	out = in
	copied := false
	for i, e := range in {
		b := e.Bound()
		n := b.Size() + 1
		if size+n > limit && len(b.Answer) > 0 {
			b.Answer, b.Cut = nil, true
			n = b.Size() + 1
		}
		if size+n > limit {
			return out[:i:i], size, true
		}
		size += n
		cut = cut || b.Cut
		if b.Cut != e.Cut || len(b.Query) != len(e.Query) {
			if !copied {
				out, copied = append([]Evidence(nil), in...), true
			}
			out[i] = b
		}
	}
	return out, size, cut
}

func boundChain(in []ChainLink, limit int) (out []ChainLink, size int, cut bool) {
	for i, l := range in {
		n := 2*frame + jsonSize(l.Zone) + jsonSize(l.Owner) + jsonSize(l.Type) + jsonSize(l.Detail) + jsonSize(l.EDE)
		if size+n > limit {
			return in[:i:i], size, true
		}
		size += n
	}
	return in, size, false
}

// bound returns s with at most about limit octets.
func (s *Seen) bound(limit int) (*Seen, int) {
	out, size := *s, 0
	if s.DNS != nil {
		d := *s.DNS
		d.Name, d.FoundAt = shortened(d.Name, maxName), shortened(d.FoundAt, maxName)
		var cut bool
		d.Records, size, cut = boundLines(d.Records, limit)
		if d.Cut = d.Cut || cut; d.Records == nil {
			d.Records = []string{}
		}
		aliases, n, cut := boundLines(d.CNAMEs, limit/2)
		d.CNAMEs, d.Cut = aliases, d.Cut || cut
		size += n + frame + jsonSize(d.Name) + jsonSize(d.FoundAt)
		out.DNS = &d
	}
	if s.Web != nil {
		w := *s.Web
		w.URL, w.Address = shortened(w.URL, maxName), shortened(w.Address, maxWord)
		w.Page = w.Page[:min(len(w.Page), limit/2)]
		size += frame + len(w.Page)*4/3 + jsonSize(w.URL)
		w.Hops = append([]Hop(nil), w.Hops[:min(len(w.Hops), maxHops)]...)
		for i := range w.Hops {
			h := &w.Hops[i]
			h.URL, h.Location = shortened(h.URL, maxName), shortened(h.Location, maxName)
			size += jsonSize(h.URL) + jsonSize(h.Location) + frame/2
		}
		out.Web = &w
	}
	if s.TLS != nil {
		t := *s.TLS
		t.CommonName = shortened(t.CommonName, maxName)
		t.Version, t.Protocol = shortened(t.Version, maxWord), shortened(t.Protocol, maxWord)
		if len(t.Certificate)*4/3 > limit {
			t.Certificate, t.Cut = nil, true
		}
		size += frame + len(t.Certificate)*4/3 + jsonSize(t.CommonName)
		out.TLS = &t
	}
	return &out, size
}

// bound returns f with at most about limit octets.
func (f *LookupFailure) bound(limit int) (*LookupFailure, int) {
	out := *f
	out.Name, out.Outside = shortened(f.Name, maxName), shortened(f.Outside, maxDetail)
	out.Missing, _, _ = boundLines(f.Missing, maxWord)
	size := jsonSize(out.Outside) + frame
	var n int
	var cut bool
	if out.OutsideEvidence, n, cut = boundEvidence(f.OutsideEvidence, limit/4); cut {
		out.Cut = true
	}
	size += n
	if out.Chain, n, cut = boundChain(f.Chain, limit/4); cut {
		out.Cut = true
	}
	size += n
	out.Attempts = append([]FailedLookup(nil), f.Attempts[:min(len(f.Attempts), maxAttempts)]...)
	out.Cut = out.Cut || len(f.Attempts) > maxAttempts
	for i := range out.Attempts {
		a := &out.Attempts[i]
		a.Error = shortened(a.Error, maxDetail)
		a.Evidence, n, cut = boundEvidence(a.Evidence, limit/2/len(out.Attempts))
		size += n + frame + jsonSize(a.Error)
		out.Cut = out.Cut || cut
	}
	return &out, size
}
