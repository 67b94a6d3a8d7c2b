package result

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
)

// StudySchema names the version of a study's files.
const StudySchema = "mpicsim/study/v2"

// The files of a study's directory. Those of the hijacks are listed in the
// manifest.
const (
	// ManifestName is the [Manifest]. It is written last: a directory that has
	// one is complete.
	ManifestName = "manifest.json"
	// ViewpointsName is the list of [Viewpoint].
	ViewpointsName = "viewpoints.json"
	// DomainsName is the [Domains] of a study whose victims are domains.
	DomainsName = "domains.json"
	// StudyName is the study as it was given.
	StudyName = "study.yaml"
	// HijacksFolder has the Parquet files.
	HijacksFolder = "hijacks"
)

// HijacksName returns the name of the n-th file of hijacks, from 0.
func HijacksName(n int) string { return fmt.Sprintf("%s/%05d.parquet", HijacksFolder, n) }

// Manifest says what a study's results are, from what they were computed and
// how to tell that nothing has changed.
type Manifest struct {
	// Schema is [StudySchema].
	Schema string `json:"schema"`
	// Version is that of the program.
	Version string `json:"version"`
	Name    string `json:"name"`
	Title   string `json:"title,omitempty"`
	// Inputs are the files that the study was computed from, the study's first.
	Inputs   []Input  `json:"inputs"`
	Topology Topology `json:"topology"`
	TieBreak string   `json:"tie_break"`
	Seed     uint64   `json:"seed"`
	Egress   *Assumed `json:"egress,omitempty"` // absent if no viewpoint is a region
	// Policies are what ASes do beyond Gao-Rexford, RPKI what they judge by; absent
	// if that is nothing.
	Policies []RoutingPolicy `json:"policies,omitempty"`
	RPKI     *RPKI           `json:"rpki,omitempty"`
	Victims  Selection       `json:"victims"`
	// Domains says which domains the victims are from, absent if victims are ASes.
	Domains *DomainSelection `json:"domains,omitempty"`
	// Prefixes says in a sentence which prefix each victim announces.
	Prefixes  string    `json:"prefixes"`
	Attackers Selection `json:"attackers"`
	// Attacks are the names of the ways of attack.
	Attacks []string `json:"attacks"`
	// Aggregate says that a row stands for all hijacks of a victim by one shape
	// of attack that came to the same.
	Aggregate bool `json:"aggregate"`
	// Viewpoints is how many viewpoints there are: the bits of a set.
	Viewpoints int    `json:"viewpoints"`
	Counts     Counts `json:"counts"`
	// Engine says which way hijacks were computed.
	Engine Engine `json:"engine"`
	// Files are the viewpoints, the domains if there are some, and the hijacks, in
	// order.
	Files []File `json:"files"`
	// SHA256 is the hash of the lines "SHA256  NAME\n" of all files in order, as
	// sha256sum prints them: one number that stands for the whole result.
	SHA256 string `json:"sha256"`
}

// Input is one file that a study was computed from.
type Input struct {
	// Role is "study", "topology", "rpki", "scores", "victims", "domains", "origins" or
	// "attackers".
	Role string `json:"role"`
	// Name is the file's name without folders.
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// Assumed is how regions are attached, and what that assumes.
type Assumed struct {
	Model      string `json:"model"`
	Assumption string `json:"assumption"`
}

// Selection says which ASes are on one side of a study.
type Selection struct {
	// How is "all", "list", "sample", "weights" or "weighted-sample"; "domains" for
	// the origins and prefixes that domains depend on.
	How string `json:"how"`
	// Count is how many different ASes (or pairs of an origin and a prefix) there are,
	// Weight their sum.
	Count  int     `json:"count"`
	Weight float64 `json:"weight"`
	// Population is how many ASes they were taken from.
	Population int `json:"population"`
	// Draws is how many were drawn, and Seed of what, if at random.
	Draws int    `json:"draws,omitempty"`
	Seed  uint64 `json:"seed,omitempty"`
	// Absent is how many entries of the file of weights are no AS of the topology
	// (or an AS set), and AbsentWeight how much they count. They are left out.
	Absent       int     `json:"absent,omitempty"`
	AbsentWeight float64 `json:"absent_weight,omitempty"`
}

// Sampled says whether the ASes were drawn at random, so that what follows from
// them is an estimate.
func (s Selection) Sampled() bool { return s.Draws > 0 }

// DomainSelection says which domains a study looks at.
type DomainSelection struct {
	// Count is how many there are, Weight their sum, Population how many they were
	// taken from.
	Count      int     `json:"count"`
	Weight     float64 `json:"weight"`
	Population int     `json:"population"`
	// Draws is how many were drawn, and Seed of what, if at random.
	Draws int    `json:"draws,omitempty"`
	Seed  uint64 `json:"seed,omitempty"`
	// Upper says which servers above the domains' own zones count.
	Upper string `json:"upper"`
	// Method is the validation method, "" for one that looks at the web.
	Method string `json:"method,omitempty"`
	// Incomplete is how many have an address whose origin is not known, a gap, or no
	// web address where checks look at the web: nobody can say how safe they are.
	Incomplete int `json:"incomplete"`
	// Addresses is how many different addresses they have, SeveralOrigins how many of
	// these have several origins, see [Surface], and Unmapped how many lie in no prefix of the table, or are of origins that the topology
	// lacks.
	Addresses      int `json:"addresses"`
	SeveralOrigins int `json:"several_origins"`
	Unmapped       int `json:"unmapped"`
}

// Counts says how much there is.
type Counts struct {
	// Hijacks is how many were computed: victims times attackers times shapes,
	// without those of a victim by itself. Rows is how many rows stand for them.
	Hijacks int64 `json:"hijacks"`
	Rows    int64 `json:"rows"`
}

// Engine counts hijacks that were not computed in bulk; see package sweep.
type Engine struct {
	// Cut were computed one by one, because one announcer lies on the other's
	// way; Filtered because of origin validation; Routed by full propagation, because
	// of other policies.
	Cut      int64 `json:"cut"`
	Filtered int64 `json:"filtered"`
	Routed   int64 `json:"routed"`
	// Traced were computed by full propagation and by following packets, because the
	// attack is not one that can be computed in bulk. Obstructed of them could not be
	// launched: they fool nobody.
	Traced     int64 `json:"traced"`
	Obstructed int64 `json:"obstructed"`
	// Estimated are those of Routed and Traced whose lower and upper are estimates,
	// from all ties to one side, and not bounds.
	Estimated int64 `json:"estimated"`
}

// Add adds what another part of the study counted.
func (e *Engine) Add(f Engine) {
	e.Cut, e.Filtered, e.Routed = e.Cut+f.Cut, e.Filtered+f.Filtered, e.Routed+f.Routed
	e.Traced, e.Obstructed, e.Estimated = e.Traced+f.Traced, e.Obstructed+f.Obstructed, e.Estimated+f.Estimated
}

// File is one file of the results.
type File struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	// Rows and Hijacks are for files of hijacks.
	Rows    int64 `json:"rows,omitempty"`
	Hijacks int64 `json:"hijacks,omitempty"`
}

// Digest returns what [Manifest.SHA256] is for these files.
func Digest(files []File) string {
	sum := sha256.New()
	for _, f := range files {
		fmt.Fprintf(sum, "%s  %s\n", f.SHA256, f.Name)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// WriteJSON writes a manifest or viewpoints as indented JSON, the same bytes for
// the same value.
func WriteJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	return nil
}
