package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"mpicsim/perspectives"
)

// row is one hostile input: what a stranger's servers send, or a file, beside an
// honest input of its kind. To add one, add it to the table of its kind: dnsRows,
// dnssecRows, webRows, fileRows or studyRows.
type row struct {
	name string
	// honest and hostile make the check, or read the file, once.
	honest, hostile func() report
	// most returns what the hostile input may cost if the honest one costs as much;
	// nil for what a check may (allowance).
	most func(honest cost) cost
}

// report is what came of it.
type report struct {
	messages int
	verdict  string
	// wrong is set if the check could not be made, or must not end so.
	wrong bool
}

// deed is a check to make.
type deed struct {
	domain string
	method perspectives.Method // "" for CAA alone
	change func(*perspectives.Check)
}

func (d deed) check() perspectives.Check {
	c := perspectives.Check{
		Domain: d.domain, Method: d.method, Token: "token", KeyAuthorization: keyAuthorization, IssuerDomains: []string{"ca.example"},
	}
	if d.method == "" {
		c.Questions = perspectives.OnlyCAA
	}
	if d.method == perspectives.WebsiteChange {
		c.Token, c.KeyAuthorization = "", ""
		c.DCV = perspectives.DCVParameters{ChallengeValue: keyAuthorization, HTTPTokenPath: "token.txt"}
	}
	if d.change != nil {
		d.change(&c)
	}
	return c
}

// in returns a function that makes the check in w.
func (d deed) in(ctx context.Context, s *space, w *world) func() report {
	return func() report {
		p, err := s.perspective(w)
		if err != nil {
			return report{verdict: err.Error(), wrong: true}
		}
		w.dialled.Store(0)
		r := p.Run(ctx, d.check())
		return report{messages: int(w.dialled.Load()), verdict: verdictOf(r)}
	}
}

func verdictOf(r perspectives.Result) string {
	var parts []string
	if r.Questions.DCV() {
		parts = append(parts, fmt.Sprintf("%v %s", r.DCV.Verdict, r.DCV.Reason))
	}
	if r.Questions.CAA() {
		parts = append(parts, fmt.Sprintf("%v %s", r.CAA.Verdict, r.CAA.Reason))
	}
	return strings.Join(parts, ", ")
}

// table is all rows, and what closes their servers.
func table(ctx context.Context) (rows []row, closeAll func(), err error) {
	var spaces []*space
	closeAll = func() {
		for _, s := range spaces {
			s.Close()
		}
	}
	for _, part := range []func(context.Context, func(*space, error) *space) []row{dnsRows, dnssecRows, webRows, fileRows, studyRows} {
		rows = append(rows, part(ctx, func(s *space, e error) *space {
			if e != nil {
				err = errors.Join(err, e)
				return nil
			}
			spaces = append(spaces, s)
			return s
		})...)
	}
	return rows, closeAll, err
}
