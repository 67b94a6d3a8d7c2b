package resolver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"mpicsim/perspectives"
)

// Survey is everything that a lookup of a name's addresses may depend on, not
// merely the way that one lookup took: every zone cut on the way down from the
// root, all name servers of each zone with all their addresses, the aliases, and
// the same for every name server whose address must be looked up.
//
// It is plain data. Names are in canonical form (lower case, trailing dot).
type Survey struct {
	Name string `json:"name"`
	// Names are the name itself, the targets of its aliases, and the name servers
	// whose addresses must be looked up, in the order in which they were met.
	Names []SurveyName `json:"names"`
	// Zones are those that Names lie in, and all above, in the order met; the root
	// is the first.
	Zones []SurveyZone `json:"zones"`
	// Gaps say what is missing because [SurveyLimits] were reached; those of names
	// and zones are there.
	Gaps []string `json:"gaps,omitempty"`
	// Trace has every exchange that was made for this survey, in order. What an
	// earlier survey of the same [Surveyor] has found out is not asked again.
	Trace []perspectives.Evidence `json:"trace,omitempty"`
}

// SurveyName is one name that must be resolved.
type SurveyName struct {
	Name string `json:"name"`
	// Zone is the one that the name lies in, "" if it was not found.
	Zone string `json:"zone,omitempty"`
	// Alias is what the name is an alias of, by CNAME or DNAME; then it has no
	// addresses.
	Alias string `json:"alias,omitempty"`
	// Addresses are those of its A records, then of its AAAA records.
	Addresses []netip.Addr `json:"addresses,omitempty"`
	// Status is that of the alias or the addresses: the weakest of all replies.
	Status Status `json:"status"`
	// Gaps say what could not be found out, and why.
	Gaps []string `json:"gaps,omitempty"`
}

// SurveyZone is one zone on the way to some name.
type SurveyZone struct {
	Name string `json:"name"`
	// Parent is the zone that delegates it, "" for the root.
	Parent string `json:"parent,omitempty"`
	// Servers are those that the parent names, in its order, then those that only
	// the zone itself does.
	Servers []SurveyServer `json:"servers"`
	// Status is Secure if a chain of DS records leads from a trust anchor to the
	// zone and its keys validate.
	Status Status   `json:"status"`
	Gaps   []string `json:"gaps,omitempty"`
}

// SurveyServer is one name server of a zone.
type SurveyServer struct {
	Name string `json:"name"`
	// Delegated and Apex say who names it: the zone above, the zone itself.
	Delegated bool `json:"delegated,omitempty"`
	Apex      bool `json:"apex,omitempty"`
	// Glue are its addresses as the parent gave them, in bailiwick, or as root
	// hints. If there are none, the name is among the survey's names.
	Glue []netip.Addr `json:"glue,omitempty"`
}

// SurveyLimits bound one survey. A zero field stands for its default. What a
// limit leaves out is a gap, not an error. The limits of the resolver hold for
// each name by itself.
type SurveyLimits struct {
	// Names is how many names are resolved, default 200.
	Names int
	// Depth is how deep name servers without glue may nest, default 16.
	Depth int
	// Servers is how many name servers of one zone are looked at, default 32, and
	// Addresses how many addresses of one name, default 32.
	Servers, Addresses int
	// Queries is how many messages may be sent, default 3000.
	Queries int
}

// Surveyor makes surveys. It remembers names and zones from one to the next, and
// so is nothing that checks may use (BR 3.2.2.9). It is not safe for concurrent
// use. Create it with [Resolver.NewSurveyor].
type Surveyor struct {
	session *Session
	limits  SurveyLimits
	names   map[string]*SurveyName
	zones   map[string]*surveyed
}

// surveyed is a zone with what is needed to ask its servers.
type surveyed struct {
	SurveyZone
	zone *zone
}

// NewSurveyor returns a Surveyor that knows the root hints only, or an error for
// a negative limit.
func (r *Resolver) NewSurveyor(limits SurveyLimits) (*Surveyor, error) {
	for _, f := range []struct {
		name  string
		value *int
		def   int
	}{
		{"Names", &limits.Names, 200},
		{"Depth", &limits.Depth, 16},
		{"Servers", &limits.Servers, 32},
		{"Addresses", &limits.Addresses, 32},
		{"Queries", &limits.Queries, 3000},
	} {
		if *f.value < 0 {
			return nil, fmt.Errorf("resolver: survey limit %s: found %d, expected a positive number or 0 for the default", f.name, *f.value)
		}
		*f.value = cmp.Or(*f.value, f.def)
	}
	return &Surveyor{session: r.NewSession(), limits: limits, names: map[string]*SurveyName{}, zones: map[string]*surveyed{}}, nil
}

