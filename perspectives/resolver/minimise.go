package resolver

import (
	"context"
	"errors"
	"strings"

	"github.com/miekg/dns"
)

// The bounds that RFC 9156 2.3 recommends: how many questions about shortened
// names one name costs at most, and how many of them add a single label.
const (
	maxMinimised    = 10
	minimiseOneStep = 4
)

// askDown asks the servers of z for q, with shortened names first, until they
// refer to a zone further down (QNAME minimisation, RFC 9156). The questions
// about shortened names are for A records: no type tells less. A name directly
// below z costs no extra question.
//
// Where the servers cannot cope, say nothing, or say that a shortened name does not
// exist, the full name is asked (RFC 9156 3): there are servers that deny empty
// non-terminals, and such that know A records of hosts only. If they know the full
// name, names are not shortened for them any more in this session.
func (l *lookup) askDown(ctx context.Context, z *zone, q question, depth int) (reply, error) {
	for _, name := range l.shortened(z, q.name) {
		rep, err := l.askZone(ctx, z, query{question{name, dns.TypeA}, minimised}, depth)
		switch {
		case err == nil && rep.kind == referral:
			return rep, nil
		case err == nil && rep.kind == aliased:
			return l.askZone(ctx, z, query{q, wanted}, depth)
		case err == nil && rep.rcode != dns.RcodeSuccess:
			return l.askInFull(ctx, z, query{q, wanted}, depth)
		case err == nil:
			if z.inside == nil {
				z.inside = make(map[string]bool)
			}
			z.inside[name] = true
		case l.fatal(ctx) || unvalidated(err):
			return reply{}, err
		case errors.Is(err, ErrTimeout):
			return l.askInFull(ctx, z, query{q, again}, depth)
		case misunderstood(err):
			return l.askInFull(ctx, z, query{q, wanted}, depth)
		default:
			return reply{}, err
		}
	}
	return l.askZone(ctx, z, query{q, wanted}, depth)
}

// askInFull asks servers for the full name that did not know a shortened one. Silence
// before a referral was probably a lost message.
func (l *lookup) askInFull(ctx context.Context, z *zone, q query, depth int) (reply, error) {
	rep, err := l.askZone(ctx, z, q, depth)
	if err == nil && rep.rcode == dns.RcodeSuccess && (q.purpose != again || rep.kind != referral) {
		z.fullNames = true
	}
	return rep, err
}

// misunderstood says whether a server replied and its reply was of no use.
func misunderstood(err error) bool {
	return errors.Is(err, ErrServerFailure) || errors.Is(err, ErrLame) || errors.Is(err, ErrMalformed) ||
		errors.Is(err, ErrTruncated) || errors.Is(err, ErrLoop)
}

// shortened returns the names between z and name that its servers should be asked
// about before name itself. Labels that begin with an underscore are not
// delegated by themselves: they come with the label below them.
func (l *lookup) shortened(z *zone, name string) []string {
	if l.r.fullNames || z.fullNames {
		return nil
	}
	steps := between(z.name, name)
	if len(steps) == 0 {
		return nil
	}
	steps = steps[:len(steps)-1]
	var out []string
	for _, step := range thin(steps) {
		if !z.inside[step] && !strings.HasPrefix(step, "_") {
			out = append(out, step)
		}
	}
	return out
}

// thin leaves maxMinimised of many steps: the first ones singly, the others in
// strides.
func thin(steps []string) []string {
	if len(steps) <= maxMinimised {
		return steps
	}
	out := append([]string(nil), steps[:minimiseOneStep]...)
	rest := steps[minimiseOneStep:]
	n := maxMinimised - minimiseOneStep
	for i := range n {
		out = append(out, rest[(i+1)*len(rest)/n-1])
	}
	return out
}
