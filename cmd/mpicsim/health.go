package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// maxHealth bounds what is read of an answer about health, in octets.
const maxHealth = 4 << 10

func newHealthCommand(s streams) *cobra.Command {
	timeout := 3 * time.Second
	cmd := &cobra.Command{
		Use:   "health [URL...]",
		Short: "Ask a service on this machine whether it is healthy",
		Long: `Health asks for /healthz at each URL until one answers that it is healthy. It is
what a container without a shell checks itself with. Without a URL it asks where a
coordinator listens, and then where a perspective of 'mpicsim keys new' does with
a host of its own.

Exit code 0: healthy. Exit code 1: not, or nobody is there.`,
		Example: `  mpicsim health
  mpicsim health http://127.0.0.1:8001`,
		RunE: func(cmd *cobra.Command, urls []string) error {
			if len(urls) == 0 {
				urls = []string{"http://127.0.0.1:8000", "http://" + healthAddress}
			}
			for _, text := range urls {
				if u, err := url.Parse(text); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
					return fmt.Errorf("URL: found %q, expected one such as http://127.0.0.1:8000", text)
				}
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			var errs []error
			for _, service := range urls {
				said, err := askHealth(ctx, service)
				if err == nil {
					_, err := fmt.Fprintf(s.out, "%s: %s\n", service, said)
					return fault(err)
				}
				errs = append(errs, err)
			}
			return &exitError{exitNo, errors.Join(errs...)}
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", timeout, "how long to wait for all answers together")
	return cmd
}

// askHealth returns what a healthy service says, or an error with what was said.
func askHealth(ctx context.Context, service string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(service, "/")+"/healthz", nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxHealth))
	said := strings.TrimSpace(string(text))
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %q", response.StatusCode, said)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", service, err)
	}
	return said, nil
}