// Survey resolves name, with or without trailing dot, and everything that its
// addresses depend on. What cannot be found out is a gap. The error is an
// [*Error] for what is no domain name, or the context's.
func (s *Surveyor) Survey(ctx context.Context, name string) (*Survey, error) {
	clean, ok := canonical(name)
	if _, valid := dns.IsDomainName(name); !valid || !ok {
		return nil, &Error{Name: name, Type: dns.TypeA, Err: fmt.Errorf("%w: %q", ErrName, name)}
	}
	w := &surveyWalk{Surveyor: s, out: &Survey{Name: clean}, queries: s.limits.Queries, seen: map[string]bool{}}
	if err := w.root(ctx); err != nil {
		return nil, err
	}
	w.want(clean, 0)
	for len(w.queue) > 0 {
		next := w.queue[0]
		w.queue = w.queue[1:]
		if err := w.resolve(ctx, next); err != nil {
			return nil, fmt.Errorf("surveying %s: %w", name, err)
		}
	}
	return w.out, nil
}

// surveyWalk is one survey in the making.
type surveyWalk struct {
	*Surveyor
	out     *Survey
	queue   []wantedName
	seen    map[string]bool // names in the queue or done, zones done ("zone " before the name)
	queries int             // that may still be sent
	lookup  *lookup         // of the name that is resolved now
}

type wantedName struct {
	name  string
	depth int // how many name servers without glue led here
}

// want puts a name into the queue, once.
func (w *surveyWalk) want(name string, depth int) {
	switch {
	case w.seen[name]:
	case depth > w.limits.Depth:
		w.gap("%s: name servers without glue nest more than %d deep", name, w.limits.Depth)
	case len(w.out.Names)+len(w.queue) >= w.limits.Names:
		w.gap("%s: more than %d names", name, w.limits.Names)
	default:
		w.queue = append(w.queue, wantedName{name, depth})
	}
	w.seen[name] = true
}

func (w *surveyWalk) gap(format string, args ...any) {
	w.out.Gaps = append(w.out.Gaps, fmt.Sprintf(format, args...))
}

// root enters the root zone, with the hints as its servers.
func (w *surveyWalk) root(ctx context.Context) error {
	if w.zones["."] == nil {
		z := &surveyed{SurveyZone: SurveyZone{Name: "."}, zone: w.session.zones["."]}
		for _, hint := range w.session.r.roots {
			server := SurveyServer{Name: dns.CanonicalName(hint.Name), Delegated: true}
			for _, a := range hint.Addrs {
				server.Glue = append(server.Glue, a.Addr())
			}
			z.Servers = append(z.Servers, server)
		}
		w.begin()
		w.judgeZone(ctx, z)
		w.end()
		w.zones["."] = z
	}
	return ctx.Err()
}

// begin and end enclose the lookups for one name.
func (w *surveyWalk) begin() {
	r := w.session.r
	w.lookup = &lookup{
		s: w.session, r: r, queries: min(r.limits.Queries, w.queries), signatures: r.limits.Signatures, hashes: r.limits.Hashes,
	}
	if r.validates() {
		w.lookup.now = r.clock()
	}
}

func (w *surveyWalk) end() {
	w.queries -= min(w.session.r.limits.Queries, w.queries) - w.lookup.queries
	w.out.Trace = append(w.out.Trace, w.lookup.trace...)
}

// resolve finds out about one name, and enters what it depends on.
func (w *surveyWalk) resolve(ctx context.Context, q wantedName) error {
	n, known := w.names[q.name]
	if !known {
		n = &SurveyName{Name: q.name}
		w.begin()
		w.visit(ctx, n)
		w.end()
		if err := ctx.Err(); err != nil {
			return err
		}
		w.names[q.name] = n
	}
	w.out.Names = append(w.out.Names, *n)
	if n.Zone != "" {
		w.enter(n.Zone, q.depth)
	}
	if n.Alias != "" {
		w.want(n.Alias, q.depth)
	}
	return nil
}

