package renderer

import (
	"fmt"
	"strings"
)

// The longest message in bytes.
const messageLimit = 4000

// Severity tells how bad a diagnostic is.
type Severity string

// A response with an error is a refusal; the other two stand beside objects.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
	SeverityInfo    Severity = "info"
)

// Diagnostic is something that a person has to know: what happened, where, and
// what to do next.
type Diagnostic struct {
	Severity Severity `json:"severity"`
	Message  string   `json:"message"`
	// Path is relative to the root of the tree; empty where there is no place.
	Path string `json:"path,omitempty"`
	// Line is counted from 1; 0 where it is not known.
	Line int `json:"line,omitempty"`
}

// Errorf is a reason why nothing was rendered.
func Errorf(format string, arguments ...any) Diagnostic {
	return Diagnostic{Severity: SeverityError, Message: strings.TrimSpace(fmt.Sprintf(format, arguments...))}
}

// Warningf is what a person should change although it was rendered.
func Warningf(format string, arguments ...any) Diagnostic {
	return Diagnostic{Severity: SeverityWarning, Message: strings.TrimSpace(fmt.Sprintf(format, arguments...))}
}

// At is the diagnostic with a place: a path relative to the root of the tree,
// and a line, or 0.
func (d Diagnostic) At(path string, line int) Diagnostic {
	d.Path, d.Line = path, line
	return d
}

// Refuse is the response without any object, for these reasons.
func Refuse(reasons ...Diagnostic) Response {
	return Response{Diagnostics: reasons}
}

// shorten takes the middle out of a long message: a recursion says the same over
// and over, and its reason stands at the end.
func shorten(message string) string {
	message = strings.TrimSpace(message)
	if len(message) <= messageLimit {
		return message
	}
	half := messageLimit / 2
	return strings.ToValidUTF8(message[:half], "") + " … " + strings.ToValidUTF8(message[len(message)-half:], "")
}
