package main

import (
	"bufio"

	"github.com/spf13/cobra"

	"mpicsim/scenarios"
	"mpicsim/scenarios/domain"
	"mpicsim/topology/rpki"
)

func newDomainOriginsCommand(s streams) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "origins VRPS",
		Short: "Make a table of prefixes and origins from ROA payloads",
		Long: `Origins writes the prefix and the origin of every VRP of a file (JSON of rpki-client,
CSV or JSON of Routinator, plain or .gz) as CSV with the columns prefix and asn, for
studies of domains and 'mpicsim domain show'.

That is what the RPKI allows, not what is announced: prefixes without a ROA are
missing, and some ROAs are for origins that only stand by. Where there is a table of
announced prefixes, use that.`,
		Example: `  mpicsim domain origins routinator.csv.gz -o origins.csv`,
		Args:    exactlyOne("a file of VRPs"),
		RunE: func(_ *cobra.Command, args []string) error {
			f, err := rpki.Open(args[0])
			if err != nil {
				return err
			}
			return writeOutput(s, output, func(w *bufio.Writer) error { return domain.WriteOrigins(w, f.VRPs) })
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "write to `FILE` instead of standard output")
	return cmd
}

// domainSynthFlags are the flags of "mpicsim domain synth" as given.
type domainSynthFlags struct {
	origins, hosts, output string
	options                domain.SynthOptions
}

func newDomainSynthCommand(s streams) *cobra.Command {
	var f domainSynthFlags
	cmd := &cobra.Command{
		Use:   "synth --origins FILE",
		Short: "Make domains up, for studies without a survey",
		Long: `Synth writes synthetic domains as JSON lines: each has one or two web addresses at a
host and two name servers at the host or at a DNS provider, below servers of the
reserved top-level domains example and test, all in the IPv4 prefixes of a table of
origins. Hosts are drawn by weight.

The numbers are assumptions, not measurements, and each domain is called synthetic-N.
Where real domains can be traced ('mpicsim domain trace'), use these.`,
		Example: `  mpicsim domain synth --origins origins.csv --count 1000 --seed 1 -o domains.jsonl
  mpicsim domain synth --origins origins.csv --hosts certificates-by-as.json --signed 0.1`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return runDomainSynth(s, f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.origins, "origins", "", "`FILE` of prefixes and their origin ASes, CSV")
	flags.StringVar(&f.hosts, "hosts", "", "`FILE` of weights of the ASes that host, JSON or CSV (default: all origins alike)")
	flags.IntVar(&f.options.Count, "count", 1000, "how many domains")
	flags.Uint64Var(&f.options.Seed, "seed", 1, "seed of all choices")
	flags.IntVar(&f.options.Providers, "providers", 20, "how many ASes run name servers for others")
	flags.Float64Var(&f.options.OwnDNS, "own-dns", 0.5, "`SHARE` of domains whose name servers are with their web host")
	flags.Float64Var(&f.options.Signed, "signed", 0.1, "`SHARE` of domains with an unbroken chain of DNSSEC")
	flags.StringVarP(&f.output, "output", "o", "", "write to `FILE` instead of standard output")
	if err := cmd.MarkFlagRequired("origins"); err != nil {
		panic(err) // the flag is there
	}
	flags.SortFlags = false
	return cmd
}

func runDomainSynth(s streams, f domainSynthFlags) error {
	origins, err := domain.ReadOrigins(f.origins)
	if err != nil {
		return err
	}
	if f.hosts != "" {
		w, err := scenarios.ReadWeights(f.hosts, "")
		if err != nil {
			return err
		}
		f.options.Hosts, f.options.Weight = w.ASes, w.Weight
	}
	domains, err := domain.Synthesize(origins, f.options)
	if err != nil {
		return err
	}
	return writeOutput(s, f.output, func(w *bufio.Writer) error {
		for _, d := range domains {
			if err := domain.Write(w, d); err != nil {
				return err
			}
		}
		return nil
	})
}
