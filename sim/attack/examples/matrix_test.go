package examples_test

import (
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/sim/attack"
	"mpicsim/sim/attack/examples"
	"mpicsim/sim/route"
)

// met is what one attack comes to. Defences that neither of the lists names change
// no AS's route.
type met struct {
	attack string
	// undefended are all routes where nobody has a defence.
	undefended string
	// stopped are the defences with which every AS but the attacker has the route that
	// it has without the attack.
	stopped []string
	// partly are the routes that are different with a defence.
	partly map[string]string
}

// meetings have been checked against the drawing, one by one.
func meetings() []met {
	return []met{
		{
			attack:     "equal-prefix",
			undefended: "1: /22 1; 2: /22 2 40 4 !; 3: /22 3 60 50 4 !; 4: /22 4 !; 10: /22 10 40 4 !; 20: /22 20 50 4 !; 30: /22 30 1; 40: /22 40 4 !; 50: /22 50 4 !; 60: /22 60 50 4 !",
			stopped:    []string{"rov: on", "rov-plus-plus"},
			partly: map[string]string{
				"rov: customers-exempt": "2: none; 3: none; 60: none",
				"rov: peers":            "3: /22 3 60 20 50 4 !; 60: /22 60 20 50 4 !",
				"rov: prefer-valid":     "10: /22 10 30 1",
				"bgpsec":                "10: /22 10 30 1",
			},
		},
		{
			attack:     "sub-prefix",
			undefended: "1: /24 1 30 10 40 4 !; 2: /24 2 40 4 !; 3: /24 3 60 50 4 !; 4: /24 4 !; 10: /24 10 40 4 !; 20: /24 20 50 4 !; 30: /24 30 10 40 4 !; 40: /24 40 4 !; 50: /24 50 4 !; 60: /24 60 50 4 !",
			stopped:    []string{"rov: on", "rov-plus-plus"},
			partly: map[string]string{
				"rov: customers-exempt": "1: /22 1; 2: /22 2 40 10 30 1 !; 3: /22 3 60 20 10 30 1 !; 30: /22 30 1; 60: /22 60 20 10 30 1 !",
				"rov: peers":            "3: /24 3 60 20 50 4 !; 60: /24 60 20 50 4 !",
			},
		},
		{
			attack:     "forged-origin",
			undefended: "1: /22 1; 2: /22 2 40 4 1 !; 3: /22 3 60 50 4 1 !; 4: /22 4 1 !; 10: /22 10 30 1; 20: /22 20 50 4 1 !; 30: /22 30 1; 40: /22 40 4 1 !; 50: /22 50 4 1 !; 60: /22 60 50 4 1 !",
			stopped:    []string{"aspa", "path-end"},
		},
		{
			attack:     "forged-origin type 2",
			undefended: "1: /22 1; 2: /22 2 40 4 30 1 !; 3: /22 3 60 50 4 30 1 !; 4: /22 4 30 1 !; 10: /22 10 30 1; 20: /22 20 50 4 30 1 !; 30: /22 30 1; 40: /22 40 4 30 1 !; 50: /22 50 4 30 1 !; 60: /22 60 50 4 30 1 !",
			stopped:    []string{"aspa"},
		},
		{
			attack:     "forged-origin-sub-prefix",
			undefended: "1: /22 1; 2: /24 2 40 4 1 !; 3: /24 3 60 50 4 1 !; 4: /24 4 1 !; 10: /24 10 40 4 1 !; 20: /24 20 50 4 1 !; 30: /24 30 10 40 4 1 !; 40: /24 40 4 1 !; 50: /24 50 4 1 !; 60: /24 60 50 4 1 !",
			stopped:    []string{"rov: on", "aspa", "path-end", "rov-plus-plus"},
			partly: map[string]string{
				"rov: customers-exempt": "2: /22 2 40 10 30 1 !; 3: /22 3 60 20 10 30 1 !; 30: /22 30 1; 60: /22 60 20 10 30 1 !",
				"rov: peers":            "3: /24 3 60 20 50 4 1 !; 60: /24 60 20 50 4 1 !",
			},
		},
		{
			attack:     "prepended",
			undefended: "1: /22 1; 2: /22 2 40 4 4 4 !; 3: /22 3 60 50 4 4 4 !; 4: /22 4 4 4 !; 10: /22 10 30 1; 20: /22 20 50 4 4 4 !; 30: /22 30 1; 40: /22 40 4 4 4 !; 50: /22 50 4 4 4 !; 60: /22 60 50 4 4 4 !",
			stopped:    []string{"rov: on", "rov-plus-plus"},
			partly: map[string]string{
				"rov: customers-exempt": "2: none; 3: none; 60: none",
				"rov: peers":            "3: /22 3 60 20 50 4 4 4 !; 60: /22 60 20 50 4 4 4 !",
			},
		},
		{
			attack:     "prepended by the victim",
			undefended: "1: /22 1 1 1; 2: /22 2 40 4 !; 3: /22 3 60 50 4 !; 4: /22 4 !; 10: /22 10 40 4 !; 20: /22 20 50 4 !; 30: /22 30 1 1 1; 40: /22 40 4 !; 50: /22 50 4 !; 60: /22 60 50 4 !",
			stopped:    []string{"rov: on", "rov-plus-plus"},
			partly: map[string]string{
				"rov: customers-exempt": "2: none; 3: none; 60: none",
				"rov: peers":            "3: /22 3 60 20 50 4 !; 60: /22 60 20 50 4 !",
				"rov: prefer-valid":     "10: /22 10 30 1 1 1",
			},
		},
		{
			attack:     "poisoned",
			undefended: "1: /22 1; 2: /22 2 40 4 20 4 !; 3: /22 3 60 50 4 20 4 !; 4: /22 4 20 4 !; 10: /22 10 30 1; 20: /22 20 10 30 1; 30: /22 30 1; 40: /22 40 4 20 4 !; 50: /22 50 4 20 4 !; 60: /22 60 50 4 20 4 !",
			stopped:    []string{"rov: on", "aspa", "peerlock-lite", "path-end", "rov-plus-plus"},
			partly: map[string]string{
				"rov: customers-exempt": "2: none; 3: /22 3 60 20 10 30 1; 60: /22 60 20 10 30 1",
				"rov: peers":            "3: /22 3 60 20 10 30 1; 60: /22 60 20 10 30 1",
			},
		},
		{
			attack:     "scoped",
			undefended: "1: /22 1; 2: /22 2 40 4 !; 3: /22 3 60 20 10 40 4 !; 4: /22 4 !; 10: /22 10 40 4 !; 20: /22 20 10 40 4 !; 30: /22 30 1; 40: /22 40 4 !; 50: /22 50 20 10 40 4 !; 60: /22 60 20 10 40 4 !",
			stopped:    []string{"rov: on", "rov-plus-plus"},
			partly: map[string]string{
				"rov: customers-exempt": "2: none; 3: none; 20: none; 50: none; 60: none",
				"rov: peers":            "3: none; 20: none; 50: none; 60: none",
				"rov: prefer-valid":     "3: /22 3 60 20 10 30 1; 10: /22 10 30 1; 20: /22 20 10 30 1; 50: /22 50 20 10 30 1; 60: /22 60 20 10 30 1",
				"bgpsec":                "3: /22 3 60 20 10 30 1; 10: /22 10 30 1; 20: /22 20 10 30 1; 50: /22 50 20 10 30 1; 60: /22 60 20 10 30 1",
			},
		},
		{
			attack:     "interception",
			undefended: "1: /22 1; 2: /22 2 40 10 30 1; 3: /22 3 60 50 4 !; 4: /22 4 40 10 30 1 !; 10: /22 10 30 1; 20: /22 20 50 4 !; 30: /22 30 1; 40: /22 40 10 30 1; 50: /22 50 4 !; 60: /22 60 50 4 !",
			partly: map[string]string{
				"rov: on":               "3: /22 3 60 50 4 40 10 30 1 !; 20: /22 20 50 4 40 10 30 1 !; 50: /22 50 4 40 10 30 1 !; 60: /22 60 50 4 40 10 30 1 !",
				"rov: customers-exempt": "3: /22 3 60 50 4 40 10 30 1 !; 20: /22 20 50 4 40 10 30 1 !; 50: /22 50 4 40 10 30 1 !; 60: /22 60 50 4 40 10 30 1 !",
				"rov-plus-plus":         "3: /22 3 60 50 4 40 10 30 1 !; 20: /22 20 50 4 40 10 30 1 !; 50: /22 50 4 40 10 30 1 !; 60: /22 60 50 4 40 10 30 1 !",
				"rov: peers":            "3: /22 3 60 20 50 4 !; 60: /22 60 20 50 4 !",
			},
		},
		{
			attack:     "route-leak",
			undefended: "1: /22 1; 2: /22 2 40 10 30 1; 3: /22 3 60 50 4 40 10 30 1 !; 4: /22 4 40 10 30 1 !; 10: /22 10 30 1; 20: /22 20 50 4 40 10 30 1 !; 30: /22 30 1; 40: /22 40 10 30 1; 50: /22 50 4 40 10 30 1 !; 60: /22 60 50 4 40 10 30 1 !",
			stopped:    []string{"aspa", "otc", "peerlock-lite"},
		},
		{
			attack:     "route-leak type 5",
			undefended: "1: /22 1; 2: /22 2 40 10 30 1; 3: /22 3 60 50 4 !; 4: /22 4 40 10 30 1 !; 10: /22 10 30 1; 20: /22 20 50 4 !; 30: /22 30 1; 40: /22 40 10 30 1; 50: /22 50 4 !; 60: /22 60 50 4 !",
			stopped:    []string{"rov: on", "rov-plus-plus"},
			partly: map[string]string{
				"rov: customers-exempt": "3: none; 60: none",
				"rov: peers":            "3: /22 3 60 20 50 4 !; 60: /22 60 20 50 4 !",
			},
		},
		{
			attack:     "route-leak type 6",
			undefended: "1: /24 1 30 10 40 4 !; 2: /24 2 40 4 !; 3: /24 3 60 50 4 !; 4: /22 4 40 10 30 1 !; 10: /24 10 40 4 !; 20: /24 20 50 4 !; 30: /24 30 10 40 4 !; 40: /24 40 4 !; 50: /24 50 4 !; 60: /24 60 50 4 !",
			stopped:    []string{"rov: on", "rov-plus-plus"},
			partly: map[string]string{
				"rov: customers-exempt": "1: /22 1; 2: /22 2 40 10 30 1 !; 3: /22 3 60 20 10 30 1 !; 30: /22 30 1; 60: /22 60 20 10 30 1 !",
				"rov: peers":            "3: /24 3 60 20 50 4 !; 60: /24 60 20 50 4 !",
			},
		},
		{
			attack:     "malicious-roa",
			undefended: "1: /22 1; 2: /22 2 40 4 !; 3: /22 3 60 50 4 !; 4: /22 4 !; 10: /22 10 40 4 !; 20: /22 20 50 4 !; 30: /22 30 1; 40: /22 40 4 !; 50: /22 50 4 !; 60: /22 60 50 4 !",
			partly: map[string]string{
				"rov: on":       "30: /22 30 10 40 4 !",
				"rov-plus-plus": "30: /22 30 10 40 4 !",
				"bgpsec":        "10: /22 10 30 1",
			},
		},
		{
			attack:     "loose-roa",
			undefended: "1: /22 1; 2: /24 2 40 4 1 !; 3: /24 3 60 50 4 1 !; 4: /24 4 1 !; 10: /24 10 40 4 1 !; 20: /24 20 50 4 1 !; 30: /24 30 10 40 4 1 !; 40: /24 40 4 1 !; 50: /24 50 4 1 !; 60: /24 60 50 4 1 !",
			stopped:    []string{"aspa", "path-end"},
		},
		{
			attack:     "withdrawal",
			undefended: "1: /22 1; 2: /22 2 40 4 !; 3: /22 3 60 50 4 !; 4: /22 4 !; 10: /22 10 40 4 !; 20: /22 20 50 4 !; 30: /22 30 1; 40: /22 40 4 !; 50: /22 50 4 !; 60: /22 60 50 4 !",
			stopped:    []string{"rov: on", "rov-plus-plus"},
			partly: map[string]string{
				"rov: customers-exempt": "2: none; 3: none; 60: none",
				"rov: peers":            "3: /22 3 60 20 50 4 !; 60: /22 60 20 50 4 !",
				"rov: prefer-valid":     "10: /22 10 30 1",
				"bgpsec":                "10: /22 10 30 1",
			},
		},
		{
			attack:     "flapping",
			undefended: "1: /22 1; 2: /22 2 40 4 !; 3: /22 3 60 50 4 !; 4: /22 4 !; 10: /22 10 40 4 !; 20: /22 20 50 4 !; 30: /22 30 1; 40: /22 40 4 !; 50: /22 50 4 !; 60: /22 60 50 4 !",
			stopped:    []string{"rov: on", "rov-plus-plus"},
			partly: map[string]string{
				"rov: customers-exempt": "2: none; 3: none; 60: none",
				"rov: peers":            "3: /22 3 60 20 50 4 !; 60: /22 60 20 50 4 !",
				"rov: prefer-valid":     "10: /22 10 30 1",
				"bgpsec":                "10: /22 10 30 1",
			},
		},
	}
}

