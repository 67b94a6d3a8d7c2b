package result_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
	. "github.com/onsi/gomega"

	"mpicsim/scenarios/result"
	"mpicsim/topology"
)

// randomHijacks returns hijacks with nested sets of so many viewpoints.
func randomHijacks(n, viewpoints int) []result.Hijack {
	random := rand.New(rand.NewPCG(1, uint64(viewpoints)))
	out := make([]result.Hijack, n)
	for i := range out {
		h := &out[i]
		h.Victim, h.Attacker = topology.ASN(random.Uint32()|1<<31), topology.ASN(random.Uint32N(100)+1)
		h.Prefix = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(random.IntN(3)), 0, 0}), 16)
		h.Attack = []string{"equal-prefix", "forged-origin"}[random.IntN(2)]
		h.VictimWeight, h.AttackerWeight, h.Count = random.Float64(), float64(random.IntN(3)+1), random.Int64N(1<<40)+1
		sets := [4]result.Set{}
		for k := range sets {
			sets[k] = make(result.Set, (viewpoints+63)/64)
			for v := range viewpoints {
				if (k == 0 || sets[k-1].Has(v)) && random.IntN(4) > 0 {
					sets[k][v/64] |= 1 << (v % 64)
				}
			}
		}
		h.Reached, h.Lower, h.Picked, h.Upper = sets[0], sets[1], sets[2], sets[3]
	}
	return out
}

// store writes hijacks as a finished study and returns its directory.
func store(t *testing.T, hijacks []result.Hijack, viewpoints int) string {
	t.Helper()
	g := NewWithT(t)
	dir := t.TempDir()
	g.Expect(os.Mkdir(filepath.Join(dir, result.HijacksFolder), 0o700)).To(Succeed())
	m := result.Manifest{Schema: result.StudySchema, Version: "test", Name: "t", Viewpoints: viewpoints, Aggregate: true}
	add := func(name string, rows int, write func(w *result.HashWriter)) {
		f, err := os.Create(filepath.Join(dir, name))
		g.Expect(err).NotTo(HaveOccurred())
		w := result.NewHashWriter(f)
		write(w)
		g.Expect(f.Close()).To(Succeed())
		entry := w.File()
		entry.Name, entry.Rows = name, int64(rows)
		if rows > 0 {
			for _, h := range hijacks {
				entry.Hijacks += h.Count
			}
		}
		m.Files = append(m.Files, entry)
		m.Counts.Rows, m.Counts.Hijacks = m.Counts.Rows+entry.Rows, m.Counts.Hijacks+entry.Hijacks
	}
	add(result.ViewpointsName, 0, func(w *result.HashWriter) {
		list := make([]result.Viewpoint, viewpoints)
		for n := range list {
			list[n] = result.Viewpoint{Name: fmt.Sprintf("AS%d", n+1), ASN: topology.ASN(n + 1)}
		}
		g.Expect(result.WriteJSON(w, list)).To(Succeed())
	})
	add(result.HijacksName(0), len(hijacks), func(w *result.HashWriter) {
		out := result.NewHijackWriter(w, viewpoints)
		for n := range hijacks {
			g.Expect(out.Write(&hijacks[n])).To(Succeed())
		}
		g.Expect(out.Close()).To(Succeed())
		g.Expect(out.Rows()).To(Equal(int64(len(hijacks))))
	})
	m.SHA256 = result.Digest(m.Files)
	f, err := os.Create(filepath.Join(dir, result.ManifestName))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(result.WriteJSON(f, m)).To(Succeed())
	g.Expect(f.Close()).To(Succeed())
	return dir
}

