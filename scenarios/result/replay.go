// Package result holds what experiments came to, as stored and printed data
// without behaviour. Reports read it and nothing else of the engine.
//
// Times are virtual unless a name says otherwise: "at" counts from the story's
// start in nanoseconds, timestamps are dated from the policy date's noon, UTC.
// Field names are stable within a schema version, lists have a stated order, and
// the same inputs give the same bytes.
package result

import (
	"time"

	"mpicsim/perspectives"
	"mpicsim/topology"
	"mpicsim/topology/place"
)

// ReplaySchema names the version of [Replay]'s JSON form, which
// replay.schema.json describes.
const ReplaySchema = "mpicsim/replay/v1"

// Replay is one scenario replayed with packets.
type Replay struct {
	Schema   string   `json:"schema"`
	Version  string   `json:"version"` // of the program
	Scenario Scenario `json:"scenario"`
	Inputs   Inputs   `json:"inputs"`
	Parties  Parties  `json:"parties"`
	// Perspectives are all that take part in some check, in order of first use.
	Perspectives []Perspective `json:"perspectives"`
	// Timeline is the story's events in order of time.
	Timeline []Event `json:"timeline"`
	// Convergence is about the prefixes whose announcements change, in the order of the
	// prefixes; absent if routes change everywhere at once.
	Convergence []Convergence `json:"convergence,omitempty"`
	// Checks are in order of time.
	Checks []Check `json:"checks"`
	// Expectations are in the order of the scenario; empty if it has none or the
	// command line changed what it is about.
	Expectations []Expectation `json:"expectations"`
	Network      Network       `json:"network"`
}

// Scenario says which story it was.
type Scenario struct {
	Name    string   `json:"name"`
	Title   string   `json:"title"`
	Claim   string   `json:"claim"`
	Sources []string `json:"sources"`
	Drawing string   `json:"drawing,omitempty"`
	// Family is what kind of story it is, "" if the scenario does not say.
	Family string `json:"family,omitempty"`
	// Verdict is what the scenario says about MPIC; nil if it says nothing or the
	// command line changed what it is about.
	Verdict *Verdict `json:"verdict,omitempty"`
	// Changed is true if the command line replaced parts of the scenario.
	Changed bool `json:"changed"`
}

// Verdict says whether MPIC stops the attack: none of the named checks ends with a
// certificate, or all of them do. Expectations hold it to what was decided.
type Verdict struct {
	Stopped bool     `json:"stopped"`
	Under   string   `json:"under"` // the rule
	Checks  []string `json:"checks"`
	Why     string   `json:"why"`
}

// Inputs are what the result depends on besides the scenario's story.
type Inputs struct {
	Topology Topology `json:"topology"`
	TieBreak string   `json:"tie_break"`
	Seed     uint64   `json:"seed"`
	// Policies are what ASes do beyond Gao-Rexford, and RPKI what they judge by when
	// the story starts.
	Policies []RoutingPolicy `json:"policies,omitempty"`
	RPKI     *RPKI           `json:"rpki,omitempty"`
	// Egress is how cloud regions were attached, EgressAssumption what that means.
	Egress           string `json:"egress"`
	EgressAssumption string `json:"egress_assumption"`
	// Delays says how hops were turned into time.
	Delays string `json:"delays"`
	// ControlPlane is how the coordinator and the remotes talked: "out-of-band", or
	// "emulated" for connections in the emulated Internet.
	ControlPlane string `json:"control_plane"`
}

// RoutingPolicy is what some ASes do beyond Gao-Rexford, in words.
type RoutingPolicy struct {
	Policy string `json:"policy"`
	Where  string `json:"where"`
	ASes   int    `json:"ases"` // how many there are
}

// RPKI says what payloads there were.
type RPKI struct {
	VRPs     int `json:"vrps"`
	ASPAs    int `json:"aspas"`
	PathEnds int `json:"path_ends"`
	// File is where some are from: its base name, hash, and when the relying party says
	// that it made it.
	File      string `json:"file,omitempty"`
	SHA256    string `json:"sha256,omitempty"`
	Generated string `json:"generated,omitempty"`
}

