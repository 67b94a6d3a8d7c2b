package remote

import (
	"context"
	"log"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mpicsim/perspectives"
)

// connectionLogEvery is how often [ConnectionLog] writes a line about one kind of
// error.
const connectionLogEvery = time.Minute

// maxConnectionError bounds what is repeated of an error, in characters.
const maxConnectionError = 300

// ConnectionLog returns an ErrorLog for an [http.Server] that strangers can
// connect to. Such a server writes a line for each connection that never becomes a
// request: a port scan, a load balancer's probe, an idle connection. Here each is
// counted in the metric name, by kind ("tls-handshake", "accept", "other"), and one
// line a minute and kind is written to lines, with the number of those that were
// left out since the one before.
//
// It is an error to register a name twice at one registry.
func ConnectionLog(name string, lines *slog.Logger, clock perspectives.Clock, to prometheus.Registerer) (*log.Logger, error) {
	c := &connectionLog{
		lines: lines, rare: rarely{clock: clock, every: connectionLogEvery},
		counted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: name, Help: "Errors of connections that brought no request, by kind.",
		}, []string{"kind"}),
	}
	if err := to.Register(c.counted); err != nil {
		return nil, err
	}
	return log.New(c, "", 0), nil
}

type connectionLog struct {
	lines   *slog.Logger
	rare    rarely
	counted *prometheus.CounterVec
}

// Write implements [io.Writer] for one error of a server.
func (c *connectionLog) Write(text []byte) (int, error) {
	message := strings.TrimSpace(strings.TrimPrefix(string(text), "http: "))
	kind := connectionKind(message)
	c.counted.WithLabelValues(kind).Inc()
	omitted, due := c.rare.due(kind)
	if due {
		c.lines.LogAttrs(context.Background(), slog.LevelWarn, "connection error", slog.String("kind", kind),
			slog.String("error", printable(message, maxConnectionError)), slog.Int("omitted", omitted))
	}
	return len(text), nil
}

// rarely lets one line of each kind through in a while. There must be few kinds.
type rarely struct {
	clock perspectives.Clock
	every time.Duration

	mu   sync.Mutex
	last map[string]*lastLine // by kind
}

// lastLine is when the last line of a kind was written, and how many were not since.
type lastLine struct {
	at      time.Time
	omitted int
}

// due reports whether it is time for another line of a kind, and how many were
// left out since the last.
func (r *rarely) due(kind string) (omitted int, due bool) {
	now := r.clock()
	r.mu.Lock()
	defer r.mu.Unlock()
	last := r.last[kind]
	if last == nil {
		if r.last == nil {
			r.last = map[string]*lastLine{}
		}
		r.last[kind] = &lastLine{at: now}
		return 0, true
	}
	if since := now.Sub(last.at); since >= 0 && since < r.every {
		last.omitted++
		return 0, false
	}
	omitted = last.omitted
	*last = lastLine{at: now}
	return omitted, true
}

func connectionKind(message string) string {
	switch {
	case strings.HasPrefix(message, "TLS handshake error"):
		return "tls-handshake"
	case strings.HasPrefix(message, "Accept error"):
		return "accept"
	}
	return "other"
}