// TestStoredHijacks: what is written is read again, for set sizes around bytes
// and words, and across batches and row groups.
func TestStoredHijacks(t *testing.T) {
	for _, c := range [][2]int{{0, 1}, {1, 1}, {5, 7}, {5, 8}, {5, 9}, {3, 63}, {3, 64}, {3, 65}, {1023, 3}, {1024, 200}, {1025, 128}, {1<<17 + 2, 2}} {
		t.Run(fmt.Sprintf("%d hijacks, %d viewpoints", c[0], c[1]), func(t *testing.T) {
			g := NewWithT(t)
			hijacks := randomHijacks(c[0], c[1])
			d, err := result.Open(store(t, hijacks, c[1]))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(d.Check()).To(Succeed())
			n := 0
			for h, err := range d.Hijacks() {
				g.Expect(err).NotTo(HaveOccurred())
				if !reflect.DeepEqual(*h, hijacks[n]) {
					t.Fatalf("row %d: %+v, want %+v", n, *h, hijacks[n])
				}
				n++
			}
			g.Expect(n).To(Equal(c[0]))
			for range d.Hijacks() {
				break // and the files are closed
			}
		})
	}
}

// TestIndependentReader reads the files with another implementation of Parquet
// (Apache Arrow's): types, names and values are as documented.
func TestIndependentReader(t *testing.T) {
	g := NewWithT(t)
	const viewpoints, bytesOfSet = 69, 9
	hijacks := randomHijacks(3000, viewpoints)
	r, err := file.OpenParquetFile(filepath.Join(store(t, hijacks, viewpoints), result.HijacksName(0)), false)
	g.Expect(err).NotTo(HaveOccurred())
	defer r.Close()
	g.Expect(r.NumRows()).To(Equal(int64(len(hijacks))))
	var columns []string
	for n := range r.MetaData().Schema.NumColumns() {
		c := r.MetaData().Schema.Column(n)
		text := c.Name() + " " + c.PhysicalType().String()
		if l := c.LogicalType(); !l.IsNone() {
			text += " " + l.String()
		}
		g.Expect(c.MaxDefinitionLevel()).To(BeZero(), "required")
		columns = append(columns, text)
		if c.PhysicalType() == parquet.Types.FixedLenByteArray {
			g.Expect(c.TypeLength()).To(Equal(bytesOfSet))
			g.Expect(c.LogicalType()).To(Equal(schema.NoLogicalType{}))
		}
	}
	g.Expect(columns).To(Equal([]string{
		"victim INT32 Int(bitWidth=32, isSigned=false)", "prefix BYTE_ARRAY String", "attacker INT32 Int(bitWidth=32, isSigned=false)", "attack BYTE_ARRAY String",
		"victim_weight DOUBLE", "attacker_weight DOUBLE", "count INT64 Int(bitWidth=64, isSigned=true)",
		"reached FIXED_LEN_BYTE_ARRAY", "lower FIXED_LEN_BYTE_ARRAY", "picked FIXED_LEN_BYTE_ARRAY", "upper FIXED_LEN_BYTE_ARRAY",
	}))
	g.Expect(r.NumRowGroups()).To(Equal(1))
	group := r.RowGroup(0)
	n := int64(len(hijacks))
	victims, attackers, attacks, prefixes := make([]int32, n), make([]int32, n), make([]parquet.ByteArray, n), make([]parquet.ByteArray, n)
	weights, counts, sets := make([]float64, n), make([]int64, n), make([]parquet.FixedLenByteArray, n)
	read := func(column int, batch func(c file.ColumnChunkReader) (int64, int, error)) {
		c, err := group.Column(column)
		g.Expect(err).NotTo(HaveOccurred())
		got, _, err := batch(c)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(got).To(Equal(n))
	}
	read(0, func(c file.ColumnChunkReader) (int64, int, error) {
		return c.(*file.Int32ColumnChunkReader).ReadBatch(n, victims, nil, nil)
	})
	read(1, func(c file.ColumnChunkReader) (int64, int, error) {
		return c.(*file.ByteArrayColumnChunkReader).ReadBatch(n, prefixes, nil, nil)
	})
	read(2, func(c file.ColumnChunkReader) (int64, int, error) {
		return c.(*file.Int32ColumnChunkReader).ReadBatch(n, attackers, nil, nil)
	})
	read(3, func(c file.ColumnChunkReader) (int64, int, error) {
		return c.(*file.ByteArrayColumnChunkReader).ReadBatch(n, attacks, nil, nil)
	})
	read(6, func(c file.ColumnChunkReader) (int64, int, error) {
		return c.(*file.Int64ColumnChunkReader).ReadBatch(n, counts, nil, nil)
	})
	for i, h := range hijacks {
		g.Expect([]any{uint32(victims[i]), string(prefixes[i]), uint32(attackers[i]), string(attacks[i]), counts[i]}).
			To(Equal([]any{uint32(h.Victim), h.Prefix.String(), uint32(h.Attacker), h.Attack, h.Count}))
	}
	for column, want := range map[int]func(result.Hijack) float64{
		4: func(h result.Hijack) float64 { return h.VictimWeight }, 5: func(h result.Hijack) float64 { return h.AttackerWeight },
	} {
		read(column, func(c file.ColumnChunkReader) (int64, int, error) {
			return c.(*file.Float64ColumnChunkReader).ReadBatch(n, weights, nil, nil)
		})
		for i, h := range hijacks {
			g.Expect(weights[i]).To(Equal(want(h)))
		}
	}
	for k := range 4 {
		read(7+k, func(c file.ColumnChunkReader) (int64, int, error) {
			return c.(*file.FixedLenByteArrayColumnChunkReader).ReadBatch(n, sets, nil, nil)
		})
		for i, h := range hijacks {
			for v := range viewpoints {
				if in := sets[i][v/8]>>(v%8)&1 != 0; in != [...]result.Set{h.Reached, h.Lower, h.Picked, h.Upper}[k].Has(v) {
					t.Fatalf("row %d, set %d, viewpoint %d", i, k, v)
				}
			}
		}
	}
}

