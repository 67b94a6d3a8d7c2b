package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"mpicsim/perspectives"
	"mpicsim/perspectives/access"
	"mpicsim/perspectives/cohort"
	"mpicsim/perspectives/coordinator"
	"mpicsim/perspectives/local"
	"mpicsim/perspectives/openmpic"
	"mpicsim/perspectives/policy"
	"mpicsim/perspectives/remote"
)

// coordinatorFile is the file of --config. Names of files in it are relative to
// its folder.
type coordinatorFile struct {
	// Remotes is the file with the remotes, their keys and where the primary
	// stands, as 'mpicsim keys new' makes it. Required.
	Remotes string `json:"remotes_file"`
	// PrimaryAt is "here" (the default), if the primary checks in this process, or
	// "caller", if callers ask their own, which then stands where Remotes says.
	PrimaryAt string `json:"primary_at,omitempty"`
	// Rule names the quorum rule, "br" (in force on the day) if empty.
	Rule string `json:"rule,omitempty"`
	// CAADomains are for requests that name none.
	CAADomains []string `json:"caa_domains,omitempty"`
	// Cohorts says how the remotes of an attempt are chosen.
	Cohorts cohortsFile `json:"cohorts"`
	// DefaultCount, MaxAttempts, AllowMonitoring and RefuseMonitoring are those of
	// openmpic.Options.
	DefaultCount     int  `json:"default_perspective_count,omitempty"`
	MaxAttempts      int  `json:"absolute_max_attempts,omitempty"`
	AllowMonitoring  bool `json:"allow_monitoring,omitempty"`
	RefuseMonitoring bool `json:"refuse_monitoring,omitempty"`
	// CancelStragglers is that of coordinator.Config.
	CancelStragglers bool `json:"cancel_stragglers,omitempty"`
	// Timeout bounds one perspective's answer, 1m if 0.
	Timeout remote.Duration `json:"timeout,omitempty"`
	// ReloadInterval says how often files are looked at for changes (10 s), 0 for
	// never.
	ReloadInterval remote.Duration `json:"reload_interval,omitempty"`
	// Network is for a primary here.
	Network networkFile `json:"network,omitzero"`
	// Budget bounds what one check may cost a primary here.
	Budget budgetFile `json:"budget,omitzero"`
	// callersFile says who may call.
	callersFile
}

// cohortsFile says how remotes are chosen.
type cohortsFile struct {
	// Algorithm is "keyed", the default, or "open-mpic".
	Algorithm string `json:"algorithm,omitempty"`
	// SecretFile holds the key, at least 16 octets, or Open MPIC's hash_secret.
	// White space at its ends does not count. Required.
	SecretFile string `json:"secret_file"`
	// Sets bounds how many cohorts one identifier may get, 1 if 0.
	Sets int `json:"sets,omitempty"`
}

// readCoordinatorFile reads a configuration, but none of the files that it names.
func readCoordinatorFile(path string) (coordinatorFile, error) {
	f := coordinatorFile{ReloadInterval: remote.Duration(10 * time.Second)}
	err := remote.ReadJSON(path, &f)
	return f, err
}

// paths returns the configuration's path and those of all files that it names.
func (f coordinatorFile) paths(path string) []string {
	remotes := relative(filepath.Dir(path), f.Remotes)
	paths := append([]string{path, remotes, relative(filepath.Dir(path), f.Cohorts.SecretFile)}, f.callersFile.paths(filepath.Dir(path))...)
	var listed remote.RemotesFile
	if remote.ReadJSON(remotes, &listed) != nil {
		return paths // what is wrong with it is said where it is needed
	}
	for _, p := range []string{listed.Roots, listed.Certificate, listed.Key} {
		paths = append(paths, relative(filepath.Dir(remotes), p))
	}
	return paths
}

