package main

import (
	"errors"
	"net"
	"net/netip"
	"reflect"

	"mpicsim/perspectives"
	"mpicsim/perspectives/dcv"
	"mpicsim/perspectives/local"
	"mpicsim/perspectives/resolver"
)

// networkFile replaces parts of the public Internet, for tests. All zero is
// production.
type networkFile struct {
	// AllowedPrefixes are contacted although they are not public.
	AllowedPrefixes []netip.Prefix `json:"allowed_prefixes,omitempty"`
	// Roots and TrustAnchors stand in for those of the public DNS: the former
	// without the latter is a DNS without DNSSEC.
	Roots        []rootFile `json:"roots,omitempty"`
	TrustAnchors []string   `json:"trust_anchors,omitempty"`
	// The ports stand in for 53, 80 and 443.
	DNSPort   uint16 `json:"dns_port,omitempty"`
	HTTPPort  uint16 `json:"http_port,omitempty"`
	HTTPSPort uint16 `json:"https_port,omitempty"`
}

func (n networkFile) isZero() bool { return reflect.ValueOf(n).IsZero() }

type rootFile struct {
	Name      string           `json:"name"`
	Addresses []netip.AddrPort `json:"addresses"`
}

// local returns the configuration of a perspective that checks from this process,
// without a clock: as production must, public addresses only and with DNSSEC
// validated (BR 3.2.2.4, 3.2.2.8.1), but for what n replaces.
func (n networkFile) local(p perspectives.Perspective) (local.Config, error) {
	c := local.Config{
		Perspective: p, Network: &net.Dialer{}, Roots: resolver.RealRoots(), TrustAnchors: resolver.RootAnchors(),
		UserAgent: "mpicsim (perspective " + p.Name + ")",
		DNSPort:   n.DNSPort, HTTPPort: n.HTTPPort, HTTPSPort: n.HTTPSPort,
		Allowed: func(addr netip.Addr) error {
			for _, p := range n.AllowedPrefixes {
				if p.Contains(addr.Unmap()) {
					return nil
				}
			}
			return dcv.PublicOnly(addr)
		},
	}
	if len(n.Roots) == 0 && len(n.TrustAnchors) > 0 {
		return c, errors.New("network.trust_anchors: want network.roots with them")
	}
	if len(n.Roots) > 0 {
		c.Roots, c.TrustAnchors = nil, n.TrustAnchors
		for _, r := range n.Roots {
			c.Roots = append(c.Roots, resolver.Root{Name: r.Name, Addrs: r.Addresses})
		}
	}
	return c, nil
}
