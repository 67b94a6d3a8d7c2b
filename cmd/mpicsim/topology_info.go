package main

import (
	"bufio"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"mpicsim/topology"
	"mpicsim/topology/asrel"
	"mpicsim/topology/synth"
)

// infoFlags are the flags of "mpicsim topology info" as given.
type infoFlags struct {
	synthetic syntheticFlags
	json      bool
	output    string
}

func newTopologyInfoCommand(s streams) *cobra.Command {
	var f infoFlags
	cmd := &cobra.Command{
		Use:   "info FILE | --synthetic N [--seed SEED]",
		Short: "Count ASes and links, and list what had to be repaired",
		Long: `Info says what a topology looks like: ASes and links, who is at the top, stubs,
how many links ASes have, and each link that was dropped in repair, with its line.

The clique is what the "# input clique:" comment of the file says, or the tier-1
ASes of the synthetic model; it is not inferred. A stub has no customers, a
multi-homed AS two providers or more. In the table, a quantile such as 99 % is the
least number that so many of the ASes do not exceed.

The SHA-256 is that of the file as it is (compressed, if it is); for a synthetic
Internet, that of the plain file which 'mpicsim topology generate' writes.`,
		Example: `  mpicsim topology info 20250901.as-rel2.txt.bz2

  # The synthetic Internet that --synthetic 10000 --topology-seed 1 stands for
  mpicsim topology info --synthetic 10000 --seed 1 --json`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) > 1:
				return fmt.Errorf("%d arguments: want at most one, a file of AS relationships", len(args))
			case len(args) == 1 && f.synthetic.given():
				return fmt.Errorf("found %q and --synthetic: want one of them", args[0])
			case len(args) == 0 && !f.synthetic.given():
				return errors.New("missing argument: want a file of AS relationships, or --synthetic N")
			}
			return f.synthetic.checkSeed()
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			source, err := openTopology(cmd.Context(), strings.Join(args, ""), f.synthetic) // none or one
			if err != nil {
				return err
			}
			info := infoOf(source)
			return writeOutput(s, f.output, func(w *bufio.Writer) error {
				if f.json {
					return writeJSON(w, info)
				}
				return info.writeText(w, source)
			})
		},
	}
	f.synthetic.register(cmd, "synthetic", "seed")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON")
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "write to `FILE` instead of standard output")
	cmd.Flags().SortFlags = false
	return cmd
}

// The JSON document. Keys are in alphabetical order.
type (
	topologyInfo struct {
		ASes         int              `json:"ases"`
		Clique       cliqueInfo       `json:"clique"`
		Findings     []findingInfo    `json:"findings"`
		Format       *formatInfo      `json:"format"` // null if synthetic
		IXPs         []topology.ASN   `json:"ixps"`
		LinksPerAS   linksInfo        `json:"links_per_as"`
		Multihomed   int              `json:"multihomed"`
		Name         string           `json:"name"`
		Peering      int              `json:"peering_links"`
		Placed       int              `json:"placed"`
		ProviderFree providerFreeInfo `json:"provider_free"`
		SHA256       string           `json:"sha256"`
		Stubs        int              `json:"stubs"`
		Synthetic    *syntheticInfo   `json:"synthetic"` // null if from a file
		Transit      int              `json:"transit_links"`
		WithPeers    int              `json:"with_peers"`
	}
	cliqueInfo struct {
		ASNs         []topology.ASN `json:"asns"`
		Pairs        int            `json:"pairs"`
		PeeringPairs int            `json:"peering_pairs"` // of Pairs, those that the graph links as peers
	}
	findingInfo struct {
		Cycle   []topology.ASN `json:"cycle,omitempty"` // each the provider of the next, the last of the first
		Dropped linkInfo       `json:"dropped"`
		File    string         `json:"file"`
		Kept    *linkInfo      `json:"kept,omitempty"` // what Dropped repeats or contradicts
		Kind    string         `json:"kind"`
		Line    int32          `json:"line"` // of Dropped
		Text    string         `json:"text"`
	}
	linkInfo struct {
		A    topology.ASN `json:"a"` // the provider of a transit link
		B    topology.ASN `json:"b"`
		Kind string       `json:"kind"`
		Line int32        `json:"line"`
	}
	formatInfo struct {
		Lines  int `json:"lines"`
		Links  int `json:"links"` // before repair
		Serial int `json:"serial"`
	}
	linksInfo struct {
		All       quantiles `json:"all"`
		Customers quantiles `json:"customers"`
		Peers     quantiles `json:"peers"`
		Providers quantiles `json:"providers"`
	}
	providerFreeInfo struct {
		ASes          int `json:"ases"`
		WithCustomers int `json:"with_customers"`
	}
	syntheticInfo struct {
		Kinds map[string]int `json:"kinds"`
		Seed  uint64         `json:"seed"`
	}
	// quantiles sums up one number for each AS. P99 is the least value that 99 %
	// of the ASes do not exceed.
	quantiles struct {
		Average float64 `json:"average"`
		Most    int     `json:"most"`
		P50     int     `json:"p50"`
		P90     int     `json:"p90"`
		P99     int     `json:"p99"`
		P999    int     `json:"p99_9"`
	}
)

