package policy_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/policy"
)

// TestMethods is the table of BR 3.2.2.4 and 3.2.2.5 as of BR 2.2.6, row by row.
func TestMethods(t *testing.T) {
	rows := map[perspectives.Method]struct {
		section, address    string
		wildcard            bool
		discouraged, banned string // first days
	}{
		perspectives.DNS01:                {"BR 3.2.2.4.7", "", true, "", ""},
		perspectives.DNSChange:            {"BR 3.2.2.4.7", "", true, "", ""},
		perspectives.IPAddress:            {"BR 3.2.2.4.8", "", false, "", "2026-03-15"},
		perspectives.ContactEmailCAA:      {"BR 3.2.2.4.13", "", true, "2026-03-15", "2028-03-15"},
		perspectives.ContactEmailTXT:      {"BR 3.2.2.4.14", "", true, "2026-03-15", "2028-03-15"},
		perspectives.ContactPhoneTXT:      {"BR 3.2.2.4.16", "", true, "2026-03-15", "2027-03-15"},
		perspectives.ContactPhoneCAA:      {"BR 3.2.2.4.17", "", true, "2026-03-15", "2027-03-15"},
		perspectives.WebsiteChange:        {"BR 3.2.2.4.18", "BR 3.2.2.5.1", false, "", ""},
		perspectives.HTTP01:               {"BR 3.2.2.4.19", "BR 3.2.2.5.6", false, "", ""},
		perspectives.TLSALPN01:            {"BR 3.2.2.4.20", "BR 3.2.2.5.7", false, "", ""},
		perspectives.DNSAccount01:         {"BR 3.2.2.4.21", "", true, "", ""},
		perspectives.DNSPersistent:        {"BR 3.2.2.4.22", "", true, "", ""},
		perspectives.ReverseAddressLookup: {"", "BR 3.2.2.5.3", false, "", "2027-03-15"},
		perspectives.IPPersistent:         {"", "BR 3.2.2.5.8", false, "", ""},
	}
	NewWithT(t).Expect(rows).To(HaveLen(len(perspectives.Methods())))
	for _, m := range perspectives.Methods() {
		t.Run(string(m), func(t *testing.T) {
			g := NewWithT(t)
			row := rows[m]
			// Every day on which something changes, the day before and the day after.
			for _, change := range []string{"2026-03-15", "2027-03-15", "2028-03-15", "2029-03-15"} {
				first, err := policy.ParseDate(change)
				g.Expect(err).NotTo(HaveOccurred())
				for _, days := range []int{-1, 0, 1} {
					date := first.AddDate(0, 0, days)
					r, err := policy.MethodAt(m, date.Add(23*time.Hour))
					g.Expect(err).NotTo(HaveOccurred())
					on := date.Format(time.DateOnly)
					g.Expect(r.Method).To(Equal(m))
					g.Expect([]string{r.Section, r.AddressSection}).To(Equal([]string{row.section, row.address}))
					g.Expect(r.MPIC).To(BeTrue())
					g.Expect(r.Criterion).NotTo(BeEmpty())
					g.Expect(r.Wildcard).To(Equal(row.wildcard))
					// Days in this form sort like their text.
					g.Expect(r.Discouraged).To(Equal(row.discouraged != "" && on >= row.discouraged), on)
					g.Expect(r.Banned).To(Equal(row.banned != "" && on >= row.banned), on)
					names, addresses := m.Targets()
					g.Expect(names).To(Equal(r.Section != ""))
					g.Expect(addresses).To(Equal(r.AddressSection != ""))
				}
			}
		})
	}
	_, err := policy.MethodAt("acme-http-02", time.Time{})
	NewWithT(t).Expect(err).To(MatchError(ContainSubstring(`"acme-http-02"`)))
}

func TestReuse(t *testing.T) {
	g := NewWithT(t)
	for on, days := range map[string]int{
		"2020-01-01": 398, "2026-03-14": 398, "2026-03-15": 200, "2027-03-14": 200,
		"2027-03-15": 100, "2029-03-14": 100, "2029-03-15": 10, "2040-01-01": 10,
	} {
		date, err := policy.ParseDate(on)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(policy.ReuseAt(date)).To(Equal(time.Duration(days)*24*time.Hour), on)
		r, err := policy.MethodAt(perspectives.DNSPersistent, date)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(r.Reuse).To(Equal(240*time.Hour), "a persistent record on %s", on)
		r, err = policy.MethodAt(perspectives.HTTP01, date)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(r.Reuse).To(Equal(policy.ReuseAt(date)))
	}
}

