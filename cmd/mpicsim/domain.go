package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"mpicsim/perspectives"
	"mpicsim/perspectives/resolver"
	"mpicsim/scenarios/domain"
	"mpicsim/scenarios/replay"
)

func newDomainCommand(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "domain",
		Short: "Find the addresses whose hijack can fool a check of a domain",
		Long: `A domain is as strong as the weakest address that it depends on: its web addresses,
the name servers of every zone on the way from the root, those at the ends of
aliases, and those that tell the addresses of name servers without glue. Where an
answer is signed by an unbroken chain of DNSSEC, no name server on the way to it
can be used to forge it.`,
		Example: `  # On the real Internet, as JSON lines for studies
  mpicsim domain trace example.com example.org --json -o domains.jsonl

  # In a scenario's Internet
  mpicsim domain trace --scenario name-server

  # What is in there, and which ASes announce it?
  mpicsim domain show domains.jsonl --origins prefixes.csv`,
		Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDomainTraceCommand(s), newDomainShowCommand(s), newDomainOriginsCommand(s), newDomainSynthCommand(s))
	return cmd
}

// domainTraceFlags are the flags of "mpicsim domain trace" as given.
type domainTraceFlags struct {
	scenario string
	from     string
	at       time.Duration
	network  string
	timeout  time.Duration
	json     bool
	output   string
}