func infoOf(t topologySource) topologyInfo {
	shape := synth.ShapeOf(t.graph)
	info := topologyInfo{
		ASes: shape.ASes, Transit: shape.Transit, Peering: shape.Peering, Placed: t.graph.Placed(),
		Name: t.name, SHA256: t.sha256, Findings: []findingInfo{}, IXPs: []topology.ASN{},
		LinksPerAS: linksInfo{
			All: quantilesOf(shape.Degrees), Customers: quantilesOf(shape.Customers),
			Peers: quantilesOf(shape.Peers), Providers: quantilesOf(shape.Providers),
		},
		Multihomed: atLeast(shape.Providers, 2), Stubs: shape.ASes - atLeast(shape.Customers, 1), WithPeers: atLeast(shape.Peers, 1),
		ProviderFree: providerFree(t.graph),
	}
	if t.internet != nil {
		info.Clique = cliqueOf(t.graph, t.internet.Clique())
		info.Synthetic = &syntheticInfo{Kinds: map[string]int{}, Seed: t.options.Seed}
		for _, k := range synth.Kinds() {
			info.Synthetic.Kinds[k.String()] = t.internet.Count(k)
		}
		return info
	}
	info.Clique = cliqueOf(t.graph, t.file.Clique)
	info.IXPs = append(info.IXPs, t.file.IXPs...)
	info.Format = &formatInfo{Lines: t.file.Lines, Links: t.file.Links, Serial: t.file.Serial}
	for _, f := range t.file.Findings {
		info.Findings = append(info.Findings, describeFinding(f))
	}
	return info
}

func describeFinding(f asrel.Finding) findingInfo {
	info := findingInfo{
		Cycle: f.ASes, Dropped: describeLink(f.Dropped), File: f.File,
		Kind: f.Kind.String(), Line: f.Dropped.Line, Text: f.Finding.String(),
	}
	if f.Kept.A != 0 {
		kept := describeLink(f.Kept)
		info.Kept = &kept
	}
	return info
}

func describeLink(l topology.Link) linkInfo { return linkInfo{l.A, l.B, l.Kind.String(), l.Line} }

// cliqueOf says how far the ASes are a clique in g. One that is not in g has no
// links.
func cliqueOf(g *topology.Graph, asns []topology.ASN) cliqueInfo {
	c := cliqueInfo{ASNs: append([]topology.ASN{}, asns...), Pairs: len(asns) * (len(asns) - 1) / 2}
	for n, a := range asns {
		i, ok := g.Index(a)
		if !ok {
			continue
		}
		for _, b := range asns[n+1:] {
			j, ok := g.Index(b)
			if !ok {
				continue
			}
			if rel, ok := g.RelationshipTo(i, j); ok && rel == topology.Peer {
				c.PeeringPairs++
			}
		}
	}
	return c
}

func providerFree(g *topology.Graph) providerFreeInfo {
	var p providerFreeInfo
	for i := range int32(g.Len()) {
		if len(g.Providers(i)) > 0 {
			continue
		}
		p.ASes++
		if len(g.Customers(i)) > 0 {
			p.WithCustomers++
		}
	}
	return p
}

// atLeast returns how many of the values, ascending, are at least least.
func atLeast(values []int, least int) int {
	below, _ := slices.BinarySearch(values, least)
	return len(values) - below
}

// quantilesOf sums up values, which are ascending.
func quantilesOf(values []int) quantiles {
	if len(values) == 0 {
		return quantiles{}
	}
	sum := 0
	for _, v := range values {
		sum += v
	}
	// permille is an integer, so that no rounding moves the rank.
	at := func(permille int) int { return values[(len(values)*permille+999)/1000-1] }
	return quantiles{
		Average: math.Round(100*float64(sum)/float64(len(values))) / 100, Most: values[len(values)-1],
		P50: at(500), P90: at(900), P99: at(990), P999: at(999),
	}
}