// Topology says which map it was.
type Topology struct {
	Kind    string `json:"kind"`   // "synthetic", "file" or "inline"
	Source  string `json:"source"` // the generator with its parameters, or the file's name
	SHA256  string `json:"sha256,omitempty"`
	ASes    int    `json:"ases"`
	Transit int    `json:"transit_links"`
	Peering int    `json:"peering_links"`
	Placed  int    `json:"placed_ases"`
	// Repairs are what reading the topology had to repair, in words.
	Repairs []string `json:"repairs"`
}

// Parties are who is who.
type Parties struct {
	Victim      topology.ASN `json:"victim_as"`
	Attacker    topology.ASN `json:"attacker_as"`
	Domain      string       `json:"domain"`
	Web         []string     `json:"web"`
	NameServers []NameServer `json:"name_servers"`
	RootAS      topology.ASN `json:"root_as"`
	TLDAS       topology.ASN `json:"tld_as"`
	// Coordinators are those of an emulated control plane, one for each primary.
	Coordinators []Coordinator `json:"coordinators,omitempty"`
}

// Coordinator is a host that asks remotes.
type Coordinator struct {
	// Beside is the primary that it stands beside, in the same AS.
	Beside  string       `json:"beside"`
	AS      topology.ASN `json:"as"`
	Prefix  string       `json:"prefix"` // its own
	Address string       `json:"address"`
}

// NameServer is an authoritative server of the victim's zone.
type NameServer struct {
	Name    string       `json:"name"`
	AS      topology.ASN `json:"as"`
	Prefix  string       `json:"prefix"`
	Address string       `json:"address"`
}

// Perspective is where a perspective stands in the topology.
type Perspective struct {
	Name     string         `json:"name"`
	City     string         `json:"city"`
	RIR      place.RIR      `json:"rir"`
	Location place.Location `json:"location"`
	AS       topology.ASN   `json:"as"`
	// Virtual is true if the AS was added for it, by the model Attached.
	Virtual  bool   `json:"virtual"`
	Attached string `json:"attached"`
	// Neighbors is how many links the virtual AS has.
	Neighbors int `json:"neighbors"`
	// Exit is a second virtual AS, by which a cloud region leaves its cloud; 0 if the
	// first is linked to the Internet itself.
	Exit topology.ASN `json:"exit,omitempty"`
	// Prefixes are the perspective's own, by which answers come back to it.
	Prefixes []string `json:"prefixes"`
}

// Event is one moment of the timeline.
type Event struct {
	At       time.Duration `json:"at_ns"`
	Kind     string        `json:"kind"` // "announce", "hijack", "attack", "withdraw", "rpki" or "check"
	By       string        `json:"by"`   // "victim" or "attacker"
	Prefixes []string      `json:"prefixes"`
	// Attack says what kind of hijack it is: "equal-prefix", "sub-prefix" or
	// either with "forged-origin "; or the kind of an attack.
	Attack string `json:"attack,omitempty"`
	// Path is the announced AS path of a hijack, if the scenario says more of it than
	// Attack does.
	Path []topology.ASN `json:"path,omitempty"`
	// To are the only neighbours that a hijack is announced to, Classes the only kinds
	// of neighbours, all if there are none, and Except those that it is not.
	To      []topology.ASN `json:"to,omitempty"`
	Classes []string       `json:"classes,omitempty"`
	Except  []topology.ASN `json:"except,omitempty"`
	// NoExport: they are asked to tell nobody.
	NoExport bool `json:"no_export,omitempty"`
	// Hosts are the perspectives and "coordinator" whose own prefixes are among
	// Prefixes.
	Hosts []string `json:"hosts,omitempty"`
	Check string   `json:"check,omitempty"`
	// Added and Removed are VRPs that come or go.
	Added   []string `json:"vrps_added,omitempty"`
	Removed []string `json:"vrps_removed,omitempty"`
	// Plan is what an attack comes to; nil for its later steps and other events.
	Plan *Plan `json:"plan,omitempty"`
}