// unharmed are the routes without any attack.
const unharmed = "1: /22 1; 2: /22 2 40 10 30 1; 3: /22 3 60 20 10 30 1; 4: /22 4 40 10 30 1 !; 10: /22 10 30 1; 20: /22 20 10 30 1; 30: /22 30 1; 40: /22 40 10 30 1; 50: /22 50 20 10 30 1; 60: /22 60 20 10 30 1"

// with returns routes with some of them in place of others of the same AS.
func with(routes, instead string) []string {
	out := strings.Split(routes, "; ")
	if instead == "" {
		return out
	}
	for line := range strings.SplitSeq(instead, "; ") {
		asn, _, _ := strings.Cut(line, ":")
		out[slices.IndexFunc(out, func(l string) bool { return strings.HasPrefix(l, asn+":") })] = line
	}
	return out
}

// TestMatrix holds every attack against every defence at every AS.
func TestMatrix(t *testing.T) {
	g := NewWithT(t)
	matrix, err := examples.Matrix()
	g.Expect(err).NotTo(HaveOccurred())
	want, kinds := meetings(), map[attack.Kind]bool{}
	g.Expect(matrix).To(HaveLen(len(want) * (1 + len(route.Defences()))))
	for n, m := range matrix {
		row := want[n/(1+len(route.Defences()))]
		kinds[m.Kind] = true
		attacker := strings.Split(row.undefended, "; ")[3]
		expected := with(row.undefended, row.partly[m.Defence])
		if slices.Contains(row.stopped, m.Defence) {
			expected = with(unharmed, attacker)
		}
		if row.attack == "prepended by the victim" && slices.Contains(row.stopped, m.Defence) {
			for i, line := range expected {
				if strings.HasSuffix(line, " 1") { // its number is there three times
					expected[i] = line + " 1 1"
				}
			}
		}
		g.Expect(m.Attack).To(Equal(row.attack))
		g.Expect(m.Result.Plan.Obstacle).To(BeEmpty())
		g.Expect(m.Result.Routes).To(Equal(expected), "%s against %q", m.Attack, m.Defence)
	}
	g.Expect(kinds).To(HaveLen(len(attack.Kinds())))
}