// Lists longer than these are cut in the text; --json has all.
const (
	mostASes     = 32
	mostFindings = 20
)

// writeText prints the document to people.
func (info topologyInfo) writeText(w *bufio.Writer, t topologySource) error {
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%-13s %s\n", name, fmt.Sprintf(format, args...))
	}
	share := func(n int) string {
		return fmt.Sprintf("%d of the ASes (%.1f %%)", n, 100*float64(n)/float64(max(1, info.ASes)))
	}
	row("topology", "%s", info.Name)
	switch f := info.Format; {
	case f == nil:
		row("format", "none: generated from its size and seed")
	case f.Serial == 0:
		row("format", "%d lines, no links", f.Lines)
	default:
		row("format", "serial-%d, %d lines, %d links before repair", f.Serial, f.Lines, f.Links)
	}
	row("SHA-256", "%s", info.SHA256)
	row("ASes", "%d, %d of them with a place", info.ASes, info.Placed)
	row("links", "%d provider-to-customer, %d peer-to-peer", info.Transit, info.Peering)
	row("clique", "%s", info.Clique.describe(info.Synthetic != nil))
	row("no provider", "%s, %d of them with customers", share(info.ProviderFree.ASes), info.ProviderFree.WithCustomers)
	row("stubs", "%s without customers", share(info.Stubs))
	row("multi-homed", "%s with two providers or more", share(info.Multihomed))
	row("peering", "%s with peers", share(info.WithPeers))
	if len(info.IXPs) > 0 {
		row("IXP ASes", "%d in the file's comment: %s", len(info.IXPs), listASes(info.IXPs))
	}
	if info.Synthetic != nil {
		var kinds []string
		for _, k := range synth.Kinds() {
			kinds = append(kinds, fmt.Sprintf("%d %v", info.Synthetic.Kinds[k.String()], k))
		}
		row("kinds of AS", "%s", strings.Join(kinds, ", "))
	}
	fmt.Fprintf(w, "\n%s\n\n", info.LinksPerAS.table())
	return info.writeFindings(w, t)
}

func (info topologyInfo) writeFindings(w *bufio.Writer, t topologySource) error {
	if t.file == nil || len(info.Findings) == 0 {
		_, err := fmt.Fprintln(w, "repairs       none needed")
		return err
	}
	fmt.Fprintf(w, "repairs       links dropped: %d\n", len(info.Findings))
	for _, f := range t.file.Findings[:min(len(t.file.Findings), mostFindings)] {
		fmt.Fprintf(w, "  %v\n", f)
	}
	if more := len(info.Findings) - mostFindings; more > 0 {
		fmt.Fprintf(w, "  and %d more: --json lists all\n", more)
	}
	return nil // the caller's Flush returns what went wrong
}

func (c cliqueInfo) describe(synthetic bool) string {
	from := "in the file's comment"
	switch {
	case synthetic:
		from = "of the model (tier-1)"
	case len(c.ASNs) == 0:
		return "not stated in the file"
	}
	return fmt.Sprintf("%d ASes %s, %d of %d pairs peer: %s", len(c.ASNs), from, c.PeeringPairs, c.Pairs, listASes(c.ASNs))
}

func listASes(asns []topology.ASN) string {
	var names []string
	for _, asn := range asns[:min(len(asns), mostASes)] {
		names = append(names, asn.String())
	}
	if more := len(asns) - mostASes; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, " ")
}

// table prints the quantiles, one row for each kind of link.
func (l linksInfo) table() string {
	t := table.NewWriter()
	t.SetStyle(plainTable())
	t.SuppressTrailingSpaces()
	t.AppendHeader(table.Row{"links per AS", "average", "median", "90 %", "99 %", "99.9 %", "most"})
	var right []table.ColumnConfig
	for column := 2; column <= 7; column++ {
		right = append(right, table.ColumnConfig{Number: column, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(right)
	for _, row := range []struct {
		name string
		q    quantiles
	}{{"all", l.All}, {"to providers", l.Providers}, {"to customers", l.Customers}, {"to peers", l.Peers}} {
		t.AppendRow(table.Row{row.name, fmt.Sprintf("%.2f", row.q.Average), row.q.P50, row.q.P90, row.q.P99, row.q.P999, row.q.Most})
	}
	return t.Render()
}
