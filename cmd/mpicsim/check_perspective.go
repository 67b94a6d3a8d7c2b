package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"mpicsim/perspectives"
	"mpicsim/perspectives/coordinator"
	"mpicsim/perspectives/remote"
)

// perspectiveReport is what --json prints of one remote perspective.
type perspectiveReport struct {
	// Corroborates says whether the perspective passed what it was asked.
	Corroborates bool `json:"corroborates"`
	// Request is the request to the octet, as the answer's request_digest wants it,
	// and Answer the answer as it was signed, with the result. nil if there is none
	// to believe.
	Request string          `json:"request"`
	Answer  json.RawMessage `json:"answer"`
}

// runCheckPerspective puts one check to one remote perspective.
func runCheckPerspective(ctx context.Context, s streams, f checkFlags) error {
	if err := f.perspectiveOnly(); err != nil {
		return err
	}
	var report perspectiveReport
	entry, client, err := f.client(func(request, answer []byte) {
		report.Request, report.Answer = string(request), json.RawMessage(answer)
	})
	if err != nil {
		return err
	}
	defer client.Close()
	if f.info {
		return runPerspectiveInfo(ctx, s, f, entry, client)
	}
	check, err := f.check()
	if err != nil {
		return err
	}
	result := client.Run(ctx, check)
	if report.Answer == nil {
		return unanswered(result)
	}
	report.Corroborates = result.Corroborates()
	err = writeOutput(s, "", func(w *bufio.Writer) error {
		if f.json {
			return writeJSON(w, report)
		}
		return report.print(w)
	})
	if err == nil && !report.Corroborates {
		return &exitError{code: exitNo}
	}
	return err
}

// perspectiveOnly refuses what has no meaning for one perspective.
func (f checkFlags) perspectiveOnly() error {
	switch {
	case f.url != "":
		return errors.New("--url, --remotes: want one of the two: a whole service, or one perspective")
	case f.count != 0 || f.hasQuorum || f.attempts != 0 || f.cohort != 0:
		return errors.New("--count, --quorum, --max-attempts, --cohort: found with --remotes: one perspective is asked once")
	case f.trace != "" || len(f.headers) > 0:
		return errors.New("--trace, --header: found with --remotes: the protocol has neither from here")
	case f.timeout <= 0:
		return fmt.Errorf("--timeout: found %v, expected more than 0", f.timeout)
	}
	return nil
}

// client returns the perspective that the flags name, and its client.
func (f checkFlags) client(onAnswer func(request, answer []byte)) (remote.Entry, *remote.Client, error) {
	listed, clients, err := remote.ReadRemotes(f.remotes, remote.ClientConfig{Clock: time.Now, Timeout: f.timeout, MaxIdle: -1, OnAnswer: onAnswer})
	if err != nil {
		return remote.Entry{}, nil, fmt.Errorf("--remotes: %w", err)
	}
	var names []string
	for i, r := range listed.Remotes {
		if r.Perspective.Name == f.perspective {
			return r, clients[i], nil
		}
		names = append(names, r.Perspective.Name)
	}
	return remote.Entry{}, nil, fmt.Errorf("--perspective: found %q, expected one of %s: %s", f.perspective, f.remotes, strings.Join(names, ", "))
}

// check returns what the flags ask a perspective: CAA without --method, domain
// control with it, both with issuer domains as well.
func (f checkFlags) check() (perspectives.Check, error) {
	if f.domain == "" {
		return perspectives.Check{}, errors.New("--domain: missing: want a name or an IP address")
	}
	params, err := f.parameters()
	if err != nil {
		return perspectives.Check{}, err
	}
	body, dcv, caa := map[string]any{"domain": f.domain, "method": f.method, "issuer_domains": f.issuers}, map[string]any{}, map[string]any{}
	switch {
	case f.method == "":
		body["questions"] = perspectives.OnlyCAA
	case len(f.issuers) == 0:
		body["questions"] = perspectives.OnlyDCV
	}
	for name, v := range params {
		switch name {
		case "token", "key_authorization", "account_uri", "questions":
			body[name] = v
		case "certificate_type", "validation_methods", "allow_lookup_failure":
			caa[name] = v
		default:
			dcv[name] = v
		}
	}
	body["dcv_parameters"], body["caa_parameters"] = dcv, caa
	text, err := json.Marshal(body)
	if err != nil {
		return perspectives.Check{}, fault(err)
	}
	var check perspectives.Check
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&check); err != nil {
		return perspectives.Check{}, fmt.Errorf("--param: %s: want the members of check in docs/protocol.md", strings.TrimPrefix(err.Error(), "json: "))
	}
	return coordinator.NormalizeCheck(check)
}

// unanswered returns the command's exit if there is no answer to believe: bad
// input if the perspective refuses the request, else a fault.
func unanswered(r perspectives.Result) error {
	o := r.DCV
	if !r.Questions.DCV() {
		o = r.CAA
	}
	err := fmt.Errorf("%s: %s", o.Reason, o.Detail)
	if o.Reason == remote.ReasonRefused || o.Reason == remote.ReasonBadRequest {
		return err
	}
	return fault(err)
}