// enter puts a zone and those above it into the survey, and asks for its servers'
// names.
func (w *surveyWalk) enter(name string, depth int) {
	z := w.zones[name]
	if w.seen["zone "+name] {
		return
	}
	w.seen["zone "+name] = true
	if z.Parent != "" {
		w.enter(z.Parent, depth)
	}
	w.out.Zones = append(w.out.Zones, z.SurveyZone)
	for _, server := range z.Servers {
		if len(server.Glue) == 0 {
			w.want(server.Name, depth+1)
		}
	}
}

// visit fills in a name: the zone that it lies in, and its alias or addresses.
func (w *surveyWalk) visit(ctx context.Context, n *SurveyName) {
	z, err := w.descend(ctx, n.Name)
	n.Zone, n.Status = z.Name, Secure
	if err != nil {
		n.lacks("the zone", err)
		return
	}
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		var rep reply
		if rep, z, err = w.ask(ctx, z, question{n.Name, qtype}); err == nil && len(rep.cnames) > 0 {
			n.Alias, n.Addresses, n.Zone = rep.cnames[0], nil, z.Name
			// The reply may hold a whole chain; what counts here is the first link.
			if rep, _, err = w.ask(ctx, z, question{n.Name, dns.TypeCNAME}); err == nil {
				n.Status = rep.status
				return
			}
		}
		n.Zone = z.Name
		if err != nil {
			n.lacks(typeName(qtype), err)
			if n.Alias != "" {
				return
			}
			continue
		}
		n.Status = n.Status.weaker(rep.status)
		n.take(rep.records, w.limits.Addresses)
	}
}

func (n *SurveyName) take(records []dns.RR, limit int) {
	for _, rr := range records {
		addr, ok := addressOf(rr)
		switch {
		case !ok || slices.Contains(n.Addresses, addr):
		case len(n.Addresses) >= limit:
			n.Gaps = append(n.Gaps, fmt.Sprintf("more than %d addresses", limit))
			return
		default:
			n.Addresses = append(n.Addresses, addr)
		}
	}
}

func (n *SurveyName) lacks(what string, err error) {
	n.Status, n.Gaps = n.Status.weaker(statusOf(err)), append(n.Gaps, fmt.Sprintf("%s: %v", what, err))
}

// statusOf is what a failure makes of the status of a name or zone.
func statusOf(err error) Status {
	if errors.Is(err, ErrBogus) {
		return Bogus
	}
	return Indeterminate
}

// ask puts a question to a zone, and follows referrals that nobody mentioned on
// the way down.
func (w *surveyWalk) ask(ctx context.Context, z *surveyed, q question) (reply, *surveyed, error) {
	for range w.session.r.limits.Delegations + 1 {
		rep, err := w.lookup.askZone(ctx, z.zone, query{q, wanted}, 0)
		if err != nil || rep.kind != referral {
			return rep, z, err
		}
		z = w.delegated(ctx, z, rep.delegation)
	}
	return reply{}, z, fmt.Errorf("%w: more than %d referrals for %s", ErrLimit, w.session.r.limits.Delegations, q.name)
}

// descend finds the zone that name lies in. The servers of each zone are asked,
// label by label, for the name servers of the name below: a cut may be hidden,
// because the same server holds the zones on both sides. With an error it returns
// the deepest zone that was found.
func (w *surveyWalk) descend(ctx context.Context, name string) (*surveyed, error) {
	z := w.closest(name)
	cuts := 0
	for {
		child, err := w.cutBelow(ctx, z, name)
		if err != nil || child == nil {
			return z, err
		}
		if cuts++; cuts > w.session.r.limits.Delegations {
			return z, fmt.Errorf("%w: more than %d zones above %s", ErrLimit, w.session.r.limits.Delegations, name)
		}
		z = child
	}
}

// closest returns the deepest zone surveyed that name may lie in.
func (w *surveyWalk) closest(name string) *surveyed {
	for ; name != "."; name = parentOf(name) {
		if z := w.zones[name]; z != nil {
			return z
		}
	}
	return w.zones["."]
}

