package domain_test

import (
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/scenarios"
	"mpicsim/scenarios/domain"
	"mpicsim/scenarios/library"
	"mpicsim/scenarios/replay"
)

// TestBuiltInScenarios: in the emulated Internet of every built-in scenario, a
// survey from each perspective finds what its victim section describes.
func TestBuiltInScenarios(t *testing.T) {
	for _, name := range library.Names() {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			data, file, err := library.Text(name)
			g.Expect(err).NotTo(HaveOccurred())
			src, err := scenarios.Parse(data, file)
			g.Expect(err).NotTo(HaveOccurred())
			h, err := replay.NameSpace(src)
			g.Expect(err).NotTo(HaveOccurred())
			described, err := domain.FromHierarchy(h, src.Victim.Domain)
			g.Expect(err).NotTo(HaveOccurred())
			for _, a := range src.Victim.Web {
				g.Expect(described.In(domain.Scope{Surface: domain.WebOnly})).To(ContainElement(a))
			}
			for _, ns := range src.Victim.NameServers {
				g.Expect(described.In(domain.Scope{Surface: domain.WebDNS})).To(ContainElement(ns.Address))
				counts := slices.Contains(described.In(domain.Scope{Surface: domain.WebDNSSEC}), ns.Address)
				g.Expect(counts).To(Equal(!src.DNS.Signed), "DNSSEC protects all name servers of a signed story, and no other's")
			}
			w, err := replay.Build(t.Context(), replay.Options{Source: src})
			g.Expect(err).NotTo(HaveOccurred())
			defer w.Close()
			for _, e := range src.Timeline {
				if e.Check == nil {
					continue
				}
				sites, err := src.Resolve(*e.Check)
				g.Expect(err).NotTo(HaveOccurred())
				for _, site := range sites {
					survey, err := w.Survey(t.Context(), replay.SurveyOptions{From: site.Perspective.Name, At: time.Second})
					g.Expect(err).NotTo(HaveOccurred())
					traced := domain.FromSurvey(survey)
					g.Expect(traced.Gaps).To(BeEmpty())
					g.Expect(text(traced)).To(Equal(text(described)), site.Perspective.Name)
				}
				break
			}
		})
	}
}
