package main

import (
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"mpicsim/topology"
	"mpicsim/topology/asrel"
)

// topologyFlags says where a command's topology comes from.
type topologyFlags struct {
	file string
}

func (t *topologyFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&t.file, "topology", "", "`FILE` of AS relationships: CAIDA serial-1 or serial-2, plain, .gz or .bz2")
}

// topologySource is a topology and what a reader needs to find it again.
type topologySource struct {
	graph  *topology.Graph
	name   string
	sha256 string // of the file, in hexadecimal
}

// load returns the topology. What is irregular in it goes to s.err.
func (t *topologyFlags) load(s streams) (topologySource, error) {
	if t.file == "" {
		return topologySource{}, errors.New("--topology: missing: want a file of AS relationships")
	}
	f, err := asrel.Open(t.file)
	if err != nil {
		return topologySource{}, fmt.Errorf("--topology: %w", err)
	}
	s.notef("%s", f.Summary())
	return topologySource{graph: f.Graph, name: t.file, sha256: hex.EncodeToString(f.SHA256[:])}, nil
}
