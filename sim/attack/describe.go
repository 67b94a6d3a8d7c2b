package attack

// Description says what a kind is, in sentences.
type Description struct {
	Kind  Kind
	Title string
	// Source is where the attack is known from: papers, RFCs, incidents.
	Source string
	What   string
	// Needs is what the attacker must have.
	Needs string
	// StoppedBy is what stops or weakens it, MPIC included.
	StoppedBy string
}

// Describe returns the description of every kind, in the order of [Kinds].
func Describe() []Description {
	var all []Description
	for _, s := range specs() {
		d := s.describe()
		d.Kind = s.kind
		all = append(all, d)
	}
	return all
}

// Omission is something that attackers do, or could do, that is not modelled.
type Omission struct {
	Title string
	Why   string
}

// NotModelled returns what is left out, with the reason.
func NotModelled() []Omission {
	return []Omission{
		{"Several attackers at once", "An attack has one attacker. Scenarios can start several attacks one after the other."},
		{"Breaking into routers, sessions or links", "BGP sessions are taken as they are: no TCP resets, stolen session keys or machines in the middle of a link (jabber.ru, 2023, was of this kind and not BGP)."},
		{"Attacks inside an AS", "An AS is one node: whether an attacker's customer link and the victim's attach to the same router does not matter."},
		{"False route objects in an IRR", "Nobody filters by customer prefix lists here, so no registration is needed (Celer Bridge, 2022, had one)."},
		{"Aggregation, AS_SET and brokenness of attributes", "Paths are sequences, and updates are well formed."},
		{"Route flap damping and maximum-prefix limits", "Flapping and leaks of many prefixes meet no such limit, which favours them."},
		{"Less-specific announcements", "A prefix that covers the victim's takes packets only where the victim's is missing; announce it in a scenario of its own."},
		{"Wormholes and colluding networks", "Routes do not travel by tunnels, and only the attacker lies."},
		{"Remotely triggered blackholing", "A blackhole community drops packets; nobody gets a certificate by it."},
		{"Attacks on RPKI repositories and caches", "Payloads change at once for everybody; relying parties do not fall back, stall or differ."},
		{"Downgrading a resolver to one name server, and off-path DNS poisoning", "Not routing. The addresses that a check depends on can each be attacked by prefix."},
		{"Retry shopping", "Not routing: it is how often the applicant asks, and which perspectives answer."},
	}
}
