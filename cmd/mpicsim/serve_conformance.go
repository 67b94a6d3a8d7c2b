package main

import (
	"context"
	"errors"
	"log/slog"

	"mpicsim/perspectives/openmpic"
	"mpicsim/scenarios/conformance"
)

// conformanceScenario is the name by which --scenario calls the world of the
// conformance suite, which is not written down as a scenario.
const conformanceScenario = "conformance"

// inConformance starts the world of the conformance suite, which the caller
// closes, fills in who can be asked in it, and returns a hint for the user, with a
// verb for the address.
func inConformance(ctx context.Context, f coordinatorFlags, records *slog.Logger, o *openmpic.Options) (*conformance.World, string, error) {
	if f.hasAt || f.event != "" {
		return nil, "", errors.New("--at, --timeline-check: found with --scenario conformance, which has no timeline")
	}
	// Requests that are under way when the command is interrupted need the servers.
	world, err := conformance.Build(context.WithoutCancel(ctx), conformance.Options{Log: records})
	if err != nil {
		return nil, "", fault(err)
	}
	service, err := world.Service()
	if err != nil {
		return nil, "", fault(errors.Join(err, world.Close()))
	}
	o.Fleet, o.Cohorts, o.Clock, o.DefaultIssuers = service.Fleet, service.Cohorts, service.Clock, service.DefaultIssuers
	return world, "the conformance suite's Internet on " + world.Now().Format("2006-01-02") + ": try\n  mpicsim conformance --url %s\n", nil
}
