package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mpicsim/sim/attack"
	"mpicsim/sim/route"
	"mpicsim/topology"
)

// routesFlags are the flags of "mpicsim routes" as given.
type routesFlags struct {
	topology  topologyFlags
	announce  []string
	attackers []string
	attack    string
	// attackType is the attack's type, 0 for the kind's default.
	attackType int
	tieBreak   string
	seed       uint64
	at         []string
	why        string
	json       bool
	output     string
}

func newRoutesCommand(s streams) *cobra.Command {
	var f routesFlags
	cmd := &cobra.Command{
		Use:   "routes --topology FILE|--synthetic N --announce 'AS PATH=PREFIX'...",
		Short: "Print the best route of every AS for any announcements",
		Long: `Routes prints which route each AS of a topology chooses, by Gao-Rexford: customer
before peer before provider routes, then the shorter AS path, then the tie-break.

An announcement is an AS path, announcer first and origin last, and a prefix:
  --announce '9916=203.0.113.0/24'              AS 9916 announces its prefix
  --announce '9916 9916=203.0.113.0/24'         the same, prepended once
  --announce '272133 9916=203.0.113.0/24'       AS 272133 with the forged origin 9916
Announcements of the same prefix compete. Prefixes of different length do not:
each is listed, and packets follow the longest one.

With --attack one AS, the --attacker, attacks the prefix of the first
announcement, and what it announces is found by the kind of attack; see
"mpicsim attacks". Standard error says what that is. If the attack cannot be
launched from there, the exit code is 1.

Without --json the result is CSV, one row for each AS and prefix, by AS number,
then prefix:
  asn,prefix,origin,announced_by,relationship,path_length,as_path,reason
as_path starts with the AS's own number and path_length counts it; origin is the
last number of the path, forged or not, and announced_by the AS that packets
arrive at. reason is the step that left only this route: own, only-route,
relationship, path-length or tie-break. An AS without a route has no row: how
many there are is said on standard error, and with --json under without_route.

Tie-breaks: lowest-neighbor (lowest AS number), seeded (an independent pick for
each AS, see --seed), nearest (geographically, where places are known), and the
bounds attacker and victim, which favour one side in each tie.`,
		Example: `  # An equally-specific hijack: who reaches whom?
  mpicsim routes --topology 20250901.as-rel2.txt.bz2 --announce '9916=203.0.113.0/24' --announce '272133=203.0.113.0/24'

  # The same with a forged origin, at two ASes only
  mpicsim routes --topology 20250901.as-rel2.txt.bz2 --announce '9916=203.0.113.0/24' --announce '272133 9916=203.0.113.0/24' --at 16509,15169

  # What does AS 272133 gain by leaking its own route?
  mpicsim routes --topology 20250901.as-rel2.txt.bz2 --announce '9916=203.0.112.0/22' --attack route-leak --attacker 272133

  # Why did AS 16509 choose its route?
  mpicsim routes --topology 20250901.as-rel2.txt.bz2 --announce '9916=203.0.113.0/24' --announce '272133=203.0.113.0/24' --why 16509

  # No file at hand: the same on a synthetic Internet
  mpicsim routes --synthetic 1000 --topology-seed 1 --announce '900=203.0.113.0/24' --announce '901=203.0.113.0/24' --tie-break nearest`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("unexpected argument %q: want flags only; an announcement with spaces needs quotes", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return runRoutes(cmd.Context(), s, f) },
	}
	f.topology.register(cmd)
	flags := cmd.Flags()
	flags.StringArrayVar(&f.announce, "announce", nil, "announcement `'AS PATH=PREFIX'`; repeat for more")
	flags.StringSliceVar(&f.attackers, "attacker", nil, "announcers `ASN,...` that count as the attacker for the tie-breaks attacker and victim\n(default: all but the announcer of the first announcement)")
	flags.StringVar(&f.attack, "attack", "", "the --attacker launches an attack of `KIND` on the first announcement's prefix")
	flags.IntVar(&f.attackType, "attack-type", 0, "the attack's type `N`: forged hops of its path, or of RFC 7908 for a leak; 0 for the usual one")
	flags.StringVar(&f.tieBreak, "tie-break", route.TieBreakLowestNeighbor.String(), "`NAME`: lowest-neighbor, seeded, nearest, attacker or victim")
	flags.Uint64Var(&f.seed, "seed", 0, "seed of the tie-break seeded")
	flags.StringSliceVar(&f.at, "at", nil, "print only the ASes `ASN,...`")
	flags.StringVar(&f.why, "why", "", "explain the decision of the AS `ASN`, with the losing candidates")
	flags.BoolVar(&f.json, "json", false, "print JSON")
	flags.StringVarP(&f.output, "output", "o", "", "write to `FILE` instead of standard output")
	cmd.MarkFlagsMutuallyExclusive("at", "why")
	flags.SortFlags = false
	return cmd
}

// routesResult is all that the printers need.
type routesResult struct {
	source  topologySource
	options route.Options
	anns    []route.Announcement
	attack  *attack.Attack  // nil for none
	routes  []*route.Routes // by prefix
	at      []int32         // graph indexes, ascending
}

