package main

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"mpicsim/perspectives"
	"mpicsim/perspectives/access"
	"mpicsim/perspectives/local"
	"mpicsim/perspectives/remote"
	"mpicsim/topology/place"
)

// perspectiveFile is the configuration of `serve perspective`, in JSON. Names of
// files in it are relative to its folder.
type perspectiveFile struct {
	// Perspective is what the perspective says about itself. Name, location and
	// RIR are required.
	Perspective     perspectives.Perspective `json:"perspective"`
	EgressAddresses []netip.Addr             `json:"egress_addresses,omitempty"`
	// Listen is where partners connect, HealthListen where this machine asks for
	// /healthz and /metrics in plain HTTP: a loopback address, or empty for none.
	Listen       string `json:"listen"`
	HealthListen string `json:"health_listen,omitempty"`
	// CertificateFile and KeyFile are the server's, SigningKeyFile the Ed25519 key
	// of answers; all in PEM.
	CertificateFile string `json:"certificate_file"`
	KeyFile         string `json:"key_file"`
	SigningKeyFile  string `json:"signing_key_file"`
	// LogDir gets one file of JSON lines for each partner; empty for none.
	LogDir string `json:"log_dir,omitempty"`
	// CheckTimeout bounds one check (30 s), DrainTimeout the end (that and 5 s);
	// ReloadInterval says how often files are looked at for changes, 0 for never.
	CheckTimeout   remote.Duration `json:"check_timeout,omitempty"`
	DrainTimeout   remote.Duration `json:"drain_timeout,omitempty"`
	ReloadInterval remote.Duration `json:"reload_interval,omitempty"`
	// MaxConnections and MaxChecks bound the connections and the checks of all
	// partners together; see access.Bounds.
	MaxConnections int `json:"max_connections,omitempty"`
	MaxChecks      int `json:"max_checks,omitempty"`
	// GroupReadable accepts key files that their group may read.
	GroupReadable bool          `json:"secrets_group_readable,omitempty"`
	Partners      []partnerFile `json:"partners"`
	Network       networkFile   `json:"network,omitzero"`
	// Budget bounds what one check may cost.
	Budget budgetFile `json:"budget,omitzero"`
}

// partnerFile is one partner; see remote.Partner.
type partnerFile struct {
	clientFile
	OpenMPIC bool `json:"open_mpic,omitempty"`
}

// readPerspectiveFile reads a configuration and makes its paths absolute or
// relative to the current folder.
func readPerspectiveFile(path string) (perspectiveFile, error) {
	f := perspectiveFile{ReloadInterval: remote.Duration(10 * time.Second)}
	if err := remote.ReadJSON(path, &f); err != nil {
		return f, err
	}
	paths := []*string{&f.CertificateFile, &f.KeyFile, &f.SigningKeyFile, &f.LogDir}
	for i := range f.Partners {
		paths = append(paths, f.Partners[i].paths()...)
	}
	for _, p := range paths {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(filepath.Dir(path), *p)
		}
	}
	if err := f.validate(); err != nil {
		return f, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// validate checks what nobody else does.
func (f perspectiveFile) validate() error {
	p := f.Perspective
	if p.Name == "" {
		return errors.New("perspective.name: missing")
	}
	if p.RIR == place.Unknown {
		return errors.New("perspective.rir: missing: want AFRINIC, APNIC, ARIN, LACNIC or RIPE NCC")
	}
	if err := p.Location.Validate(); err != nil {
		return fmt.Errorf("perspective.location: %w", err)
	}
	for name, value := range map[string]string{
		"certificate_file": f.CertificateFile, "key_file": f.KeyFile, "signing_key_file": f.SigningKeyFile, "listen": f.Listen,
	} {
		if value == "" {
			return fmt.Errorf("%s: missing", name)
		}
	}
	for i, p := range f.Partners {
		if p.Name != filepath.Base(p.Name) || strings.HasPrefix(p.Name, ".") {
			return fmt.Errorf("partners[%d].name %q: want a name that can be a file's", i, p.Name)
		}
		if p.RootsFile == "" {
			return fmt.Errorf("partners[%d].roots_file: missing", i)
		}
		if err := p.validate(); err != nil {
			return fmt.Errorf("partners[%d]: %w", i, err)
		}
	}
	return nil
}

// local returns the configuration of the perspective itself, without a clock.
func (f perspectiveFile) local() (local.Config, error) {
	c, err := f.Network.local(f.Perspective)
	if err == nil {
		c.Budget, err = f.Budget.limits()
	}
	return c, err
}

// credentials reads the files that the configuration names.
func (f perspectiveFile) credentials(logs *partnerLogs) (remote.Credentials, error) {
	var c remote.Credentials
	var err error
	secrets, now := access.Secrets{GroupReadable: f.GroupReadable}, time.Now()
	if c.Certificate, err = secrets.KeyPair(f.CertificateFile, f.KeyFile, now); err != nil {
		return c, fmt.Errorf("certificate_file, key_file: %w", err)
	}
	if c.SigningKey, err = remote.ReadSigningKey(f.SigningKeyFile, secrets); err != nil {
		return c, fmt.Errorf("signing_key_file: %w", err)
	}
	for i, p := range f.Partners {
		partner := remote.Partner{OpenMPIC: p.OpenMPIC}
		if partner.Client, err = p.client("", now); err != nil {
			return c, fmt.Errorf("partners[%d].%w", i, err)
		}
		if partner.Log, err = logs.of(p.Name); err != nil {
			return c, err
		}
		c.Partners = append(c.Partners, partner)
	}
	return c, nil
}

// needRestart names the fields that differ and are read at the start only.
func (f perspectiveFile) needRestart(next perspectiveFile) []string {
	var fields []string
	a, b := reflect.ValueOf(f), reflect.ValueOf(next)
	for i := range a.NumField() {
		name, _, _ := strings.Cut(a.Type().Field(i).Tag.Get("json"), ",")
		switch name {
		case "certificate_file", "key_file", "signing_key_file", "partners", "secrets_group_readable":
		default:
			if !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
				fields = append(fields, name)
			}
		}
	}
	return fields
}
