package main

import (
	"bufio"
	"encoding/json"

	"github.com/spf13/cobra"

	"mpicsim/sim/attack"
	"mpicsim/sim/route"
)

func newAttacksCommand(s streams) *cobra.Command {
	var output string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "attacks",
		Short: "Say which attacks and defences are modelled, with examples",
		Long: `Attacks says of every kind of attack what it does, what it needs and what stops it,
and of every defence what it lets pass; draws examples on one small Internet with
the route of every AS; sets each attack against each defence; and lists what is not
modelled. It is Markdown: docs/attacks.md of the source code is what it wrote.`,
		Example: `  mpicsim attacks | less
  mpicsim attacks -o docs/attacks.md
  mpicsim attacks --json
  mpicsim attacks strongest --synthetic 1000 --victim 900 --attacker 901`,
		Args: unknownCommand,
		RunE: func(*cobra.Command, []string) error {
			page, err := newAttacksPage()
			if err != nil {
				return fault(err)
			}
			write := page.write
			if asJSON {
				write = writeAttacksJSON
			}
			return writeOutput(s, output, write)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "write to `FILE` instead of standard output")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the descriptions as JSON, without examples")
	cmd.AddCommand(newStrongestCommand(s))
	return cmd
}

// The JSON documents.
type (
	attacksJSON struct {
		Attacks     []attackJSON   `json:"attacks"`
		Defences    []defenceJSON  `json:"defences"`
		NotModelled []omissionJSON `json:"not_modelled"`
	}
	attackJSON struct {
		Kind      attack.Kind `json:"kind"`
		Title     string      `json:"title"`
		Source    string      `json:"source"`
		What      string      `json:"what"`
		Needs     string      `json:"needs"`
		StoppedBy string      `json:"stopped_by"`
		Fields    []string    `json:"fields"`
		Required  []string    `json:"one_required_of"`
	}
	defenceJSON struct {
		Name   string `json:"name"`
		Title  string `json:"title"`
		Source string `json:"source"`
		What   string `json:"what"`
		Needs  string `json:"needs"`
		Passes string `json:"passes"`
	}
	omissionJSON struct {
		Title string `json:"title"`
		Why   string `json:"why"`
	}
)

func writeAttacksJSON(w *bufio.Writer) error {
	var doc attacksJSON
	for _, d := range attack.Describe() {
		takes, needs := attack.Fields(d.Kind)
		doc.Attacks = append(doc.Attacks, attackJSON{d.Kind, d.Title, d.Source, d.What, d.Needs, d.StoppedBy, append([]string{}, takes...), append([]string{}, needs...)})
	}
	for _, d := range route.Defences() {
		doc.Defences = append(doc.Defences, defenceJSON{d.Name, d.Title, d.Source, d.What, d.Needs, d.Passes})
	}
	for _, o := range attack.NotModelled() {
		doc.NotModelled = append(doc.NotModelled, omissionJSON{o.Title, o.Why})
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(doc)
}