func newDomainTraceCommand(s streams) *cobra.Command {
	var f domainTraceFlags
	cmd := &cobra.Command{
		Use:   "trace NAME...",
		Short: "Ask the DNS from the root down what names depend on",
		Long: `Trace asks name servers, from the root down and with DNSSEC validated, for every
zone cut on the way to each name, all name servers of every zone, and whatever must
be looked up to reach those. It prints the addresses that this comes to, as a table
or, with --json, as JSON lines (docs/domains.md).

With --scenario it does so with packets in the Internet of a scenario, from one of
its perspectives; without a name, for the victim's domain. A NAME of - reads names
from standard input, one a line.

What cannot be found out is listed as a gap: there may be more addresses.

Exit code 1: some name has no web address.`,
		Example: `  mpicsim domain trace example.com
  mpicsim domain trace - --json -o domains.jsonl < names.txt

  # What the attacker says while the hijack lasts
  mpicsim domain trace --scenario name-server --at 90s`,
		RunE: func(cmd *cobra.Command, args []string) error { return runDomainTrace(cmd.Context(), s, args, f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.scenario, "scenario", "", "a built-in `SCENARIO` or a YAML file: trace in its Internet")
	flags.StringVar(&f.from, "from", "", "`PERSPECTIVE` of the scenario to trace from (default: the first primary)")
	flags.DurationVar(&f.at, "at", time.Second, "time in the scenario")
	flags.StringVar(&f.network, "network", "", "`FILE` with other root servers and trust anchors: what docs/run-a-perspective.md calls network")
	flags.DurationVar(&f.timeout, "timeout", 2*time.Second, "how long to wait for each answer")
	flags.BoolVar(&f.json, "json", false, "print JSON lines")
	flags.StringVarP(&f.output, "output", "o", "", "write to `FILE` instead of standard output")
	cmd.MarkFlagsMutuallyExclusive("scenario", "network")
	flags.SortFlags = false
	return cmd
}

// surveyFunc surveys one name.
type surveyFunc func(ctx context.Context, name string) (*resolver.Survey, error)

func runDomainTrace(ctx context.Context, s streams, names []string, f domainTraceFlags) error {
	if slices.Contains(names, "-") {
		if len(names) > 1 {
			return errors.New("-: found beside other names: want the names or standard input")
		}
		var err error
		if names, err = namesFrom(s.in); err != nil {
			return err
		}
	}
	survey, done, err := f.surveyor(ctx, &names)
	if err != nil {
		return err
	}
	defer done()
	lost := 0
	var failed error
	err = writeOutput(s, f.output, func(w *bufio.Writer) (err error) {
		lost, failed, err = f.trace(ctx, w, names, survey)
		return err
	})
	switch {
	case err != nil:
		return err
	case errors.Is(failed, resolver.ErrName):
		return failed
	case failed != nil:
		return fault(failed)
	case lost > 0:
		return &exitError{exitNo, fmt.Errorf("%s without a web address", counted(int64(lost), "name"))}
	}
	return nil
}

// trace surveys names and prints each domain as it comes. It returns how many have
// no web address, why a survey failed, and why printing did.
func (f domainTraceFlags) trace(ctx context.Context, w *bufio.Writer, names []string, survey surveyFunc) (lost int, failed, err error) {
	seen := map[string]bool{}
	for _, name := range names {
		found, err := survey(ctx, name)
		if err != nil {
			return lost, err, nil
		}
		d := domain.FromSurvey(found)
		if seen[d.Name] {
			continue
		}
		if !d.HasWeb() {
			lost++
		}
		switch {
		case f.json:
			err = domain.Write(w, d)
		case len(seen) > 0:
			_, err = fmt.Fprintln(w)
			fallthrough
		default:
			err = errors.Join(err, printDomain(w, &d))
		}
		if err = errors.Join(err, w.Flush()); err != nil { // a trace of many names takes long
			return lost, nil, err
		}
		seen[d.Name] = true
	}
	return lost, nil, nil
}

// namesFrom reads names, one a line; empty lines are left out.
func namesFrom(in io.Reader) ([]string, error) {
	text, err := io.ReadAll(in)
	if err != nil {
		return nil, fmt.Errorf("reading names: %w", err)
	}
	return strings.Fields(string(text)), nil
}

// surveyor returns how to survey a name, and how to end. Without names those of a
// scenario are its victim's.
func (f domainTraceFlags) surveyor(ctx context.Context, names *[]string) (surveyFunc, func(), error) {
	switch {
	case f.scenario == "" && f.from != "":
		return nil, nil, errors.New("--from: want --scenario with it")
	case f.scenario == "" && len(*names) == 0:
		return nil, nil, errors.New("missing argument: want the names to trace, or --scenario")
	case f.scenario == "":
		survey, err := f.realSurveyor()
		return survey, func() {}, err
	}
	src, err := loadScenario(f.scenario)
	if err != nil {
		return nil, nil, err
	}
	if len(*names) == 0 {
		*names = []string{src.Victim.Domain}
	}
	world, err := replay.Build(ctx, replay.Options{Source: src, Version: version()})
	if err != nil {
		return nil, nil, err
	}
	if sites := world.Perspectives(); f.from != "" && !slices.Contains(sites, f.from) {
		world.Close()
		return nil, nil, fmt.Errorf("--from: found %q, expected one of %s", f.from, strings.Join(sites, ", "))
	}
	return func(ctx context.Context, name string) (*resolver.Survey, error) {
		return world.Survey(ctx, replay.SurveyOptions{Name: name, From: f.from, At: f.at})
	}, world.Close, nil
}

// realSurveyor asks the public DNS, or what --network says in its place.
func (f domainTraceFlags) realSurveyor() (surveyFunc, error) {
	var network networkFile
	if f.network != "" {
		text, err := os.ReadFile(f.network)
		if err != nil {
			return nil, fmt.Errorf("--network: %w", err)
		}
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(&network); err != nil {
			return nil, fmt.Errorf("--network: %s: %w", f.network, err)
		}
	}
	c, err := network.local(perspectives.Perspective{Name: "trace"})
	if err != nil {
		return nil, fmt.Errorf("--network: %s: %w", f.network, err)
	}
	r, err := resolver.New(resolver.Options{
		Network: c.Network, Clock: time.Now, Roots: c.Roots, TrustAnchors: c.TrustAnchors, Port: c.DNSPort, Allowed: c.Allowed,
		Limits: resolver.Limits{Timeout: f.timeout, Queries: traceQueries},
	})
	if err != nil {
		return nil, fmt.Errorf("--network: %w", err)
	}
	surveyor, err := r.NewSurveyor(resolver.SurveyLimits{})
	if err != nil {
		return nil, err
	}
	return surveyor.Survey, nil
}

// traceQueries is how many messages one name may cost, with the zones that nobody
// has asked about yet.
const traceQueries = 300

// printDomain prints one domain as a table.
func printDomain(w io.Writer, d *domain.Domain) error {
	fmt.Fprintf(w, "%s: %s\n", legible(d.Name), surfaceSizes(d))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, a := range d.Addresses {
		zone, dnssec := legible(a.Zone), "exposed"
		switch {
		case a.Role == domain.Web:
			zone, dnssec = "-", "-"
		case a.Protected:
			dnssec = "protected"
		}
		fmt.Fprintf(table, "  %v\t%s\t%s\t%s\t%s\t%s\n", a.Address, a.Role, legible(a.Name), zone, dnssec, legible(a.Why))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, gap := range d.Gaps {
		fmt.Fprintf(w, "  gap: %s\n", legible(gap))
	}
	return nil
}

// surfaceSizes says how many addresses each surface has.
func surfaceSizes(d *domain.Domain) string {
	var parts []string
	for _, surface := range domain.Surfaces() {
		parts = append(parts, fmt.Sprintf("%d %s", len(d.In(domain.Scope{Surface: surface, Upper: domain.UpperTLD})), surface))
	}
	text := strings.Join(parts, ", ") + " addresses"
	roots := len(d.In(domain.Scope{Surface: domain.WebDNS, Upper: domain.UpperRoot})) - len(d.In(domain.Scope{Surface: domain.WebDNS, Upper: domain.UpperTLD}))
	return text + fmt.Sprintf(", beside %d of the root", roots)
}
