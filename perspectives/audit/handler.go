package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
)

// Handler returns a handler for a [slog.Logger], such as the Log of
// coordinator.Config, that keeps every record of level INFO or higher as slog's
// JSON: time, level, msg and the attributes. slog drops the errors of handlers;
// Err has the last one.
func (l *Log) Handler() slog.Handler {
	return handler{log: l, with: func(h slog.Handler) slog.Handler { return h }}
}

type handler struct {
	log  *Log
	with func(slog.Handler) slog.Handler // groups and attributes
}

// Enabled implements [slog.Handler].
func (h handler) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// Handle implements [slog.Handler].
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	var text bytes.Buffer
	if err := h.with(slog.NewJSONHandler(&text, nil)).Handle(ctx, r); err != nil {
		return err
	}
	return h.log.Append(json.RawMessage(bytes.TrimSpace(text.Bytes())))
}

// WithAttrs implements [slog.Handler].
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.log, func(inner slog.Handler) slog.Handler { return h.with(inner).WithAttrs(attrs) }}
}

// WithGroup implements [slog.Handler].
func (h handler) WithGroup(name string) slog.Handler {
	return handler{h.log, func(inner slog.Handler) slog.Handler { return h.with(inner).WithGroup(name) }}
}
