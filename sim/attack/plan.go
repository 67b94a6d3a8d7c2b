package attack

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"mpicsim/sim/route"
	"mpicsim/topology"
	"mpicsim/topology/rpki"
)

// Setting is the Internet that an attack is planned for.
type Setting struct {
	// Engine is needed.
	Engine *route.Engine
	// Options are those of the propagations: leaks and interceptions depend on
	// everybody's routes.
	Options route.Options
	// Standing are the announcements without the attack, those of other prefixes
	// included or not. Kinds that use the attacker's own route to the target need the
	// victim's.
	Standing []route.Announcement
	// LongestIPv4 and LongestIPv6 are the longest prefixes that are accepted
	// everywhere, in bits; 0 stands for 24 and 48 (RFC 7454 section 6.1.3).
	LongestIPv4, LongestIPv6 int
}

// Plan is what an attack does. Times are offsets from its beginning.
type Plan struct {
	Attack Attack // with defaults filled in
	// Obstacle is why the attack cannot be launched, and Why says it in a sentence;
	// empty if it can. Nothing is announced then.
	Obstacle Obstacle
	Why      string
	// Steps are in order of time, the first at 0.
	Steps []Step
	// VRPs come in when the attack begins, after all payloads that cover a prefix of
	// Revoked have gone.
	VRPs    []rpki.VRP
	Revoked []netip.Prefix
	// Forwards: the attacker hands packets on to the victim.
	Forwards bool
	// Kept is the attacker's own way to the victim under an interception or a leak,
	// itself first, nil if there is none, and Attracted how many ASes' packets pass it.
	Kept      []topology.ASN
	Attracted int
	// Assumptions are sentences: what the attack takes for granted beyond the package
	// comment, and what was chosen for it.
	Assumptions []string
}

// Step is a change of announcements at one moment.
type Step struct {
	After time.Duration
	// Announce takes the place of all that its announcers have announced for its
	// prefixes. One AS may have several announcements of one prefix in it.
	Announce []route.Announcement
	// Withdraw ends all that these ASes announce for these prefixes.
	Withdraw []Withdrawn
}

// Withdrawn is a prefix that an AS ceases to announce.
type Withdrawn struct {
	AS     topology.ASN
	Prefix netip.Prefix
}

// Obstacle is a stable identifier of why an attack cannot be launched.
type Obstacle string

// The obstacles.
const (
	// NoLongerPrefix: no longer prefix than the target is accepted.
	NoLongerPrefix Obstacle = "no-longer-prefix"
	// NoRoute: the attacker has no route to the target that it could use or leak.
	NoRoute Obstacle = "no-route"
	// NobodyToTell: the attacker has no neighbour that the announcement could go to.
	NobodyToTell Obstacle = "nobody-to-tell"
	// NoWorkingPath: the attacker takes its own way to the victim with every scope
	// that was tried, or captures nobody.
	NoWorkingPath Obstacle = "no-working-path"
	// NoPlausiblePath: the victim has too few links for so long a forged path.
	NoPlausiblePath Obstacle = "no-plausible-path"
)

// Viable says whether the attack can be launched.
func (p *Plan) Viable() bool { return p.Obstacle == "" }

// Announcements returns what the first step announces: for a study, the attack.
// The caller must not change them.
func (p *Plan) Announcements() []route.Announcement {
	if len(p.Steps) == 0 {
		return nil
	}
	return p.Steps[0].Announce
}

// Apply returns the announcements after the step, standing being those before it,
// which it does not change.
func (s Step) Apply(standing []route.Announcement) []route.Announcement {
	out := slices.DeleteFunc(slices.Clone(standing), func(a route.Announcement) bool {
		return slices.Contains(s.Withdraw, Withdrawn{a.Announcer(), a.Prefix}) ||
			slices.ContainsFunc(s.Announce, func(b route.Announcement) bool {
				return a.Announcer() == b.Announcer() && a.Prefix == b.Prefix
			})
	})
	return append(out, s.Announce...)
}

