package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"strconv"

	"mpicsim/sim/route"
	"mpicsim/topology"
)

// writeCSV prints one row for each AS and prefix. No value needs quotes.
func (r *routesResult) writeCSV(w *bufio.Writer) error {
	if _, err := w.WriteString("asn,prefix,origin,announced_by,relationship,path_length,as_path,reason\n"); err != nil {
		return err
	}
	var line []byte
	var path []topology.ASN
	for _, i := range r.at {
		for _, routes := range r.routes {
			best, ok := routes.Route(i)
			if !ok {
				continue
			}
			path = routes.AppendPath(path[:0], i)
			a := routes.Announcements()[best.Announcement]
			reason, _ := routes.Reason(i)
			line = append(line[:0], path[0].String()...)
			line = append(line, ',')
			line = a.Prefix.AppendTo(line)
			line = append(line, ',')
			line = strconv.AppendUint(line, uint64(a.Origin()), 10)
			line = append(line, ',')
			line = strconv.AppendUint(line, uint64(a.Announcer()), 10)
			line = append(line, ',')
			line = append(line, best.Relationship.String()...)
			line = append(line, ',')
			line = strconv.AppendInt(line, int64(best.Length), 10)
			line = append(line, ',')
			line = route.AppendPath(line, path)
			line = append(line, ',')
			line = append(line, reason...)
			line = append(line, '\n')
			if _, err := w.Write(line); err != nil {
				return err
			}
		}
	}
	return nil
}

// The JSON documents. Keys are in alphabetical order.
type (
	routesHeaderJSON struct {
		Announcements []announcementJSON `json:"announcements"`
		Seed          uint64             `json:"seed"`
		TieBreak      route.TieBreak     `json:"tie_break"`
		Topology      topologyJSON       `json:"topology"`
		WithoutRoute  []withoutJSON      `json:"without_route"`
	}
	announcementJSON struct {
		AnnouncedBy topology.ASN   `json:"announced_by"`
		ASPath      []topology.ASN `json:"as_path"`
		Attacker    bool           `json:"attacker"`
		Origin      topology.ASN   `json:"origin"`
		Prefix      netip.Prefix   `json:"prefix"`
		// Said is the whole announcement, if it is not a plain one to all neighbours.
		Said string `json:"said,omitempty"`
	}
	topologyJSON struct {
		ASes    int    `json:"ases"`
		Name    string `json:"name"`
		Peering int    `json:"peering_links"`
		SHA256  string `json:"sha256"`
		Transit int    `json:"transit_links"`
	}
	withoutJSON struct {
		ASNs   []topology.ASN `json:"asns"`
		Prefix netip.Prefix   `json:"prefix"`
	}
	routeJSON struct {
		AnnouncedBy  topology.ASN   `json:"announced_by"`
		ASN          topology.ASN   `json:"asn"`
		ASPath       []topology.ASN `json:"as_path"`
		Origin       topology.ASN   `json:"origin"`
		PathLength   int            `json:"path_length"`
		Prefix       netip.Prefix   `json:"prefix"`
		Reason       route.Reason   `json:"reason"`
		Relationship string         `json:"relationship"`
	}
)

func (r *routesResult) header() routesHeaderJSON {
	g := r.source.graph
	h := routesHeaderJSON{
		Seed: r.options.Seed, TieBreak: r.options.TieBreak, WithoutRoute: []withoutJSON{},
		Topology: topologyJSON{ASes: g.Len(), Name: r.source.name, SHA256: r.source.sha256},
	}
	h.Topology.Transit, h.Topology.Peering = g.LinksOf()
	for _, a := range r.anns {
		said := a.String()
		if said == route.FormatPath(a.Path)+"="+a.Prefix.String() {
			said = ""
		}
		h.Announcements = append(h.Announcements, announcementJSON{a.Announcer(), a.Path, a.Attacker, a.Origin(), a.Prefix, said})
	}
	for _, routes := range r.routes {
		if missing := r.without(routes); len(missing) > 0 {
			h.WithoutRoute = append(h.WithoutRoute, withoutJSON{missing, routes.Prefix()})
		}
	}
	return h
}

// writeJSON prints one object with one route on each line, in the order of
// writeCSV.
func (r *routesResult) writeJSON(w *bufio.Writer) error {
	h := r.header()
	if err := writeField(w, "{\n", "announcements", h.Announcements); err != nil {
		return err
	}
	if _, err := w.WriteString(",\n \"routes\": ["); err != nil {
		return err
	}
	start := "\n  "
	for _, i := range r.at {
		for _, routes := range r.routes {
			row, ok := routeRow(routes, i)
			if !ok {
				continue
			}
			text, err := json.Marshal(row)
			if err != nil {
				return err
			}
			if _, err := w.WriteString(start); err != nil {
				return err
			}
			if _, err := w.Write(text); err != nil {
				return err
			}
			start = ",\n  "
		}
	}
	for _, f := range []struct {
		start, name string
		value       any
	}{{"\n ],\n", "seed", h.Seed}, {",\n", "tie_break", h.TieBreak}, {",\n", "topology", h.Topology}, {",\n", "without_route", h.WithoutRoute}} {
		if err := writeField(w, f.start, f.name, f.value); err != nil {
			return err
		}
	}
	_, err := w.WriteString("\n}\n")
	return err
}

func writeField(w io.Writer, start, name string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", name, err)
	}
	_, err = fmt.Fprintf(w, "%s %q: %s", start, name, text)
	return err
}

func routeRow(routes *route.Routes, i int32) (routeJSON, bool) {
	best, ok := routes.Route(i)
	if !ok {
		return routeJSON{}, false
	}
	a := routes.Announcements()[best.Announcement]
	reason, _ := routes.Reason(i)
	return routeJSON{
		AnnouncedBy: a.Announcer(), ASN: routes.Graph().ASN(i), ASPath: routes.Path(i), Origin: a.Origin(),
		PathLength: best.Length, Prefix: a.Prefix, Reason: reason, Relationship: best.Relationship.String(),
	}, true
}
