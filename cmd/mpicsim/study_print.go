package main

import (
	"bufio"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"mpicsim/scenarios/result"
	"mpicsim/scenarios/study"
)

// grouped writes 78643 as "78,643".
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

// counted writes a number of things, "1 row" or "78,643 rows".
func counted(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return grouped(n) + " " + thing + "s"
}

// bytesOf writes a size in decimal units, as disks have them.
func bytesOf(n int64) string {
	const thousand = 1000
	if n < thousand {
		return fmt.Sprintf("%d B", n)
	}
	size, unit := float64(n)/thousand, 0
	units := []string{"kB", "MB", "GB", "TB", "PB", "EB"}
	for size >= thousand-0.5 && unit < len(units)-1 {
		size, unit = size/thousand, unit+1
	}
	if size < 10 {
		return fmt.Sprintf("%.1f %s", size, units[unit])
	}
	return fmt.Sprintf("%.0f %s", size, units[unit])
}

// lasting writes a time that nobody can tell exactly.
func lasting(d time.Duration) string {
	switch {
	case d < time.Second:
		return "less than a second"
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %02d min", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%.1f days", d.Hours()/24)
	}
}

// studyPlan is the JSON form of a plan.
type studyPlan struct {
	Manifest result.Manifest `json:"manifest"` // without counts and files
	Hijacks  int64           `json:"hijacks"`
	Shards   int             `json:"shards"`
	Seconds  float64         `json:"expected_seconds"`
	Memory   int64           `json:"expected_memory_bytes"`
	Disk     int64           `json:"expected_disk_bytes"`
}

func studyPlanJSON(p *study.Plan, e study.Estimate) studyPlan {
	return studyPlan{
		Manifest: p.Manifest(), Hijacks: p.Hijacks(), Shards: p.Shards(),
		Seconds: math.Round(e.Duration.Seconds()*10) / 10, Memory: e.Memory, Disk: e.Disk,
	}
}

func printStudyPlan(w *bufio.Writer, p *study.Plan, e study.Estimate) error {
	m := p.Manifest()
	fmt.Fprintf(w, "Study       %s\n", titled(m.Name, m.Title))
	printStudyInputs(w, &m)
	if bulk, traced := p.Swept(); len(traced) > 0 {
		fmt.Fprintf(w, "Computing   %s one by one, by full propagation and along the paths of packets", strings.Join(traced, ", "))
		if len(bulk) > 0 {
			fmt.Fprintf(w, "; %s in bulk", strings.Join(bulk, ", "))
		}
		fmt.Fprintln(w)
	}
	rows := "a row each"
	if m.Aggregate {
		rows = "distinct outcomes with their counts"
	}
	fmt.Fprintf(w, "Hijacks     %s in %s, %s\n", grouped(p.Hijacks()), counted(int64(p.Shards()), "shard"), rows)
	_, err := fmt.Fprintf(w, "Expected    %s, %s of memory, %s on disk (from %s hijacks that were tried)\n",
		lasting(e.Duration), bytesOf(e.Memory), bytesOf(e.Disk), grouped(e.Measured))
	return err
}

func titled(name, title string) string {
	if title == "" {
		return name
	}
	return name + ": " + title
}

// printStudyInputs writes what a study is computed from.
func printStudyInputs(w *bufio.Writer, m *result.Manifest) {
	t := m.Topology
	fmt.Fprintf(w, "Internet    %s ASes, %s transit and %s peer links (%s)\n",
		grouped(int64(t.ASes)), grouped(int64(t.Transit)), grouped(int64(t.Peering)), t.Source)
	if d := m.Domains; d != nil {
		fmt.Fprintf(w, "Domains     %s\n", selectedDomains(d))
	}
	fmt.Fprintf(w, "Victims     %s\n", selected(m.Victims))
	fmt.Fprintf(w, "Prefixes    %s\n", m.Prefixes)
	fmt.Fprintf(w, "Attackers   %s\n", selected(m.Attackers))
	fmt.Fprintf(w, "Attacks     %s\n", strings.Join(m.Attacks, ", "))
	fmt.Fprintf(w, "Viewpoints  %s\n", grouped(int64(m.Viewpoints)))
	if m.Egress != nil {
		fmt.Fprintf(w, "Egress      %s: %s\n", m.Egress.Model, m.Egress.Assumption)
	}
	tie := m.TieBreak
	if tie == "seeded" {
		tie += fmt.Sprintf(", seed %d", m.Seed)
	}
	fmt.Fprintf(w, "Ties        %s, with both bounds\n", tie)
	for _, p := range m.Policies {
		fmt.Fprintf(w, "Policy      %s at %s: %s\n", p.Policy, p.Where, grouped(int64(p.ASes))+" ASes")
	}
	if r := m.RPKI; r != nil {
		fmt.Fprintf(w, "RPKI        %s, %s, %s\n", counted(int64(r.VRPs), "VRP"), counted(int64(r.ASPAs), "ASPA"), from(r))
	}
}