func TestRefuse(t *testing.T) {
	for name, c := range map[string]struct {
		check          perspectives.Check
		date           string
		reason, clause string // "" if not refused
	}{
		"http-01": {perspectives.Check{Domain: "example.com", Method: perspectives.HTTP01}, "2026-12-15", "", ""},
		"http-01 for a wildcard": {
			perspectives.Check{Domain: "*.example.com", Method: perspectives.HTTP01},
			"2026-12-15",
			policy.MethodUnsuitable, "BR 3.2.2.4.19",
		},
		"dns-01 for a wildcard": {perspectives.Check{Domain: "*.example.com", Method: perspectives.DNS01}, "2026-12-15", "", ""},
		"phone contact, discouraged only": {
			perspectives.Check{Domain: "example.com", Method: perspectives.ContactPhoneCAA}, "2027-03-14", "", "",
		},
		"phone contact": {
			perspectives.Check{Domain: "example.com", Method: perspectives.ContactPhoneCAA},
			"2027-03-15",
			policy.MethodBanned, "BR 3.2.2.4.17 (banned from 2027-03-15)",
		},
		"CAA alone, whatever the method": {
			perspectives.Check{Domain: "example.com", Method: perspectives.IPAddress, Questions: perspectives.OnlyCAA}, "2040-01-01", "", "",
		},
		"CAA alone for a name in a reverse zone": {
			perspectives.Check{Domain: "x.ip6.arpa", Questions: perspectives.OnlyCAA},
			"2026-03-15",
			policy.ReverseZoneName, "BR 4.2.2 (effective 2026-03-15)",
		},
		"the reverse zone itself, as a wildcard": {
			perspectives.Check{Domain: "*.in-addr.arpa", Method: perspectives.DNS01},
			"2026-03-15",
			policy.ReverseZoneName, "BR 4.2.2 (effective 2026-03-15)",
		},
		"a name that only ends like it": {
			perspectives.Check{Domain: "notin-addr.arpa", Method: perspectives.DNS01}, "2026-03-15", "", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			date, err := policy.ParseDate(c.date)
			g.Expect(err).NotTo(HaveOccurred())
			d, forbidden, err := policy.Refuse(c.check, date)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(forbidden).To(Equal(c.reason != ""))
			g.Expect(d.Issue).To(BeFalse())
			g.Expect([]string{d.Reason, d.Clause}).To(Equal([]string{c.reason, c.clause}))
			if forbidden {
				g.Expect(d.Detail).NotTo(BeEmpty())
				g.Expect(d.Quorum).To(Equal("0/0"))
			}
		})
	}
	_, _, err := policy.Refuse(perspectives.Check{Domain: "example.com", Method: "x"}, time.Time{})
	NewWithT(t).Expect(err).To(HaveOccurred())
}

// TestDecideAsksOnly: for each set of questions, the verdicts on a question that
// was not asked change nothing.
func TestDecideAsksOnly(t *testing.T) {
	g := NewWithT(t)
	q, err := policy.KOfN(1, 1)
	g.Expect(err).NotTo(HaveOccurred())
	primary, remote := perspectives.Perspective{Name: "p"}, perspectives.Perspective{Name: "r"}
	for _, questions := range []perspectives.Questions{perspectives.Both, perspectives.OnlyDCV, perspectives.OnlyCAA} {
		for _, dcv := range perspectives.Verdicts() {
			for _, caa := range perspectives.Verdicts() {
				a := policy.SameSet(
					policy.Answer{Perspective: primary, DCV: dcv, CAA: caa},
					policy.Answer{Perspective: remote, DCV: dcv, CAA: caa})
				a.Questions = questions
				d, err := policy.Decide(q, a)
				g.Expect(err).NotTo(HaveOccurred())
				want := (dcv == perspectives.Pass || questions == perspectives.OnlyCAA) &&
					(caa == perspectives.Pass || questions == perspectives.OnlyDCV)
				g.Expect(d.Issue).To(Equal(want), "%q: %v, %v: %s", questions, dcv, caa, d.Reason)
			}
		}
	}
	_, err = policy.Decide(q, policy.Attempt{Questions: "none"})
	g.Expect(err).To(MatchError(ContainSubstring("questions")))
}
