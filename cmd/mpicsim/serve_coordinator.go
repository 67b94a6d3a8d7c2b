package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"

	"mpicsim/perspectives"
	"mpicsim/perspectives/access"
	"mpicsim/perspectives/audit"
	"mpicsim/perspectives/cohort"
	"mpicsim/perspectives/coordinator"
	"mpicsim/perspectives/openmpic"
	"mpicsim/perspectives/policy"
	"mpicsim/scenarios/replay"
)

// coordinatorFlags are the flags of "mpicsim serve coordinator" as given.
type coordinatorFlags struct {
	scenario    string
	at          time.Duration
	event       string // name of the timeline's check
	config      string
	hosts       []string
	anyone      bool
	checkOnly   bool
	listen      string
	addressFile string
	dialect     string
	audit       string
	monitoring  bool

	hasAt bool
}

// drainTime is how long requests may take to end after a signal to stop.
const drainTime = 30 * time.Second

func newServeCoordinatorCommand(s streams) *cobra.Command {
	var f coordinatorFlags
	cmd := &cobra.Command{
		Use:   "coordinator",
		Short: "Serve Open MPIC's API, on real or emulated perspectives",
		Long: `Coordinator serves POST /mpic as Open MPIC specifies it, POST /mpic/draft-00 of the
IETF draft, and GET /healthz, /configz and /metrics.

With --scenario the primary and the remotes stand in the emulated Internet of a
scenario, at a virtual time of your choice: a CA's own client, or any test suite,
can so be run against a hijack without touching a real network. Every request is
checked at that same time. --scenario conformance is the Internet that the cases
of 'mpicsim conformance' are about.

With --config the remotes are on the real network. The JSON file has, each with its
default or "required":
  remotes_file               the file that 'mpicsim keys new' makes (required)
  primary_at                 here: the primary checks in this process; caller: as in
                             Open MPIC, callers have asked their own (here)
  rule                       quorum rule, such as br or br@2026-12-15 (br)
  caa_domains                for requests without any (none)
  cohorts                    {"algorithm": "keyed" or "open-mpic", "secret_file": FILE,
                             "sets": how many cohorts one identifier may get}
                             (keyed, required, 1)
  default_perspective_count  (what the rule demands)
  absolute_max_attempts      (3)
  allow_monitoring           answers quorum_count 0: valid whatever the remotes see, which
                             BR 3.2.2.9 forbids to issue on from 2025-09-15 (false)
  refuse_monitoring          answers it with an error before that day too (false)
  cancel_stragglers          does not wait for answers that cannot change the decision
                             (false)
  timeout                    of one perspective's answer (1m)
  reload_interval            how often files are looked at for changes, "0s" for
                             SIGHUP alone (10s)
  network                    other DNS roots, ports and prefixes than the public
                             Internet's for the primary, for tests (none)
  tls                        {"certificate_file": FILE, "key_file": FILE} (plain HTTP)
  clients                    who may call: a list of {"name", "identity" (the only URI
                             name of its certificates, octet by octet) with "roots_file"
                             and perhaps "crl_file", "methods" (["all"], [] for CAA
                             alone), "issuer_domains", "checks_per_second", "burst",
                             "daily_quota", "concurrent", "operator" (reads /metrics)}
                             (anyone on this machine)
  api_keys_file              the keys of clients, for the header x-api-key; see
                             'mpicsim keys api' (none)
  hosts                      names under which callers ask, besides localhost, IP
                             addresses and the certificate's (none)
  health_listen              /healthz and /metrics in plain HTTP, on a loopback address
                             (none)
  max_connections,           of all callers together (1024 and 256, or as many as there
  max_checks                 are descriptors for)
  secrets_group_readable     files with secrets may be readable by their group (false)
SIGHUP, or a change of the file or of one that it names, puts all but
reload_interval, health_listen, max_connections and max_checks in place anew;
requests that have begun end as they began. With a mistake in it everything stays as
it was. A set of remotes that can never meet its rule is such a mistake.

Without clients everybody may call who can connect, so that --listen must be a
loopback address, or --insecure-allow-anyone says otherwise. What a web page had a
browser send is refused: a foreign Host or Origin, a body that is not
application/json. Files with secrets that others can read are refused.

The address is printed when the service is ready. An interrupt lets requests end,
for 30 s at most.`,
		Example: `  # During the hijack of the default scenario; then, in another terminal, the
  # command that it prints
  mpicsim serve coordinator --scenario equal-prefix

  # Before it
  mpicsim serve coordinator --scenario equal-prefix --at 30s --listen 127.0.0.1:8001

  # Where the conformance suite's names exist; then, in another terminal,
  # mpicsim conformance --url http://127.0.0.1:8000
  mpicsim serve coordinator --scenario conformance

  # On the real network
  mpicsim serve coordinator --config coordinator.json --audit /var/log/mpicsim`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.hasAt = cmd.Flags().Changed("at")
			return runCoordinator(cmd.Context(), s, f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.scenario, "scenario", "", "`SCENARIO` whose Internet the perspectives stand in: a built-in one or a YAML file")
	flags.DurationVar(&f.at, "at", 0, "virtual time of all checks, such as 90s; by default that of the timeline's last check")
	flags.StringVar(&f.event, "timeline-check", "", "`NAME` of the timeline's check whose perspectives, date and rule to use;\nby default the last one until --at")
	flags.StringVar(&f.config, "config", "", "JSON `FILE` with perspectives on the real network")
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8000", "`ADDRESS` to listen on; port 0 for any that is free")
	flags.StringArrayVar(&f.hosts, "host", nil, "`NAME` under which callers ask, besides localhost and IP addresses; may be repeated")
	flags.BoolVar(&f.anyone, "insecure-allow-anyone", false, "let everybody call who can connect to --listen, unless the configuration names clients")
	flags.BoolVar(&f.checkOnly, "check", false, "read all files, say what would keep the service from starting, and stop")
	flags.StringVar(&f.addressFile, "address-file", "", "write the URL to `FILE` when the service is ready")
	flags.StringVar(&f.dialect, "dialect", "spec", "`NAME` of the dialect of answers: spec, or core for the reference implementation's")
	flags.StringVar(&f.audit, "audit", "", "keep the records of BR 5.4.1(2)(7) and (8), and what each caller is told, in folder `DIR`;\neach is on the disk (fsync) before the answer, and without it there is none; see 'mpicsim audit'")
	flags.BoolVar(&f.monitoring, "allow-monitoring", false, "with --scenario, answer quorum_count 0 under a rule that enforces the quorum")
	flags.SortFlags = false
	return cmd
}

func runCoordinator(ctx context.Context, s streams, f coordinatorFlags) (err error) {
	if (f.scenario == "") == (f.config == "") {
		return errors.New("--scenario, --config: want exactly one of the two")
	}
	if f.config != "" && (f.hasAt || f.event != "") {
		return errors.New("--at, --timeline-check: want --scenario: the real network has no virtual time")
	}
	if err := checkListen(ctx, f.listen); err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	if err := checkHosts("--host: found", f.hosts); err != nil {
		return err
	}
	if f.config == "" {
		if err := (callers{}).judge(mayBeLoopback(f.listen), f.anyone); err != nil {
			return fmt.Errorf("--listen: found %q, %w", f.listen, err)
		}
	}
	if f.config != "" && f.monitoring {
		return errors.New("--allow-monitoring: want --scenario: with --config it is allow_monitoring in the file")
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	o := openmpic.Options{
		Clock: time.Now, Registry: registry, Dialect: openmpic.Dialect(f.dialect), Version: version(),
		Browser:         access.Browser{Hosts: f.hosts},
		Log:             slog.New(slog.NewTextHandler(s.err, nil)),
		AllowMonitoring: f.monitoring,
	}
	var records *slog.Logger
	if f.checkOnly {
		if err := f.checkFiles(); err != nil {
			return err
		}
	} else if f.audit != "" {
		log, err := audit.Open(audit.Options{Dir: f.audit, Sync: true, Clock: time.Now})
		if err != nil {
			return fmt.Errorf("--audit: %w", err)
		}
		defer func() { err = errors.Join(err, log.Close()) }()
		records, o.Healthy = slog.New(log.Handler()), log.Healthy
		o.Records = records
	}
	if f.config != "" {
		c, file, err := newConfigured(f, o, records)
		if err != nil {
			return err
		}
		if err := checkHealthListen(ctx, file.HealthListen, f.listen); err != nil {
			return fmt.Errorf("--config: %s: health_listen: %w", f.config, err)
		}
		if f.checkOnly {
			return c.complete(s, file)
		}
		return c.serve(ctx, s, f, file)
	}
	bounds, err := access.Bounds{}.Within(descriptors(), 1) // the emulated network needs none
	if err != nil {
		return err
	}
	o.Slots = access.NewSlots(bounds.Checks)
	hint := ""
	if f.scenario == conformanceScenario {
		world, h, e := inConformance(ctx, f, records, &o)
		if e != nil {
			return e
		}
		defer func() { err = errors.Join(err, world.Close()) }()
		hint = h
	} else {
		world, err := openWorld(ctx, f)
		if err != nil {
			return err
		}
		defer world.Close()
		if hint, err = inScenario(world, f, records, &o); err != nil {
			return err
		}
	}
	server, err := openmpic.New(o)
	if err != nil {
		return err
	}
	if f.checkOnly {
		_, err := fmt.Fprintf(s.out, "%s: coordinator is complete\n", f.scenario)
		return fault(err)
	}
	return serveUntilDone(ctx, s, f, front{http: server.HTTPServer(), hint: hint, registry: registry, bounds: bounds, loopbackOnly: mayBeLoopback(f.listen)})
}

// openWorld builds the emulated Internet of the scenario.
func openWorld(ctx context.Context, f coordinatorFlags) (*replay.World, error) {
	src, err := loadScenario(f.scenario)
	if err != nil {
		return nil, err
	}
	// Requests that are under way when the command is interrupted need the servers.
	return replay.Build(context.WithoutCancel(ctx), replay.Options{Source: src, Version: version()})
}

// inScenario fills in who can be asked in the world, and returns a hint for the
// user, with a verb for the address.
func inScenario(world *replay.World, f coordinatorFlags, records *slog.Logger, o *openmpic.Options) (string, error) {
	fleet := &scenarioFleet{world: world, records: records}
	var err error
	if fleet.event, fleet.at, err = chooseCheck(world, f); err != nil {
		return "", err
	}
	if fleet.set, fleet.rule, err = world.Deployment(fleet.event); err != nil {
		return "", err
	}
	ask, err := world.Request(fleet.event)
	if err != nil {
		return "", err
	}
	key := sha256.Sum256([]byte("mpicsim/cohorts/" + fleet.set.Name))
	keyed, err := cohort.NewKeyed(cohort.Options{Key: key[:], Quorum: fleet.rule, Primary: fleet.set.Primary, Fleet: fleet.set.Remotes})
	if err != nil {
		return "", err
	}
	o.Fleet, o.Cohorts = fleet, wholeFleet{fleet.set.Remotes, keyed}
	o.DefaultCount, o.DefaultIssuers = len(fleet.set.Remotes), ask.IssuerDomains
	params := ""
	if ask.Method == perspectives.HTTP01 {
		params = " --token " + ask.Token + " --key-authorization " + ask.KeyAuthorization
	} else {
		params = " --param key_authorization_hash=" + ask.KeyHash()
	}
	return fmt.Sprintf("virtual time %v, perspectives and rule of check %q: try\n  mpicsim check --url %%s --domain %s --method %s%s\n",
		fleet.at, fleet.event, ask.Domain, ask.Method, params), nil
}

// chooseCheck returns the timeline's check to follow, and the virtual time.
func chooseCheck(world *replay.World, f coordinatorFlags) (event string, at time.Duration, err error) {
	events := world.CheckEvents()
	if len(events) == 0 {
		return "", 0, fmt.Errorf("--scenario: %s: its timeline has no check, want one that says who checks", f.scenario)
	}
	if f.at < 0 {
		return "", 0, fmt.Errorf("--at: found %v, expected 0 or later", f.at)
	}
	chosen := events[0]
	for _, e := range events {
		if f.event == "" && (!f.hasAt || e.At <= f.at) || f.event == e.Check.Name {
			chosen = e
		}
	}
	if f.event != "" && chosen.Check.Name != f.event {
		_, _, err := world.Deployment(f.event) // says which there are
		return "", 0, fmt.Errorf("--timeline-check: %w", err)
	}
	if !f.hasAt {
		return chosen.Check.Name, chosen.At, nil
	}
	return chosen.Check.Name, f.at, nil
}

// scenarioFleet is the perspectives of one check in an emulated Internet.
type scenarioFleet struct {
	world   *replay.World
	event   string
	at      time.Duration
	set     perspectives.Set
	rule    policy.Quorum
	records *slog.Logger
}

// Describe implements [openmpic.Fleet].
func (f *scenarioFleet) Describe() (perspectives.Perspective, []perspectives.Perspective, openmpic.Primary) {
	return f.set.Primary, slices.Clone(f.set.Remotes), openmpic.PrimaryIncluded
}

// Rule implements [openmpic.Fleet].
func (f *scenarioFleet) Rule() policy.Quorum { return f.rule }

// Attempt implements [openmpic.Fleet].
func (f *scenarioFleet) Attempt(ctx context.Context, a openmpic.Attempt) (coordinator.Report, error) {
	c := replay.Corroboration{Event: f.event, At: f.at, Check: a.Check, Remotes: a.Remotes, Quorum: a.Quorum}
	if f.records != nil {
		c.Log = f.records.With(a.RecordAttrs()...)
	}
	return f.world.Corroborate(ctx, c)
}

// wholeFleet uses all remotes where as many are asked for, so that a scenario's
// set is used as it stands, and else lets another choose.
type wholeFleet struct {
	remotes []perspectives.Perspective
	others  openmpic.Cohorts
}

// Cohorts implements [openmpic.Cohorts].
func (w wholeFleet) Cohorts(target string, size int) ([][]string, error) {
	if size != len(w.remotes) {
		return w.others.Cohorts(target, size)
	}
	names := make([]string, size)
	for i, r := range w.remotes {
		names[i] = r.Name
	}
	return [][]string{names}, nil
}