// build fills in the perspectives that the file names, and returns the clients of
// the remotes. It contacts nobody.
func (f coordinatorFile) build(dir string, records *slog.Logger, o *openmpic.Options) ([]*remote.Client, error) {
	if f.Rule == "" {
		f.Rule = "br"
	}
	rule, err := policy.ParseRule(f.Rule, time.Now())
	if err != nil {
		return nil, fmt.Errorf("rule: %w", err)
	}
	timeout := time.Duration(f.Timeout)
	if timeout == 0 {
		timeout = time.Minute
	}
	d := openmpic.DeploymentConfig{
		Quorum: func() policy.Quorum { return ruleOn(f.Rule, time.Now(), rule) },
		Clock:  time.Now, RuleDate: time.Now, Timeout: timeout, Log: records, CancelStragglers: f.CancelStragglers,
	}
	if !f.Network.isZero() && f.PrimaryAt == "caller" {
		return nil, errors.New("network: want primary_at here with it")
	}
	if f.Budget != (budgetFile{}) && f.PrimaryAt == "caller" {
		return nil, errors.New("budget: want primary_at here with it")
	}
	if f.Remotes == "" {
		return nil, errors.New("remotes_file: missing")
	}
	listed, clients, err := remote.ReadRemotes(relative(dir, f.Remotes), remote.ClientConfig{Clock: time.Now, Timeout: timeout})
	if err != nil {
		return nil, fmt.Errorf("remotes_file: %w", err)
	}
	if listed.Primary == nil {
		return nil, errors.New("remotes_file: it has no primary: want where the primary stands")
	}
	var fleet []perspectives.Perspective
	for _, c := range clients {
		d.Remotes, fleet = append(d.Remotes, c), append(fleet, c.Describe())
	}
	switch f.PrimaryAt {
	case "", "here":
		if d.Primary, err = primaryHere(*listed.Primary, f.Network, f.Budget); err != nil {
			return nil, err
		}
	case "caller":
		d.Caller = listed.Primary
	default:
		return nil, fmt.Errorf("primary_at: found %q, expected here or caller", f.PrimaryAt)
	}
	if o.Fleet, err = openmpic.NewDeployment(d); err != nil {
		return nil, err
	}
	if o.Cohorts, err = f.Cohorts.chooser(dir, access.Secrets{GroupReadable: f.GroupReadable}, rule, *listed.Primary, fleet); err != nil {
		return nil, fmt.Errorf("cohorts: %w", err)
	}
	if err := canMeet(rule, *listed.Primary, fleet, f.DefaultCount); err != nil {
		return nil, fmt.Errorf("remotes_file: %w", err)
	}
	o.DefaultIssuers, o.DefaultCount, o.MaxAttempts = f.CAADomains, f.DefaultCount, f.MaxAttempts
	o.AllowMonitoring, o.RefuseMonitoring = f.AllowMonitoring, f.RefuseMonitoring
	return clients, nil
}

// canMeet returns an error if no attempt with so many remotes, those that the rule
// demands if 0, can ever satisfy the rule: there are too few, or none that are far
// enough from each other, or too few regions.
func canMeet(rule policy.Quorum, primary perspectives.Perspective, fleet []perspectives.Perspective, count int) error {
	if count == 0 {
		count = max(2, rule.MinRemotes)
	}
	if rule.MinRemotes == 0 {
		return nil
	}
	// Which cohort a key picks does not matter, only whether there is one.
	key := []byte("whether there is any cohort")
	k, err := cohort.NewKeyed(cohort.Options{Key: key, Quorum: rule, Primary: primary, Fleet: fleet})
	if err != nil {
		return err
	}
	if _, err := k.Cohorts("example.com", count); err != nil {
		return fmt.Errorf("found %d remotes that can never meet the rule %s with default_perspective_count %d, expected %d or more, "+
			"%v km from each other and the primary, in %d RIR regions: %w",
			len(fleet), rule.Name, count, rule.MinRemotes, rule.MinDistanceKm, rule.MinRIRs, err)
	}
	return nil
}

// ruleOn returns the rule of a name on a day, so that a service which runs for
// long follows the phases of the BR; a name that was once read is always read.
func ruleOn(name string, day time.Time, before policy.Quorum) policy.Quorum {
	if rule, err := policy.ParseRule(name, day); err == nil {
		return rule
	}
	return before
}

// primaryHere checks from this process.
func primaryHere(p perspectives.Perspective, network networkFile, limits budgetFile) (coordinator.Runner, error) {
	config, err := network.local(p)
	if err != nil {
		return nil, err
	}
	if config.Budget, err = limits.limits(); err != nil {
		return nil, err
	}
	config.Clock = time.Now
	return local.New(config)
}

// chooser returns how cohorts are chosen.
func (c cohortsFile) chooser(dir string, secrets access.Secrets, rule policy.Quorum, primary perspectives.Perspective, fleet []perspectives.Perspective) (openmpic.Cohorts, error) {
	if c.SecretFile == "" {
		return nil, errors.New("secret_file: missing")
	}
	secret, err := secrets.Read(relative(dir, c.SecretFile))
	if err != nil {
		return nil, fmt.Errorf("secret_file: %w", err)
	}
	secret = bytes.TrimSpace(secret)
	switch c.Algorithm {
	case "", "keyed":
		return cohort.NewKeyed(cohort.Options{Key: secret, Quorum: rule, Primary: primary, Fleet: fleet, Sets: c.Sets})
	case "open-mpic":
		return cohort.OpenMPIC{Secret: string(secret), Fleet: cohort.Candidates(fleet, rule.MinDistanceKm)}, nil
	}
	return nil, fmt.Errorf("algorithm: found %q, expected keyed or open-mpic", c.Algorithm)
}

// relative resolves the name of a file in a configuration file.
func relative(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
