package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"mpicsim/topology"
	"mpicsim/topology/asrel"
	"mpicsim/topology/synth"
)

// topologyFlags says where a command's topology comes from: from a file or from
// a seed.
type topologyFlags struct {
	file      string
	synthetic syntheticFlags
}

func (t *topologyFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&t.file, "topology", "", "`FILE` of AS relationships: CAIDA serial-1 or serial-2, plain, .gz or .bz2")
	t.synthetic.register(cmd, "synthetic", "topology-seed")
}

// load returns the topology. What is irregular in it goes to s.err.
func (t *topologyFlags) load(ctx context.Context, s streams) (topologySource, error) {
	if err := t.synthetic.checkSeed(); err != nil {
		return topologySource{}, err
	}
	switch {
	case t.file != "" && t.synthetic.given():
		return topologySource{}, errors.New("--topology and --synthetic: found both: want one of them")
	case t.file == "" && !t.synthetic.given():
		return topologySource{}, errors.New("--topology: missing: want a file of AS relationships, or --synthetic N")
	}
	source, err := openTopology(ctx, t.file, t.synthetic)
	switch {
	case err == nil:
		s.notef("%s", source.summary())
	case t.file != "":
		err = fmt.Errorf("--topology: %w", err)
	}
	return source, err
}

// syntheticFlags are the flags that name a synthetic Internet. Their names
// differ between commands.
type syntheticFlags struct {
	ases               int
	seed               uint64
	asesFlag, seedFlag string
	changed            func(flag string) bool // whether it was given
}

func (f *syntheticFlags) register(cmd *cobra.Command, asesFlag, seedFlag string) {
	f.asesFlag, f.seedFlag, f.changed = asesFlag, seedFlag, cmd.Flags().Changed
	cmd.Flags().IntVar(&f.ases, asesFlag, 0, fmt.Sprintf("a synthetic Internet of `N` ASes, %d to %d", synth.MinASes, synth.MaxASes))
	cmd.Flags().Uint64Var(&f.seed, seedFlag, 0, "`SEED` of the synthetic Internet")
}

// given says whether a synthetic Internet is asked for.
func (f *syntheticFlags) given() bool { return f.changed(f.asesFlag) }

// checkSeed refuses a seed that nothing grows from.
func (f *syntheticFlags) checkSeed() error {
	if f.changed(f.seedFlag) && !f.given() {
		return fmt.Errorf("--%s: found %d without --%s: want both", f.seedFlag, f.seed, f.asesFlag)
	}
	return nil
}

// generate returns the synthetic Internet, or an error once ctx is done: half
// an Internet is of no use.
func (f *syntheticFlags) generate(ctx context.Context) (*synth.Internet, error) {
	if f.ases < synth.MinASes || f.ases > synth.MaxASes {
		return nil, fmt.Errorf("--%s: found %d: want %d to %d ASes", f.asesFlag, f.ases, synth.MinASes, synth.MaxASes)
	}
	interrupted := func() error {
		return fault(fmt.Errorf("generating %d ASes: %w", f.ases, context.Cause(ctx)))
	}
	if ctx.Err() != nil {
		return nil, interrupted()
	}
	type outcome struct {
		internet *synth.Internet
		err      error
	}
	done := make(chan outcome, 1)
	go func() {
		internet, err := synth.Generate(synth.Options{ASes: f.ases, Seed: f.seed})
		done <- outcome{internet, err}
	}()
	select {
	case <-ctx.Done():
		return nil, interrupted()
	case o := <-done:
		return o.internet, fault(o.err)
	}
}

// topologySource is a topology and what a reader needs to find it again.
type topologySource struct {
	graph *topology.Graph
	name  string
	// sha256 is the hash, in hexadecimal, of the file as it is, or of the plain
	// file that "mpicsim topology generate" writes.
	sha256 string

	file     *asrel.File     // nil if synthetic
	internet *synth.Internet // nil if from a file
	options  synth.Options   // of internet
}

// openTopology reads the file or, if path is "", generates the synthetic
// Internet.
func openTopology(ctx context.Context, path string, f syntheticFlags) (topologySource, error) {
	if path != "" {
		file, err := asrel.Open(path)
		if err != nil {
			return topologySource{}, err
		}
		return topologySource{graph: file.Graph, name: path, sha256: hex.EncodeToString(file.SHA256[:]), file: file}, nil
	}
	internet, err := f.generate(ctx)
	if err != nil {
		return topologySource{}, err
	}
	source := topologySource{graph: internet.Graph, internet: internet, options: synth.Options{ASes: f.ases, Seed: f.seed}}
	source.name = fmt.Sprintf("synth: %d ASes, seed %d", f.ases, f.seed)
	sum := sha256.New()
	if err := asrel.Write(sum, internet.Graph, source.syntheticFormat()); err != nil {
		return topologySource{}, fault(err)
	}
	source.sha256 = hex.EncodeToString(sum.Sum(nil))
	return source, nil
}

// summary returns lines for people, each with its end.
func (t *topologySource) summary() string {
	if t.file != nil {
		return t.file.Summary()
	}
	return fmt.Sprintf("%s: %v\n", t.name, t.internet)
}

// syntheticFormat is how a synthetic Internet is written. The comments say how
// to generate it again and nothing about who, when or with which version: the
// same Internet gives the same bytes.
func (t *topologySource) syntheticFormat() asrel.Format {
	return asrel.Format{
		Serial: 2, Source: "synthetic",
		Comments: []string{
			fmt.Sprintf("synthetic Internet: %d ASes, seed %d", t.options.ASes, t.options.Seed),
			fmt.Sprintf("mpicsim topology generate --ases %d --seed %d", t.options.ASes, t.options.Seed),
			"model: Elmokashfi, Kvalbein, Dovrolis, On the Scalability of BGP (IEEE JSAC 28(8), 2010), as fitted by mpicsim",
		},
		Clique: t.internet.Clique(),
	}
}
