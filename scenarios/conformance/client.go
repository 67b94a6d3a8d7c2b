package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// maxResponse is how many octets of a response are read: a set of 1001 CAA
// records, as every perspective saw it, is a few hundred kilobytes.
const maxResponse = 8 << 20

// Client asks a service.
type Client struct {
	// URL is where requests are posted, such as "http://localhost:8000/mpic".
	// Required.
	URL string
	// HTTP sends the requests. Required; its timeout is how long a case may take.
	HTTP *http.Client
	// Header is sent with every request, such as an API key.
	Header http.Header
	// Workers is how many cases run at a time, 0 for 1.
	Workers int
}

// Result is what came of a case.
type Result struct {
	Case   Case `json:"case"`
	Passed bool `json:"passed"`
	// Faults are the differences from what was expected, or why there was no
	// response; none if Passed.
	Faults []string `json:"faults,omitempty"`
	Status int      `json:"status,omitempty"` // 0 if there was no response
	// Response is the body, kept if the case failed and it is JSON.
	Response json.RawMessage `json:"response,omitempty"`
}

// Run asks for all cases and returns the results in the same order. It returns
// an error if ctx ends before all are done, with the results that there are.
func (c Client) Run(ctx context.Context, cases []Case) ([]Result, error) {
	if c.URL == "" || c.HTTP == nil {
		return nil, errors.New("conformance client: URL and HTTP are required")
	}
	results := make([]Result, len(cases))
	turn := make(chan int)
	var workers sync.WaitGroup
	for range max(1, c.Workers) {
		workers.Go(func() {
			for n := range turn {
				results[n] = c.Ask(ctx, cases[n])
			}
		})
	}
	asked := 0
	for ; asked < len(cases) && ctx.Err() == nil; asked++ {
		turn <- asked
	}
	close(turn)
	workers.Wait()
	return results[:asked], ctx.Err()
}

// Ask sends one case's request and judges the response.
func (c Client) Ask(ctx context.Context, of Case) Result {
	r := Result{Case: of}
	status, body, err := c.post(ctx, of.Request)
	if err != nil {
		r.Faults = []string{err.Error()}
		return r
	}
	r.Status, r.Faults = status, of.Want.Judge(status, body)
	if r.Passed = len(r.Faults) == 0; !r.Passed && json.Valid(body) {
		r.Response = body
	}
	return r
}

func (c Client) post(ctx context.Context, body []byte) (status int, response []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	for name, values := range c.Header {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // read to the end, or given up
	response, err = io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
	if err == nil && len(response) > maxResponse {
		err = fmt.Errorf("a response of more than %d octets", maxResponse)
	}
	return resp.StatusCode, response, err
}
