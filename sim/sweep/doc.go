// Package sweep computes many prefix hijacks at once: for one victim and a whole
// set of attackers, whom each of a few hundred viewpoints reaches.
//
// Modelled: exactly the decisions of package route for two announcements of one
// prefix, the victim's and the attacker's, each with an AS path of a given
// length; three outcomes for every pair and viewpoint in one pass: all ties to
// the attacker (lower bound of resilience), all ties to the victim (upper
// bound), and the pick of a route tie-break. Not modelled: announced paths that
// name third ASes (they reject the route as a loop), more than two announcers,
// several prefix lengths, and policies beyond Gao-Rexford. Use package route for
// those.
//
// # Method
//
// Only the viewpoints and their direct and indirect providers matter, the
// relevant ASes. Two facts carry the method, both from the Gao-Rexford order:
//
//   - A customer or peer route of one side does not depend on the other side,
//     as far as it can be best. Where an AS prefers the other side, the length
//     of the route that it does not pass on exceeds that of the route that it
//     does, and so at every AS behind it. The exception is an announcer that
//     lies on the other's way up and whose own path is at least as long as the
//     other's there; such pairs are run by themselves with that way cut.
//   - Which lengths a provider route can have depends on both sides, but is the
//     same however ties are broken. So two bits for each AS and length, "may
//     reach the attacker" and "may reach the victim", are exact for both bounds,
//     and a third bit follows the pick.
//
// Attackers are the bits of machine words, 512 to a block. What a block's
// attackers reach by customer and peer routes is computed once for all victims
// ([Attackers]); a victim then costs one walk over the relevant ASes in
// topological order. Attackers without customers and with the same providers
// and peers are one bit, except where their AS numbers decide a tie against
// the victim.
package sweep