// Plan is what an attack does, or why it cannot be launched.
type Plan struct {
	Target string `json:"target"`
	// Obstacle is one of package attack's, and Why a sentence; empty if the attack is
	// launched.
	Obstacle string `json:"obstacle,omitempty"`
	Why      string `json:"why,omitempty"`
	// Announced is what is announced at once: AS path, prefix and to whom.
	Announced []string `json:"announced"`
	// Forwards: the attacker hands on what he attracts; Answers: but for what the CA
	// sends, which he answers himself.
	Forwards bool `json:"forwards,omitempty"`
	Answers  bool `json:"answers,omitempty"`
	// Kept is his own way to the victim, and Attracted how many ASes' packets pass him.
	Kept      []topology.ASN `json:"kept,omitempty"`
	Attracted int            `json:"attracted,omitempty"`
	// Assumptions are sentences.
	Assumptions []string `json:"assumptions"`
}

// Convergence is how the routes of one prefix changed, message by message.
type Convergence struct {
	Prefix string `json:"prefix"`
	// Outcome is "converged", "oscillates" or "unfinished".
	Outcome string `json:"outcome"`
	// Changes are those of announcements, with what followed.
	Changes []RouteChange `json:"changes"`
	// Cycle are the ASes that alternate, if the routes do not settle.
	Cycle []Alternation `json:"cycle,omitempty"`
}

// RouteChange is what followed a change of announcements until the next.
type RouteChange struct {
	At time.Duration `json:"at_ns"`
	// Messages is how many were sent, Decisions how often an AS changed its best route.
	Messages  int `json:"messages"`
	Decisions int `json:"decisions"`
	// Settled is when the last AS had: At if none did.
	Settled time.Duration `json:"settled_ns"`
}

// Alternation is an AS that goes back and forth between routes.
type Alternation struct {
	AS    topology.ASN     `json:"as"`
	Paths [][]topology.ASN `json:"as_paths"` // empty for no route
}

// Check is one request to the CA and what came of it.
type Check struct {
	Name string        `json:"name"`
	At   time.Duration `json:"at_ns"`
	// Finished is when the last perspective had; by an emulated control plane, when
	// the coordinator had the last answer, or gave up.
	Finished  time.Duration `json:"finished_ns"`
	Applicant string        `json:"applicant"`
	Date      string        `json:"date"`
	Rule      string        `json:"rule"`
	Method    string        `json:"method"`
	// Violations are what is wrong with the perspective set under the rule.
	Violations []Violation `json:"violations"`
	// NeverIssues says why the set can never meet the rule, whoever reaches whom;
	// empty if it can. No attack was then stopped by the quorum.
	NeverIssues string `json:"never_issues,omitempty"`
	// Rows are the perspectives, the primary first.
	Rows     []Row                 `json:"rows"`
	Fooled   int                   `json:"fooled"` // perspectives whose packets reached the attacker
	Decision perspectives.Decision `json:"decision"`
	// Bounds are the decisions if all ties between routes to the victim and to
	// the attacker fell to the victim and to the attacker.
	Bounds Bounds `json:"bounds"`
}

// Violation is one way in which a set breaks a rule; package policy has the
// reasons.
type Violation struct {
	Reason string `json:"reason"`
	Clause string `json:"clause"`
	Detail string `json:"detail"`
}

// Row is what one perspective did in one check.
type Row struct {
	Perspective string    `json:"perspective"`
	Role        string    `json:"role"` // "primary" or "remote"
	City        string    `json:"city"`
	RIR         place.RIR `json:"rir"`
	// Asked is false for a remote that was spared because the primary had failed.
	// Path and Reached then come from probes: one datagram to each service.
	Asked bool `json:"asked"`
	// Reached is "attacker" if any of its packets got there, "victim" if all that
	// were for the victim's services got to them, "nobody" if some got nowhere.
	Reached string `json:"reached"`
	// Via is the service whose packets decide that: "web" or "dns".
	Via string `json:"via"`
	// Path is the ASes on the way of these packets, the perspective's own first.
	Path []topology.ASN `json:"path"`
	// Tie is empty if ties do not decide whether the perspective reaches the
	// attacker, else the side ("victim" or "attacker") that they could turn it to.
	Tie      string               `json:"tie,omitempty"`
	DCV      perspectives.Outcome `json:"dcv"`
	CAA      perspectives.Outcome `json:"caa"`
	Started  time.Duration        `json:"started_ns"`
	Finished time.Duration        `json:"finished_ns"`
	// Flows are all connections that it opened, in order.
	Flows []Flow `json:"flows"`
	// Control is the connection by which the coordinator asked a remote; nil for an
	// out-of-band channel, for the primary, and for a remote that was not asked.
	Control *Control `json:"control,omitempty"`
}