func runRoutes(ctx context.Context, s streams, f routesFlags) error {
	result, err := f.parse()
	if err != nil {
		return err
	}
	if result.source, err = f.topology.load(ctx, s); err != nil {
		return err
	}
	g := result.source.graph
	if result.at, err = f.selected(result.source); err != nil {
		return err
	}
	engine := route.NewEngine(g)
	if result.attack != nil {
		if err := result.launch(s, engine); err != nil {
			return err
		}
	}
	table, err := engine.PropagateAll(result.anns, result.options)
	if err != nil {
		return fmt.Errorf("--announce: %w", err)
	}
	result.routes = slices.SortedFunc(slices.Values(table.Routes()), func(a, b *route.Routes) int {
		return a.Prefix().Compare(b.Prefix())
	})
	s.notef("tie-break %s\n", describeTieBreak(result.options))
	switch {
	case f.why != "" && f.json:
		return writeOutput(s, f.output, result.writeWhyJSON)
	case f.why != "":
		color := toStdout(f.output) && useColor(s.out, s.env)
		return writeOutput(s, f.output, func(w *bufio.Writer) error { return result.writeWhy(w, color) })
	case f.json:
		err = writeOutput(s, f.output, result.writeJSON)
	default:
		err = writeOutput(s, f.output, result.writeCSV)
	}
	if err == nil {
		result.noteMissing(s)
	}
	return err
}

// parse reads the flags that do not need the topology.
func (f *routesFlags) parse() (routesResult, error) {
	var r routesResult
	if len(f.announce) == 0 {
		return r, errors.New("--announce: missing: want at least one 'AS PATH=PREFIX', such as '9916=203.0.113.0/24'")
	}
	for _, text := range f.announce {
		a, err := route.ParseAnnouncement(text)
		if err != nil {
			return r, fmt.Errorf("--announce: %w", err)
		}
		r.anns = append(r.anns, a)
	}
	tieBreak, err := route.ParseTieBreak(f.tieBreak)
	if err != nil {
		return r, fmt.Errorf("--tie-break: %w", err)
	}
	r.options = route.Options{TieBreak: tieBreak, Seed: f.seed}
	if f.attack != "" {
		r.attack, err = f.parseAttack(r.anns)
		return r, err
	}
	if f.attackType != 0 {
		return r, errors.New("--attack-type: want it beside --attack only")
	}
	return r, f.markAttackers(r.anns)
}

// markAttackers sets which announcements are the attacker's.
func (f *routesFlags) markAttackers(anns []route.Announcement) error {
	if len(f.attackers) == 0 {
		for n := range anns {
			anns[n].Attacker = anns[n].Announcer() != anns[0].Announcer()
		}
		return nil
	}
	for _, text := range f.attackers {
		asn, err := topology.ParseASN(text)
		if err != nil {
			return fmt.Errorf("--attacker: %w", err)
		}
		found := false
		for n := range anns {
			if anns[n].Announcer() == asn {
				anns[n].Attacker, found = true, true
			}
		}
		if !found {
			return fmt.Errorf("--attacker: AS %d: want the announcer of an --announce", asn)
		}
	}
	return nil
}

// selected returns the graph indexes of the ASes to print, ascending.
func (f *routesFlags) selected(source topologySource) ([]int32, error) {
	g := source.graph
	flag, texts := "--at", f.at
	if f.why != "" {
		flag, texts = "--why", []string{f.why}
	}
	if len(texts) == 0 {
		all := make([]int32, g.Len())
		for i := range all {
			all[i] = int32(i)
		}
		return all, nil
	}
	var some []int32
	for _, text := range texts {
		asn, err := topology.ParseASN(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", flag, err)
		}
		i, ok := g.Index(asn)
		if !ok {
			return nil, fmt.Errorf("%s: AS %d is not in the topology %s", flag, asn, source.name)
		}
		some = append(some, i)
	}
	slices.Sort(some)
	return slices.Compact(some), nil
}

func describeTieBreak(o route.Options) string {
	if o.TieBreak == route.TieBreakSeeded {
		return fmt.Sprintf("%v, seed %d", o.TieBreak, o.Seed)
	}
	return o.TieBreak.String()
}

// noteMissing says which of the printed ASes have no route, or how many.
func (r *routesResult) noteMissing(s streams) {
	const few = 8
	for _, routes := range r.routes {
		missing := r.without(routes)
		if len(missing) == 0 {
			continue
		}
		s.notef("no route to %v, so no row: %d of %d ASes", routes.Prefix(), len(missing), len(r.at))
		if len(missing) <= few {
			s.notef(" (%s)", route.FormatPath(missing))
		}
		s.notef("\n")
	}
}

// without returns the printed ASes that have no route.
func (r *routesResult) without(routes *route.Routes) []topology.ASN {
	missing := []topology.ASN{}
	for _, i := range r.at {
		if _, ok := routes.Route(i); !ok {
			missing = append(missing, routes.Graph().ASN(i))
		}
	}
	return missing
}
