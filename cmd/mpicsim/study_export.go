package main

import (
	"bufio"
	"encoding/csv"
	"errors"
	"strconv"

	"github.com/spf13/cobra"

	"mpicsim/scenarios/result"
)

func newStudyExportCommand(s streams) *cobra.Command {
	var asCSV bool
	var output string
	cmd := &cobra.Command{
		Use:   "export DIR --csv",
		Short: "Write the results of a study as text",
		Long: `Export writes one line for each row of the results. A set of viewpoints is written
as one digit for each viewpoint, 1 if it is in the set, in the order of
viewpoints.json:

  reached  the viewpoint has a route to the victim or the attacker
  lower    it reaches the attacker in some way in which ties can fall
  picked   ... if ties fall as the study says
  upper    ... in every way

In an aggregated study a row may stand for several attackers: attacker is then 0,
count how many they are, and attacker_weight their sum.`,
		Example: `  mpicsim study export results --csv -o hijacks.csv`,
		Args:    exactlyOne("the directory of a study's results"),
		RunE: func(_ *cobra.Command, args []string) error {
			if !asCSV {
				return errors.New("--csv: missing: want the format; there is no other")
			}
			d, err := openResults(args[0])
			if err != nil {
				return err
			}
			if err := d.Check(); err != nil { // before anything is written
				return err
			}
			return writeOutput(s, output, func(w *bufio.Writer) error { return exportCSV(w, d) })
		},
	}
	cmd.Flags().BoolVar(&asCSV, "csv", false, "comma-separated values with a header")
	cmd.Flags().StringVarP(&output, "output", "o", "", "write to `FILE` instead of standard output")
	return cmd
}

func exportCSV(w *bufio.Writer, d *result.Directory) error {
	out := csv.NewWriter(w)
	record := []string{"victim", "prefix", "attacker", "attack", "victim_weight", "attacker_weight", "count", "reached", "lower", "picked", "upper"}
	if err := out.Write(record); err != nil {
		return err
	}
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
	digits := make([]byte, len(d.Viewpoints))
	for h, err := range d.Hijacks() {
		if err != nil {
			return err
		}
		record = append(record[:0], h.Victim.String(), h.Prefix.String(), h.Attacker.String(), h.Attack,
			number(h.VictimWeight), number(h.AttackerWeight), strconv.FormatInt(h.Count, 10))
		for _, set := range [...]result.Set{h.Reached, h.Lower, h.Picked, h.Upper} {
			for i := range digits {
				digits[i] = '0'
				if set.Has(i) {
					digits[i] = '1'
				}
			}
			record = append(record, string(digits))
		}
		if err := out.Write(record); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
