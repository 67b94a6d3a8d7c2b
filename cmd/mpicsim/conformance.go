package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"mpicsim/perspectives/openmpic"
	"mpicsim/scenarios/conformance"
)

// conformanceFlags are the flags of "mpicsim conformance" as given.
type conformanceFlags struct {
	url     string
	headers []string
	service clientFlags
	groups  []string
	primary string
	workers int
	timeout time.Duration
	list    bool
	json    bool
}

func newConformanceCommand(s streams) *cobra.Command {
	var f conformanceFlags
	cmd := &cobra.Command{
		Use:   "conformance",
		Short: "Run Open MPIC's published test cases, with their zones, on this or another service",
		Long: `Conformance asks a service what the suites of Open MPIC ask (groups A, B and C) and
what implementations are known to differ in (group D), and judges the answers by
the Baseline Requirements. Where the published suites expect something else, the
case says so.

Without --url it starts the service of this program on the loopback; its primary
and its remotes stand in an emulated Internet with all the zones and servers that
the cases are about. No packet leaves the machine.

With --url any other service is asked. Its network must reach these names: those
of groups A to C are public (integration-testing.open-mpic.org, caatestsuite.com,
caatestsuite-dnssec.com, example.com) as far as their owners still serve them,
those of group D (conformance.example) exist in the emulated Internet only.

Exit code 0: all cases pass. Exit code 1: some do not.`,
		Example: `  # All cases, on the service of this program
  mpicsim conformance

  # Which cases are there?
  mpicsim conformance --list

  # The CAA cases, on another service
  mpicsim conformance --url https://mpic.example/mpic --header 'x-api-key: KEY' --group 'A caa'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.url != "" && cmd.Flags().Changed("primary") {
				return errors.New("--primary: found with --url: want one of the two, the other service knows its primary")
			}
			return runConformance(cmd.Context(), s, f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.url, "url", "", "`URL` of another service, with or without /mpic")
	f.service.register(flags)
	flags.StringArrayVar(&f.headers, "header", nil, "HTTP header as `'NAME: VALUE'`, such as x-api-key; may be repeated")
	flags.StringArrayVar(&f.groups, "group", nil, "only groups whose name begins with `NAME`, such as A or 'A caa'; may be repeated")
	flags.StringVar(&f.primary, "primary", string(openmpic.PrimaryIncluded), "`WHO` asks the primary of the service of this program: included, the service itself, or\ncaller, so that the remotes are asked what a primary would refuse")
	flags.IntVar(&f.workers, "workers", 4, "`N` cases at a time")
	flags.DurationVar(&f.timeout, "timeout", time.Minute, "how long a case may take")
	flags.BoolVar(&f.list, "list", false, "list the cases and do not run them")
	flags.BoolVar(&f.json, "json", false, "print JSON, with the responses of cases that fail")
	flags.SortFlags = false
	return cmd
}

// selected returns the cases that the flags ask for.
func (f conformanceFlags) selected() ([]conformance.Case, error) {
	cases := conformance.Cases()
	for _, g := range f.groups {
		if !slices.ContainsFunc(cases, func(c conformance.Case) bool { return g != "" && strings.HasPrefix(c.Group, g) }) {
			return nil, fmt.Errorf("--group: found %q, expected the beginning of one of: %s", g, strings.Join(conformance.Groups(cases), ", "))
		}
	}
	if len(f.groups) == 0 {
		return cases, nil
	}
	return slices.DeleteFunc(cases, func(c conformance.Case) bool {
		return !slices.ContainsFunc(f.groups, func(g string) bool { return strings.HasPrefix(c.Group, g) })
	}), nil
}

// header returns the HTTP headers to send.
func (f conformanceFlags) header() (http.Header, error) {
	out, err := f.service.header()
	if err != nil {
		return nil, err
	}
	for _, h := range f.headers {
		name, value, found := strings.Cut(h, ":")
		if name = strings.TrimSpace(name); !found || name == "" {
			return nil, fmt.Errorf("--header: found %q, expected 'NAME: VALUE'", h)
		}
		out.Add(name, strings.TrimSpace(value))
	}
	return out, nil
}

// conformanceReport is what --json prints.
type conformanceReport struct {
	Service string `json:"service"` // URL, or "emulated"
	Cases   int    `json:"cases"`
	Passed  int    `json:"passed"`
	// Trespasses is who contacted a port that redirects must not lead to; only
	// the emulated Internet can tell.
	Trespasses []string             `json:"trespasses,omitempty"`
	Results    []conformance.Result `json:"results"`
}

func runConformance(ctx context.Context, s streams, f conformanceFlags) error {
	cases, err := f.selected()
	if err != nil {
		return err
	}
	switch primary := openmpic.Primary(f.primary); {
	case primary != openmpic.PrimaryIncluded && primary != openmpic.PrimaryAtCaller:
		return fmt.Errorf("--primary: found %q, expected included or caller", f.primary)
	case f.workers < 1:
		return fmt.Errorf("--workers: found %d, expected 1 or more", f.workers)
	case f.timeout <= 0:
		return fmt.Errorf("--timeout: found %v, expected more than 0", f.timeout)
	case f.list:
		return writeOutput(s, "", func(w *bufio.Writer) error { return listCases(w, cases, f.json) })
	}
	client := conformance.Client{Workers: f.workers}
	if client.HTTP, err = f.service.client(f.timeout); err != nil {
		return err
	}
	if client.Header, err = f.header(); err != nil {
		return err
	}
	if f.url != "" {
		if client.URL, err = (checkFlags{url: f.url}).endpoint(); err != nil {
			return err
		}
	}
	report := conformanceReport{Service: "emulated", Cases: len(cases)}
	if f.url != "" {
		report.Service = client.URL
		report.Results, err = client.Run(ctx, cases)
	} else {
		err = report.runEmulated(ctx, client, cases, openmpic.Primary(f.primary))
	}
	if err != nil {
		return fault(err)
	}
	for _, r := range report.Results {
		if r.Passed {
			report.Passed++
		}
	}
	if err := writeOutput(s, "", func(w *bufio.Writer) error { return report.print(w, f.json, useColor(s.out, s.env)) }); err != nil {
		return err
	}
	if report.Passed < report.Cases || len(report.Trespasses) > 0 {
		return &exitError{code: exitNo}
	}
	return nil
}

// runEmulated starts our own service in its emulated Internet and asks it.
func (r *conformanceReport) runEmulated(
	ctx context.Context, client conformance.Client, cases []conformance.Case, primary openmpic.Primary,
) (err error) {
	world, err := conformance.Build(ctx, conformance.Options{Primary: primary})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, world.Close()) }()
	options, err := world.Service()
	if err != nil {
		return err
	}
	options.Registry, options.Version = prometheus.NewRegistry(), version()
	handler, err := openmpic.New(options)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := handler.HTTPServer()
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	defer func() {
		err = errors.Join(err, server.Close())
		if e := <-served; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
	}()
	client.URL = "http://" + listener.Addr().String() + "/mpic"
	r.Results, err = client.Run(ctx, cases)
	r.Trespasses = world.Trespasses()
	return err
}

func listCases(w *bufio.Writer, cases []conformance.Case, asJSON bool) error {
	if asJSON {
		return writeJSON(w, cases)
	}
	for _, group := range conformance.Groups(cases) {
		fmt.Fprintln(w, group)
		for _, c := range cases {
			if c.Group == group {
				fmt.Fprintf(w, "  %s%s\n", c.Name, remark(c))
			}
		}
	}
	return nil
}

// remark says what sets a case apart from the published suites.
func remark(c conformance.Case) string {
	var parts []string
	for _, part := range []string{c.Knob, c.Differs} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " [" + strings.Join(parts, ": ") + "]"
}

func (r conformanceReport) print(w *bufio.Writer, asJSON, color bool) error {
	if asJSON {
		return writeJSON(w, r)
	}
	cases := make([]conformance.Case, len(r.Results))
	for n, result := range r.Results {
		cases[n] = result.Case
	}
	for _, group := range conformance.Groups(cases) {
		var of []conformance.Result
		passed := 0
		for _, result := range r.Results {
			if result.Case.Group == group {
				of = append(of, result)
				if result.Passed {
					passed++
				}
			}
		}
		fmt.Fprintf(w, "%s: %d of %d pass\n", bold(group, color), passed, len(of))
		for _, result := range of {
			printCase(w, result, color)
		}
	}
	for _, t := range r.Trespasses {
		fmt.Fprintf(w, "%s a forbidden port was contacted: %s\n", bold("FAIL", color), t)
	}
	fmt.Fprintf(w, "%d of %d cases pass\n", r.Passed, r.Cases)
	return nil
}

func printCase(w *bufio.Writer, r conformance.Result, color bool) {
	if r.Passed {
		fmt.Fprintf(w, "  pass  %s\n", r.Case.Name)
		return
	}
	fmt.Fprintf(w, "  %s  %s%s\n", bold("FAIL", color), r.Case.Name, remark(r.Case))
	for _, f := range r.Faults {
		fmt.Fprintf(w, "        %s\n", f)
	}
}
