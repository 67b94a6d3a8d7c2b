package replay

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"mpicsim/perspectives/resolver"
	"mpicsim/scenarios"
	"mpicsim/sim/names"
)

// NameSpace returns the name space of a scenario, from the root to the victim's
// zones as they are by right, without the records that checks ask for.
func NameSpace(s *scenarios.Source) (*names.Hierarchy, error) {
	return hierarchy(s, lasting(s.Victim.Web, s.Victim.CAA))
}

// SurveyOptions say where and when a name is surveyed.
type SurveyOptions struct {
	// Name is what to survey; the victim's domain if empty.
	Name string
	// From is the perspective to survey from; the primary of the first check if
	// empty.
	From string
	// At is the virtual time at which to begin.
	At time.Duration
}

// Perspectives returns the names of the perspectives of all checks, in the order
// in which checks first use them.
func (w *World) Perspectives() []string { return slices.Clone(w.order) }

// Survey finds out, with packets, what the addresses of a name depend on as one
// perspective sees it: while a hijack lasts, perhaps what the attacker says.
func (w *World) Survey(ctx context.Context, o SurveyOptions) (*resolver.Survey, error) {
	if o.Name == "" {
		o.Name = w.source.Victim.Domain
	}
	if o.From == "" && len(w.order) > 0 {
		o.From = w.order[0]
	}
	site := w.sites[o.From]
	if site == nil {
		return nil, fmt.Errorf("found %q, expected a perspective of the scenario: %s", o.From, strings.Join(slices.Sorted(slices.Values(w.order)), ", "))
	}
	session := site.host.NewSession(o.At)
	r, err := resolver.New(resolver.Options{
		Network: session, Clock: session.Now, Roots: w.roots, TrustAnchors: w.anchors, Rand: w.messageIDs("survey of "+o.Name, o.From),
	})
	if err != nil {
		return nil, err
	}
	s, err := r.NewSurveyor(resolver.SurveyLimits{})
	if err != nil {
		return nil, err
	}
	return s.Survey(ctx, o.Name)
}
