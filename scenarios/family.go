package scenarios

// Family is what kind of story a scenario is; lists and docs group by it.
type Family string

// The families, in the order of lists.
const (
	// FamilyEqualPrefix is two announcements of one prefix: perspectives divide, and
	// MPIC was made for it.
	FamilyEqualPrefix Family = "equal-prefix"
	// FamilySubPrefix is an announcement of a part of a prefix: everybody follows it.
	FamilySubPrefix Family = "sub-prefix"
	// FamilyDNS is an attack on the name servers that a check depends on.
	FamilyDNS Family = "dns"
	// FamilyLeaksAndRPKI is route leaks, and the RPKI passed by or turned against
	// the owner.
	FamilyLeaksAndRPKI Family = "leaks-and-rpki"
	// FamilyNotBGP is interception without any change of routes between ASes.
	FamilyNotBGP Family = "not-bgp"
	// FamilyCA is aimed at the CA: near its primary, at the ways between its
	// perspectives, at its choice of remotes.
	FamilyCA Family = "ca"
)

// Families returns all families, in the order of lists.
func Families() []Family {
	return []Family{FamilyEqualPrefix, FamilySubPrefix, FamilyDNS, FamilyLeaksAndRPKI, FamilyNotBGP, FamilyCA}
}

// Title is the heading of a family's stories.
func (f Family) Title() string {
	switch f {
	case FamilyEqualPrefix:
		return "Contests for an equal prefix"
	case FamilySubPrefix:
		return "More specific prefixes"
	case FamilyDNS:
		return "Name servers"
	case FamilyLeaksAndRPKI:
		return "Route leaks, and the RPKI turned against the owner"
	case FamilyNotBGP:
		return "Not BGP at all"
	case FamilyCA:
		return "Aimed at the CA itself"
	default:
		return "Other stories"
	}
}

// About says in a few sentences what a family's stories have in common and what
// MPIC can do about them.
func (f Family) About() string {
	switch f {
	case FamilyEqualPrefix:
		return "Two networks announce the same prefix, and every network follows the one that its policy and the length of the " +
			"path prefer. Perspectives divide. This is the case that MPIC was made for: the quorum decides, and so does where " +
			"the perspectives stand."
	case FamilySubPrefix:
		return "The attacker announces a part of the owner's prefix. Routers prefer the longest prefix that matches, whatever its " +
			"path, so whoever hears of it follows it. If everybody does, all perspectives reach the attacker and no quorum helps. " +
			"What helps is outside of MPIC: an owner who announces the longest prefix that is accepted (/24, /48), ROAs without " +
			"slack in networks that validate, signed zones. Each story plays what the owner's own /24 would have changed."
	case FamilyDNS:
		return "A check trusts the name servers of the domain before it trusts its web server. Their prefixes can be hijacked like " +
			"any other, and who answers for them says where the web server is and which CAA records there are. The domain is as " +
			"strong as the weakest address that it depends on; a signed zone takes its name servers out of that list."
	case FamilyLeaksAndRPKI:
		return "A route leak takes the owner's own route where it should not go: the origin is right, and validation of origins sees " +
			"nothing. And the RPKI can be made to speak against the owner: whoever controls the ROAs decides whose announcement " +
			"is valid, and perspectives in networks that validate lose the owner."
	case FamilyNotBGP:
		return "The attacker is on the way to every perspective, near the owner's server. No route between networks changes, so " +
			"there is nothing that perspectives could see differently. These are the negative controls: MPIC cannot help, and a " +
			"harness that says otherwise is wrong. What helps binds issuance to the owner's account: CAA with accounturi (RFC 8657)."
	case FamilyCA:
		return "The attacker does not need the Internet, only the CA. He hijacks near its primary, cuts off its remotes or speaks in " +
			"their place, waits until it chooses the right remotes, or hides his announcement from everybody else."
	default:
		return ""
	}
}
