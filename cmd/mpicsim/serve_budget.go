package main

import (
	"errors"
	"strings"
	"time"

	"mpicsim/perspectives/budget"
	"mpicsim/perspectives/remote"
)

// budgetFile bounds what one check may cost a perspective, see budget.Limits, which
// has the defaults of what is left out.
type budgetFile struct {
	Messages   int             `json:"messages,omitempty"`
	Octets     int             `json:"octets,omitempty"`
	Evidence   int             `json:"evidence,omitempty"`
	Aliases    int             `json:"aliases,omitempty"`
	Signatures int             `json:"signatures,omitempty"`
	Endpoints  int             `json:"endpoints,omitempty"`
	Work       int             `json:"work,omitempty"`
	Time       remote.Duration `json:"time,omitempty"`
}

// limits returns what the file says, or an error that names the field that is
// negative.
func (f budgetFile) limits() (budget.Limits, error) {
	l := budget.Limits{
		Messages: f.Messages, Octets: f.Octets, Evidence: f.Evidence, Aliases: f.Aliases, Signatures: f.Signatures,
		Endpoints: f.Endpoints, Work: f.Work, Time: time.Duration(f.Time),
	}
	if _, err := l.WithDefaults(); err != nil {
		return l, errors.New(strings.Replace(err.Error(), "budget ", "budget.", 1))
	}
	return l, nil
}
