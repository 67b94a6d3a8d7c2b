package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"mpicsim/perspectives/access"
	"mpicsim/perspectives/local"
	"mpicsim/perspectives/remote"
)

func newServePerspectiveCommand(s streams) *cobra.Command {
	var path string
	var checkOnly bool
	cmd := &cobra.Command{
		Use:   "perspective",
		Short: "Run one remote perspective for CAs",
		Long: `Perspective runs one remote Network Perspective (BR 3.2.2.9) and answers the CAs
that its configuration names, over mutual TLS 1.3. docs/run-a-perspective.md is
the manual, docs/protocol.md the protocol.

SIGHUP, or a change of the configuration or of a file that it names, makes it
read certificates, keys and partners again; other changes need a restart. On
SIGTERM it answers what it has begun and leaves.`,
		Example: `  # Keys for a test, then one of the perspectives
  mpicsim keys new --perspectives example-five-remotes -o pki
  mpicsim serve perspective --config pki/perspectives/gcp-us-west1/perspective.json

  # Is this configuration complete?
  mpicsim serve perspective --config perspective.json --check`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if path == "" {
				return errors.New("--config: missing: want a JSON file, see docs/run-a-perspective.md")
			}
			log := slog.New(slog.NewJSONHandler(s.err, nil))
			service, err := newPerspectiveService(cmd.Context(), path, log, checkOnly)
			if err != nil {
				return fmt.Errorf("--config: %w", err)
			}
			defer service.logs.close()
			if checkOnly {
				_, err := fmt.Fprintf(s.out, "%s: perspective %q with %d partners is complete\n",
					path, service.file.Perspective.Name, len(service.file.Partners))
				return fault(err)
			}
			return service.run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&path, "config", "", "configuration `file` (JSON)")
	cmd.Flags().BoolVar(&checkOnly, "check", false, "read all files, say what would keep the service from starting, and stop")
	return cmd
}

// perspectiveService is a perspective on the operating system's network.
type perspectiveService struct {
	path   string
	file   perspectiveFile
	server *remote.Server
	log    *slog.Logger
	logs   *partnerLogs
	seen   map[string]fileState
}

