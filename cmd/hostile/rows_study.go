package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"mpicsim/scenarios/result"
	"mpicsim/topology"
)

// studyRows are shards of a study that are not what its manifest says, or are so and
// are no Parquet that anybody wrote. Each may cost as much as the honest shard, and a
// few megabytes.
func studyRows(context.Context, func(*space, error) *space) []row {
	honest := sync.OnceValue(shard)
	most := func(honest cost) cost { return cost{honest.cpu + 50*time.Millisecond, honest.peak + 8<<20} }
	rows := []row{{
		name: "Parquet: PAR1PAR1", honest: reading(honest), hostile: reading(func() []byte { return []byte("PAR1PAR1") }), most: most,
	}}
	for _, n := range []int{1, 3, 30} {
		rows = append(rows, row{
			name: fmt.Sprintf("Parquet: a shard of which %d octets are changed", n), honest: reading(honest), most: most,
			hostile: reading(sync.OnceValue(func() []byte {
				data, random := bytes.Clone(honest()), rand.New(rand.NewPCG(1, uint64(n))) //nolint:gosec // the same each time
				for range n {
					data[random.IntN(len(data))] ^= byte(1 + random.IntN(255))
				}
				return data
			})),
		})
	}
	return rows
}

const viewpoints = 70

// shard is 3,000 hijacks as a study stores them.
func shard() []byte {
	var out bytes.Buffer
	w := result.NewHijackWriter(&out, viewpoints)
	random := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // the same each time
	for range 3000 {
		h := result.Hijack{
			Victim: topology.ASN(random.Uint32()), Attacker: topology.ASN(random.Uint32N(100)), Attack: "equal-prefix",
			Prefix: netip.MustParsePrefix("10.0.0.0/16"), VictimWeight: random.Float64(), AttackerWeight: 1, Count: 1,
		}
		for _, s := range []*result.Set{&h.Reached, &h.Lower, &h.Picked, &h.Upper} {
			*s = result.Set{random.Uint64() & random.Uint64(), 0}
			if s != &h.Reached {
				(*s)[0] &= h.Reached[0]
			}
		}
		h.Lower[0] &= h.Picked[0]
		h.Upper[0] |= h.Picked[0]
		if err := w.Write(&h); err != nil {
			panic(err) // a fault of this table
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// reading reads a study of one shard, whose manifest has the hash of the data given.
func reading(data func() []byte) func() report {
	return func() report {
		dir, err := os.MkdirTemp("", "hostile")
		if err != nil {
			return report{verdict: err.Error(), wrong: true}
		}
		defer os.RemoveAll(dir) //nolint:errcheck // a folder of this process
		if err := store(dir, data()); err != nil {
			return report{verdict: err.Error(), wrong: true}
		}
		rows := 0
		d, err := result.Open(dir)
		if err == nil {
			for _, e := range d.Hijacks() {
				if err = errors.Join(err, e); e == nil {
					rows++
				}
			}
		}
		if err != nil {
			return report{verdict: fmt.Sprintf("%.90s", bytes.TrimPrefix([]byte(err.Error()), []byte(dir+"/")))}
		}
		return report{verdict: fmt.Sprintf("%d hijacks", rows)}
	}
}

// store writes a study of one shard.
func store(dir string, data []byte) error {
	list := make([]result.Viewpoint, viewpoints)
	for n := range list {
		list[n] = result.Viewpoint{Name: fmt.Sprintf("AS%d", n+1), ASN: topology.ASN(n + 1)}
	}
	text, err := json.Marshal(list)
	if err != nil {
		return err
	}
	m := result.Manifest{Schema: result.StudySchema, Version: "hostile", Name: "hostile", Viewpoints: viewpoints, Aggregate: true}
	if err := os.Mkdir(filepath.Join(dir, result.HijacksFolder), 0o700); err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		data []byte
		rows int64
	}{{result.ViewpointsName, text, 0}, {result.HijacksName(0), data, 3000}} {
		w := result.NewHashWriter(&bytes.Buffer{})
		if _, err := w.Write(f.data); err != nil {
			return err
		}
		entry := w.File()
		entry.Name, entry.Rows, entry.Hijacks = f.name, f.rows, f.rows
		m.Files = append(m.Files, entry)
		m.Counts.Rows, m.Counts.Hijacks = m.Counts.Rows+f.rows, m.Counts.Hijacks+f.rows
		if err := os.WriteFile(filepath.Join(dir, f.name), f.data, 0o600); err != nil {
			return err
		}
	}
	m.SHA256 = result.Digest(m.Files)
	var out bytes.Buffer
	if err := result.WriteJSON(&out, m); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, result.ManifestName), out.Bytes(), 0o600)
}
