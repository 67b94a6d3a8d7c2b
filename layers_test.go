// Package mpicsim_test holds the import rules of the whole program: data flows
// down one column (topology, sim, scenarios, reports, cmd, with perspectives
// beside sim), and each heavy library is imported where it can be replaced in
// one place. The rules are data; `go list` says what is imported.
//
// Only the build for this operating system and architecture is looked at.
package mpicsim_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

const module = "mpicsim"

// A row says what one package, or every package in a folder ("a/..." is a and
// all below it), may import of this project. The row with the longest matching
// name counts. A package without a row is refused: adding one is a decision.
type row struct {
	name string
	may  []string // names as in a row's
}

func projectRows() []row {
	return []row{
		// The map knows nothing above it.
		{"topology", []string{"topology/place"}},
		{"topology/place", nil},
		{"topology/unpack", nil},
		{"topology/unpack/unpacktest", nil},
		{"topology/asrel", []string{"topology", "topology/unpack"}},
		{"topology/synth", []string{"topology", "topology/place"}},
		{"topology/rpki", []string{"topology", "topology/unpack"}},

		// The machine has never heard of a CA. Servers do not even know the map.
		{"sim/route", []string{"topology/..."}},
		{"sim/attack", []string{"topology/...", "sim/route"}},
		{"sim/attack/examples", []string{"topology/...", "sim/route", "sim/attack"}},
		{"sim/sweep", []string{"topology/...", "sim/route", "sim/attack"}},
		{"sim/event", []string{"topology/...", "sim/route", "sim/attack"}},
		{"sim/fabric", []string{"topology/...", "sim/route"}},
		{"sim/names", nil},
		{"sim/web", nil},

		// The CA's side has never heard of a simulator. Of the map it knows only
		// places: coordinates, regions, distances.
		{"perspectives", []string{"topology/place"}},
		{"perspectives/ijson", nil},
		{"perspectives/costtest", nil},
		{"perspectives/catalog", []string{"perspectives", "topology/place"}},
		{"perspectives/policy", []string{"perspectives", "topology/place"}},
		{"perspectives/budget", []string{"perspectives"}},
		{"perspectives/resolver", []string{"perspectives", "perspectives/budget"}},
		{"perspectives/resolver/resolvertest", []string{"perspectives", "perspectives/resolver"}},
		{"perspectives/caa", []string{"perspectives", "perspectives/budget", "perspectives/resolver"}},
		{"perspectives/dcv", []string{"perspectives", "perspectives/budget", "perspectives/resolver", "perspectives/caa"}},
		{"perspectives/local", []string{"perspectives", "perspectives/budget", "perspectives/resolver", "perspectives/caa", "perspectives/dcv"}},
		{"perspectives/idn", nil},
		{"perspectives/coordinator", []string{"perspectives", "perspectives/idn", "perspectives/policy", "topology/place"}},
		{"perspectives/access", []string{"perspectives"}},
		{"perspectives/remote", []string{"perspectives", "perspectives/ijson", "perspectives/access", "perspectives/local", "perspectives/coordinator", "topology/place"}},
		{"perspectives/cohort", []string{"perspectives", "perspectives/idn", "perspectives/policy", "topology/place"}},
		{"perspectives/audit", nil},
		{"perspectives/openmpic", []string{
			"perspectives", "perspectives/ijson", "perspectives/access", "perspectives/coordinator", "perspectives/policy", "perspectives/catalog", "perspectives/cohort", "topology/place",
		}},

		// The experiment is the only place where the two sides meet. What it
		// stores has no behaviour and needs only their words.
		{"scenarios/...", []string{"topology/...", "sim/...", "perspectives/...", "scenarios/..."}},
		{"scenarios/result", []string{"topology", "topology/place", "perspectives"}},
		{"scenarios/library", nil},
		{"scenarios/domain", []string{"topology", "topology/rpki", "topology/unpack", "sim/names", "perspectives/resolver", "scenarios"}},

		// The reader reads results, never the engine.
		{"reports/...", []string{"scenarios/result", "reports/...", "topology/place"}},
		{"reports/resilience", []string{ // applies rules to results
			"scenarios/result", "perspectives", "perspectives/policy", "topology", "topology/place",
		}},
		{"reports/assessment", []string{ // and to deployments
			"scenarios/result", "reports/resilience", "perspectives", "perspectives/policy", "topology", "topology/place",
		}},

		// The door.
		{"cmd/...", []string{"topology/...", "sim/...", "perspectives/...", "scenarios/...", "reports/..."}},
	}
}

