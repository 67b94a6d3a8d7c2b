// Package event runs BGP message by message in virtual time: announcements,
// withdrawals and broken sessions in, the best route of every AS at every moment
// out. Package route says where routes settle; this package says when, by what
// detours, and what the routes are meanwhile.
//
// # What is modelled
//
// One router for each AS, with an Adj-RIB-In and an Adj-RIB-Out for each
// neighbour and a Loc-RIB (RFC 4271 3.2). A new route from a neighbour replaces
// the one before; a route that ceases to be exportable is withdrawn. What an AS
// prefers, rejects and exports is as in package route, policies and scoped
// announcements included. In addition [Options].Prefer lets an AS prefer
// neighbours against their relationship, which is how routing can be made not to
// converge.
//
// An UPDATE takes the link's delay, by the distance between the two ASes, and a
// drawn time until it has been processed. Messages of one session stay in order.
// After a message to a neighbour the next one waits for the
// MinRouteAdvertisementIntervalTimer (RFC 4271 9.2.1.1), which is kept for each
// neighbour and prefix, set with jitter each time, and not running before the
// first message. By default it holds back withdrawals too, as RFC 4271 says; RFC
// 1771 exempted them ([Timers].ExemptWithdrawals). A session that goes down does so
// at both ends at once: both forget what they heard over it, and what is under way
// is lost. When it comes up, both say all that they have to say.
//
// A route is not sent back to the neighbour that it came from. Other loops are
// found by the receiver (RFC 4271 9.1.2), not by the sender.
//
// # What is not modelled
//
// Routers inside an AS (iBGP, with its own delays), the time to detect a broken
// link (hold timer), several prefixes in one message and timers shared between
// prefixes, so prefixes do not influence each other; route flap damping (RFC 2439,
// 7454), graceful restart, MinASOriginationIntervalTimer, queues in busy routers,
// a delay between RIB and FIB, changes of policies or VRPs while running, and the
// withdrawal of routes by age.
//
// # Settling
//
// The provider graph has no cycles and relationship comes before all else, so
// without Prefer there is one stable state, whatever filters there are and
// whichever of the announcements are leaks, and every run ends in it, that of
// package route; tests hold the two together. With Prefer there may be several
// stable states, of which timing picks one, or none (Griffin, Shepherd, Wilfong:
// The Stable Paths Problem and Interdomain Routing, 2002). A run is therefore
// bounded by messages and by virtual time, and reaching a bound is an [Outcome],
// with the ASes that alternate.
//
// # Randomness and concurrency
//
// Every jitter and processing time is a function of seed, prefix, sender, receiver
// and the moment, so results are the same for the same inputs, whatever the number
// of processors. Things that happen at the same time happen in the order in which
// they were caused. A [History] is immutable and safe for concurrent use.
package event
