// Package render runs upstream's Helm on one chart and says where each object
// came from.
//
// Takes a request; gives a response whose objects are exactly those of
// `helm template`. Never reads outside of the file system that it is given,
// never writes to it, and never asks a cluster or a network.
package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// The largest request in bytes.
const requestLimit = 1 << 20

// The longest message in bytes.
const messageLimit = 4000

// Request names the chart to render.
type Request struct {
	// Path is the chart's folder, relative to the root of the tree; empty for
	// the root.
	Path string `json:"path"`
	// Name and Namespace are the application's, and the release's by default.
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	// Config holds the settings; null for the defaults.
	Config *Config `json:"config"`
}

// Response holds what was rendered, or why nothing was.
type Response struct {
	Manifests   []Manifest   `json:"manifests,omitempty"`
	Diagnostics []Diagnostic `json:"diagnostics"`
}

// Manifest is one rendered object.
type Manifest struct {
	Object json.RawMessage `json:"object"`
	// Path is the template that it was made from, or the archive that has the
	// template, relative to the root of the tree; empty where that is not known.
	Path string `json:"path,omitempty"`
	// Line is where its document begins, counted from 1; 0 where that is not
	// known.
	Line int `json:"line,omitempty"`
}

// Diagnostic is something a person has to know.
type Diagnostic struct {
	// Severity is `error` or `warning`.
	Severity string `json:"severity"`
	Message  string `json:"message"`
	// Path is relative to the root of the tree.
	Path string `json:"path,omitempty"`
	Line int    `json:"line,omitempty"`
}

// Serve answers the request on in. It gives 0 when everything was rendered,
// and 1 when the response holds the reasons why nothing was.
func Serve(in io.Reader, out io.Writer) int32 {
	response, code := answer(in)
	if response.Diagnostics == nil {
		response.Diagnostics = []Diagnostic{}
	}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(response); err != nil {
		return 1
	}
	return code
}

func answer(in io.Reader) (response Response, code int32) {
	defer func() {
		if reason := recover(); reason != nil {
			response = Response{Diagnostics: []Diagnostic{failure("Helm panicked: %v", reason)}}
			code = 1
		}
	}()
	content, err := io.ReadAll(io.LimitReader(in, requestLimit+1))
	if err != nil {
		return Response{Diagnostics: []Diagnostic{failure("read the request: %v", err)}}, 1
	}
	if len(content) > requestLimit {
		return Response{Diagnostics: []Diagnostic{failure("the request is larger than %d bytes", requestLimit)}}, 1
	}
	var request Request
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		return Response{Diagnostics: []Diagnostic{failure("read the request: %v", err)}}, 1
	}
	manifests, warnings, failures := Render(request)
	if len(failures) != 0 {
		return Response{Diagnostics: append(failures, warnings...)}, 1
	}
	return Response{Manifests: manifests, Diagnostics: warnings}, 0
}

func failure(format string, arguments ...any) Diagnostic {
	return Diagnostic{Severity: "error", Message: shorten(fmt.Sprintf(format, arguments...))}
}

func warning(format string, arguments ...any) Diagnostic {
	return Diagnostic{Severity: "warning", Message: shorten(fmt.Sprintf(format, arguments...))}
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

// at is the diagnostic with a place.
func (d Diagnostic) at(path string, line int) Diagnostic {
	d.Path, d.Line = path, line
	return d
}
