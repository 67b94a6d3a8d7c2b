package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mpicsim/reports/table"
	"mpicsim/scenarios"
	"mpicsim/scenarios/library"
	"mpicsim/scenarios/replay"
	"mpicsim/scenarios/result"
	"mpicsim/sim/attack"
	"mpicsim/sim/route"
	"mpicsim/topology"
)

// replayFlags are the flags of "mpicsim replay" as given.
type replayFlags struct {
	topology     string
	synthetic    syntheticFlags
	victim       string
	attacker     string
	perspectives string
	egress       string
	date         string
	rule         string
	method       string
	controlPlane string
	tieBreak     string
	attack       string
	vrps         string
	rov          float64
	rovGiven     bool
	seed         uint64
	workers      int
	pcap         string
	json         bool
	output       string

	again func(without ...string) string // the command line, for hints
}

func newReplayCommand(s streams) *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use:   "replay [SCENARIO]",
		Short: "Run one scenario with packets; print who reached whom, the decision, why",
		Long: `Replay builds the Internet that a scenario describes, lets its hijack happen, and
has a CA's perspectives validate the domain by real DNS and HTTP over emulated
routers. It prints who reached whom, what the CA decided and on which rule.

SCENARIO is a built-in one (see 'mpicsim scenarios list') or a YAML file; without
it, the default one is replayed. Flags replace parts of the scenario; its own
expectations are then not checked.

Exit code 0: the scenario came out as it expects or, if nothing is expected, no
certificate was issued to the attacker. Exit code 1: it did not.`,
		Example: `  # The default scenario
  mpicsim replay

  # Any victim and attacker on the real Internet's topology
  mpicsim replay equal-prefix --topology 20250901.as-rel2.txt.bz2 --victim 9916 --attacker 272133 --perspectives openmpic-default --date 2026-12-15

  # The same with a forged origin, where three in ten networks validate origins
  mpicsim replay equal-prefix --topology 20250901.as-rel2.txt.bz2 --victim 9916 --attacker 272133 --perspectives openmpic-default --attack forged-origin --rov 0.3

  # Every packet, for wireshark
  mpicsim replay near-primary --pcap near-primary.pcapng`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("%d arguments: want at most one, the scenario", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			name := library.Default
			if len(args) == 1 {
				name = args[0]
			}
			var seed *uint64
			if cmd.Flags().Changed("seed") {
				seed = &f.seed
			}
			f.rovGiven = cmd.Flags().Changed("rov")
			f.again = func(without ...string) string {
				return commandLine(cmd, name, append(without, "pcap", "json", "output", "workers")...)
			}
			return runReplay(cmd.Context(), s, name, f, seed)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.topology, "topology", "", "`FILE` of AS relationships instead of the scenario's topology:\nCAIDA serial-1 or serial-2, plain, .gz or .bz2")
	f.synthetic.register(cmd, "synthetic", "topology-seed")
	flags.StringVar(&f.victim, "victim", "", "the victim's `ASN`")
	flags.StringVar(&f.attacker, "attacker", "", "the attacker's `ASN`")
	flags.StringVar(&f.perspectives, "perspectives", "", "perspective `SET`: a set of the catalog, or PRIMARY:REMOTE,REMOTE,...")
	flags.StringVar(&f.egress, "egress", "", "how cloud regions are attached: `MODEL` auto, backbone, neighbors, nearest or nearest:N")
	flags.StringVar(&f.date, "date", "", "policy `DATE`, such as 2026-12-15")
	flags.StringVar(&f.rule, "rule", "", "quorum `RULE`: br, br@DATE, 2/3, all, ...")
	flags.StringVar(&f.method, "method", "", "validation `METHOD`: acme-http-01 or acme-dns-01")
	flags.StringVar(&f.controlPlane, "control-plane", "", "how the coordinator asks remotes: `PLANE` out-of-band, or emulated for TLS in the story's Internet")
	flags.StringVar(&f.tieBreak, "tie-break", "", "`NAME`: lowest-neighbor, seeded, nearest, attacker or victim")
	flags.StringVar(&f.attack, "attack", "", "`KIND` of attack in the place of the scenario's; docs/attacks.md has them")
	flags.StringVar(&f.vrps, "vrps", "", "`FILE` of validated ROA payloads: of rpki-client (JSON) or Routinator (CSV or JSON), plain or .gz")
	flags.Float64Var(&f.rov, "rov", 0, "`SHARE` of the ASes, from 0 to 1, that validate origins; without --vrps and RPKI\nin the scenario, all rightful prefixes have ROAs")
	flags.Uint64Var(&f.seed, "seed", 0, "seed of the tie-break seeded, of who validates, ports and tokens")
	flags.IntVar(&f.workers, "workers", 0, "remotes that run at a time, 0 for all; the result is the same")
	flags.StringVar(&f.pcap, "pcap", "", "write every packet at every host to the pcapng `FILE`")
	flags.BoolVar(&f.json, "json", false, "print the result as JSON")
	flags.StringVarP(&f.output, "output", "o", "", "write to `FILE` instead of standard output")
	cmd.MarkFlagsMutuallyExclusive("topology", "synthetic")
	flags.SortFlags = false
	return cmd
}