// libraryRows says which packages may import which modules of others. A library
// without a row is refused too: a dependency has a reason.
func libraryRows() []row {
	return []row{
		{"github.com/gaissmai/bart", []string{"sim/fabric"}},
		{"github.com/google/gopacket", []string{"sim/fabric"}},
		{"gvisor.dev/gvisor", []string{"sim/fabric"}},
		{"github.com/miekg/dns", []string{
			"perspectives/resolver", "perspectives/resolver/resolvertest", "perspectives/caa", "perspectives/dcv", "sim/names",
		}},
		{"golang.org/x/net", []string{"perspectives/idn", "perspectives/cohort"}}, // idna: A-labels; publicsuffix
		{"github.com/osrg/gobgp/v4", []string{"sim/event"}},
		{"github.com/prometheus/client_golang", []string{"cmd/...", "perspectives/coordinator", "perspectives/remote", "perspectives/openmpic", "perspectives/access"}},
		{"go.yaml.in/yaml/v4", []string{"scenarios"}},
		{"github.com/parquet-go/parquet-go", []string{"scenarios/result"}},
		{"github.com/klauspost/compress", []string{"scenarios/result"}}, // Parquet's Zstandard, with a bound
		{"github.com/nats-io/nats.go", []string{"scenarios/study"}},
		{"github.com/nats-io/nats-server/v2", []string{"scenarios/study"}},
		{"gonum.org/v1/plot", []string{"reports/plot"}},
		{"github.com/jedib0t/go-pretty/v6", []string{"cmd/...", "reports/table"}},
		{"github.com/spf13/cobra", []string{"cmd/..."}},
		{"github.com/spf13/pflag", []string{"cmd/..."}}, // cobra's flag type
	}
}

// level orders the top folders. Test files may import any library, and any
// package at their own level or below: a test of the CA's side may use the
// emulated DNS, but no test reaches up.
func level(name string) int {
	top, _, _ := strings.Cut(name, "/")
	return slices.IndexFunc([][]string{{"topology"}, {"sim", "perspectives"}, {"scenarios"}, {"reports"}, {"cmd"}},
		func(folders []string) bool { return slices.Contains(folders, top) })
}

// pkg is what `go list -json` says of a package.
type pkg struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

// matches says whether name is what pattern names.
func matches(pattern, name string) bool {
	folder, below := strings.CutSuffix(pattern, "/...")
	return name == folder || below && strings.HasPrefix(name, folder+"/")
}

// rowOf returns the row that counts for a name.
func rowOf(rows []row, name string) (row, bool) {
	var best row
	for _, r := range rows {
		if matches(r.name, name) && len(r.name) > len(best.name) {
			best = r
		}
	}
	return best, best.name != ""
}

