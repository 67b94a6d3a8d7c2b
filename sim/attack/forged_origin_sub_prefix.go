package attack

// forgedOriginSubPrefix: a part of the victim's prefix with the victim's number as
// the origin.
func forgedOriginSubPrefix() spec {
	return spec{
		kind:        ForgedOriginSubPrefix,
		takes:       fieldPrefix | fieldAddress | fieldType | fieldVia,
		types:       [2]int{1, MaxType},
		defaultType: 1,
		subPrefix:   true,
		describe: func() Description {
			return Description{
				Title:  "Forged-origin sub-prefix hijack",
				Source: "Gilad, Sagga, Goldberg: MaxLength Considered Harmful to the RPKI, CoNEXT 2017; RFC 9319 section 3; Celer Bridge 2022 (44.235.216.0/24 with the path AS209243, AS14618).",
				What:   "As a sub-prefix hijack, but the path ends with the victim's number. Where a ROA allows the length (its maxLength is slack) the announcement is valid.",
				Needs:  "A prefix shorter than /24 (IPv6: /48). Against origin validation, no ROA or one whose maxLength covers the announced length.",
				StoppedBy: "Not by MPIC where it spreads everywhere, but the victim's own network rejects it. By origin validation if the ROA's maxLength is tight (RFC 9319), " +
					"by path-end validation and ASPA as a forged origin.",
			}
		},
		announce: announceShaped,
	}
}
