package render

import (
	"context"
	"io"
	"log"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"

	"windlass.dev/plugin-sdk/renderer"
)

// The most notices that become warnings.
const noticeLimit = 50

// notices are what upstream logs while it renders: of values that it had to
// ignore, mostly.
type notices struct {
	lines    []string
	previous *slog.Logger
}

// listen collects what is logged from now on.
func listen() *notices {
	n := &notices{previous: slog.Default()}
	slog.SetDefault(slog.New(handler{n}))
	// After the default logger, which takes the other's output over.
	log.SetOutput(n)
	log.SetFlags(0)
	return n
}

// stop puts things back.
func (n *notices) stop() {
	slog.SetDefault(n.previous)
	log.SetOutput(os.Stderr)
}

// Write takes what the package log writes, a line at a time.
func (n *notices) Write(line []byte) (int, error) {
	n.lines = append(n.lines, string(line))
	return len(line), nil
}

var _ io.Writer = (*notices)(nil)

// A value at the end of a notice: it may be secret.
var value = regexp.MustCompile(`(?s)^((?:warning: )?(?:cannot overwrite table|destination for) .*?) \(.*\)\s*$`)

// warnings are the notices, each once, and in a certain order: upstream walks
// through maps.
func (n *notices) warnings() []Diagnostic {
	var lines []string
	for _, line := range n.lines {
		line = value.ReplaceAllString(line, "$1")
		lines = append(lines, strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(line), "warning: "), "Warning: "))
	}
	slices.Sort(lines)
	lines = slices.Compact(lines)
	var warnings []Diagnostic
	for _, line := range lines[:min(len(lines), noticeLimit)] {
		warnings = append(warnings, renderer.Warningf("%s", line))
	}
	return warnings
}

// handler takes what is logged with attributes.
type handler struct{ notices *notices }

// Enabled implements slog.Handler.
func (handler) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

// Handle implements slog.Handler.
func (h handler) Handle(_ context.Context, record slog.Record) error {
	line := record.Message
	record.Attrs(func(attribute slog.Attr) bool {
		line += " " + attribute.Key + "=" + attribute.Value.String()
		return true
	})
	h.notices.lines = append(h.notices.lines, line)
	return nil
}

// WithAttrs implements slog.Handler.
func (h handler) WithAttrs([]slog.Attr) slog.Handler { return h }

// WithGroup implements slog.Handler.
func (h handler) WithGroup(string) slog.Handler { return h }