// from says where payloads are from.
func from(r *result.RPKI) string {
	switch {
	case r.File == "":
		return "from the study"
	case r.Generated != "":
		return fmt.Sprintf("from %s of %s", r.File, r.Generated)
	}
	return "from " + r.File
}

// selectedDomains says in words which domains a study is about.
func selectedDomains(d *result.DomainSelection) string {
	count := grouped(int64(d.Count))
	text := count + " of the file"
	if d.Draws > 0 {
		text = fmt.Sprintf("%s of %s at random, seed %d", count, grouped(int64(d.Population)), d.Seed)
	}
	upper := map[string]string{"none": "no servers above their own zones", "tld": "with the servers of top-level domains", "root": "with the servers of top-level domains and the root"}
	if d.Method != "" {
		text += ", checked by " + d.Method
	}
	return fmt.Sprintf("%s, %s, %s (%s of them with several origins, %s with none); %s not known in full",
		text, upper[d.Upper], grouped(int64(d.Addresses))+" addresses", grouped(int64(d.SeveralOrigins)), grouped(int64(d.Unmapped)), grouped(int64(d.Incomplete)))
}

// computed says how hijacks were computed.
func computed(e result.Engine) string {
	text := fmt.Sprintf("in bulk, but %s by themselves, %s with filters and %s by full propagation", grouped(e.Cut), grouped(e.Filtered), grouped(e.Routed))
	if e.Traced > 0 {
		text += fmt.Sprintf("; %s traced (%s could not be launched)", grouped(e.Traced), grouped(e.Obstructed))
	}
	if e.Estimated > 0 {
		text += fmt.Sprintf("; the bounds of %s are estimates", grouped(e.Estimated))
	}
	return text
}

// selected says in words which ASes take part.
func selected(s result.Selection) string {
	count := grouped(int64(s.Count))
	var text string
	switch s.How {
	case "all":
		text = "all " + count + " ASes"
	case "list":
		text = count + " listed"
	case "sample":
		text = fmt.Sprintf("%s of %s at random, seed %d", count, grouped(int64(s.Population)), s.Seed)
	case "domains":
		text = count + " pairs of an origin and a prefix that they depend on"
	case "weights":
		text = count + " by weight"
	default:
		text = fmt.Sprintf("%s in %s draws by weight from %s, seed %d", count, grouped(int64(s.Draws)), grouped(int64(s.Population)), s.Seed)
	}
	if s.Absent > 0 {
		text += fmt.Sprintf("; left out: %s of the file (weight %g) that the topology lacks", grouped(int64(s.Absent)), s.AbsentWeight)
	}
	return text
}

func printStudyResult(w *bufio.Writer, dir string, m *result.Manifest) error {
	var size int64
	for _, f := range m.Files {
		size += f.Bytes
	}
	_, err := fmt.Fprintf(w, "Complete    %s in %s, %s in %s\nSHA-256     %s\nNext        mpicsim study info %s\n",
		counted(m.Counts.Hijacks, "hijack"), counted(m.Counts.Rows, "row"), bytesOf(size), dir, m.SHA256, dir)
	return err
}

// studyProgress shows how far a run is: on a terminal one line that changes,
// elsewhere a line now and then.
type studyProgress struct {
	s           streams
	now         func() time.Time
	terminal    bool
	every       time.Duration
	start, last time.Time
	shown       bool
}

func newStudyProgress(s streams, now func() time.Time) *studyProgress {
	p := &studyProgress{s: s, now: now, terminal: isTerminal(s.err), every: 10 * time.Second, start: now()}
	if p.terminal {
		p.every = 200 * time.Millisecond
	}
	p.last = p.start
	return p
}

// show is called with each step.
func (p *studyProgress) show(at study.Progress) {
	now := p.now()
	if now.Sub(p.last) < p.every {
		return
	}
	p.last = now
	line := progressLine(at, now.Sub(p.start))
	if p.terminal {
		p.s.notef("\r%s\x1b[K", line)
		p.shown = true
		return
	}
	p.s.notef("%s\n", line)
}

// progressLine says how far a run is that began so long ago.
func progressLine(at study.Progress, since time.Duration) string {
	rate := float64(at.Done-at.Kept) / max(since.Seconds(), 1e-3)
	left := "unknown"
	if rate > 0 {
		left = lasting(time.Duration(float64(at.Total-at.Done) / rate * float64(time.Second)))
	}
	return fmt.Sprintf("Computed    %.1f %%: %s of %s hijacks, %s/s, %s left",
		100*float64(at.Done)/float64(max(at.Total, 1)), grouped(at.Done), grouped(at.Total), grouped(int64(rate)), left)
}

// end leaves the terminal's line empty.
func (p *studyProgress) end() {
	if p.shown {
		p.s.notef("\r\x1b[K")
	}
}
