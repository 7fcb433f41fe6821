// Package render runs upstream's Helm on one chart and says where each object
// came from.
//
// Takes a request; gives a response whose objects are exactly those of
// `helm template`. Never reads outside of the file system that it is given,
// never writes to it, and never asks a cluster or a network.
package render

import (
	"io"

	"windlass.dev/plugin-sdk/renderer"
)

// The largest request in bytes.
const requestLimit = renderer.RequestLimit

// What the host asks and is answered.
type (
	// Request names the chart to render. Name and Namespace are the release's
	// too, by default.
	Request = renderer.Request[Config]
	// Response holds what was rendered, or why nothing was.
	Response = renderer.Response
	// Manifest is one rendered object. Its path is the template that it was
	// made from, or the archive that has the template.
	Manifest = renderer.Manifest
	// Diagnostic is something a person has to know.
	Diagnostic = renderer.Diagnostic
)

// Serve answers the request on in. It gives 0 when everything was rendered,
// and 1 when the response holds the reasons why nothing was.
func Serve(in io.Reader, out io.Writer) int32 {
	return renderer.Serve("Helm", in, out, respond)
}

func respond(request Request) Response {
	manifests, warnings, failures := Render(request)
	if len(failures) != 0 {
		return renderer.Refuse(append(failures, warnings...)...)
	}
	return Response{Manifests: manifests, Diagnostics: warnings}
}
