package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"mpicsim/sim/attack"
	"mpicsim/sim/route"
	"mpicsim/topology"
	"mpicsim/topology/rpki"
)

// strongestFlags are the flags of "mpicsim attacks strongest" as given.
type strongestFlags struct {
	topology topologyFlags
	victim   string
	attacker string
	prefix   string
	at       []string
	maxType  int
	rov      float64
	vrps     string
	tieBreak string
	seed     uint64
	json     bool
	output   string
}

func newStrongestCommand(s streams) *cobra.Command {
	var f strongestFlags
	cmd := &cobra.Command{
		Use:   "strongest --topology FILE|--synthetic N --victim ASN --attacker ASN",
		Short: "Try the attacks that one AS can launch on another, and say which reaches the most",
		Long: `Strongest tries, for one victim and one attacker, every kind of attack that takes no
more than BGP neighbours: equal-prefix, sub-prefix, forged-origin and
forged-origin-sub-prefix, which everybody can launch, and an interception and a
route leak, which need a way to the victim. It counts the ASes, or those of --at,
whose packets then pass the attacker, and marks the best: of equal ones the first.

What is in the way decides: with --rov a share of the ASes validates origins. Without
--vrps the victim has a ROA for its prefix, and no longer one is authorized.`,
		Example: `  mpicsim attacks strongest --topology 20250901.as-rel2.txt.bz2 --victim 9916 --attacker 272133
  mpicsim attacks strongest --topology 20250901.as-rel2.txt.bz2 --victim 9916 --attacker 272133 --rov 0.3 --at 16509,15169,8075
  mpicsim attacks strongest --synthetic 1000 --victim 900 --attacker 901 --prefix 203.0.113.0/24`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runStrongest(cmd.Context(), s, f) },
	}
	f.topology.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.victim, "victim", "", "the victim's `ASN`")
	flags.StringVar(&f.attacker, "attacker", "", "the attacker's `ASN`")
	flags.StringVar(&f.prefix, "prefix", "203.0.112.0/22", "the victim's `PREFIX`; packets are to its first address")
	flags.StringSliceVar(&f.at, "at", nil, "count only the ASes `ASN,...`")
	flags.IntVar(&f.maxType, "max-type", 1, "the most ASes that a forged path names behind the attacker: `N` from 1 to 16")
	flags.Float64Var(&f.rov, "rov", 0, "`SHARE` of the ASes, from 0 to 1, that validate origins")
	flags.StringVar(&f.vrps, "vrps", "", "`FILE` of validated ROA payloads: of rpki-client (JSON) or Routinator (CSV or JSON)")
	flags.StringVar(&f.tieBreak, "tie-break", route.TieBreakLowestNeighbor.String(), "`NAME`: lowest-neighbor, seeded, nearest, attacker or victim")
	flags.Uint64Var(&f.seed, "seed", 0, "seed of the tie-break seeded, and of who validates")
	flags.BoolVar(&f.json, "json", false, "print JSON")
	flags.StringVarP(&f.output, "output", "o", "", "write to `FILE` instead of standard output")
	flags.SortFlags = false
	return cmd
}

// strongest is the answer as data.
type strongest struct {
	Victim   topology.ASN   `json:"victim"`
	Attacker topology.ASN   `json:"attacker"`
	Prefix   string         `json:"prefix"`
	Counted  int            `json:"counted"` // ASes
	TieBreak route.TieBreak `json:"tie_break"`
	Seed     uint64         `json:"seed"`
	ROV      int            `json:"rov_ases"`
	VRPs     int            `json:"vrps"`
	Best     int            `json:"best"` // index into Trials, -1 if nothing can be launched
	Trials   []triedJSON    `json:"trials"`
}

type triedJSON struct {
	Kind      attack.Kind `json:"kind"`
	Type      int         `json:"type,omitempty"`
	Announced []string    `json:"announced"`
	Obstacle  string      `json:"obstacle,omitempty"`
	Why       string      `json:"why,omitempty"`
	Captured  int         `json:"captured"`
	Share     float64     `json:"share"`
}

func runStrongest(ctx context.Context, s streams, f strongestFlags) error {
	search, err := f.search()
	if err != nil {
		return err
	}
	source, err := f.topology.load(ctx, s)
	if err != nil {
		return err
	}
	in, answer, err := f.setting(source.graph, &search)
	if err != nil {
		return err
	}
	trials, best, err := in.Strongest(search)
	if err != nil {
		return err
	}
	answer.Best, answer.Trials = best, []triedJSON{}
	for _, t := range trials {
		p := t.Plan
		row := triedJSON{Kind: p.Attack.Kind, Type: p.Attack.Type, Announced: []string{}, Obstacle: string(p.Obstacle), Why: p.Why, Captured: int(t.Score)}
		for _, a := range p.Announcements() {
			row.Announced = append(row.Announced, a.String())
		}
		row.Share = t.Score / float64(max(answer.Counted, 1))
		answer.Trials = append(answer.Trials, row)
	}
	s.notef("tie-break %s\n", describeTieBreak(in.Options))
	return writeOutput(s, f.output, func(w *bufio.Writer) error {
		if f.json {
			return writeJSON(w, answer)
		}
		return answer.write(w, toStdout(f.output) && useColor(s.out, s.env))
	})
}

