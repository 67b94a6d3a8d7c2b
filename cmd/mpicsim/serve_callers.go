package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"mpicsim/perspectives/access"
	"mpicsim/perspectives/remote"
)

// callersFile says who may call a coordinator; a part of its configuration.
type callersFile struct {
	// TLS is the server's certificate; plain HTTP without it.
	TLS *serverPairFile `json:"tls,omitempty"`
	// Clients are who may call, by certificate if they have an identity, and by the
	// API keys that APIKeysFile has for their names. Without any, everybody may who
	// can connect: on the loopback, or anywhere by --insecure-allow-anyone.
	Clients     []clientFile `json:"clients,omitempty"`
	APIKeysFile string       `json:"api_keys_file,omitempty"`
	// Hosts are names under which callers ask, besides those of the certificate,
	// localhost and IP addresses.
	Hosts []string `json:"hosts,omitempty"`
	// HealthListen is where this machine asks for /healthz and /metrics in plain
	// HTTP: a loopback address, or empty for none.
	HealthListen string `json:"health_listen,omitempty"`
	// MaxConnections and MaxChecks bound those of all callers together; see
	// access.Bounds.
	MaxConnections int `json:"max_connections,omitempty"`
	MaxChecks      int `json:"max_checks,omitempty"`
	// GroupReadable accepts files with secrets that their group may read.
	GroupReadable bool `json:"secrets_group_readable,omitempty"`
}

// serverPairFile is a server's certificate with its key, in PEM.
type serverPairFile struct {
	Certificate string `json:"certificate_file"`
	Key         string `json:"key_file"`
}

// paths returns the files that f names, relative to dir.
func (f callersFile) paths(dir string) []string {
	named := []string{f.APIKeysFile}
	if f.TLS != nil {
		named = append(named, f.TLS.Certificate, f.TLS.Key)
	}
	for _, c := range f.Clients {
		named = append(named, c.RootsFile, c.CRLFile)
	}
	var paths []string
	for _, p := range named {
		if p != "" {
			paths = append(paths, relative(dir, p))
		}
	}
	return paths
}

// callers is what callersFile says, with the files that it names.
type callers struct {
	list    *access.List // nil if anyone may
	browser access.Browser
	tls     *tls.Config // nil for plain HTTP
	// keysOfNobody are names in the file of API keys that are no client's.
	keysOfNobody []string
}

// read reads the files that f names, relative to dir.
func (f callersFile) read(dir string, now time.Time) (callers, error) {
	var c callers
	if err := checkHosts("hosts: found", f.Hosts); err != nil {
		return c, err
	}
	c.browser.Hosts = append(c.browser.Hosts, f.Hosts...)
	secrets := access.Secrets{GroupReadable: f.GroupReadable}
	keys, err := f.keys(dir, secrets)
	if err != nil {
		return c, err
	}
	var clients []access.Client
	for i, one := range f.Clients {
		if err := one.validate(); err != nil {
			return c, fmt.Errorf("clients[%d]: %w", i, err)
		}
		if one.Identity == "" && f.APIKeysFile == "" {
			return c, fmt.Errorf("clients[%d].identity: missing: want one, or api_keys_file", i)
		}
		client, err := one.client(dir, now)
		if err != nil {
			return c, fmt.Errorf("clients[%d].%w", i, err)
		}
		client.Keys = keys[one.Name]
		delete(keys, one.Name)
		clients = append(clients, client)
	}
	// No error: whoever takes a client out must be rid of it at once.
	c.keysOfNobody = slices.Sorted(maps.Keys(keys))
	if f.Clients != nil {
		if len(clients) == 0 {
			return c, errors.New("clients: found none, expected at least one, or no such field")
		}
		if c.list, err = access.NewList(clients); err != nil {
			return c, fmt.Errorf("clients: %w", err)
		}
	}
	if f.TLS == nil {
		if c.list != nil && c.list.HasCertificates() {
			return c, errors.New("tls: missing: clients with an identity are known by their certificates")
		}
		return c, nil
	}
	pair, err := secrets.KeyPair(relative(dir, f.TLS.Certificate), relative(dir, f.TLS.Key), now)
	if err != nil {
		return c, fmt.Errorf("tls: certificate_file, key_file: %w", err)
	}
	for _, name := range pair.Leaf.DNSNames {
		c.browser.Hosts = append(c.browser.Hosts, strings.ToLower(name))
	}
	c.tls = access.TLSConfig(c.list, pair, time.Now)
	return c, nil
}

// checkHosts returns an error, which begins with found, if one is no name.
func checkHosts(found string, hosts []string) error {
	for _, h := range hosts {
		if h == "" || h != strings.ToLower(h) || strings.ContainsAny(h, ":/ ") || strings.HasSuffix(h, ".") {
			return fmt.Errorf("%s %q, expected a name in lower case without port", found, h)
		}
	}
	return nil
}

// keys returns the API keys of each client, by name.
func (f callersFile) keys(dir string, secrets access.Secrets) (map[string][]access.Key, error) {
	if f.APIKeysFile == "" {
		return nil, nil
	}
	path := relative(dir, f.APIKeysFile)
	if _, err := secrets.Read(path); err != nil {
		return nil, fmt.Errorf("api_keys_file: %w", err)
	}
	var file access.KeysFile
	if err := remote.ReadJSON(path, &file); err != nil {
		return nil, fmt.Errorf("api_keys_file: %w", err)
	}
	keys, err := file.ByClient()
	if err != nil {
		return nil, fmt.Errorf("api_keys_file: %s: %w", path, err)
	}
	return keys, nil
}

// judge returns an error if what is said about callers is too little for an address
// that others than this machine can reach.
func (c callers) judge(loopback, anyone bool) error {
	switch {
	case loopback:
		return nil
	case c.list == nil && !anyone:
		return errors.New("expected a loopback address, such as 127.0.0.1:8000, since nothing says who may call: " +
			"want clients in the configuration, or --insecure-allow-anyone")
	case c.list != nil && c.tls == nil:
		return errors.New("expected a loopback address, or tls in the configuration, since API keys would cross the network in the clear")
	}
	return nil
}

// isLoopback reports whether a network address, as a listener has it, is this
// machine's alone.
func isLoopback(address string) bool {
	at, err := netip.ParseAddrPort(address)
	return err == nil && at.Addr().Unmap().IsLoopback()
}