// newPerspectiveService reads the configuration and all that it names, and makes the
// partners' logs, unless it is only to be checked that they can be made.
func newPerspectiveService(ctx context.Context, path string, log *slog.Logger, checkOnly bool) (*perspectiveService, error) {
	file, err := readPerspectiveFile(path)
	if err != nil {
		return nil, err
	}
	if err := checkListen(ctx, file.Listen); err != nil {
		return nil, fmt.Errorf("%s: listen: %w", path, err)
	}
	if err := checkHealthListen(ctx, file.HealthListen, file.Listen); err != nil {
		return nil, fmt.Errorf("%s: health_listen: %w", path, err)
	}
	config, err := file.local()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	config.Clock = time.Now
	runner, err := local.New(config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s := &perspectiveService{path: path, file: file, log: log, logs: &partnerLogs{dir: file.LogDir, checkOnly: checkOnly, files: map[string]*logFile{}}}
	s.seen = s.file.states(path)
	credentials, err := file.credentials(s.logs)
	var bounds access.Bounds
	if err == nil {
		bounds, err = access.Bounds{Connections: file.MaxConnections, Checks: file.MaxChecks}.Within(descriptors(), descriptorsOfCheck)
	}
	if err == nil {
		s.server, err = remote.NewServer(remote.ServerConfig{
			Runner: runner, Clock: time.Now, Software: "mpicsim " + version(), EgressAddresses: file.EgressAddresses,
			CheckTimeout: time.Duration(file.CheckTimeout), DrainTimeout: time.Duration(file.DrainTimeout),
			Log: log, Credentials: credentials, Bounds: bounds,
		})
	}
	if err != nil {
		s.logs.close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// run serves until ctx ends and what has begun is answered.
func (s *perspectiveService) run(ctx context.Context) error {
	partners, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.file.Listen)
	if err != nil {
		return fmt.Errorf("--config: %s: listen: %w", s.path, err)
	}
	health := net.Listener(nil)
	if s.file.HealthListen != "" {
		if health, err = (&net.ListenConfig{}).Listen(ctx, "tcp", s.file.HealthListen); err != nil {
			return fmt.Errorf("--config: %s: health_listen: %w", s.path, errors.Join(err, partners.Close()))
		}
	}
	signals, ignore := hangups()
	defer ignore()
	s.log.LogAttrs(ctx, slog.LevelInfo, "serving", slog.String("perspective", s.file.Perspective.Name),
		slog.String("listen", partners.Addr().String()), slog.Int("partners", len(s.file.Partners)))
	if health != nil {
		s.log.LogAttrs(ctx, slog.LevelInfo, "serving health", slog.String("listen", health.Addr().String()))
	}
	// If one of them ends, all do.
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var running sync.WaitGroup
	errs := make([]error, 2)
	running.Go(func() { watch(ctx, s, signals, time.Duration(s.file.ReloadInterval)) })
	running.Go(func() {
		defer stop()
		errs[0] = s.server.Serve(ctx, partners)
	})
	if health != nil {
		running.Go(func() {
			defer stop()
			errs[1] = s.server.ServeHealth(ctx, health)
		})
	}
	running.Wait()
	s.log.LogAttrs(context.WithoutCancel(ctx), slog.LevelInfo, "stopped")
	return fault(errors.Join(errs...))
}

// changed implements [reloader].
func (s *perspectiveService) changed() bool { return !sameStates(s.seen, s.file.states(s.path)) }

// reload puts changed certificates, keys and partners in place. If anything is
// wrong with them the old ones stay. It implements [reloader].
func (s *perspectiveService) reload(ctx context.Context, hangup bool) {
	if hangup {
		s.logs.reopen()
	}
	states := s.file.states(s.path)
	file, err := readPerspectiveFile(s.path)
	if err == nil {
		states = file.states(s.path)
		var credentials remote.Credentials
		if credentials, err = file.credentials(s.logs); err == nil {
			err = s.server.Reload(credentials)
		}
	}
	s.seen = states // not tried again before the next change
	if err != nil {
		s.log.LogAttrs(ctx, slog.LevelError, "reload failed, the old configuration stays", slog.String("error", err.Error()))
		return
	}
	if fixed := s.file.needRestart(file); len(fixed) > 0 {
		s.log.LogAttrs(ctx, slog.LevelWarn, "changes that need a restart", slog.String("fields", strings.Join(fixed, ", ")))
	}
	s.file.Partners, s.file.CertificateFile, s.file.KeyFile, s.file.SigningKeyFile = file.Partners, file.CertificateFile, file.KeyFile, file.SigningKeyFile
	s.file.GroupReadable = file.GroupReadable
	s.log.LogAttrs(ctx, slog.LevelInfo, "reloaded", slog.Int("partners", len(file.Partners)))
}

// partnerLogs are the partners' log files, one for each name.
type partnerLogs struct {
	dir       string
	checkOnly bool // nothing is made or written
	mu        sync.Mutex
	files     map[string]*logFile
}

// of returns the logger of a partner, nil if there is no folder for logs.
func (l *partnerLogs) of(name string) (*slog.Logger, error) {
	if l.dir == "" {
		return nil, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.checkOnly {
		if err := checkAppend(filepath.Join(l.dir, name+".jsonl")); err != nil {
			return nil, fmt.Errorf("log_dir: %w", err)
		}
		return nil, nil
	}
	f := l.files[name]
	if f == nil {
		f = &logFile{path: filepath.Join(l.dir, name+".jsonl")}
		if err := errors.Join(os.MkdirAll(l.dir, 0o700), f.open()); err != nil {
			return nil, fmt.Errorf("log_dir: %w", err)
		}
		l.files[name] = f
	}
	return slog.New(slog.NewJSONHandler(f, nil)), nil
}

// reopen lets go of files that were renamed away.
func (l *partnerLogs) reopen() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.files {
		_ = f.open() // the old one stays open if there is no new one
	}
}

func (l *partnerLogs) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.files {
		_ = f.file.Close()
	}
}

// logFile is a file that is appended to, and can be opened anew.
type logFile struct {
	path string
	mu   sync.Mutex
	file *os.File
}

var _ io.Writer = (*logFile)(nil)

func (f *logFile) open() error {
	file, err := os.OpenFile(f.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file != nil {
		_ = f.file.Close()
	}
	f.file = file
	return nil
}

func (f *logFile) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.file.Write(p)
	if err != nil && n > 0 { // half a line would spoil the next one
		if stat, failed := f.file.Stat(); failed == nil {
			err = errors.Join(err, f.file.Truncate(stat.Size()-int64(n)))
		}
	}
	return n, err
}

// states looks at the configuration and all files that it names.
func (f perspectiveFile) states(path string) map[string]fileState {
	paths := []string{path, f.CertificateFile, f.KeyFile, f.SigningKeyFile}
	for _, p := range f.Partners {
		paths = append(paths, p.RootsFile, p.CRLFile)
	}
	return statesOf(paths)
}
