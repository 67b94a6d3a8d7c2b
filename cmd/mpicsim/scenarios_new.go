package main

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"mpicsim/scenarios"
)

func newScenariosNewCommand(s streams) *cobra.Command {
	var output string
	var force bool
	cmd := &cobra.Command{
		Use:   "new [NAME]",
		Short: "Write a commented scenario to start from",
		Long: `New writes a complete scenario, which runs as it is and expects what comes out:
a small topology with its drawing, a victim, an attacker, a CA, a timeline. Its
comments explain every field, with default and choices.`,
		Example: `  # Write my-story.yaml, check it, run it
  mpicsim scenarios new my-story
  mpicsim scenarios validate ./my-story.yaml
  mpicsim replay ./my-story.yaml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			name := scenarios.TemplateName
			if len(args) > 0 {
				name = args[0]
			}
			text, err := scenarios.Template(name)
			if err != nil {
				return err
			}
			if output == "" {
				output = name + ".yaml"
			}
			if !toStdout(output) && !force {
				if _, err := os.Stat(output); err == nil {
					return fmt.Errorf("%s is there already: want --force to replace it, or another -o", output)
				}
			}
			err = writeOutput(s, output, func(w *bufio.Writer) error {
				_, err := w.Write(text)
				return err
			})
			if err == nil && !toStdout(output) {
				_, err = fmt.Fprintf(s.out, "Wrote %s. It runs as it is: mpicsim replay %s\n", output, pathOf(output))
				err = fault(err)
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVarP(&output, "output", "o", "", "write to `FILE` instead of NAME.yaml; - is standard output")
	f.BoolVar(&force, "force", false, "replace FILE if it is there")
	return cmd
}

// pathOf returns how replay is told that a name is a file's.
func pathOf(file string) string {
	if fs.ValidPath(file) {
		return "./" + file
	}
	return file
}

func newScenariosSchemaCommand(s streams) *cobra.Command {
	var output string
	var study, deployment bool
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of a scenario's file, for editors",
		Long: `Schema prints a JSON Schema (draft 2020-12) with which an editor that speaks
YAML's language server completes, explains and checks fields as you type. A file
names its schema in its first line, as what scenarios new writes does:

  # yaml-language-server: $schema=scenario.schema.json

The schema accepts all that mpicsim does. What it cannot tell (whether names and
addresses fit together), mpicsim scenarios validate does.`,
		Example: `  mpicsim scenarios schema > scenario.schema.json
  mpicsim scenarios schema --study > study.schema.json
  mpicsim scenarios schema --deployment > deployment.schema.json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			text := scenarios.SchemaJSON()
			switch {
			case study:
				text = scenarios.StudySchemaJSON()
			case deployment:
				text = scenarios.DeploymentSchemaJSON()
			}
			return writeOutput(s, output, func(w *bufio.Writer) error {
				_, err := w.Write(text)
				return err
			})
		},
	}
	f := cmd.Flags()
	f.BoolVar(&study, "study", false, "that of a study's file")
	f.BoolVar(&deployment, "deployment", false, "that of a CA's deployment, which assess reads")
	f.StringVarP(&output, "output", "o", "", "write to `FILE` instead of standard output")
	cmd.MarkFlagsMutuallyExclusive("study", "deployment")
	return cmd
}
