package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"mpicsim/scenarios/domain"
	"mpicsim/topology"
)

// domainShowFlags are the flags of "mpicsim domain show" as given.
type domainShowFlags struct {
	origins string
	names   []string
	json    bool
}

func newDomainShowCommand(s streams) *cobra.Command {
	var f domainShowFlags
	cmd := &cobra.Command{
		Use:   "show FILE",
		Short: "Check a file of domains and say what is in it",
		Long: `Show reads JSON lines as 'mpicsim domain trace --json' writes them and prints how
many addresses each domain has in each surface: web only, with the name servers
that DNSSEC does not protect, and with all. Servers of the root are left out.

With --origins it also counts the ASes that announce them, by the longest prefix of
a table (CSV with the columns prefix and asn). Addresses in no prefix are unmapped:
nobody knows who can hijack them.`,
		Example: `  mpicsim domain show domains.jsonl --origins prefixes.csv
  mpicsim domain show domains.jsonl --domain shop.example`,
		Args: exactlyOne("a file of domains"),
		RunE: func(_ *cobra.Command, args []string) error { return runDomainShow(s, args[0], f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.origins, "origins", "", "`FILE` of prefixes and their origin ASes, CSV")
	flags.StringArrayVar(&f.names, "domain", nil, "list the addresses of the domain `NAME`; may be repeated")
	flags.BoolVar(&f.json, "json", false, "print the summary as JSON")
	flags.SortFlags = false
	return cmd
}

// shownSurface is one surface of one domain.
type shownSurface struct {
	Surface   domain.Surface `json:"surface"`
	Addresses int            `json:"addresses"`
	// ASes and Unmapped are absent without a table of origins.
	ASes     []topology.ASN `json:"ases,omitempty"`
	Unmapped *int           `json:"unmapped,omitempty"`
}

type shownDomain struct {
	Domain   string         `json:"domain"`
	Weight   float64        `json:"weight"`
	Surfaces []shownSurface `json:"surfaces"`
	Gaps     int            `json:"gaps"`
}

func runDomainShow(s streams, path string, f domainShowFlags) error {
	domains, _, err := domain.ReadFile(path)
	if err != nil {
		return err
	}
	var origins *domain.Origins
	if f.origins != "" {
		if origins, err = domain.ReadOrigins(f.origins); err != nil {
			return err
		}
	}
	for _, name := range f.names {
		if !slices.ContainsFunc(domains, func(d domain.Domain) bool { return d.Name == name }) {
			return fmt.Errorf("--domain: found %q, expected one of the %s in %s", name, counted(int64(len(domains)), "domain"), path)
		}
	}
	shown := make([]shownDomain, len(domains))
	for n := range domains {
		shown[n] = showDomain(&domains[n], origins)
	}
	return writeOutput(s, "", func(w *bufio.Writer) error {
		if f.json {
			return writeJSON(w, shown)
		}
		for n := range domains {
			if slices.Contains(f.names, domains[n].Name) {
				if err := printDomain(w, &domains[n]); err != nil {
					return err
				}
			}
		}
		if len(f.names) > 0 {
			return nil
		}
		return printShown(w, shown)
	})
}

func showDomain(d *domain.Domain, origins *domain.Origins) shownDomain {
	out := shownDomain{Domain: d.Name, Weight: d.Weight, Gaps: len(d.Gaps)}
	for _, surface := range domain.Surfaces() {
		scope := domain.Scope{Surface: surface, Upper: domain.UpperTLD}
		one := shownSurface{Surface: surface, Addresses: len(d.In(scope))}
		if origins != nil {
			targets := origins.Map(d, scope)
			unmapped := len(targets.Unmapped)
			one.ASes, one.Unmapped = targets.ASes, &unmapped
		}
		out.Surfaces = append(out.Surfaces, one)
	}
	return out
}

// printShown prints a line for each domain, and one for all.
func printShown(w io.Writer, shown []shownDomain) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "DOMAIN\tWEIGHT")
	for _, surface := range shown[0].Surfaces {
		fmt.Fprintf(table, "\t%s", strings.ToUpper(string(surface.Surface)))
	}
	fmt.Fprint(table, "\tNOTES\n")
	bare, gaps, unmapped := 0, 0, 0
	for _, d := range shown {
		fmt.Fprintf(table, "%s\t%g", legible(d.Domain), d.Weight)
		for _, surface := range d.Surfaces {
			fmt.Fprintf(table, "\t%d", surface.Addresses)
			if surface.Unmapped != nil {
				fmt.Fprintf(table, " in %d AS", len(surface.ASes))
				if len(surface.ASes) != 1 {
					fmt.Fprint(table, "es")
				}
			}
		}
		var notes []string
		if d.Surfaces[0].Addresses == 0 {
			notes = append(notes, "no web address")
			bare++
		}
		if d.Gaps > 0 {
			notes = append(notes, counted(int64(d.Gaps), "gap"))
			gaps++
		}
		if all := d.Surfaces[len(d.Surfaces)-1].Unmapped; all != nil && *all > 0 {
			notes = append(notes, fmt.Sprintf("%d unmapped", *all))
			unmapped++
		}
		fmt.Fprintf(table, "\t%s\n", cmp.Or(strings.Join(notes, ", "), "-"))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%s: %d without a web address, %d with gaps, %d with unmapped addresses\n", counted(int64(len(shown)), "domain"), bare, gaps, unmapped)
	return err
}
