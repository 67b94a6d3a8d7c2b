package conformance

import (
	"fmt"

	"mpicsim/perspectives"
	"mpicsim/perspectives/cohort"
	"mpicsim/perspectives/openmpic"
	"mpicsim/perspectives/policy"
)

// Service returns the options of a coordinator whose primary and remotes are the
// world's, in the dialect of Open MPIC's specification. The caller sets Registry,
// and may change the rest.
//
// Cohorts are chosen as Open MPIC does, because group B asks for cohorts of two
// perspectives, which no rule of the Baseline Requirements allows any more.
func (w *World) Service() (openmpic.Options, error) {
	config := openmpic.DeploymentConfig{
		Remotes: w.Remotes(), Clock: w.Now, Log: w.log,
		Quorum: func() policy.Quorum { return w.rule },
	}
	switch w.mode {
	case openmpic.PrimaryAtCaller:
		primary := w.Primary().Describe()
		config.Caller = &primary
	case openmpic.PrimaryIncluded, "":
		config.Primary = w.Primary()
	default:
		return openmpic.Options{}, fmt.Errorf("conformance: primary %q: want %s or %s", w.mode, openmpic.PrimaryIncluded, openmpic.PrimaryAtCaller)
	}
	if w.sunsets {
		config.RuleDate = w.Now
	}
	fleet, err := openmpic.NewDeployment(config)
	if err != nil {
		return openmpic.Options{}, fmt.Errorf("conformance: %w", err)
	}
	var remotes []perspectives.Perspective
	for _, r := range w.Remotes() {
		remotes = append(remotes, r.Describe())
	}
	return openmpic.Options{
		Fleet:          fleet,
		Cohorts:        cohort.OpenMPIC{Secret: "conformance", Fleet: cohort.Candidates(remotes, w.rule.MinDistanceKm)},
		Clock:          w.Now,
		DefaultIssuers: []string{DefaultIssuer},
	}, nil
}
