package main

import "github.com/spf13/cobra"

func newServeCommand(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run a part of MPIC as a service",
		Example: `  # The whole service, in the emulated Internet of a scenario
  mpicsim serve coordinator --scenario equal-prefix

  # One remote perspective
  mpicsim serve perspective --config perspective.json`,
		Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newServePerspectiveCommand(s), newServeCoordinatorCommand(s))
	return cmd
}
