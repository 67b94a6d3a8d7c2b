package replay_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/scenarios"
	"mpicsim/scenarios/replay"
	"mpicsim/scenarios/result"
)

// realTopology returns the path of CAIDA's AS relationships of 2025-09-01; the
// spec is skipped where they are absent.
func realTopology() string {
	GinkgoHelper()
	dir := os.Getenv("MPICSIM_DATA")
	if dir == "" {
		root, err := filepath.Abs(".")
		Expect(err).NotTo(HaveOccurred())
		for !exists(filepath.Join(root, "go.mod")) {
			Expect(filepath.Dir(root)).NotTo(Equal(root), "no go.mod above this folder")
			root = filepath.Dir(root)
		}
		dir = filepath.Join(root, "..", "shared", "data")
	}
	file := filepath.Join(dir, "20250901.as-rel2.txt.bz2")
	if !exists(file) {
		Skip("SKIPPED: no real topology: " + file + " does not exist; set MPICSIM_DATA to the folder that holds it")
	}
	return file
}

func exists(path string) bool {
	_, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return false
	}
	Expect(err).NotTo(HaveOccurred())
	return true
}

// story is a hijack in the customer cone of one of three tier-1s. The primary
// (AS 12) and "west" (AS 13) are in that cone; the others are not.
//
//	   10 ──────── 20 ──────── 30          tier 1, all peers
//	   ├──┬──┐      ├──┬───┐    ├──┬──┐
//	   11 13 14     22 23 64500 32 33 64501
//	   │     │         ns victim      spare
//	   12    64666
//	primary  attacker
const story = `name: story
title: A story
claim: What specs change
topology:
  links: [10 - 20, 20 - 30, 10 - 30, 10 > 11, 11 > 12, 10 > 13, 10 > 14, 14 > 64666, 20 > 22, 20 > 23, 20 > 64500, 30 > 32, 30 > 33, 30 > 64501]
  places:
    - {as: 10, lat: 41.88, lon: -87.63}
    - {as: 20, lat: 51.51, lon: -0.13}
    - {as: 30, lat: 35.68, lon: 139.69}
routing: {tie-break: lowest-neighbor, seed: 1}
victim:
  as: 64500
  prefixes: [203.0.112.0/23]
  domain: shop.example
  web: [203.0.113.80]
  caa: ['0 issue "ca.example"']
  name-servers:
    - {name: ns1.shop.example, as: 23, prefix: 198.51.100.0/24, address: 198.51.100.53}
attacker: {as: 64666}
ca:
  date: 2026-12-15
  method: acme-http-01
  perspectives:
    primary: {name: primary, lat: 40, lon: -83, rir: ARIN, as: 12}
    remotes:
      - {name: west, lat: 45, lon: -122, rir: ARIN, as: 13}
      - {name: frankfurt, lat: 50, lon: 9, rir: RIPE NCC, as: 22}
      - {name: tokyo, lat: 36, lon: 140, rir: APNIC, as: 32}
      - {name: sydney, lat: -34, lon: 151, rir: APNIC, as: 33}
      - {name: natal, lat: -6, lon: -35, rir: LACNIC, as: 20}
timeline:
  - {at: 0s, announce: {}}
  - {at: 60s, hijack: {prefixes: [203.0.112.0/23]}}
  - {at: 90s, check: {name: during}}
`

// The perspectives of the story, and those of them in the attacker's reach.
var (
	everybody = []string{"primary", "west", "frankfurt", "tokyo", "sydney", "natal"}
	inCone    = []string{"primary", "west"}
)

// tell parses the story with changes: pairs of what is there once, and what
// takes its place.
func tell(changes ...string) *scenarios.Source {
	GinkgoHelper()
	text := story
	for n := 0; n < len(changes); n += 2 {
		Expect(strings.Count(text, changes[n])).To(Equal(1), "%q stands in the story once", changes[n])
		text = strings.Replace(text, changes[n], changes[n+1], 1)
	}
	src, err := scenarios.Parse([]byte(text), "story.yaml")
	Expect(err).NotTo(HaveOccurred())
	return src
}

// timeline returns the change of the story to another timeline.
func timeline(events ...string) []string {
	old := story[strings.Index(story, "timeline:"):]
	return []string{old, "timeline:\n  - " + strings.Join(events, "\n  - ") + "\n"}
}

// run replays a scenario. In none of them does anybody wait: a packet that got
// lost would cost a timeout of seconds, which the virtual clock shows.
func run(ctx context.Context, src *scenarios.Source) *result.Replay {
	GinkgoHelper()
	r, err := replay.Run(ctx, replay.Options{Source: src, Version: "test"})
	Expect(err).NotTo(HaveOccurred())
	expectNoWaiting(r)
	return r
}

func expectNoWaiting(r *result.Replay) {
	GinkgoHelper()
	for _, c := range r.Checks {
		for _, row := range c.Rows {
			for _, e := range append(slices.Clone(row.DCV.Evidence), row.CAA.Evidence...) {
				Expect(e.Took).To(BeNumerically("<", 4*time.Second), "%s in %s: %s at %s: %v", row.Perspective, c.Name, e.Query, e.Server, e.Answer)
			}
		}
	}
}

// check returns a check by its name.
func check(r *result.Replay, name string) result.Check {
	GinkgoHelper()
	n := slices.IndexFunc(r.Checks, func(c result.Check) bool { return c.Name == name })
	Expect(n).To(BeNumerically(">=", 0), "there is a check %q", name)
	return r.Checks[n]
}

// row returns what one perspective did.
func row(c result.Check, perspective string) result.Row {
	GinkgoHelper()
	n := slices.IndexFunc(c.Rows, func(r result.Row) bool { return r.Perspective == perspective })
	Expect(n).To(BeNumerically(">=", 0), "there is a perspective %q", perspective)
	return c.Rows[n]
}

// reached returns whom the perspectives reached.
func reached(c result.Check) map[string]string {
	out := map[string]string{}
	for _, r := range c.Rows {
		out[r.Perspective] = r.Reached
	}
	return out
}

// sides says that some perspectives reach one side, and all others another.
func sides(side string, names []string, others string) map[string]string {
	out := map[string]string{}
	for _, name := range everybody {
		out[name] = others
		if slices.Contains(names, name) {
			out[name] = side
		}
	}
	return out
}

func fooled(names ...string) map[string]string { return sides("attacker", names, "victim") }

// verdicts returns what the perspectives said, as "dcv, caa".
func verdicts(c result.Check) map[string]string {
	out := map[string]string{}
	for _, r := range c.Rows {
		out[r.Perspective] = fmt.Sprintf("%v %s, %v %s", r.DCV.Verdict, r.DCV.Reason, r.CAA.Verdict, r.CAA.Reason)
	}
	return out
}
