package policy

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Presets returns the rules that have a name and no date, in the order in which
// a manual would list them. The rules of the BR come from [QuorumAt].
func Presets() []Quorum {
	const own = "mpicsim: for comparison"
	return []Quorum{
		{
			Name: "primary-only", Clause: "rule primary-only", Source: own + ", issuance without MPIC",
			Enforced: true,
		},
		{
			Name: "all", Clause: "rule all", Source: own + ", every remote must corroborate",
			MinRemotes: 1, Enforced: true,
		},
		{
			Name: "n-1", Clause: "rule n-1", Source: own + ", all remotes but one",
			MinRemotes: 2, Allowed: 1, Enforced: true,
		},
		{
			Name: "n-2", Clause: "rule n-2", Source: own + ", all remotes but two",
			MinRemotes: 3, Allowed: 2, Enforced: true,
		},
		{
			Name: "lets-encrypt-2020", Clause: "rule lets-encrypt-2020 (primary and 2 of 3)",
			Source:     "Let's Encrypt's first deployment, as modelled by Cimaszewski et al., USENIX Security 2023",
			MinRemotes: 3, MaxRemotes: 3, Allowed: 1, Enforced: true,
		},
		{
			Name: "boulder", Clause: "rule boulder (BR table, 3 or more remotes, 2 RIR regions, no distances)",
			Source:     "letsencrypt/boulder va/va.go at 2d00c8e (2026-08-07)",
			MinRemotes: 3, ByTable: true, MinRIRs: 2, Enforced: true,
		},
	}
}

// KOfN returns the rule "k of exactly n remotes", without geography, RIR or
// date. It needs 1 <= k <= n.
func KOfN(k, n int) (Quorum, error) {
	if k < 1 || k > n {
		return Quorum{}, fmt.Errorf("quorum %d/%d: want k/n with 1 <= k <= n", k, n)
	}
	name := fmt.Sprintf("%d/%d", k, n)
	return Quorum{
		Name:       name,
		Clause:     "rule " + name,
		Source:     "mpicsim: for comparison, a fixed quorum",
		MinRemotes: n,
		MaxRemotes: n,
		Allowed:    n - k,
		Enforced:   true,
	}, nil
}

// ParseRule reads the name of a rule: "br" for the Baseline Requirements on
// today, "br@2026-12-15" for those on another day, "2/3" for two of exactly
// three remotes, or one of [Presets].
func ParseRule(rule string, today time.Time) (Quorum, error) {
	if rule == "br" {
		return QuorumAt(today), nil
	}
	if on, ok := strings.CutPrefix(rule, "br@"); ok {
		date, err := ParseDate(on)
		if err != nil {
			return Quorum{}, fmt.Errorf("quorum rule %q: %w", rule, err)
		}
		return QuorumAt(date), nil
	}
	if k, n, ok := strings.Cut(rule, "/"); ok {
		q, err := parseKOfN(k, n)
		if err != nil {
			return Quorum{}, fmt.Errorf("quorum rule %q: %w", rule, err)
		}
		return q, nil
	}
	names := []string{"br", "br@YYYY-MM-DD", "k/n"}
	for _, q := range Presets() {
		if q.Name == rule {
			return q, nil
		}
		names = append(names, q.Name)
	}
	return Quorum{}, fmt.Errorf("quorum rule %q: want one of %s", rule, strings.Join(names, ", "))
}

func parseKOfN(k, n string) (Quorum, error) {
	ki, err := parseCount(k)
	if err != nil {
		return Quorum{}, err
	}
	ni, err := parseCount(n)
	if err != nil {
		return Quorum{}, err
	}
	return KOfN(ki, ni)
}

// parseCount reads a count as it is printed: digits without sign or leading
// zero, so that one rule has one name.
func parseCount(s string) (int, error) {
	i, err := strconv.Atoi(s)
	if err != nil || strconv.Itoa(i) != s {
		return 0, fmt.Errorf("count %q: want a whole number", s)
	}
	return i, nil
}
