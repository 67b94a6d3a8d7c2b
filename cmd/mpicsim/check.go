package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"
)

// checkFlags are the flags of "mpicsim check" as given.
type checkFlags struct {
	url       string
	domain    string
	method    string
	token     string
	keyAuth   string
	value     string
	params    []string
	issuers   []string
	count     int
	quorum    int
	attempts  int
	cohort    int
	trace     string
	headers   []string
	service   clientFlags
	timeout   time.Duration
	json      bool
	hasQuorum bool

	// remotes asks perspective instead of a service, about itself if info.
	remotes     string
	perspective string
	info        bool
}

// maxAnswer bounds what is read of an answer, in octets.
const maxAnswer = 16 << 20

func newCheckCommand(s streams) *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Put one check to a running MPIC service, or to one perspective of it",
		Long: `Check sends one request to a service that speaks Open MPIC's API, such as 'mpicsim
serve coordinator', and prints what every perspective saw and what came of it.

With --remotes it asks one remote perspective in its own protocol, as the
coordinator would: over mutual TLS, with the certificate and the keys that the
file names, and prints the answer if its signature holds. --json then has request
and signed answer as proof. --info asks what the perspective says about itself.

Without --method it asks about CAA. Parameters of methods that have no flag are
given with --param, by Open MPIC's names to a service, by those of docs/protocol.md
to a perspective; a value that is JSON (true, ["a"]) is sent as it is, anything
else as text.

Exit code 0: valid. Exit code 1: not valid, or of --info, not as configured.`,
		Example: `  # Does the service's CAA check permit issuance?
  mpicsim check --url http://127.0.0.1:8000 --domain example.com --caa-domain ca.example

  # A domain validation
  mpicsim check --url http://127.0.0.1:8000 --domain example.com --method acme-http-01 --token T --key-authorization T.THUMBPRINT
  mpicsim check --url http://127.0.0.1:8000 --domain example.com --method dns-change --value v --param dns_record_type=TXT

  # One perspective: domain control and CAA, then what it says about itself
  mpicsim check --remotes pki/coordinator/remotes.json --perspective gcp/us-west1 --domain example.com \
      --method acme-http-01 --token T --key-authorization T.THUMBPRINT --caa-domain ca.example
  mpicsim check --remotes pki/coordinator/remotes.json --perspective gcp/us-west1 --info`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.hasQuorum = cmd.Flags().Changed("quorum")
			if f.remotes != "" {
				if f.service.given() {
					return errors.New("--cacert, --cert, --key, --api-key-file: found with --remotes, which names its own files")
				}
				return runCheckPerspective(cmd.Context(), s, f)
			}
			if f.perspective != "" || f.info {
				return errors.New("--perspective, --info: want --remotes with them")
			}
			return runCheck(cmd.Context(), s, f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.url, "url", "", "the service's `URL`, with or without /mpic; this or --remotes is required")
	flags.StringVar(&f.remotes, "remotes", "", "`FILE` with remote perspectives and their keys, as 'mpicsim keys new' makes it")
	flags.StringVar(&f.perspective, "perspective", "", "`NAME` of the one to ask, with --remotes")
	flags.BoolVar(&f.info, "info", false, "ask it about itself, with --remotes, and compare that with the file")
	flags.StringVar(&f.domain, "domain", "", "`NAME` or IP address to check; required")
	flags.StringVar(&f.method, "method", "", "validation `METHOD`, such as acme-http-01; CAA is checked without it")
	flags.StringVar(&f.token, "token", "", "parameter token")
	flags.StringVar(&f.keyAuth, "key-authorization", "", "parameter key_authorization")
	flags.StringVar(&f.value, "value", "", "parameter challenge_value")
	flags.StringArrayVar(&f.params, "param", nil, "any parameter of the method as `NAME=VALUE`; may be repeated")
	flags.StringArrayVar(&f.issuers, "caa-domain", nil, "`NAME` that authorises the CA in CAA records; may be repeated")
	flags.IntVar(&f.count, "count", 0, "`N` remote perspectives; 0 for what the service does by itself")
	flags.IntVar(&f.quorum, "quorum", 0, "`N` of them that must corroborate; 0 for monitoring only, where the service allows it")
	flags.IntVar(&f.attempts, "max-attempts", 0, "`N` attempts at most; 0 for what the service does by itself")
	flags.IntVar(&f.cohort, "cohort", 0, "make one attempt, with cohort `N`")
	flags.StringVar(&f.trace, "trace", "", "`TEXT` to find the request in the service's logs")
	flags.StringArrayVar(&f.headers, "header", nil, "HTTP header as `'NAME: VALUE'`, such as x-api-key; may be repeated")
	f.service.register(flags)
	flags.DurationVar(&f.timeout, "timeout", 2*time.Minute, "how long to wait for the answer")
	flags.BoolVar(&f.json, "json", false, "print the answer as it came")
	flags.SortFlags = false
	return cmd
}