func (r perspectiveReport) print(w io.Writer) error {
	var a remote.Answer
	if err := json.Unmarshal(r.Answer, &a); err != nil {
		return err // it was read before
	}
	verdict := "DOES NOT CORROBORATE"
	if r.Corroborates {
		verdict = "CORROBORATES"
	}
	fmt.Fprintf(w, "%s, %v: %s\n\n", legible(a.Perspective), a.RIR, verdict)
	if a.Result.Questions.DCV() {
		printOutcome(w, "domain control", a.Result.DCV)
	}
	if a.Result.Questions.CAA() {
		printOutcome(w, "CAA", a.Result.CAA)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, e := range slices.Concat(a.Result.DCV.Evidence, a.Result.CAA.Evidence) {
		status := e.Status
		if status == "" {
			status = "no answer"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%v\n", legible(e.Kind), legible(e.Query), legible(e.Server), legible(status), e.Took.Round(time.Microsecond))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "signed %s by key %s\n", a.AnsweredAt.UTC().Format(time.RFC3339), keyText(a.KeyID))
	return err
}

func printOutcome(w io.Writer, question string, o perspectives.Outcome) {
	fmt.Fprintf(w, "%s: %v, %s", question, o.Verdict, legible(o.Reason))
	if o.Clause != "" {
		fmt.Fprintf(w, " [%s]", legible(o.Clause))
	}
	if o.DNSSEC != perspectives.NotValidated {
		fmt.Fprintf(w, ", DNSSEC %s", legible(string(o.DNSSEC)))
	}
	fmt.Fprintf(w, "\n  %s\n", legible(o.Detail))
}

// runPerspectiveInfo asks a perspective about itself, and compares what it says
// with what the file says.
func runPerspectiveInfo(ctx context.Context, s streams, f checkFlags, entry remote.Entry, client *remote.Client) error {
	info, err := client.Info(ctx)
	if err != nil {
		return fault(err)
	}
	differs := differences(info, entry)
	err = writeOutput(s, "", func(w *bufio.Writer) error {
		if f.json {
			return writeJSON(w, struct {
				remote.Info

				Differences []string `json:"differences,omitempty"`
			}{info, differs})
		}
		return printInfo(w, info, differs)
	})
	if err == nil && len(differs) > 0 {
		return &exitError{code: exitNo}
	}
	return err
}

// differences says what a perspective says otherwise than the file.
func differences(info remote.Info, entry remote.Entry) (out []string) {
	p := entry.Perspective
	for _, d := range []struct {
		what        string
		found, want any
	}{
		{"name", info.Perspective.Name, p.Name},
		{"region", info.Perspective.RIR, p.RIR},
		{"location", info.Perspective.Location, p.Location},
		{"key", keyText(info.KeyID), keyText(remote.KeyID(ed25519.PublicKey(entry.PublicKey)))},
	} {
		if d.found != d.want {
			out = append(out, fmt.Sprintf("%s: found %v, expected %v", d.what, d.found, d.want))
		}
	}
	return out
}

// keyText returns a key's identifier as the protocol writes it.
func keyText(id remote.Base64) string {
	t, err := id.MarshalText()
	if err != nil {
		return err.Error()
	}
	return string(t)
}

func printInfo(w io.Writer, info remote.Info, differs []string) error {
	p := info.Perspective
	fmt.Fprintf(w, "%s, %s, %v at %.2f %.2f\n", legible(p.Name), legible(p.City), p.RIR, p.Location.Lat, p.Location.Lon)
	fmt.Fprintf(w, "%s, protocol %s, %s by its clock\n", legible(info.Software), list(info.APIVersions), info.Time.UTC().Format(time.RFC3339))
	if len(info.EgressAddresses) > 0 {
		fmt.Fprintf(w, "checks come from %v\n", info.EgressAddresses)
	}
	methods := list(info.Partner.Methods)
	if len(info.Partner.Methods) == len(perspectives.Methods()) {
		methods = "all methods"
	}
	fmt.Fprintf(w, "partner %s may ask for %s\n  issuer domains %s\n", legible(info.Partner.Name), methods, list(info.Partner.IssuerDomains))
	fmt.Fprintf(w, "  %s checks a second, %s a day, of which %d are used\n",
		bound(info.Partner.ChecksPerSecond), bound(float64(info.Partner.DailyQuota)), info.Partner.UsedToday)
	for _, d := range differs {
		fmt.Fprintf(w, "NOT AS CONFIGURED: %s\n", legible(d))
	}
	if len(differs) == 0 {
		fmt.Fprintln(w, "name, region, location and key are as configured")
	}
	return nil
}

// list returns words for people.
func list[T ~string](words []T) string {
	if len(words) == 0 {
		return "nothing"
	}
	text := make([]string, len(words))
	for i, word := range words {
		text[i] = legible(string(word))
	}
	return strings.Join(text, ", ")
}

// bound words a limit of which 0 means none.
func bound(n float64) string {
	if n == 0 {
		return "any number of"
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}
