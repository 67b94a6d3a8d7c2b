package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"mpicsim/scenarios"
	"mpicsim/scenarios/library"
)

// loadScenario reads a scenario of the library, or a YAML file: an argument with
// a dot or a slash in it is a file.
func loadScenario(arg string) (*scenarios.Source, error) {
	if strings.ContainsAny(arg, "./\\") {
		return scenarios.ReadFile(arg)
	}
	data, file, err := library.Text(arg)
	if err != nil {
		if _, stat := os.Stat(arg); stat == nil {
			return scenarios.ReadFile(arg)
		}
		return nil, err
	}
	return scenarios.Parse(data, file)
}

func newScenariosCommand(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "scenarios",
		Short: "List, show, write and validate scenarios",
		Long: `A scenario is one story in a YAML file: topology, victim, attacker, the CA's
perspectives, a timeline in virtual time, and what is expected to come out.`,
		Example: `  # What is there?
  mpicsim scenarios list

  # A start for your own, with every field explained; or take one that is there
  mpicsim scenarios new mine
  mpicsim scenarios validate mine.yaml && mpicsim replay ./mine.yaml
  mpicsim scenarios show near-primary > other.yaml`,
		Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newScenariosListCommand(s), newScenariosShowCommand(s), newScenariosNewCommand(s), newScenariosValidateCommand(s), newScenariosSchemaCommand(s))
	return cmd
}

// listedScenario is one line of the list.
type listedScenario struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	Default bool   `json:"default"`
}

func newScenariosListCommand(s streams) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the built-in scenarios",
		Example: `  mpicsim scenarios list --json`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			var list []listedScenario
			longest := 0
			for _, name := range library.Names() {
				src, err := loadScenario(name)
				if err != nil {
					return fault(err)
				}
				list = append(list, listedScenario{name, src.Title, name == library.Default})
				longest = max(longest, len(name))
			}
			return writeOutput(s, "", func(w *bufio.Writer) error {
				if asJSON {
					return writeJSON(w, list)
				}
				for _, l := range list {
					fmt.Fprintf(w, "%-*s  %s\n", longest, l.Name, l.Title)
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func newScenariosShowCommand(s streams) *cobra.Command {
	return &cobra.Command{
		Use:     "show NAME",
		Short:   "Print a built-in scenario's YAML",
		Example: `  mpicsim scenarios show near-primary > mine.yaml`,
		Args:    exactlyOne("a scenario's name"),
		RunE: func(_ *cobra.Command, args []string) error {
			data, _, err := library.Text(args[0])
			if err != nil {
				return err
			}
			return writeOutput(s, "", func(w *bufio.Writer) error {
				_, err := w.Write(data)
				return err
			})
		},
	}
}

func newScenariosValidateCommand(s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "validate FILE...",
		Short: "Check scenario files without running them",
		Long: `Validate reads scenario files and reports everything that is wrong with each:
line, column, field, what was found and what was expected.`,
		Example: `  mpicsim scenarios validate mine.yaml`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("missing argument: want the scenario files to validate")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			var errs []error
			for _, file := range args {
				src, err := loadScenario(file)
				if err != nil {
					errs = append(errs, err)
					continue
				}
				if _, err := fmt.Fprintf(s.out, "%s: scenario %q is valid\n", file, src.Name); err != nil {
					return fault(err)
				}
			}
			return errors.Join(errs...)
		},
	}
}

// exactlyOne wants one argument and says what it is.
func exactlyOne(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("%d arguments: want one, %s", len(args), what)
		}
		return nil
	}
}

// writeJSON prints a value as indented JSON.
func writeJSON(w *bufio.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