// request returns the body that the flags ask for.
func (f checkFlags) request() (map[string]any, error) {
	if f.domain == "" {
		return nil, errors.New("--domain: missing: want a name or an IP address")
	}
	body := map[string]any{"domain_or_ip_target": f.domain}
	orchestration := map[string]any{}
	for name, n := range map[string]int{"perspective_count": f.count, "max_attempts": f.attempts, "cohort_for_single_attempt": f.cohort} {
		if n != 0 {
			orchestration[name] = n
		}
	}
	if f.hasQuorum {
		orchestration["quorum_count"] = f.quorum
	}
	if len(orchestration) > 0 {
		body["orchestration_parameters"] = orchestration
	}
	if f.trace != "" {
		body["trace_identifier"] = f.trace
	}
	params, err := f.parameters()
	if err != nil {
		return nil, err
	}
	if f.method == "" {
		if len(f.issuers) > 0 {
			params["caa_domains"] = f.issuers
		}
		body["check_type"], body["caa_check_parameters"] = "caa", params
		return body, nil
	}
	if len(f.issuers) > 0 {
		return nil, errors.New("--caa-domain: found with --method: a request asks for one of the two")
	}
	params["validation_method"] = f.method
	body["check_type"], body["dcv_check_parameters"] = "dcv", params
	return body, nil
}

// parameters returns those of the method, by name.
func (f checkFlags) parameters() (map[string]any, error) {
	if f.method == "" && (f.token != "" || f.keyAuth != "" || f.value != "") {
		return nil, errors.New("--method: missing: want the method that the parameters are for")
	}
	params := map[string]any{}
	for name, v := range map[string]string{"token": f.token, "key_authorization": f.keyAuth, "challenge_value": f.value} {
		if v != "" {
			params[name] = v
		}
	}
	for _, p := range f.params {
		name, text, found := strings.Cut(p, "=")
		if !found || name == "" {
			return nil, fmt.Errorf("--param: found %q, expected NAME=VALUE", p)
		}
		params[name] = text
		var v any
		if err := json.Unmarshal([]byte(text), &v); err == nil && strings.ContainsAny(text[:1], "tfn[{") {
			params[name] = v
		}
	}
	return params, nil
}

// endpoint returns the URL to post to.
func (f checkFlags) endpoint() (string, error) {
	u, err := url.Parse(f.url)
	if f.url == "" || err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", fmt.Errorf("--url: found %q, expected http://HOST:PORT or https://HOST:PORT", f.url)
	}
	if path := strings.Trim(u.Path, "/"); path == "" {
		u.Path = "/mpic"
	} else if !strings.HasSuffix(path, "mpic") {
		u = u.JoinPath("mpic")
	}
	return u.String(), nil
}

func runCheck(ctx context.Context, s streams, f checkFlags) error {
	endpoint, err := f.endpoint()
	if err != nil {
		return err
	}
	body, err := f.request()
	if err != nil {
		return err
	}
	text, err := json.Marshal(body)
	if err != nil {
		return fault(err)
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("--url: %w", err)
	}
	if request.Header, err = f.service.header(); err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	for _, h := range f.headers {
		name, v, found := strings.Cut(h, ":")
		if !found {
			return fmt.Errorf("--header: found %q, expected 'NAME: VALUE'", h)
		}
		request.Header.Set(strings.TrimSpace(name), strings.TrimSpace(v))
	}
	client, err := f.service.client(0)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return fault(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fault(fmt.Errorf("reading the answer: %w", err))
	}
	return showAnswer(s, f, response.StatusCode, answer)
}

// mpicAnswer is what is printed of an answer, in either dialect.
type mpicAnswer struct {
	IsValid   *bool  `json:"is_valid"`
	Completed bool   `json:"mpic_completed"`
	Target    string `json:"domain_or_ip_target"`
	Actual    struct {
		Count    int `json:"perspective_count"`
		Quorum   int `json:"quorum_count"`
		Attempts int `json:"attempt_count"`
	} `json:"actual_orchestration_parameters"`
	Perspectives []mpicPerspective `json:"perspectives"`
	Primary      *mpicPerspective  `json:"primary"`
	Decision     *struct {
		Reason string `json:"reason"`
		Clause string `json:"clause"`
		Detail string `json:"detail"`
	} `json:"decision"`
	Error  string `json:"error"`
	Issues []struct {
		Message string `json:"message"`
		Msg     string `json:"msg"`
	} `json:"validation_issues"`
}

