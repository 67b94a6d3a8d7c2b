package openmpic

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"mpicsim/perspectives"
	"mpicsim/perspectives/coordinator"
)

// draftRequest is the body of POST /mpic/draft-00. The draft spells members in
// several ways; all are read.
type draftRequest struct {
	Method           string `json:"method"`
	Domain           string `json:"domain"`
	DomainOrIP       string `json:"domain_or_ip"`
	Token            string `json:"token"`
	KeyAuthorization string `json:"key_authorization"`
	RecordType       string `json:"record-type"`
	RecordType2      string `json:"record_type"`
	Prefix           string `json:"prefix"`
	Expected         string `json:"expected"`
	CAA              *bool  `json:"caa"`
	CAACheck         *bool  `json:"caa_check"`
	CAACheck2        *bool  `json:"caa-check"`
}

// draftResponse is its answer. The draft leaves the meaning of success open: here
// it is the decision.
type draftResponse struct {
	Success      bool                        `json:"success"`
	Perspectives map[string]draftPerspective `json:"perspectives"`
	CAA          *draftCAA                   `json:"caa,omitempty"`
	Error        string                      `json:"error,omitempty"`
	// Decision is ours.
	Decision *perspectives.Decision `json:"decision,omitempty"`
}

type draftPerspective struct {
	Success bool `json:"success"`
}

// draftCAA is the relevant set as wire data.
type draftCAA struct {
	Domain  string   `json:"domain"`
	Records [][]byte `json:"records"`
}

// check returns what is asked, or what is wrong.
func (d draftRequest) check(issuers []string) (perspectives.Check, error) {
	c := perspectives.Check{Domain: d.Domain, IssuerDomains: issuers}
	bad := func(field, message string) error {
		return invalidError{{requestInvalid, field + ": " + message, field}}
	}
	caa := true
	for _, flag := range []*bool{d.CAA, d.CAACheck, d.CAACheck2} {
		if flag != nil {
			caa = *flag
		}
	}
	switch d.Method {
	case "caa":
		c.Questions = perspectives.OnlyCAA
	case "http-acme":
		c.Method, c.Domain, c.Token, c.KeyAuthorization = perspectives.HTTP01, d.DomainOrIP, d.Token, d.KeyAuthorization
		if d.Token == "" || d.KeyAuthorization == "" {
			return c, bad("token", "token and key_authorization are required")
		}
		if _, isAddress := c.Address(); isAddress {
			caa = false
		}
	case "dns":
		c.Method = perspectives.DNSChange
		kind := strings.ToUpper(d.RecordType + d.RecordType2)
		if kind == "" || d.Expected == "" {
			return c, bad("expected", "record-type and expected are required")
		}
		c.DCV = perspectives.DCVParameters{
			DNSRecordType: kind, DNSNamePrefix: strings.TrimSuffix(d.Prefix, "."), ChallengeValue: d.Expected, RequireExactMatch: true,
		}
	default:
		return c, bad("method", "found "+strconv.Quote(d.Method)+", expected caa, http-acme or dns")
	}
	if c.Domain == "" {
		return c, bad("domain", "required")
	}
	if c.Questions == perspectives.Both && !caa {
		c.Questions = perspectives.OnlyDCV
	}
	return c, nil
}

func (s *Server) serveDraft(w http.ResponseWriter, r *http.Request) {
	var d draftRequest
	err := decode(r.Body, &d)
	if out := d.bounds(); err == nil && len(out) > 0 {
		err = out
	}
	var check perspectives.Check
	if err == nil {
		check, err = d.check(s.issuers(r.Context()))
	}
	if err != nil {
		s.fail(r.Context(), w, err)
		return
	}
	p, err := s.plan(&request{Target: check.Domain})
	if err != nil {
		s.fail(r.Context(), w, err)
		return
	}
	if err := s.permit(r.Context(), check); err != nil {
		s.fail(r.Context(), w, err)
		return
	}
	remotes, caller := p.cohort(1), callerOf(r.Context())
	report, err := s.o.Fleet.Attempt(r.Context(), Attempt{
		Check: check, Remotes: remotes, Quorum: p.rule, Number: 1, Client: caller.Name, Credential: caller.Credential,
	})
	out := draftResponse{Perspectives: map[string]draftPerspective{}}
	switch {
	case errors.Is(err, coordinator.ErrBadCheck):
		out.Error = err.Error()
	case err != nil:
		s.fail(r.Context(), w, err)
		return
	default:
		out.fill(check, report)
	}
	told := []slog.Attr{slog.String("domain", check.Domain), slog.String("check_type", "draft-00"), slog.Bool("is_valid", out.Success)}
	if d := out.Decision; d != nil {
		told = append(told, slog.Bool("issue", d.Issue), slog.String("quorum", d.Quorum), slog.String("reason", d.Reason))
	}
	if err := s.answer(r.Context(), w, out, told...); err != nil {
		s.fail(r.Context(), w, err)
	}
}

// fill says what came of it.
func (out *draftResponse) fill(check perspectives.Check, report coordinator.Report) {
	decision := report.Decision
	out.Success, out.Decision = decision.Issue, &decision
	if !out.Success {
		out.Error = decision.Detail
	}
	if len(report.Attempts) == 0 {
		return
	}
	attempt := report.Attempts[len(report.Attempts)-1]
	for _, a := range attempt.Remotes {
		out.Perspectives[a.Perspective.Name] = draftPerspective{a.Corroborates()}
		if !out.Success || !check.Questions.CAA() || out.CAA != nil || !a.Corroborates() {
			continue
		}
		out.CAA = &draftCAA{Domain: check.Name(), Records: [][]byte{}}
		if seen := a.Result.CAA.Seen; seen != nil && seen.DNS != nil {
			out.CAA.Domain = seen.DNS.Name
			for _, record := range seen.DNS.Records {
				if wire, ok := caaWire(record); ok {
					out.CAA.Records = append(out.CAA.Records, wire)
				}
			}
		}
	}
}

// caaWire turns CAA data in presentation format (RFC 8659 4.1.1) into wire
// format: flags, the length of the tag, tag, value.
func caaWire(record string) ([]byte, bool) {
	flags, rest, ok := strings.Cut(record, " ")
	tag, quoted, ok2 := strings.Cut(rest, " ")
	n, err := strconv.ParseUint(flags, 10, 8)
	if !ok || !ok2 || err != nil || len(tag) > 255 {
		return nil, false
	}
	wire := append([]byte{byte(n), byte(len(tag))}, tag...)
	value := strings.TrimSuffix(strings.TrimPrefix(quoted, `"`), `"`)
	for i := 0; i < len(value); i++ {
		c := value[i]
		if c == '\\' && i+1 < len(value) {
			if code, err := strconv.ParseUint(value[i+1:min(len(value), i+4)], 10, 8); err == nil && i+3 < len(value) {
				c, i = byte(code), i+3
			} else {
				i++
				c = value[i]
			}
		}
		wire = append(wire, c)
	}
	return wire, true
}
