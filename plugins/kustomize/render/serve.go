// Package render runs upstream's Kustomize on one folder and says where each
// object came from.
//
// Takes a request; gives a response whose objects are exactly those of
// `kustomize build`. Never reads outside of the file system that it is given,
// and never writes to it.
package render

import (
	"encoding/json"
	"io"

	"windlass.dev/plugin-sdk/renderer"
)

// The largest request in bytes.
const requestLimit = renderer.RequestLimit

// What the host asks and is answered.
type (
	// Request names the folder to render. Kustomize has no use for the
	// application's name and namespace.
	Request = renderer.Request[Config]
	// Response holds what was rendered, or why nothing was.
	Response = renderer.Response
	// Manifest is one rendered object.
	Manifest = renderer.Manifest
	// Diagnostic is something a person has to know.
	Diagnostic = renderer.Diagnostic
)

// Config holds the settings that manifest.json declares.
type Config struct {
	// LoadRestrictor is upstream's flag of that name: `rootOnly` (the default)
	// lets a kustomization read only files below its own folder, `none` any
	// file of the tree.
	LoadRestrictor string `json:"loadRestrictor"`
	// Values are laid over those that documents of kind Values declare.
	Values json.RawMessage `json:"values,omitempty"`
}

// Serve answers the request on in. It gives 0 when everything was rendered,
// and 1 when the response holds the reasons why nothing was.
func Serve(in io.Reader, out io.Writer) int32 {
	return renderer.Serve("Kustomize", in, out, respond)
}

func respond(request Request) Response {
	manifests, diagnostics, failure := Render(request)
	if failure != nil {
		failure.Severity = renderer.SeverityError
		return renderer.Refuse(append([]Diagnostic{*failure}, diagnostics...)...)
	}
	return Response{Manifests: manifests, Diagnostics: diagnostics}
}
