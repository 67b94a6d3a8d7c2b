// Package sweep computes many prefix hijacks at once: for one victim and a whole
// set of attackers, whom each of a few hundred viewpoints reaches.
//
// Modelled: exactly the decisions of package route for two announcements of one
// prefix, the victim's and the attacker's, each with an AS path of a given
// length; three outcomes for every pair and viewpoint in one pass: all ties to
// the attacker (lower bound of resilience), all ties to the victim (upper
// bound), and the pick of a route tie-break; what no pick can go beyond; per-AS
// policies ([route.Policies]).
// Not modelled: announced paths that name third ASes (they reject the route as a
// loop), more than two announcers, several prefix lengths, announcements that do
// not go to all neighbours. Use package route for those.
//
// # Method
//
// Only the viewpoints and their direct and indirect providers matter, the
// relevant ASes. Attackers are the bits of machine words, 512 to a block. What a
// block's attackers reach by customer and peer routes is computed once for all
// victims ([Attackers]); a victim then costs one walk over the relevant ASes in
// topological order. Attackers without customers and with the same providers and
// peers are one bit, except where their AS numbers decide a tie against the victim.
//
// There are three ways, all exact; which one is taken follows from what the
// policies say of the victim's and the attacker's announcements
// ([route.Engine.Influence]), for each attacker, and [Outcomes] counts them.
//
// The plain way, where no policy matters, has two facts for it, both from the
// Gao-Rexford order:
//
//   - A customer or peer route of one side does not depend on the other side,
//     as far as it can be best. Where an AS prefers the other side, the length
//     of the route that it does not pass on exceeds that of the route that it
//     does, and so at every AS behind it. The exception is an announcer that
//     lies on the other's way up and whose own path is at least as long as the
//     other's there; such pairs go the second way.
//   - Which lengths a provider route can have depends on both sides, but is the
//     same however ties are broken. So two bits for each AS and length, "may
//     reach the attacker" and "may reach the victim", are exact for both bounds,
//     and a third bit follows the pick.
//
// The second way is for origin validation. An AS that prefers the attacker has
// nothing for a neighbour that rejects the attacker's route, so that both facts
// fail: lengths, and whether there is a route, depend on picks. Each of the three
// tie-breaks is run by itself with the side of every AS, and beside them the span of
// what each AS may have under any picks. What the victim cannot influence, customer
// routes of ASes that are not above it, is still computed once for all victims.
//
// The third way is package route, three propagations for each pair: for policies
// that go by the AS path, for ranks by validity, and for paths of more than 31 AS
// numbers. It takes some ten thousand times as long.
//
// # Bounds
//
// Lower and Upper are the results with all ties to one side. They are bounds over all
// picks where no policy treats the two sides differently. Where origin validation
// does, a pick may lie outside: an AS that picks the victim's route, a long one from a
// customer, can take from its customers the short one that its peer would have given.
//
// Possible and Certain are bounds there too: whoever reaches the attacker under some
// picks is in Possible, and whoever is in Certain does under all of them. They take the
// picks of different ASes for independent, so that they may be wider than need be, and
// are never too narrow. The tests try every combination of picks on small Internets;
// of the 380,544 ASes there one lies outside of Lower and Upper, none outside of
// Possible and Certain, and these are never too wide.
//
// Only for pairs that were left to package route because of policies, which
// [Outcomes].Estimated counts, are all of them estimates: Possible and Certain are what
// the three results come to together.
package sweep
