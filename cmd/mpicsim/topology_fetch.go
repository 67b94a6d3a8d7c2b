package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mpicsim/topology/asrel"
)

// caidaSerial2 is where CAIDA publishes its serial-2 AS relationships.
const caidaSerial2 = "https://publicdata.caida.org/datasets/as-relationships/serial-2/"

// The bounds of a download.
const (
	maxTopologyBytes = 256 << 20 // a hundred times the file of 2025
	fetchTime        = 10 * time.Minute
)

const caidaNotice = `AS relationships: CAIDA, https://www.caida.org/catalog/datasets/as-relationships/.
Their use is subject to CAIDA's acceptable-use agreement: cite the dataset, with its
date, in what you publish, and do not pass the file on.
`

// fetchFlags are the flags of "mpicsim topology fetch" as given.
type fetchFlags struct {
	month  string
	base   string
	output string
	force  bool
}

func newTopologyFetchCommand(s streams) *cobra.Command {
	var f fetchFlags
	cmd := &cobra.Command{
		Use:   "fetch [--month YYYY-MM] [-o FILE]",
		Short: "Download CAIDA's AS relationships of a month",
		Long: `Fetch downloads one month's AS relationships, serial-2, from CAIDA, reads them to
see that they are whole, and only then puts the file in its place. Its SHA-256 is
printed, for what you publish.

Without --month it is this month's file or, before CAIDA has published that, the
month's before.

A proxy is taken from the environment (HTTPS_PROXY, NO_PROXY).`,
		Example: `  mpicsim topology fetch
  mpicsim topology fetch --month 2025-09 -o caida.bz2`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("unexpected argument %q: want flags only", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return runFetch(cmd.Context(), s, f) },
	}
	cmd.Flags().StringVar(&f.month, "month", "", "`YYYY-MM` of the file (default: the latest)")
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "write to `FILE` instead of CAIDA's name in this folder")
	cmd.Flags().StringVar(&f.base, "url", caidaSerial2, "folder `URL` of a mirror")
	cmd.Flags().BoolVar(&f.force, "force", false, "replace FILE if it is there")
	cmd.Flags().SortFlags = false
	return cmd
}

// errNotPublished is what a month without a file comes to.
var errNotPublished = errors.New("not published")

func runFetch(ctx context.Context, s streams, f fetchFlags) error {
	base, err := url.Parse(f.base)
	if err != nil || base.Scheme != "https" && base.Scheme != "http" || base.Host == "" {
		return fmt.Errorf("--url: found %q, expected the http or https URL of a folder", f.base)
	}
	months, err := monthsToTry(f.month, time.Now())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	s.notef("%s", caidaNotice)
	for n, month := range months {
		name := month.Format("20060102") + ".as-rel2.txt.bz2"
		err = fetchTopology(ctx, s, base.JoinPath(name).String(), name, f)
		if !errors.Is(err, errNotPublished) || n == len(months)-1 {
			return err
		}
		s.notef("%s is not published yet\n", name)
	}
	return err
}

// monthsToTry returns the first days of the month that a flag names, or of the
// latest two.
func monthsToTry(flag string, now time.Time) ([]time.Time, error) {
	if flag == "" {
		now = now.UTC()
		this := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
		return []time.Time{this, this.AddDate(0, -1, 0)}, nil
	}
	month, err := time.Parse("2006-01", flag)
	if err != nil {
		return nil, fmt.Errorf("--month: found %q, expected a month such as 2025-09", flag)
	}
	return []time.Time{month}, nil
}

// fetchTopology downloads one file. Nothing is at its place until it is whole.
func fetchTopology(ctx context.Context, s streams, from, name string, f fetchFlags) (err error) {
	path := f.output
	if path == "" {
		path = name
	}
	if _, err := os.Stat(path); err == nil && !f.force {
		return fmt.Errorf("%s is there already: want --force to replace it, or another -o", path)
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("-o: %w", err)
	}
	defer func() {
		_ = temporary.Close()           // closed already if all went well
		_ = os.Remove(temporary.Name()) // gone already if all went well
	}()
	if err := download(ctx, from, temporary); err != nil {
		return err
	}
	file, err := asrel.Open(temporary.Name())
	if err != nil {
		return fmt.Errorf("%s: what came is no topology: %s", from, strings.ReplaceAll(err.Error(), temporary.Name(), name))
	}
	if file.Links == 0 {
		return fmt.Errorf("%s: what came has no links", from)
	}
	for _, step := range []func() error{
		temporary.Sync, temporary.Close,
		func() error { return os.Chmod(temporary.Name(), 0o644) },
		func() error { return os.Rename(temporary.Name(), path) },
	} {
		if err := step(); err != nil {
			return fault(fmt.Errorf("-o: %w", err))
		}
	}
	file.Name = path
	s.notef("%s", file.Summary())
	_, err = fmt.Fprintf(s.out, "%x  %s\n", file.SHA256, path)
	return fault(err)
}

// download writes what a URL has to a file.
func download(ctx context.Context, from string, to io.Writer) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return fmt.Errorf("--url: %w", err)
	}
	request.Header.Set("User-Agent", "mpicsim/"+version())
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("downloading: %w", err)
	}
	defer response.Body.Close() // read only
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return fmt.Errorf("%s: %w: try an earlier --month", from, errNotPublished)
	default:
		return fmt.Errorf("%s: the server answers %s, expected 200 OK", from, response.Status)
	}
	n, err := io.Copy(to, io.LimitReader(response.Body, maxTopologyBytes+1))
	switch {
	case n > maxTopologyBytes:
		return fmt.Errorf("%s: more than %d bytes", from, maxTopologyBytes)
	case err != nil:
		return fmt.Errorf("%s: after %d bytes: %w", from, n, err)
	}
	return nil
}
