package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// newRootCommand returns the command tree. Each call returns a new one.
func newRootCommand(s streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "mpicsim",
		Short: "Does MPIC stop the certificate of a prefix hijacker?",
		Long: `mpicsim replays BGP prefix hijacks on an emulated Internet against a full
implementation of Multi-Perspective Issuance Corroboration (MPIC, Baseline
Requirements 3.2.2.9), and says who was fooled, what the CA decided and why.

Exit codes: 0 done; 1 the answer is no; 2 bad input; 3 an internal fault.
Colour is used on terminals only, and never if NO_COLOR is set.`,
		Example: `  # Which route does every AS choose if AS 4 hijacks the prefix of AS 3?
  mpicsim routes --topology as-rel2.txt.bz2 --announce '3=203.0.113.0/24' --announce '4=203.0.113.0/24'`,
		Args:          unknownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.AddCommand(newAssessCommand(s), newReplayCommand(s), newScenariosCommand(s), newRoutesCommand(s), newTopologyCommand(s), newServeCommand(s), newKeysCommand(s),
		newCheckCommand(s), newAuditCommand(s))
	root.AddCommand(newConformanceCommand(s), newHealthCommand(s), newStudyCommand(s), newVerifyCommand(s), newDomainCommand(s), newAttacksCommand(s))
	return root
}

// unknownCommand refuses arguments that are not the name of a command.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return fmt.Errorf("unknown command %q: want one of %s", args[0], strings.Join(names, ", "))
}