// violations returns one sentence for each broken rule, in order.
func violations(project, libraries []row, packages []pkg) []string {
	var out []string
	for _, p := range packages {
		name, ours := strings.CutPrefix(p.ImportPath, module+"/")
		if !ours {
			continue // the root, which holds only this test
		}
		rule, ok := rowOf(project, name)
		if !ok {
			out = append(out, fmt.Sprintf("%s has no row in layers_test.go", name))
		}
		for _, imported := range p.Imports {
			if why := forbidden(name, imported, rule, libraries); why != "" {
				out = append(out, why)
			}
		}
		for _, imported := range slices.Concat(p.TestImports, p.XTestImports) {
			if other, ours := strings.CutPrefix(imported, module+"/"); ours && level(other) > level(name) {
				out = append(out, fmt.Sprintf("a test of %s imports %s, which is above it", name, other))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// forbidden says why a package may not import another, "" if it may.
func forbidden(name, imported string, rule row, libraries []row) string {
	allowed := func(may []string, name string) bool {
		return slices.ContainsFunc(may, func(pattern string) bool { return matches(pattern, name) })
	}
	if other, ours := strings.CutPrefix(imported, module+"/"); ours {
		if !allowed(rule.may, other) {
			return fmt.Sprintf("%s imports %s; its row allows %v", name, other, rule.may)
		}
		return ""
	}
	first, _, _ := strings.Cut(imported, "/")
	if !strings.Contains(first, ".") {
		return "" // the standard library
	}
	for _, l := range libraries {
		if matches(l.name+"/...", imported) {
			if !allowed(l.may, name) {
				return fmt.Sprintf("%s imports %s; only %v may", name, imported, l.may)
			}
			return ""
		}
	}
	return fmt.Sprintf("%s imports %s, a library that has no row in layers_test.go", name, imported)
}

// TestImports holds the program to the rules.
func TestImports(t *testing.T) {
	g := NewWithT(t)
	g.Expect(look(".")).To(Succeed())
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...").Output()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		t.Fatalf("go list: %v\n%s", err, exit.Stderr)
	}
	g.Expect(err).NotTo(HaveOccurred())
	var packages []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		g.Expect(err).NotTo(HaveOccurred())
		packages = append(packages, p)
	}
	g.Expect(len(packages)).To(BeNumerically(">", 5), "go list sees the program")
	g.Expect(violations(projectRows(), libraryRows(), packages)).To(BeEmpty())
}

// look stats every Go file. What `go list` reads, go test does not see: without
// this it would repeat an old result for files that have changed since.
func look(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != dir && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case filepath.Ext(path) == ".go":
			_, err = os.Stat(path)
		}
		return err
	})
}

// TestRowsPointDown holds the rules themselves to the column: no row opens a
// way back up, or across between the machine and the CA's side.
func TestRowsPointDown(t *testing.T) {
	for _, r := range projectRows() {
		for _, may := range r.may {
			t.Run(r.name+" to "+may, func(t *testing.T) {
				g := NewWithT(t)
				g.Expect(level(may)).To(BeNumerically(">=", 0))
				g.Expect(level(may)).To(BeNumerically("<=", level(r.name)))
				from, to := strings.Split(r.name, "/")[0], strings.Split(may, "/")[0]
				g.Expect(from == "sim" && to == "perspectives" || from == "perspectives" && to == "sim").To(BeFalse())
				if from == "perspectives" && to == "topology" {
					g.Expect(may).To(Equal("topology/place"))
				}
				if from == "reports" && to == "scenarios" {
					g.Expect(may).To(Equal("scenarios/result"))
				}
			})
		}
	}
}

