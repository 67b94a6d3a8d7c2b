package route

// Defence says in sentences what one policy is.
type Defence struct {
	// Name is how files spell it: "rov: on".
	Name   string
	Policy Policy
	Title  string
	// Source is where it is specified, or known from.
	Source string
	What   string
	// Needs is what must be published for it.
	Needs string
	// Passes is what it does not stop.
	Passes string
}

// Defences returns the description of every policy that rejects or ranks routes,
// each way of origin validation by itself.
func Defences() []Defence {
	const roa = "A ROA of the prefix's owner."
	return []Defence{
		{
			Name: "rov: on", Policy: Policy{ROV: ROVOn}, Title: "Route origin validation", Source: "RFC 6811", Needs: roa,
			What: "Rejects a route whose origin or length no ROA allows, if some ROA covers its prefix.",
			Passes: "Whatever ends with the rightful origin at an allowed length: forged origins, leaks. A ROA that the owner did not want. " +
				"Packets are not validated: they can still be captured in the next network.",
		},
		{
			Name: "rov: customers-exempt", Policy: Policy{ROV: ROVCustomersExempt}, Title: "Origin validation but for customers", Source: "Practice; no document", Needs: roa,
			What:   "As above, but customers' invalid routes are accepted, and passed on.",
			Passes: "Every hijack by somebody in the network's customer cone.",
		},
		{
			Name: "rov: peers", Policy: Policy{ROV: ROVPeers}, Title: "Origin validation for peers only", Source: "How AT&T began in February 2019", Needs: roa,
			What:   "As above, for routes from peers alone.",
			Passes: "Hijacks that come from customers or providers.",
		},
		{
			Name: "rov: prefer-valid", Policy: Policy{ROV: ROVPreferValid}, Title: "Invalid routes ranked last", Source: "RFC 7115 section 5 leaves the rank to the operator", Needs: roa,
			What:   "Accepts invalid routes and ranks them behind others of the same relationship, whatever their length.",
			Passes: "Sub-prefixes, which have no other route beside them, and invalid routes from a better relationship.",
		},
		{
			Name: "aspa", Policy: Policy{ASPA: true}, Title: "ASPA", Source: "draft-ietf-sidrops-aspa-verification",
			Needs:  "ASPAs, in which ASes name all their providers: the victim's for forged origins, those of the ASes above it for longer forged paths and leaks.",
			What:   "Rejects a path that ASPAs prove not to go up, across once, and down; from a customer or peer, one that they prove not to go up all the way.",
			Passes: "An attacker's own origin. Forged paths along links that exist, as far as ASPAs go. What cannot be decided for want of ASPAs.",
		},
		{
			Name: "otc", Policy: Policy{OTC: true}, Title: "Roles and Only to Customers", Source: "RFC 9234", Needs: "Nothing; some network on the way before the leaker must mark the route.",
			What:   "Marks routes that go down or across, and rejects marked ones from customers, and from peers who did not mark them themselves.",
			Passes: "Hijacks: who forges a path forges it without the mark. Leaks that are announced anew (type 5) or as another prefix (type 6).",
		},
		{
			Name: "peerlock-lite", Policy: Policy{PeerlockLite: true}, Title: "Peerlock-lite", Source: "McDaniel, Smith, Schuchard: Flexsealing BGP Against Route Leaks, NDSS 2021",
			Needs:  "A list of protected ASes, as a rule the Tier 1 networks.",
			What:   "Rejects from customers every path with a protected AS in it: no customer's customer is one.",
			Passes: "Paths without a protected AS.",
		},
		{
			Name: "path-end", Policy: Policy{PathEnd: true}, Title: "Path-end validation", Source: "Cohen, Gilad, Herzberg, Schapira: Jumpstarting BGP Security with Path-End Validation, SIGCOMM 2016",
			Needs:  "A path-end record of the origin that names its neighbours. Records can also say that an AS forwards for nobody.",
			What:   "Rejects a path whose last hop is not one of the origin's neighbours, or that passes an AS that forwards for nobody.",
			Passes: "Forged paths that name a neighbour of the victim. An attacker's own origin.",
		},
		{
			Name: "first-as", Policy: Policy{FirstAS: true}, Title: "First-AS check", Source: "RFC 4271 section 6.3", Needs: "Nothing.",
			What:   "Rejects a path that does not begin with the neighbour that sends it.",
			Passes: "All kinds of attack here: each begins its paths with its own number. It is for announcements in somebody else's name alone.",
		},
		{
			Name: "bgpsec", Policy: Policy{BGPsec: true}, Title: "BGPsec, security third", Source: "RFC 8205; Lychev, Goldberg, Schapira: BGP Security in Partial Deployment, SIGCOMM 2013",
			Needs:  "Every AS from the origin on signs.",
			What:   "A what-if. Of routes of the same relationship and length, prefers one that is signed throughout.",
			Passes: "Whatever wins by relationship, length or prefix: unsigned routes are still accepted.",
		},
		{
			Name: "rov-plus-plus", Policy: Policy{ROVPP: true}, Title: "ROV++ v1 lite", Source: "Morillo, Furuness, Morris, Breslin, Herzberg, Wang: ROV++: Improved Deployable Defense against BGP Hijacking, NDSS 2021", Needs: roa,
			What:   "A what-if. As origin validation, and drops packets for an invalid prefix where they would go to a neighbour that sent the invalid route.",
			Passes: "What origin validation lets pass. Dropped packets reach nobody.",
		},
	}
}
