// Package render runs upstream's Kustomize on one folder and says where each
// object came from.
//
// Takes a request; gives a response whose objects are exactly those of
// `kustomize build`. Never reads outside of the file system that it is given,
// and never writes to it.
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

// Request names the folder to render.
type Request struct {
	// Path is the folder, relative to the root of the tree; empty for the root.
	Path string `json:"path"`
	// Name and Namespace are the application's. Kustomize has no use for them.
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	// Config holds the settings; null for the defaults.
	Config *Config `json:"config"`
}

// Config holds the settings that manifest.json declares.
type Config struct {
	// LoadRestrictor is upstream's flag of that name: `rootOnly` (the default)
	// lets a kustomization read only files below its own folder, `none` any
	// file of the tree.
	LoadRestrictor string `json:"loadRestrictor"`
}

// Response holds what was rendered, or why nothing was.
type Response struct {
	Manifests   []Manifest   `json:"manifests,omitempty"`
	Diagnostics []Diagnostic `json:"diagnostics"`
}

// Manifest is one rendered object.
type Manifest struct {
	Object json.RawMessage `json:"object"`
	// Path is the file that it was read or made from, relative to the root of
	// the tree; empty where that is not known.
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
// and 1 when the response holds errors only.
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
			response = failed(Diagnostic{Message: fmt.Sprintf("Kustomize panicked: %v", reason)})
			code = 1
		}
	}()
	content, err := io.ReadAll(io.LimitReader(in, requestLimit+1))
	if err != nil {
		return failed(Diagnostic{Message: "read the request: " + err.Error()}), 1
	}
	if len(content) > requestLimit {
		return failed(Diagnostic{Message: fmt.Sprintf("the request is larger than %d bytes", requestLimit)}), 1
	}
	var request Request
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		return failed(Diagnostic{Message: "read the request: " + err.Error()}), 1
	}
	manifests, diagnostics, failure := Render(request)
	if failure != nil {
		return failed(*failure, diagnostics...), 1
	}
	return Response{Manifests: manifests, Diagnostics: diagnostics}, 0
}

func failed(failure Diagnostic, others ...Diagnostic) Response {
	failure.Severity = "error"
	failure.Message = strings.TrimSpace(failure.Message)
	return Response{Diagnostics: append([]Diagnostic{failure}, others...)}
}
