package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
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
	cmd.AddCommand(newScenariosListCommand(s), newScenariosShowCommand(s), newScenariosNewCommand(s), newScenariosValidateCommand(s), newScenariosSchemaCommand(s), newScenariosDocsCommand(s))
	return cmd
}

// listedScenario is one line of the list.
type listedScenario struct {
	Name    string           `json:"name"`
	Title   string           `json:"title"`
	Default bool             `json:"default"`
	Family  scenarios.Family `json:"family"`
	// Stopped says whether MPIC stops it, by the verdict under Rule; nil without one.
	Stopped *bool  `json:"stopped,omitempty"`
	Rule    string `json:"rule,omitempty"`
}

// mpic says in a word what the verdict says.
func (l listedScenario) mpic() string {
	switch {
	case l.Stopped == nil:
		return ""
	case *l.Stopped:
		return "stopped"
	default:
		return "NOT STOPPED"
	}
}

// listScenarios returns the built-in scenarios by family; within one the default
// first, then in alphabetical order.
func listScenarios() ([]listedScenario, error) {
	var list []listedScenario
	for _, name := range library.Names() {
		src, err := loadScenario(name)
		if err != nil {
			return nil, err
		}
		l := listedScenario{Name: name, Title: src.Title, Default: name == library.Default, Family: src.Family}
		if src.Verdict != nil {
			l.Stopped, l.Rule = src.Verdict.Stopped, src.Verdict.Under
		}
		list = append(list, l)
	}
	order := scenarios.Families()
	slices.SortStableFunc(list, func(a, b listedScenario) int {
		return cmp.Compare(slices.Index(order, a.Family), slices.Index(order, b.Family))
	})
	return list, nil
}

func newScenariosListCommand(s streams) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the built-in scenarios and whether MPIC stops them",
		Long: `List prints the built-in scenarios by what kind of story they are, each with
whether MPIC stops the attack under the rule of its verdict. The docs that are
generated from them are in docs/incidents.`,
		Example: `  mpicsim scenarios list --json`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			list, err := listScenarios()
			if err != nil {
				return fault(err)
			}
			return writeOutput(s, "", func(w *bufio.Writer) error {
				if asJSON {
					return writeJSON(w, list)
				}
				printScenarios(w, list)
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printScenarios(w *bufio.Writer, list []listedScenario) {
	longest := 0
	for _, l := range list {
		longest = max(longest, len(l.Name))
	}
	for n, l := range list {
		if n == 0 || l.Family != list[n-1].Family {
			fmt.Fprintf(w, "%s%s\n", map[bool]string{true: "", false: "\n"}[n == 0], l.Family.Title())
		}
		fmt.Fprintf(w, "  %-*s  %-11s  %s\n", longest, l.Name, l.mpic(), l.Title)
	}
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
