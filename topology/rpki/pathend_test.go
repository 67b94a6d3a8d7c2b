package rpki_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/topology"
	"mpicsim/topology/rpki"
)

func TestPathEnds(t *testing.T) {
	g := NewWithT(t)
	set, err := rpki.NewPathEnds([]rpki.PathEnd{
		{Origin: 1, Neighbors: path(20, 10)}, {Origin: 2}, {Origin: 1, Neighbors: path(10, 30)},
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(set.Len()).To(Equal(2))
	for _, c := range []struct {
		path []topology.ASN
		want rpki.Validity
		why  string
	}{
		{path(10, 1), rpki.Valid, "a neighbour"},
		{path(77, 30, 1), rpki.Valid, "a neighbour further away"},
		{path(66, 1), rpki.Invalid, "a forged last hop"},
		{path(66, 10, 1), rpki.Valid, "a forged hop before the last is not looked at"},
		{path(10, 66, 1), rpki.Invalid, "the last hop counts"},
		{path(1), rpki.Valid, "from the origin itself"},
		{path(1, 1, 1), rpki.Valid, "prepended by the origin"},
		{path(66, 1, 1), rpki.Invalid, "forged, and prepended"},
		{path(2), rpki.Valid, "no neighbours, but the origin itself"},
		{path(10, 2), rpki.Invalid, "no neighbours"},
		{path(66, 3), rpki.NotFound, "no record"},
		{nil, rpki.NotFound, "no origin"},
	} {
		g.Expect(set.Validate(c.path)).To(Equal(c.want), "%v: %s", c.path, c.why)
	}
	stubs, err := rpki.NewPathEnds([]rpki.PathEnd{
		{Origin: 1, Neighbors: path(10), NonTransit: true}, {Origin: 1, Neighbors: path(20)}, {Origin: 2, Neighbors: path(1)},
	})
	g.Expect(err).NotTo(HaveOccurred())
	for _, c := range []struct {
		path []topology.ASN
		want rpki.Validity
		why  string
	}{
		{path(10, 1), rpki.Valid, "it is the origin"},
		{path(10, 1, 1, 1), rpki.Valid, "prepended by it"},
		{path(10, 1, 5), rpki.Invalid, "a leak of an origin without a record"},
		{path(20, 1, 2), rpki.Invalid, "a leak that the origin's record allows"},
		{path(1, 5), rpki.Invalid, "it leaks to its neighbour"},
		{path(1, 10, 1), rpki.Invalid, "a loop"},
		{path(10, 5), rpki.NotFound, "others are free"},
	} {
		g.Expect(stubs.Validate(c.path)).To(Equal(c.want), "%v: %s", c.path, c.why)
	}
	neighbors, ok := set.Neighbors(1)
	g.Expect(neighbors).To(Equal(path(10, 20, 30)))
	g.Expect(ok).To(BeTrue())
	var none *rpki.PathEnds
	g.Expect(none.Validate(path(66, 1))).To(Equal(rpki.NotFound))
	g.Expect(none.Len()).To(BeZero())
	_, ok = none.Neighbors(1)
	g.Expect(ok).To(BeFalse())
}

func TestNewPathEndsRefuses(t *testing.T) {
	g := NewWithT(t)
	for want, bad := range map[string]rpki.PathEnd{
		"path-end record 0: origin AS 0: want a number from 1":                      {Neighbors: path(1)},
		"path-end record 0 (AS 7): neighbour AS 0: want a number from 1":            {Origin: 7, Neighbors: path(0)},
		"path-end record 0 (AS 7): neighbour AS 7: want another AS than the origin": {Origin: 7, Neighbors: path(1, 7)},
	} {
		_, err := rpki.NewPathEnds([]rpki.PathEnd{bad})
		g.Expect(err).To(MatchError(ContainSubstring(want)))
	}
}