// search reads the flags that do not need the topology.
func (f *strongestFlags) search() (attack.Search, error) {
	var search attack.Search
	for _, side := range []struct {
		flag, value string
		to          *topology.ASN
	}{{"victim", f.victim, &search.Victim}, {"attacker", f.attacker, &search.Attacker}} {
		asn, err := topology.ParseASN(side.value)
		if err != nil {
			return search, fmt.Errorf("--%s: %w", side.flag, err)
		}
		*side.to = asn
	}
	var err error
	if search.Target, err = netip.ParsePrefix(f.prefix); err != nil || search.Target != search.Target.Masked() || search.Target.Addr().Is4In6() {
		return search, fmt.Errorf("--prefix: found %q: want a prefix without host bits, such as 203.0.112.0/22", f.prefix)
	}
	search.Address = search.Target.Addr()
	if search.MaxType = f.maxType; f.maxType < 1 || f.maxType > attack.MaxType {
		return search, fmt.Errorf("--max-type: found %d: want 1 to %d", f.maxType, attack.MaxType)
	}
	if search.Victim == search.Attacker {
		return search, errors.New("--attacker: found the victim: want another AS")
	}
	for _, kind := range []attack.Kind{attack.Interception, attack.RouteLeak} {
		search.Others = append(search.Others, attack.Attack{Kind: kind, Attacker: search.Attacker, Victim: search.Victim, Target: search.Target})
	}
	return search, nil
}

// setting puts the attack on the topology.
func (f *strongestFlags) setting(g *topology.Graph, search *attack.Search) (attack.Setting, *strongest, error) {
	answer := &strongest{Victim: search.Victim, Attacker: search.Attacker, Prefix: search.Target.String(), Counted: g.Len() - 1, Seed: f.seed}
	in := attack.Setting{Engine: route.NewEngine(g), Standing: []route.Announcement{{Prefix: search.Target, Path: []topology.ASN{search.Victim}}}}
	fail := func(err error) (attack.Setting, *strongest, error) { return in, nil, err }
	var err error
	if in.Options.TieBreak, err = route.ParseTieBreak(f.tieBreak); err != nil {
		return fail(fmt.Errorf("--tie-break: %w", err))
	}
	in.Options.Seed, answer.TieBreak = f.seed, in.Options.TieBreak
	if _, ok := g.Index(search.Victim); !ok {
		return fail(fmt.Errorf("--victim: AS %d is not in the topology", search.Victim))
	}
	if _, ok := g.Index(search.Attacker); !ok {
		return fail(fmt.Errorf("--attacker: AS %d is not in the topology", search.Attacker))
	}
	for _, text := range f.at {
		asn, err := topology.ParseASN(strings.TrimSpace(text))
		if err != nil {
			return fail(fmt.Errorf("--at: %w", err))
		}
		i, ok := g.Index(asn)
		if !ok {
			return fail(fmt.Errorf("--at: AS %d is not in the topology", asn))
		}
		search.Viewpoints = append(search.Viewpoints, i)
	}
	if search.Viewpoints != nil {
		answer.Counted = len(search.Viewpoints)
	}
	validate, err := route.DeployFraction(g, f.rov, f.seed)
	if err != nil {
		return fail(fmt.Errorf("--rov: %w", err))
	}
	payloads := []rpki.VRP{{Prefix: search.Target, MaxLength: search.Target.Bits(), Origin: search.Victim}}
	if f.vrps != "" {
		file, err := rpki.Open(f.vrps)
		if err != nil {
			return fail(fmt.Errorf("--vrps: %w", err))
		}
		payloads = file.VRPs
	}
	vrps, err := rpki.NewVRPs(payloads)
	if err != nil {
		return fail(err)
	}
	answer.ROV, answer.VRPs = len(validate), vrps.Len()
	if len(validate) == 0 {
		return in, answer, nil
	}
	in.Options.Policies, err = route.NewPolicies(g, route.PoliciesOptions{
		VRPs: vrps, Deployments: []route.Deployment{{ASes: validate, Policy: route.Policy{ROV: route.ROVOn}}},
	})
	return in, answer, err
}

// write prints the answer for people.
func (a *strongest) write(w *bufio.Writer, color bool) error {
	ases := "1 AS counted"
	if a.Counted != 1 {
		ases = grouped(int64(a.Counted)) + " ASes counted"
	}
	fmt.Fprintf(w, "AS %d against %s of AS %d; %s, %s of all validate origins, %s\n\n", a.Attacker, a.Prefix, a.Victim, ases,
		grouped(int64(a.ROV)), counted(int64(a.VRPs), "VRP"))
	t := table.NewWriter()
	t.SetStyle(plainTable())
	t.SuppressTrailingSpaces()
	t.AppendHeader(table.Row{"", "attack", "captured", "share", "announced"})
	for n, row := range a.Trials {
		mark, kind := "", string(row.Kind)
		if n == a.Best {
			mark = "best"
		}
		if row.Type > 1 {
			kind += fmt.Sprintf(", type %d", row.Type)
		}
		if row.Obstacle != "" {
			t.AppendRow(table.Row{mark, kind, "-", "-", row.Obstacle + ": " + row.Why})
			continue
		}
		t.AppendRow(table.Row{mark, kind, grouped(int64(row.Captured)), fmt.Sprintf("%.1f %%", 100*row.Share), strings.Join(row.Announced, "; ")})
	}
	for line := range strings.SplitSeq(t.Render(), "\n") {
		fmt.Fprintln(w, bold(line, color && strings.HasPrefix(line, "best")))
	}
	if a.Best < 0 {
		fmt.Fprintln(w, "\nNothing can be launched.")
	}
	return nil
}