// TestDamagedDirectories: what is missing or has changed is named.
func TestDamagedDirectories(t *testing.T) {
	hijacks := randomHijacks(2000, 9)
	for name, c := range map[string]struct {
		damage func(g Gomega, dir string)
		want   string
	}{
		"no manifest": {func(g Gomega, dir string) { g.Expect(os.Remove(filepath.Join(dir, result.ManifestName))).To(Succeed()) }, "not a finished study: it has no manifest.json"},
		"no viewpoints": {func(g Gomega, dir string) {
			g.Expect(os.Remove(filepath.Join(dir, result.ViewpointsName))).To(Succeed())
		}, "viewpoints.json: no such file"},
		"other viewpoints": {func(g Gomega, dir string) {
			g.Expect(os.WriteFile(filepath.Join(dir, result.ViewpointsName), []byte("[]"), 0o600)).To(Succeed())
		}, "viewpoints.json: found 2 bytes, expected"},
		"no hijacks": {func(g Gomega, dir string) {
			g.Expect(os.Remove(filepath.Join(dir, result.HijacksName(0)))).To(Succeed())
		}, "00000.parquet: no such file"},
		"half the hijacks": {func(g Gomega, dir string) {
			g.Expect(os.Truncate(filepath.Join(dir, result.HijacksName(0)), 2000)).To(Succeed())
		}, "00000.parquet: "},
		"no Parquet": {func(g Gomega, dir string) {
			g.Expect(os.WriteFile(filepath.Join(dir, result.HijacksName(0)), []byte("victim,attacker\n1,2\n"), 0o600)).To(Succeed())
		}, "00000.parquet: "},
		"sets of another size": {func(g Gomega, dir string) {
			other := store(t, hijacks, 100)
			data, err := os.ReadFile(filepath.Join(other, result.HijacksName(0)))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(os.WriteFile(filepath.Join(dir, result.HijacksName(0)), data, 0o600)).To(Succeed())
		}, "00000.parquet: found"},
		"fewer rows": {func(g Gomega, dir string) {
			other := store(t, hijacks[1:], 9)
			data, err := os.ReadFile(filepath.Join(other, result.HijacksName(0)))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(os.WriteFile(filepath.Join(dir, result.HijacksName(0)), data, 0o600)).To(Succeed())
		}, "00000.parquet: found"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			dir := store(t, hijacks, 9)
			c.damage(g, dir)
			d, err := result.Open(dir)
			if err == nil {
				g.Expect(d.Check()).NotTo(Succeed())
				for _, e := range d.Hijacks() {
					err = e
				}
			}
			g.Expect(err).To(MatchError(ContainSubstring(c.want)))
			g.Expect(err).To(MatchError(ContainSubstring(dir)))
		})
	}
}