// TestViolations shows that each rule can be broken and is then named.
func TestViolations(t *testing.T) {
	imports := func(name string, imported ...string) []pkg {
		return []pkg{{ImportPath: "mpicsim/" + name, Imports: imported}}
	}
	for name, tc := range map[string]struct {
		packages []pkg
		want     string // "" means none
	}{
		"the standard library is free":             {imports("topology", "net/http", "embed", "encoding/json"), ""},
		"what a row names":                         {imports("perspectives/caa", "mpicsim/perspectives/resolver"), ""},
		"what a row's folder holds":                {imports("sim/route", "mpicsim/topology", "mpicsim/topology/rpki"), ""},
		"the root needs no row":                    {[]pkg{{ImportPath: "mpicsim", XTestImports: []string{"github.com/onsi/gomega"}}}, ""},
		"a package without a row":                  {imports("sim/magic"), "sim/magic has no row"},
		"a package beside a row of a longer name":  {imports("simulator"), "simulator has no row"},
		"a package below one whose row is its own": {imports("topology/place/deep"), "topology/place/deep has no row"},
		"the map imports the machine":              {imports("topology", "mpicsim/sim/route"), "topology imports sim/route"},
		"the machine imports the CA's side":        {imports("sim/web", "mpicsim/perspectives"), "sim/web imports perspectives"},
		"the CA's side imports the machine":        {imports("perspectives/dcv", "mpicsim/sim/names"), "perspectives/dcv imports sim/names"},
		"the CA's side imports the map":            {imports("perspectives/policy", "mpicsim/topology"), "perspectives/policy imports topology;"},
		"the engine imports the experiment":        {imports("sim/route", "mpicsim/scenarios"), "sim/route imports scenarios"},
		"a report imports the engine":              {imports("reports/page", "mpicsim/sim/route"), "reports/page imports sim/route"},
		"a report imports the experiment":          {imports("reports/page", "mpicsim/scenarios/replay"), "reports/page imports scenarios/replay"},
		"a report imports results":                 {imports("reports/page", "mpicsim/scenarios/result"), ""},
		"results import the experiment":            {imports("scenarios/result", "mpicsim/scenarios"), "scenarios/result imports scenarios;"},
		"anybody imports the door":                 {imports("scenarios", "mpicsim/cmd/mpicsim"), "scenarios imports cmd/mpicsim"},
		"a test's helper outside tests":            {imports("perspectives/dcv", "mpicsim/perspectives/resolver/resolvertest"), "perspectives/dcv imports perspectives/resolver/resolvertest"},
		"a heavy library where it belongs":         {imports("sim/fabric", "gvisor.dev/gvisor/pkg/tcpip/stack"), ""},
		"a heavy library elsewhere":                {imports("scenarios/replay", "gvisor.dev/gvisor/pkg/tcpip"), "only [sim/fabric] may"},
		"DNS messages where names are served":      {imports("sim/names", "github.com/miekg/dns"), ""},
		"DNS messages in the coordinator":          {imports("perspectives/coordinator", "github.com/miekg/dns"), "perspectives/coordinator imports github.com/miekg/dns"},
		"YAML in the replay":                       {imports("scenarios/replay", "go.yaml.in/yaml/v4"), "only [scenarios] may"},
		"a command line outside cmd":               {imports("scenarios", "github.com/spf13/cobra"), "only [cmd/...] may"},
		"tables in a report":                       {imports("reports/table", "github.com/jedib0t/go-pretty/v6/table"), ""},
		"tables in another report":                 {imports("reports/page", "github.com/jedib0t/go-pretty/v6/table"), "reports/page imports github.com/jedib0t/go-pretty"},
		"a library that nobody listed":             {imports("cmd/mpicsim", "github.com/miekg/dnsfork"), "a library that has no row"},
		"matchers outside tests":                   {imports("sim/web", "github.com/onsi/gomega"), "a library that has no row"},
		"a test beside":                            {[]pkg{{ImportPath: "mpicsim/perspectives/dcv", XTestImports: []string{"mpicsim/sim/names", "github.com/miekg/dns"}}}, ""},
		"a test below":                             {[]pkg{{ImportPath: "mpicsim/scenarios", TestImports: []string{"mpicsim/sim/fabric"}}}, ""},
		"a test that reaches up":                   {[]pkg{{ImportPath: "mpicsim/sim/route", TestImports: []string{"mpicsim/scenarios"}}}, "a test of sim/route imports scenarios, which is above it"},
		"an outer test that reaches up":            {[]pkg{{ImportPath: "mpicsim/reports/page", XTestImports: []string{"mpicsim/cmd/mpicsim"}}}, "a test of reports/page imports cmd/mpicsim"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got := violations(projectRows(), libraryRows(), tc.packages)
			if tc.want == "" {
				g.Expect(got).To(BeEmpty())
				return
			}
			g.Expect(got).To(HaveLen(1))
			g.Expect(got[0]).To(ContainSubstring(tc.want))
		})
	}
}
