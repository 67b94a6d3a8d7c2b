package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"mpicsim/perspectives"
	"mpicsim/perspectives/access"
	"mpicsim/perspectives/remote"
)

// clientFile is somebody who may ask a service, in its configuration: a caller of
// the coordinator, a partner of a perspective. See access.Client.
type clientFile struct {
	Name      string `json:"name"`
	Identity  string `json:"identity,omitempty"`
	RootsFile string `json:"roots_file,omitempty"`
	// CRLFile has a CRL of each of the roots, in PEM, or one in DER; none is
	// consulted if it is empty.
	CRLFile         string                `json:"crl_file,omitempty"`
	Methods         []perspectives.Method `json:"methods"`
	IssuerDomains   []string              `json:"issuer_domains"`
	ChecksPerSecond float64               `json:"checks_per_second,omitempty"`
	Burst           int                   `json:"burst,omitempty"`
	DailyQuota      int                   `json:"daily_quota,omitempty"`
	Concurrent      int                   `json:"concurrent,omitempty"`
	Operator        bool                  `json:"operator,omitempty"`
}

// allMethods stands for all methods in a configuration.
const allMethods = "all"

// validate checks what access.Client does not see any more.
func (f clientFile) validate() error {
	if f.Methods == nil || f.IssuerDomains == nil {
		return errors.New("methods and issuer_domains: want both, [] for none")
	}
	if f.CRLFile != "" && f.RootsFile == "" {
		return errors.New("crl_file: want roots_file with it")
	}
	return nil
}

// paths returns the files that a client names.
func (f *clientFile) paths() []*string { return []*string{&f.RootsFile, &f.CRLFile} }

// client reads the files that the configuration names, relative to dir.
func (f clientFile) client(dir string, now time.Time) (access.Client, error) {
	c := access.Client{
		Name: f.Name, Identity: f.Identity, Methods: f.Methods, IssuerDomains: f.IssuerDomains,
		ChecksPerSecond: f.ChecksPerSecond, Burst: f.Burst, DailyQuota: f.DailyQuota, Concurrent: f.Concurrent, Operator: f.Operator,
	}
	if len(f.Methods) == 1 && f.Methods[0] == allMethods {
		c.Methods = perspectives.Methods()
	}
	if f.RootsFile == "" {
		return c, nil
	}
	var err error
	if c.Roots, err = remote.ReadCertificates(relative(dir, f.RootsFile)); err != nil {
		return c, fmt.Errorf("roots_file: %w", err)
	}
	if f.CRLFile == "" {
		return c, nil
	}
	data, err := os.ReadFile(relative(dir, f.CRLFile))
	if err != nil {
		return c, fmt.Errorf("crl_file: %w", err)
	}
	if c.Revocations, err = access.ParseRevocations(data, c.Roots, now); err != nil {
		return c, fmt.Errorf("crl_file: %s: %w", relative(dir, f.CRLFile), err)
	}
	return c, nil
}

// descriptorsOfCheck is how many files a check from this process may have open: it
// asks one server after the other, over one connection and rarely two at a time.
const descriptorsOfCheck = 4
