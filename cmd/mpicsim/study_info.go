package main

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"mpicsim/scenarios/result"
)

func newStudyInfoCommand(s streams) *cobra.Command {
	var asJSON, check bool
	cmd := &cobra.Command{
		Use:   "info DIR",
		Short: "Say what the results of a study are",
		Long: `Info prints the manifest of a finished study: what was computed, from what, and
how much there is, once all files have been compared with their SHA-256. A file that
was lost or has changed is computed anew by 'mpicsim study run' with the same
arguments as before.

Exit code 0: done. Exit code 2: a file has changed since it was written, or 1 with
--check, which asks for just that.`,
		Example: `  mpicsim study info results
  mpicsim study info results --check --json`,
		Args: exactlyOne("the directory of a study's results"),
		RunE: func(_ *cobra.Command, args []string) error {
			d, err := openResults(args[0])
			if err != nil {
				return err
			}
			if err := d.Check(); err != nil {
				if check {
					return &exitError{exitNo, err}
				}
				return err
			}
			return writeOutput(s, "", func(w *bufio.Writer) error {
				if asJSON {
					return writeJSON(w, &d.Manifest)
				}
				return printStudyInfo(w, d)
			})
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "exit with 1 if a file has changed")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the manifest as JSON")
	return cmd
}

func printStudyInfo(w *bufio.Writer, d *result.Directory) error {
	m := &d.Manifest
	fmt.Fprintf(w, "Study       %s\n", titled(m.Name, m.Title))
	printStudyInputs(w, m)
	var size int64
	for _, f := range m.Files {
		size += f.Bytes
	}
	fmt.Fprintf(w, "Hijacks     %s in %s, %s, %s (%.1f bytes a hijack)\n",
		grouped(m.Counts.Hijacks), counted(m.Counts.Rows, "row"), counted(int64(d.Parts()), "file"), bytesOf(size), float64(size)/float64(max(m.Counts.Hijacks, 1)))
	fmt.Fprintf(w, "Computed    %s; mpicsim %s\n", computed(m.Engine), m.Version)
	for _, in := range m.Inputs {
		fmt.Fprintf(w, "Input       %s  %s (%s)\n", in.SHA256, in.Name, in.Role)
	}
	fmt.Fprintf(w, "SHA-256     %s (all files are as they were written)\n", m.SHA256)
	names := make([]string, 0, len(d.Viewpoints))
	for _, v := range d.Viewpoints {
		names = append(names, v.Name)
	}
	const most = 8
	if len(names) > most {
		names = append(names[:most], fmt.Sprintf("and %d more in %s", len(d.Viewpoints)-most, result.ViewpointsName))
	}
	_, err := fmt.Fprintf(w, "Asked       %s\n", strings.Join(names, ", "))
	return err
}