func runReplay(ctx context.Context, s streams, name string, f replayFlags, seed *uint64) (err error) {
	src, err := loadScenario(name)
	if err != nil {
		return err
	}
	overrides, err := f.overrides(seed)
	if err != nil {
		return err
	}
	src, changed, err := src.With(overrides)
	if err != nil {
		return err
	}
	if err := f.synthetic.checkSeed(); err != nil {
		return err
	}
	if f.workers < 0 {
		return fmt.Errorf("--workers: found %d: want 0 or more", f.workers)
	}
	o := replay.Options{Source: src, Changed: changed, Workers: f.workers, Version: version()}
	if f.pcap != "" {
		capture := &lateFile{path: f.pcap}
		o.Capture = capture
		defer func() { err = errors.Join(err, capture.close()) }()
	}
	world, err := replay.Build(ctx, o) // what does not fit the scenario's topology is bad input
	if err != nil {
		return err
	}
	defer world.Close()
	r, err := world.Replay(ctx)
	if err != nil {
		return unlessInput(err)
	}
	color := toStdout(f.output) && useColor(s.out, s.env)
	err = writeOutput(s, f.output, func(w *bufio.Writer) error {
		if f.json {
			return writeJSON(w, r)
		}
		return table.Story(w, r, table.StoryOptions{Color: color, Next: nextCommands(name, r, f)})
	})
	if err != nil {
		return err
	}
	return verdict(r)
}

// lateFile is a file that is created by the first write to it, so that a command
// that fails before leaves an older file alone.
type lateFile struct {
	path string
	file *os.File
	buf  *bufio.Writer
}

// Write implements [io.Writer].
func (f *lateFile) Write(b []byte) (int, error) {
	if f.file == nil {
		file, err := os.Create(f.path)
		if err != nil {
			return 0, fmt.Errorf("--pcap: %w", err)
		}
		f.file, f.buf = file, bufio.NewWriterSize(file, 1<<16)
	}
	return f.buf.Write(b)
}

func (f *lateFile) close() error {
	if f.file == nil {
		return nil
	}
	return fault(errors.Join(f.buf.Flush(), f.file.Close()))
}

// unlessInput marks an error of a replay that is under way as a fault, unless it
// is about a file that the user named.
func unlessInput(err error) error {
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		return err
	}
	return fault(err)
}

// overrides turns the flags into replacements.
func (f replayFlags) overrides(seed *uint64) (scenarios.Overrides, error) {
	o := scenarios.Overrides{
		TopologyFile: f.topology, SyntheticASes: f.synthetic.ases, Perspectives: f.perspectives, Egress: f.egress,
		Date: f.date, Rule: f.rule, Method: f.method, ControlPlane: f.controlPlane, TieBreak: f.tieBreak, Seed: seed, VRPs: f.vrps,
	}
	if f.synthetic.changed(f.synthetic.seedFlag) {
		o.SyntheticSeed = &f.synthetic.seed
	}
	if f.rovGiven {
		o.ROV = &f.rov
	}
	if f.attack != "" {
		kind, err := attack.ParseKind(f.attack)
		if err != nil {
			return o, fmt.Errorf("--attack: %w", err)
		}
		o.Attack = kind
	}
	for _, side := range []struct {
		flag, value string
		to          *topology.ASN
	}{{"victim", f.victim, &o.Victim}, {"attacker", f.attacker, &o.Attacker}} {
		if side.value == "" {
			continue
		}
		asn, err := topology.ParseASN(side.value)
		if err != nil {
			return o, fmt.Errorf("--%s: %w", side.flag, err)
		}
		*side.to = asn
	}
	return o, nil
}

// verdict is the command's exit: no, if the scenario did not come out as expected
// or, without expectations, if the attacker got a certificate.
func verdict(r *result.Replay) error {
	no := false
	for _, e := range r.Expectations {
		no = no || !e.Met
	}
	if len(r.Expectations) == 0 {
		for _, c := range r.Checks {
			no = no || c.Decision.Issue && c.Applicant == scenarios.SideAttacker
		}
	}
	if no {
		return &exitError{code: exitNo}
	}
	return nil
}

// nextCommands suggests what to run next.
func nextCommands(name string, r *result.Replay, f replayFlags) [][2]string {
	var next [][2]string
	add := func(command, what string) { next = append(next, [2]string{"mpicsim " + command, what}) }
	names := library.Names()
	if list, err := listScenarios(); err == nil && !r.Scenario.Changed { // in the order of the list
		n := slices.IndexFunc(list, func(l listedScenario) bool { return l.Name == name })
		if n >= 0 && n+1 < len(list) {
			add("replay "+list[n+1].Name, "the next story")
		}
	}
	if r.Inputs.TieBreak == route.TieBreakSeeded.String() {
		add(fmt.Sprintf("%s --seed %d", f.again("seed"), r.Inputs.Seed+1), "let ties fall another way")
	}
	if f.pcap == "" {
		add(f.again()+" --pcap "+r.Scenario.Name+".pcapng", "every packet, for wireshark or tshark")
	}
	if slices.Contains(names, name) {
		add("scenarios show "+name+" > mine.yaml", "change the story, then: mpicsim replay ./mine.yaml")
	}
	return next
}

// commandLine returns the arguments that would run the command again, but for
// the flags to leave out.
func commandLine(cmd *cobra.Command, name string, without ...string) string {
	line := []string{cmd.Name(), name}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if slices.Contains(without, f.Name) {
			return
		}
		line = append(line, "--"+f.Name)
		if f.Value.Type() != "bool" {
			line = append(line, f.Value.String())
		}
	})
	return strings.Join(line, " ")
}

// version is the program's version as the Go tool recorded it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