// At returns the announcements at a time after the beginning of the attack,
// standing being those before it, which it does not change.
func (p *Plan) At(after time.Duration, standing []route.Announcement) []route.Announcement {
	for _, s := range p.Steps {
		if s.After > after {
			break
		}
		standing = s.Apply(standing)
	}
	return standing
}

// ChangesVRPs says whether the attack changes the RPKI.
func (p *Plan) ChangesVRPs() bool { return len(p.VRPs)+len(p.Revoked) > 0 }

// ApplyVRPs returns the payloads as the attack changes them, vrps itself if it
// does not. A nil set is empty.
func (p *Plan) ApplyVRPs(vrps *rpki.VRPs) (*rpki.VRPs, error) {
	if !p.ChangesVRPs() {
		return vrps, nil
	}
	var all []rpki.VRP
	for v := range vrps.All() {
		if !slices.ContainsFunc(p.Revoked, func(r netip.Prefix) bool { return covers(v.Prefix, r) }) {
			all = append(all, v)
		}
	}
	out, err := rpki.NewVRPs(append(all, p.VRPs...))
	if err != nil {
		return nil, fmt.Errorf("payloads of the attack: %w", err)
	}
	return out, nil
}

// covers says whether p equals q or holds it.
func covers(p, q netip.Prefix) bool { return p.Bits() <= q.Bits() && p.Contains(q.Addr()) }

// planning is a plan in the making.
type planning struct {
	*Plan
	spec
	in       Setting
	attacker int32 // graph indexes
	victim   int32 // -1 if the topology does not hold it
}

// Plan returns what the attack does in a setting. That it cannot be launched
// there is no error: see [Plan.Viable]. It returns an error if the attack is not
// valid, the topology does not hold the attacker (it wraps [route.ErrUnknownAS])
// or the setting is at fault.
func (a Attack) Plan(in Setting) (*Plan, error) {
	if err := a.Validate(); err != nil {
		return nil, err
	}
	p := &planning{Plan: &Plan{Attack: a}, in: in, victim: -1}
	p.spec, _ = specOf(a.Kind)
	if err := p.place(); err != nil {
		return nil, fmt.Errorf("attack %s: %w", a.Kind, err)
	}
	p.fillPrefix()
	if p.Viable() {
		if err := p.announce(p); err != nil {
			return nil, fmt.Errorf("attack %s: %w", a.Kind, err)
		}
	}
	if !p.Viable() {
		p.Steps, p.VRPs, p.Revoked, p.Assumptions = nil, nil, nil, nil
	}
	return p.Plan, nil
}

// place finds the ASes in the topology.
func (p *planning) place() error {
	if p.in.Engine == nil {
		return errors.New("setting without an engine")
	}
	if p.in.LongestIPv4 < 0 || p.in.LongestIPv4 > 32 || p.in.LongestIPv6 < 0 || p.in.LongestIPv6 > 128 {
		return fmt.Errorf("setting: longest accepted prefixes /%d and /%d: want 0 (usual) to 32 and 128", p.in.LongestIPv4, p.in.LongestIPv6)
	}
	g := p.in.Engine.Graph()
	var ok bool
	if p.attacker, ok = g.Index(p.Attack.Attacker); !ok {
		return fmt.Errorf("attacker AS %d is %w", p.Attack.Attacker, route.ErrUnknownAS)
	}
	if i, ok := g.Index(p.Attack.Victim); ok {
		p.victim = i
	}
	return nil
}

// refuse ends planning with an obstacle.
func (p *planning) refuse(o Obstacle, format string, args ...any) {
	p.Obstacle, p.Why = o, fmt.Sprintf(format, args...)
}

func (p *planning) assume(format string, args ...any) {
	p.Assumptions = append(p.Assumptions, fmt.Sprintf(format, args...))
}

// launch makes the first step announce these, and nothing else.
func (p *planning) launch(anns ...route.Announcement) {
	p.Steps = []Step{{Announce: anns}}
}