func manifestText(t *testing.T) string {
	t.Helper()
	hijacks := randomHijacks(3, 2)
	for n := range hijacks {
		hijacks[n].Count = 1
	}
	data, err := os.ReadFile(filepath.Join(store(t, hijacks, 2), result.ManifestName))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return string(data)
}

func TestParseManifest(t *testing.T) {
	good := manifestText(t)
	for name, c := range map[string]struct{ old, new, want string }{
		"another version":     {"study/v2", "study/v1", `schema: found "mpicsim/study/v1", expected "mpicsim/study/v2"`},
		"an unknown field":    {`"name": "t"`, `"name": "t", "nick": "x"`, `unknown field "nick"`},
		"no JSON":             {`"name"`, `name`, "invalid character"},
		"something behind":    {"\n}\n", "\n}\n{}", "invalid character"},
		"no viewpoints":       {`"viewpoints": 2`, `"viewpoints": 0`, "viewpoints: found 0"},
		"a path out":          {"hijacks/00000.parquet", "../00000.parquet", `files[1].name: found "../00000.parquet", expected "hijacks/00000.parquet"`},
		"another first file":  {`"name": "viewpoints.json"`, `"name": "points.json"`, "files: expected viewpoints.json first"},
		"rows without a file": {`"rows": 3`, `"rows": 4`, "counts: found"},
		"fewer hijacks":       {`"hijacks": 3`, `"hijacks": 1`, "counts: found"},
		"negative":            {`"rows": 3,` + "\n      \"hij", `"rows": -3,` + "\n      \"hij", "do not go together"},
		"an edited hash":      {`"aggregate": true`, `"aggregate": true, "sha256": "00"`, "sha256: found"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(good).To(ContainSubstring(c.old))
			text := strings.Replace(good, c.old, c.new, 1)
			if name == "an edited hash" {
				at := strings.LastIndex(good, `"sha256": "`) + len(`"sha256": "`)
				text = good[:at] + "0" + good[at+1:]
				if text == good {
					text = good[:at] + "1" + good[at+1:]
				}
			}
			_, err := result.ParseManifest([]byte(text))
			g.Expect(err).To(MatchError(ContainSubstring(c.want)))
		})
	}
	m, err := result.ParseManifest([]byte(good))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	NewWithT(t).Expect(m.Counts).To(Equal(result.Counts{Hijacks: 3, Rows: 3}))
}

// FuzzParseManifest: no panic, and what is accepted is the same when it is
// written and read again.
func FuzzParseManifest(f *testing.F) {
	files := []result.File{{Name: result.ViewpointsName, Bytes: 2, SHA256: strings.Repeat("0", 64)}, {Name: result.HijacksName(0), Bytes: 9, SHA256: strings.Repeat("a", 64), Rows: 1, Hijacks: 2}}
	m := result.Manifest{Schema: result.StudySchema, Viewpoints: 1, Aggregate: true, Files: files, SHA256: result.Digest(files), Counts: result.Counts{Hijacks: 2, Rows: 1}}
	seed, err := json.Marshal(m)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	for _, text := range []string{"", "{}", "null", "[]", `{"schema": 1}`, `{"schema": "mpicsim/study/v2"}`, string(seed) + " {}"} {
		f.Add([]byte(text))
	}
	for _, c := range [][2]string{{`"rows":1`, `"rows":-1`}, {`"hijacks":2`, `"hijacks":9223372036854775807`}, {"hijacks/", "../"}, {`"viewpoints":1`, `"viewpoints":-1`}, {"aaaa", "AAAA"}} {
		f.Add(bytes.ReplaceAll(seed, []byte(c[0]), []byte(c[1])))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := result.ParseManifest(data)
		if err != nil {
			return
		}
		var b bytes.Buffer
		g := NewWithT(t)
		g.Expect(result.WriteJSON(&b, m)).To(Succeed())
		again, err := result.ParseManifest(b.Bytes())
		g.Expect(err).NotTo(HaveOccurred())
		var c bytes.Buffer
		g.Expect(result.WriteJSON(&c, again)).To(Succeed())
		g.Expect(c.String()).To(Equal(b.String()))
	})
}

