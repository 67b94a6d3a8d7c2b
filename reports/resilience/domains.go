package resilience

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"mpicsim/scenarios/result"
	"mpicsim/topology"
)

// MaxDomainBytes is what [Domains] may hold of hijacks, 8 GiB.
const MaxDomainBytes = 8 << 30

// Domains puts the hijacks of targets together to those of the domains that depend
// on them, see [Surface]. It holds all hijacks that it is given: 32 bytes for each
// and 64 viewpoints. Create it with [NewDomains].
type Domains struct {
	list    *result.Domains
	words   int
	attacks []string
	asns    []topology.ASN // attackers in order of first appearance
	weights []float64
	index   map[topology.ASN]int32
	targets map[result.Target]int32
	// rows are by attack, target and attacker: four sets for each, room for as many
	// attackers as limit.
	rows  [][]uint64
	limit int
	added int64
}

// NewDomains returns room for the hijacks of some viewpoints, attackers and ways of
// attack. It keeps the domains. It returns an error if they need more than
// [MaxDomainBytes].
func NewDomains(list *result.Domains, viewpoints, attackers, attacks int) (*Domains, error) {
	d := &Domains{
		list: list, words: (viewpoints + 63) / 64, limit: attackers,
		index: map[topology.ASN]int32{}, targets: map[result.Target]int32{},
	}
	const perWord = 4 * 8
	if need := float64(len(list.Targets)) * float64(attackers) * float64(attacks) * float64(d.words) * perWord; need > MaxDomainBytes {
		return nil, fmt.Errorf("%d targets by %d attackers in %d ways at %d viewpoints take %.0f MB: want at most %d MB; take fewer, or a sample",
			len(list.Targets), attackers, attacks, viewpoints, need/1e6, int64(MaxDomainBytes)/1e6)
	}
	for n, t := range list.Targets {
		d.targets[t] = int32(n)
	}
	return d, nil
}

// Add takes one hijack of a target. It is copied.
func (d *Domains) Add(h *result.Hijack) error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("hijack of %v of AS %v by AS %v: %w", h.Prefix, h.Victim, h.Attacker, fmt.Errorf(format, args...))
	}
	target, ok := d.targets[result.Target{Victim: h.Victim, Prefix: h.Prefix}]
	if !ok {
		return fail("no domain depends on it")
	}
	if h.Attacker == 0 {
		return fail("attackers are not told apart, which domains need")
	}
	attack := slices.Index(d.attacks, h.Attack)
	if attack < 0 {
		attack = len(d.attacks)
		d.attacks = append(d.attacks, h.Attack)
		d.rows = append(d.rows, make([]uint64, len(d.list.Targets)*d.limit*4*d.words))
	}
	n, known := d.index[h.Attacker]
	if !known {
		if n = int32(len(d.asns)); int(n) == d.limit {
			return fail("more than %d attackers", d.limit)
		}
		d.index[h.Attacker] = n
		d.asns, d.weights = append(d.asns, h.Attacker), append(d.weights, h.AttackerWeight)
	}
	row := d.row(attack, target, n)
	for k, set := range [...]result.Set{h.Reached, h.Lower, h.Picked, h.Upper} {
		if len(set) != d.words {
			return fail("a set of %d words, expected %d", len(set), d.words)
		}
		copy(row[k*d.words:], set)
	}
	d.added++
	return nil
}

// complete returns an error if some attacker's hijack of some target is missing, or
// there twice: it would pass for one that fools nobody.
func (d *Domains) complete() error {
	pairs := int64(len(d.list.Targets)) * int64(len(d.asns))
	for _, t := range d.list.Targets {
		if _, own := d.index[t.Victim]; own {
			pairs--
		}
	}
	if want := pairs * int64(len(d.attacks)); d.added != want {
		return fmt.Errorf("%d hijacks of %d targets by %d attackers in %d ways: want %d", d.added, len(d.list.Targets), len(d.asns), len(d.attacks), want)
	}
	return nil
}

func (d *Domains) row(attack int, target, attacker int32) []uint64 {
	size := 4 * d.words
	return d.rows[attack][(int(target)*d.limit+int(attacker))*size:][:size]
}

