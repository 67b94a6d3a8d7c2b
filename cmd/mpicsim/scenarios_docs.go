package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"mpicsim/reports/table"
	"mpicsim/scenarios"
	"mpicsim/scenarios/replay"
)

func newScenariosDocsCommand(s streams) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "docs",
		Short: "Write the documentation of the built-in scenarios",
		Long: `Docs replays the built-in scenarios and writes a page for each kind of story, and
an index, in Markdown: claims, sources, drawings, timelines, decisions and verdicts.
docs/incidents of the source code is what it wrote.`,
		Example: `  mpicsim scenarios docs -o docs/incidents`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" {
				return errors.New("missing flag --output: want the directory to write to")
			}
			pages, err := incidentPages(cmd.Context())
			if err != nil {
				return fault(err)
			}
			if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // documentation is for everybody
				return fmt.Errorf("-o: %w", err)
			}
			files, err := incidentFiles(pages)
			if err != nil {
				return fault(err)
			}
			for _, f := range files {
				err := writeOutput(s, filepath.Join(dir, f.name), func(w *bufio.Writer) error {
					_, err := w.Write(f.text)
					return err
				})
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&dir, "output", "o", "", "write to the directory `DIR`")
	return cmd
}

// incidentPages replays the built-in scenarios and puts them on pages, one for each
// family that has a story.
func incidentPages(ctx context.Context) ([]table.IncidentPage, error) {
	list, err := listScenarios()
	if err != nil {
		return nil, err
	}
	var pages []table.IncidentPage
	for _, family := range scenarios.Families() {
		page := table.IncidentPage{File: string(family) + ".md", Title: family.Title(), About: family.About()}
		for _, l := range list {
			if l.Family != family {
				continue
			}
			src, err := loadScenario(l.Name)
			if err != nil {
				return nil, err
			}
			r, err := replay.Run(ctx, replay.Options{Source: src})
			if err != nil {
				return nil, err
			}
			page.Stories = append(page.Stories, r)
		}
		if len(page.Stories) > 0 {
			pages = append(pages, page)
		}
	}
	return pages, nil
}

// docFile is one generated file.
type docFile struct {
	name string
	text []byte
}

// incidentFiles prints the pages and their index.
func incidentFiles(pages []table.IncidentPage) ([]docFile, error) {
	var index bytes.Buffer
	if err := table.IncidentIndex(&index, pages); err != nil {
		return nil, err
	}
	files := []docFile{{"README.md", index.Bytes()}}
	for _, p := range pages {
		var b bytes.Buffer
		if err := table.Incidents(&b, p); err != nil {
			return nil, err
		}
		files = append(files, docFile{p.File, b.Bytes()})
	}
	return files, nil
}