// cutBelow returns the next zone on the way from z to name, nil if name lies in z.
func (w *surveyWalk) cutBelow(ctx context.Context, z *surveyed, name string) (*surveyed, error) {
	for _, step := range between(z.Name, name) {
		if z.zone.inside[step] {
			continue
		}
		rep, err := w.lookup.askZone(ctx, z.zone, query{question{step, dns.TypeNS}, wanted}, 0)
		switch {
		case err != nil && (w.lookup.fatal(ctx) || unvalidated(err) || !misunderstood(err)):
			return nil, err
		case err != nil: // some servers cannot cope with names that hold nothing
			continue
		case rep.kind == referral:
			return w.delegated(ctx, z, rep.delegation), nil
		case rep.kind == answered && len(rep.records) > 0 && len(rep.cnames) == 0:
			return w.hidden(ctx, z, step, rep.records)
		}
		if z.zone.inside == nil {
			z.zone.inside = make(map[string]bool)
		}
		z.zone.inside[step] = true
	}
	return nil, nil //nolint:nilnil // there is no cut
}

// delegated enters the zone that a referral leads to.
func (w *surveyWalk) delegated(ctx context.Context, above *surveyed, d *delegation) *surveyed {
	if z := w.zones[d.zone]; z != nil {
		return z
	}
	z := &surveyed{SurveyZone: SurveyZone{Name: d.zone, Parent: above.Name}, zone: w.session.learn(d)}
	for _, name := range d.servers {
		server := SurveyServer{Name: name, Delegated: true}
		for _, g := range d.glue {
			if g.server == name && !slices.Contains(server.Glue, g.addr) && len(server.Glue) < w.limits.Addresses {
				server.Glue = append(server.Glue, g.addr)
			}
		}
		z.Servers = append(z.Servers, server)
	}
	w.complete(ctx, z)
	return z
}

// hidden enters a zone that the servers of the zone above hold as well, so that
// there is no referral to it, with the name servers that it has by itself.
func (w *surveyWalk) hidden(ctx context.Context, above *surveyed, name string, servers []dns.RR) (*surveyed, error) {
	parent := above.zone
	cut := &zone{name: name, serverSet: serverSet{endpoints: parent.endpoints, names: parent.names}, parent: parent, trust: w.session.trusted(name, trust{status: parent.status, ede: parent.ede})}
	if parent.status == Secure {
		var err error
		if cut, err = w.lookup.cutAt(ctx, parent, name, 0); err != nil {
			return nil, err
		}
		if cut == nil {
			return nil, bogus(parent.name, name, dns.TypeNS, dns.ExtendedErrorCodeDNSBogus, "name servers of what %s proves to be no delegation", parent.name)
		}
	}
	z := &surveyed{SurveyZone: SurveyZone{Name: name, Parent: above.Name}, zone: cut}
	z.addServers(servers)
	w.complete(ctx, z)
	return z, nil
}

// complete adds what the zone says about itself, and keeps it.
func (w *surveyWalk) complete(ctx context.Context, z *surveyed) {
	w.zones[z.Name] = z
	rep, err := w.lookup.askZone(ctx, z.zone, query{question{z.Name, dns.TypeNS}, wanted}, 0)
	if err != nil {
		z.Gaps = append(z.Gaps, fmt.Sprintf("NS: %v", err))
	}
	z.addServers(rep.records)
	if n := len(z.Servers); n > w.limits.Servers {
		z.Servers = z.Servers[:w.limits.Servers]
		z.Gaps = append(z.Gaps, fmt.Sprintf("%d name servers, of which %d are looked at", n, w.limits.Servers))
	}
	w.judgeZone(ctx, z)
}

// addServers adds name servers that the zone itself names.
func (z *surveyed) addServers(records []dns.RR) {
	for _, rr := range records {
		ns, ok := rr.(*dns.NS)
		if !ok || rr.Header().Name != z.Name {
			continue
		}
		name := dns.CanonicalName(ns.Ns)
		at := slices.IndexFunc(z.Servers, func(s SurveyServer) bool { return s.Name == name })
		if at < 0 {
			at = len(z.Servers)
			z.Servers = append(z.Servers, SurveyServer{Name: name})
		}
		z.Servers[at].Apex = true
	}
}

// judgeZone finds out whether the zone's keys validate.
func (w *surveyWalk) judgeZone(ctx context.Context, z *surveyed) {
	z.Status = z.zone.status
	if z.Status != Secure {
		return
	}
	if _, err := w.lookup.keysOf(ctx, z.zone, 0); err != nil {
		z.Status = statusOf(err)
		z.Gaps = append(z.Gaps, fmt.Sprintf("DNSKEY: %v", err))
	}
}