// Apart counts what is not among the hijacks of a surface.
type Apart struct {
	// Incomplete domains have something unknown, see [result.Domain.Complete];
	// Weight is theirs. They must not count as safe, and nobody can say how safe they
	// are.
	Incomplete       int     `json:"incomplete"`
	IncompleteWeight float64 `json:"incomplete_weight"`
	// Own are pairs of a domain and an attacker who originates one of its targets:
	// who has its addresses needs no hijack.
	Own int64 `json:"own"`
}

// Surfaces returns the names of the surfaces, the smallest first.
func (d *Domains) Surfaces() []string {
	var names []string
	for _, of := range d.list.Domains {
		for _, s := range of.Surfaces {
			if !slices.Contains(names, s.Surface) {
				names = append(names, s.Surface)
			}
		}
	}
	return names
}

// Names returns those of all domains: the n-th is victim n+1 of the hijacks of
// [Domains.Each].
func (d *Domains) Names() []string {
	names := make([]string, len(d.list.Domains))
	for n, of := range d.list.Domains {
		names[n] = of.Name
	}
	return names
}

// Each calls each with the hijack of every domain in one surface, by domain, way of
// attack and attacker. A victim is the place of its domain, counted from 1. Every
// surface has the same domains and attackers: the domains that are complete, and
// for each the attackers who originate nothing that it depends on. What each is
// given is good until it returns.
func (d *Domains) Each(surface string, each func(*result.Hijack) error) (Apart, error) {
	var apart Apart
	if !slices.Contains(d.Surfaces(), surface) {
		return apart, fmt.Errorf("surface %q: want one of %v", surface, d.Surfaces())
	}
	if err := d.complete(); err != nil {
		return apart, err
	}
	order := make([]int32, len(d.asns))
	for n := range order {
		order[n] = int32(n)
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Compare(d.asns[a], d.asns[b]) })
	sets := make([]uint64, 4*d.words)
	at := func(k int) result.Set { return sets[k*d.words : (k+1)*d.words] }
	for n := range d.list.Domains {
		of := &d.list.Domains[n]
		if !of.Complete() {
			apart.Incomplete++
			apart.IncompleteWeight += of.Weight
			continue
		}
		targets, widest := of.Surfaces[slices.IndexFunc(of.Surfaces, func(s result.Surface) bool { return s.Surface == surface })].Targets, of.Surfaces[len(of.Surfaces)-1].Targets
		if len(widest) == 0 {
			return apart, errors.New("domain " + of.Name + ": nothing to hijack")
		}
		own := map[topology.ASN]bool{}
		for _, origins := range widest {
			for _, t := range origins {
				own[d.list.Targets[t].Victim] = true
			}
		}
		for _, asn := range d.asns {
			if own[asn] {
				apart.Own++
			}
		}
		h := result.Hijack{
			Victim: topology.ASN(n + 1), VictimWeight: of.Weight, Count: 1, Reached: at(0), Lower: at(1), Picked: at(2), Upper: at(3),
		}
		for attack, name := range d.attacks {
			h.Attack = name
			for _, attacker := range order {
				if own[d.asns[attacker]] {
					continue
				}
				h.Attacker, h.AttackerWeight = d.asns[attacker], d.weights[attacker]
				d.join(sets, attack, attacker, targets, widest)
				if err := each(&h); err != nil {
					return apart, err
				}
			}
		}
	}
	return apart, nil
}

// join does what [Surface] does, with the bounds of prefixes with several origins
// as [result.Surface] says. Where DNSSEC leaves no target nobody is fooled, and who
// has a route is told from the widest surface.
func (d *Domains) join(sets []uint64, attack int, attacker int32, targets, widest [][]int32) {
	w := d.words
	for i := range w {
		sets[i], sets[w+i], sets[2*w+i], sets[3*w+i] = ^uint64(0), 0, 0, 0
	}
	for _, origins := range targets {
		first := d.row(attack, origins[0], attacker)
		for i := range w {
			least := first[3*w+i]
			sets[i] &= first[i]
			sets[w+i] |= first[w+i]
			sets[2*w+i] |= first[2*w+i]
			for _, t := range origins[1:] {
				other := d.row(attack, t, attacker)
				sets[w+i] |= other[w+i]
				least &= other[3*w+i]
			}
			sets[3*w+i] |= least
		}
	}
	if len(targets) == 0 {
		for _, origins := range widest {
			row := d.row(attack, origins[0], attacker)
			for i := range w {
				sets[i] &= row[i]
			}
		}
	}
	for i := range w {
		sets[i] |= sets[w+i]
	}
}