// Control is the connection of an emulated control plane for one remote in one
// check. If it came to nothing, Path and Reached of the remote are from probes
// when its check had not begun.
type Control struct {
	// Address is that of the remote's server, as "ip:port".
	Address string `json:"address"`
	// Started is when the coordinator's first packet left, Finished when it had the
	// answer, or gave up.
	Started  time.Duration `json:"started_ns"`
	Finished time.Duration `json:"finished_ns"`
	// Path is the way of the first packet, To the host that got it, empty if none.
	Path []topology.ASN `json:"path"`
	To   string         `json:"to"`
	// Reached is whose host that is: "remote", "attacker" or "nobody".
	Reached string `json:"reached"`
	// Astray is whom the other side's packets reached if not the coordinator:
	// "attacker" or "nobody". Empty if they came back.
	Astray string `json:"astray,omitempty"`
	// Answered is true if the coordinator got an answer that it believes: over TLS,
	// signed by the remote's key, and to its question.
	Answered bool `json:"answered"`
	// Reason is why not, one of package remote's; empty if there is an answer.
	Reason string `json:"reason,omitempty"`
	// Tie is empty if ties do not decide whether the connection gets to the remote
	// and back, else the side ("victim" or "attacker") that they could turn it to.
	Tie string `json:"tie,omitempty"`
}

// Flow is one connection.
type Flow struct {
	Network string         `json:"network"`
	Remote  string         `json:"remote"`
	SentAt  time.Duration  `json:"sent_at_ns"`
	Path    []topology.ASN `json:"path"`
	To      string         `json:"to"` // the host that answered, empty if none
	// Astray is the host that got an answer in its place, "nobody" if none did;
	// empty if answers came back.
	Astray string `json:"astray,omitempty"`
}

// Bounds are what tie-breaks can change.
type Bounds struct {
	// Lower is the outcome for resilience if all ties fall to the attacker,
	// Upper if they all fall to the victim.
	Lower Bound `json:"lower"`
	Upper Bound `json:"upper"`
	// Exact: no other way of breaking ties goes beyond them. It is false where a policy
	// or an announcement treats routes to the two sides differently, or a path names
	// others, so that a pick can decide whether somebody else has a route.
	Exact bool `json:"exact"`
}

// Bound is one extreme, computed from routes alone: a perspective counts as
// fooled if they lead to the attacker from its AS for the name server that its
// resolver asks first or, by acme-http-01, for the web address that it connects
// to. Where routes change during its check, Lower takes the worst moment and
// Upper the best. Where the CA's own prefixes are hijacked, the ways of the control
// connections, by an emulated control plane, and of the answers to each
// perspective count as well.
type Bound struct {
	Fooled int    `json:"fooled"`
	Issue  bool   `json:"issue"`
	Reason string `json:"reason"`
}

// Expectation is one thing that the scenario expects, and what came.
type Expectation struct {
	Check    string `json:"check"`
	Field    string `json:"field"` // "issue", "reason", "quorum", "fooled" or "cut-off"
	Expected string `json:"expected"`
	Found    string `json:"found"`
	Met      bool   `json:"met"`
}

// Network is how much of the Internet the packets saw.
type Network struct {
	Hosts       int `json:"hosts"`
	TouchedASes int `json:"touched_ases"`
	Prefixes    int `json:"prefixes"`
}
