package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"mpicsim/sim/route"
	"mpicsim/topology"
)

// writeWhy explains the decision of each selected AS for each prefix to people.
func (r *routesResult) writeWhy(w *bufio.Writer, color bool) error {
	var b strings.Builder
	for _, routes := range r.routes {
		for _, i := range r.at {
			if b.Len() > 0 {
				b.WriteByte('\n')
			}
			r.explainText(&b, routes, i, color)
		}
	}
	_, err := w.WriteString(b.String())
	return err
}

func (r *routesResult) explainText(w *strings.Builder, routes *route.Routes, i int32, color bool) {
	x := routes.Explain(i)
	if x.Winner == nil {
		fmt.Fprintf(w, "AS %d has no route to %v.\n", x.AS, x.Prefix)
	} else {
		announcer, _ := routes.Announcer(i)
		fmt.Fprintf(w, "AS %d reaches AS %d for %v: %s.\n", x.AS, announcer, x.Prefix, r.won(x))
	}
	if x.Winner == nil && len(x.Losers) == 0 {
		w.WriteString("No neighbour exports one to it.\n")
		return
	}
	t := table.NewWriter()
	t.SetStyle(plainTable())
	t.SuppressTrailingSpaces()
	t.AppendHeader(table.Row{"", "learnt from", "length", "AS path", "announced by", "why"})
	if x.Winner != nil {
		t.AppendRow(candidateRow("best", routes, *x.Winner, string(x.Winner.Reason)))
	}
	for _, c := range x.Losers {
		t.AppendRow(candidateRow("", routes, c, r.lost(x, c)))
	}
	for line := range strings.SplitSeq(t.Render(), "\n") {
		w.WriteString(bold(line, color && strings.HasPrefix(line, "best")))
		w.WriteByte('\n')
	}
}

func candidateRow(mark string, routes *route.Routes, c route.Candidate, why string) table.Row {
	from := "itself"
	if c.Relationship != topology.Own {
		from = fmt.Sprintf("%v AS %d", c.Relationship, c.Neighbor)
	}
	a := routes.Announcements()[c.Announcement]
	by := fmt.Sprintf("AS %d", a.Announcer())
	if a.Attacker {
		by += " (attacker)"
	}
	return table.Row{mark, from, c.Length, route.FormatPath(c.Path), by, why}
}

// plainTable is a style of columns and spaces only.
func plainTable() table.Style {
	style := table.StyleDefault
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	style.Options = table.OptionsNoBordersAndSeparators
	style.Format.Header = text.FormatDefault
	style.Format.HeaderAlign = text.AlignLeft
	return style
}

// won says in words why the winner won.
func (r *routesResult) won(x route.Explanation) string {
	switch x.Winner.Reason {
	case route.ReasonOwn:
		return "it announces the prefix itself"
	case route.ReasonOnlyRoute:
		return "it has no other route"
	case route.ReasonRelationship:
		return fmt.Sprintf("the only %v route goes there", x.Winner.Relationship)
	case route.ReasonPathLength:
		return fmt.Sprintf("the shortest %v route goes there", x.Winner.Relationship)
	default: // a tie
	}
	return fmt.Sprintf("of equally good %v routes, tie-break %s picks the one from AS %d", x.Winner.Relationship, describeTieBreak(r.options), x.Winner.Neighbor)
}

// lost says why a candidate lost: the reason and what it means here.
func (r *routesResult) lost(x route.Explanation, c route.Candidate) string {
	detail := ""
	switch c.Reason {
	case route.ReasonRelationship:
		detail = fmt.Sprintf("%v route, the best is %v", c.Relationship, x.Winner.Relationship)
	case route.ReasonPathLength:
		detail = fmt.Sprintf("%d, the best has %d", c.Length, x.Winner.Length)
	case route.ReasonTieBreak:
		detail = describeTieBreak(r.options)
	case route.ReasonEarlierAnnouncement:
		detail = "as good as the first"
	case route.ReasonOwnASNInPath:
		detail = fmt.Sprintf("rejected, the path holds AS %d", x.AS)
	default: // no policies and scopes here, and no loser is an own or only route
		return string(c.Reason)
	}
	return fmt.Sprintf("%s: %s", c.Reason, detail)
}

type (
	whyJSON struct {
		Decisions []decisionJSON `json:"decisions"`
		Seed      uint64         `json:"seed"`
		TieBreak  route.TieBreak `json:"tie_break"`
		Topology  topologyJSON   `json:"topology"`
	}
	decisionJSON struct {
		ASN    topology.ASN    `json:"asn"`
		Best   *candidateJSON  `json:"best"` // null without a route
		Losers []candidateJSON `json:"losers"`
		Prefix string          `json:"prefix"`
	}
	candidateJSON struct {
		AnnouncedBy  topology.ASN   `json:"announced_by"`
		ASPath       []topology.ASN `json:"as_path"`
		Attacker     bool           `json:"attacker"`
		Neighbor     *topology.ASN  `json:"neighbor"` // null for an own announcement
		Origin       topology.ASN   `json:"origin"`
		PathLength   int            `json:"path_length"`
		Reason       route.Reason   `json:"reason"`
		Relationship string         `json:"relationship"`
	}
)

// writeWhyJSON is writeWhy as data.
func (r *routesResult) writeWhyJSON(w *bufio.Writer) error {
	h := r.header()
	doc := whyJSON{Seed: h.Seed, TieBreak: h.TieBreak, Topology: h.Topology, Decisions: []decisionJSON{}}
	for _, routes := range r.routes {
		for _, i := range r.at {
			x := routes.Explain(i)
			d := decisionJSON{ASN: x.AS, Prefix: x.Prefix.String(), Losers: []candidateJSON{}}
			if x.Winner != nil {
				best := candidateOf(routes, *x.Winner)
				d.Best = &best
			}
			for _, c := range x.Losers {
				d.Losers = append(d.Losers, candidateOf(routes, c))
			}
			doc.Decisions = append(doc.Decisions, d)
		}
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", " ")
	return encoder.Encode(doc)
}

func candidateOf(routes *route.Routes, c route.Candidate) candidateJSON {
	a := routes.Announcements()[c.Announcement]
	j := candidateJSON{
		AnnouncedBy: a.Announcer(), ASPath: c.Path, Attacker: a.Attacker, Origin: a.Origin(),
		PathLength: c.Length, Reason: c.Reason, Relationship: c.Relationship.String(),
	}
	if c.Relationship != topology.Own {
		j.Neighbor = &c.Neighbor
	}
	return j
}
