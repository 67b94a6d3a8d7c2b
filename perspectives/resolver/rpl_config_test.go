package resolver_test

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// rplConfig is the configuration of a scenario, as far as it bears on a library
// that resolves by itself.
type rplConfig struct {
	roots   []netip.Addr
	stubs   []rplStub // of zones other than the root
	anchors []string
	// now is when the scenario happens; the zero time if the file does not say,
	// and anyTime if signatures are to be taken whatever their dates are.
	now      time.Time
	anyTime  bool
	insecure []string // names below which nothing is to be validated
	minimise bool     // true unless the file says otherwise, as both peers have it
	noIP4    bool
	noIP6    bool
	iterator bool // no validation
	aliases  int  // limits, 0 if the file sets none
	queries  int
	// stubsFirst is set if servers of stub zones that fail give way to the
	// public ones.
	stubsFirst bool
}

// rplStub is a zone whose servers are configured.
type rplStub struct {
	zone  string
	addrs []netip.Addr
}

// config reads up to CONFIG_END.
func (p *rplParser) config(c *rplConfig) error {
	c.minimise = true
	stub := &rplStub{zone: "."} // Deckard has no sections: its stub-addr is the root's
	finish := func() {
		if stub.zone == "." {
			c.roots = append(c.roots, stub.addrs...)
		} else {
			c.stubs = append(c.stubs, *stub)
		}
		stub = &rplStub{zone: "."}
	}
	for {
		line, _, ok := p.next()
		if !ok {
			return p.errorf("found the end of the file, expected CONFIG_END")
		}
		line = uncommented(line)
		if line == "CONFIG_END" {
			finish()
			return nil
		}
		key, value, found := strings.Cut(line, ":")
		if !found {
			return p.errorf("configuration: found %q, expected KEY: VALUE", line)
		}
		value = strings.Trim(strings.TrimSpace(value), `"'`)
		if value == "" && (key == "server" || key == "stub-zone") {
			finish()
			continue
		}
		if err := p.setting(c, stub, key, value); err != nil {
			return err
		}
	}
}

// setting takes one line of the configuration.
func (p *rplParser) setting(c *rplConfig, stub *rplStub, key, value string) (err error) {
	bad := func(expected string) error { return p.errorf("%s: found %q, expected %s", key, value, expected) }
	yes, isBool := map[string]bool{"yes": true, "on": true, "true": true, "no": false, "off": false, "false": false}[value]
	switch key {
	case "name":
		stub.zone = dns.CanonicalName(value)
	case "stub-addr":
		addr, err := netip.ParseAddr(value)
		if err != nil {
			return bad("an address")
		}
		stub.addrs = append(stub.addrs, addr)
	case "trust-anchor":
		c.anchors = append(c.anchors, value)
	case "domain-insecure":
		c.insecure = append(c.insecure, dns.CanonicalName(value))
	case "val-override-date":
		if value == "-1" {
			c.anyTime = true
			return nil
		}
		if c.now, err = time.Parse("20060102150405", value); err != nil {
			return bad("YYYYMMDDhhmmss")
		}
	case "val-override-timestamp":
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return bad("seconds")
		}
		c.now = time.Unix(n, 0).UTC()
	case "module-config":
		c.iterator = !strings.Contains(value, "validator")
	case "max-query-restarts", "max-global-quota":
		n, err := strconv.Atoi(value)
		if err != nil {
			return bad("a number")
		}
		if key == "max-query-restarts" {
			c.aliases = n
		} else {
			c.queries = n
		}
	case "query-minimization", "qname-minimisation", "do-ip4", "do-ip6", "stub-first":
		if !isBool {
			return bad("yes or no")
		}
		switch key {
		case "do-ip4":
			c.noIP4 = !yes
		case "do-ip6":
			c.noIP6 = !yes
		case "stub-first":
			c.stubsFirst = yes
		default:
			c.minimise = yes
		}
	default:
		if !slices.Contains(withoutBearing(), key) {
			return p.errorf("configuration: found %q, expected a key that is known", key)
		}
	}
	return nil
}

// withoutBearing are the keys that leave no trace here. Some configure what a
// library that keeps nothing from one check to the next and serves nobody has not
// got: priming, prefetching, a cache, clients with rights, the sections of replies,
// logs. The others switch off what the resolver always does, such as ignoring glue
// and records that a server has no say about: a scenario that depends on that
// fails.
func withoutBearing() []string {
	return []string{
		"stub-name", "stub-prime", "target-fetch-policy", "trust-anchor-signaling", "root-key-sentinel",
		"access-control", "local-zone", "minimal-responses", "rrset-roundrobin", "ede", "log-servfail", "aggressive-nsec",
		"harden-glue", "harden-referral-path", "iter-scrub-promiscuous", "do-not-query-localhost",
		// Unbound computes SHA-1 itself where the system's library refuses it.
		"fake-sha1",
	}
}