// TestManifestSchemaFitsTypes holds the schema to the Go types.
func TestManifestSchemaFitsTypes(t *testing.T) {
	g := NewWithT(t)
	schema := decode(t, result.ManifestSchemaJSON()).(object)
	c := &comparison{&checker{root: schema}, map[string]reflect.Type{}}
	c.structure("$", schema, reflect.TypeFor[result.Manifest]())
	g.Expect(c.errs).To(BeEmpty())
	g.Expect(schema["properties"].(object)["schema"].(object)["const"]).To(Equal(result.StudySchema))
}

func BenchmarkHijackWriter(b *testing.B) {
	const viewpoints = 200
	hijacks := randomHijacks(1000, viewpoints)
	w := result.NewHijackWriter(&bytes.Buffer{}, viewpoints)
	n := 0
	for b.Loop() {
		if err := w.Write(&hijacks[n%len(hijacks)]); err != nil {
			b.Fatal(err)
		}
		n++
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "hijacks/s")
}

const oneDomain = `{"targets": [{"victim": 7, "prefix": "10.0.0.0/8"}, {"victim": 9, "prefix": "10.0.0.0/8"}], "domains": [` +
	`{"domain": "a.example", "weight": 1, "surfaces": [{"surface": "web", "targets": [[0, 1]]}, {"surface": "web+dns", "targets": [[0, 1]], "unmapped": 1}]}]}`

// badDomains are what is wrong with a study's domains.
func badDomains() map[string]string {
	change := func(from, to string) string { return strings.Replace(oneDomain, from, to, 1) }
	return map[string]string{
		"{}":                                 "domains: found none",
		change(`"domain":`, `"name":`):       `unknown field "name"`,
		change("[[0, 1]]", "[[2]]"):          "domains[0]: found target 2, expected 0 to 1",
		change("[[0, 1]]", "[[-1]]"):         "found target -1",
		change("[[0, 1]]", "[[]]"):           "found a prefix without an origin",
		change(`"weight": 1`, `"weight": 0`): "found weight 0",
		change("10.0.0.0/8", "10.0.0.0"):     "netip",
		oneDomain + "{}":                     "more behind",
		change(`"domains": [`, `"domains": [{"domain": "b.example", "weight": 1, "surfaces": []}, `):                                                                       "domains[0]: found 0 surfaces",
		change(`"domains": [`, `"domains": [{"domain": "b.example", "weight": 1, "surfaces": [{"surface": "x", "targets": []}, {"surface": "web+dns", "targets": []}]}, `): `domains[1]: found surface "web", expected "x"`,
	}
}

// TestParseDomains: what is wrong is named.
func TestParseDomains(t *testing.T) {
	g := NewWithT(t)
	d, err := result.ParseDomains([]byte(oneDomain))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(d.Domains[0].Complete()).To(BeFalse())
	for text, want := range badDomains() {
		_, err := result.ParseDomains([]byte(text))
		g.Expect(err).To(MatchError(ContainSubstring(want)), text)
	}
}

// FuzzParseDomains: no panic; what is accepted can be looked up.
func FuzzParseDomains(f *testing.F) {
	f.Add([]byte(oneDomain))
	for text := range badDomains() {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := result.ParseDomains(data)
		if err != nil {
			return
		}
		for n := range d.Domains {
			d.Domains[n].Complete()
			for k, s := range d.Domains[n].Surfaces {
				if s.Surface != d.Domains[0].Surfaces[k].Surface {
					t.Fatal("different surfaces")
				}
				for _, origins := range s.Targets {
					_ = d.Targets[origins[0]]
				}
			}
		}
	})
}
