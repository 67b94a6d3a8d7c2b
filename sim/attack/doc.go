// Package attack turns kinds of attacks on routing into what is announced: for
// one attacker, one rightful origin and one of its prefixes, a schedule of
// announcements, and changes to the RPKI where the kind needs them. Replays,
// studies and message-by-message runs all take their attacks from here.
//
// # What is modelled
//
// The kinds that [Kinds] lists; [Describe] says of each one what it does, where it
// is known from, what it needs and what stops it. Whose prefix is attacked does
// not matter here: a web server's, a name server's, a resolver's, that of a
// perspective. Which routes result is package route's business.
//
// # What is not modelled
//
// See [NotModelled]. Above all, an attacker is one AS: it commands no others and
// breaks into no sessions.
//
// # Assumptions
//
// Every neighbour takes what the attacker sends, except for what [route.Policies]
// say: there are no filters by customer prefix lists. A path is forged without
// limit: neighbours do not check the number of the sender unless their policy
// says so. Each [Plan] lists the assumptions that it makes beyond these.
//
// # Concurrency
//
// All functions are pure, and all types are plain data. A Setting can be shared.
package attack