type mpicPerspective struct {
	Code     string `json:"perspective_code"`
	Response struct {
		Completed bool `json:"check_completed"`
		Passed    bool `json:"check_passed"`
		Errors    []struct {
			Message string `json:"error_message"`
		} `json:"errors"`
		Details map[string]json.RawMessage `json:"details"`
	} `json:"check_response"`
}

// showAnswer prints an answer and returns the command's exit.
func showAnswer(s streams, f checkFlags, status int, text []byte) error {
	var a mpicAnswer
	if err := json.Unmarshal(text, &a); err != nil {
		return fault(fmt.Errorf("status %d: the answer is not one of Open MPIC: %w", status, err))
	}
	if status != http.StatusOK || a.IsValid == nil {
		var why []string
		for _, i := range a.Issues {
			why = append(why, i.Message+i.Msg)
		}
		err := fmt.Errorf("the service answers %d: %s", status, legible(strings.Join(append([]string{a.Error}, why...), ": ")))
		switch status {
		case http.StatusBadRequest, http.StatusForbidden, http.StatusRequestEntityTooLarge, http.StatusMisdirectedRequest:
			return err // it is our request
		}
		return fault(err)
	}
	err := writeOutput(s, "", func(w *bufio.Writer) error {
		if f.json {
			_, err := w.Write(append(bytes.TrimSpace(text), '\n'))
			return err
		}
		return a.print(w, f)
	})
	if err == nil && !*a.IsValid {
		return &exitError{code: exitNo}
	}
	return err
}

func (a mpicAnswer) print(w io.Writer, f checkFlags) error {
	question, verdict := "CAA", "NOT VALID"
	if f.method != "" {
		question = f.method
	}
	if *a.IsValid {
		verdict = "VALID"
	}
	passed := 0
	for _, p := range a.Perspectives {
		if p.Response.Passed {
			passed++
		}
	}
	fmt.Fprintf(w, "%s, %s: %s\n", legible(a.Target), question, verdict)
	fmt.Fprintf(w, "%d of %d perspectives corroborate, %d asked for, attempt %d\n", passed, len(a.Perspectives), a.Actual.Quorum, a.Actual.Attempts)
	if a.Decision != nil {
		fmt.Fprintf(w, "%s: %s", legible(a.Decision.Reason), legible(a.Decision.Detail))
		if a.Decision.Clause != "" {
			fmt.Fprintf(w, " [%s]", legible(a.Decision.Clause))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if a.Primary != nil {
		fmt.Fprintf(table, "%s\tprimary\t%s\n", legible(a.Primary.Code), a.Primary.summary())
	}
	for _, p := range a.Perspectives {
		fmt.Fprintf(table, "%s\tremote\t%s\n", legible(p.Code), p.summary())
	}
	return table.Flush()
}

// legible returns what somebody else wrote, fit for a line on a terminal: nothing in
// it moves the cursor, colours or ends the line.
func legible(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '.'
	}, s)
}

// summary is a perspective's result with what it saw, or why it saw nothing.
func (p mpicPerspective) summary() string {
	result := "fail"
	switch {
	case p.Response.Passed:
		result = "pass"
	case !p.Response.Completed:
		result = "no answer"
	}
	var said []string
	for _, e := range p.Response.Errors {
		message := e.Message
		if _, cause, found := strings.Cut(message, "Check failed for perspective "+p.Code+", target "); found {
			_, cause, _ = strings.Cut(cause, ": ")
			message, _, _ = strings.Cut(cause, "; trace ID: ")
		}
		said = append(said, message)
	}
	if len(said) == 0 {
		for _, name := range []string{"response_url", "resolved_ip", "response_page", "found_at", "records_seen", "common_name"} {
			if v := p.Response.Details[name]; len(v) > 0 && string(v) != "null" {
				said = append(said, name+" "+string(v))
			}
		}
	}
	text := legible(strings.Join(slices.DeleteFunc(said, func(s string) bool { return s == "" }), " "))
	if runes := []rune(text); len(runes) > 160 {
		text = string(runes[:157]) + "..."
	}
	return result + "\t" + text
}
