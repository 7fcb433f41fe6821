//go:build wasip1

// The helm renderer as a WebAssembly reactor: upstream's loader and template
// engine over the file system that the host serves at `/`.
//
// Takes one request as JSON on standard input; gives one response as JSON on
// standard output. Never writes a file, starts a program, opens a socket or
// asks a cluster.
package main

import (
	"os"

	_ "k8s.io/client-go/arguments" // before klog

	"windlass.dev/plugins/helm/render"
)

// What does not depend on the request happens here, once, before the module is
// snapshotted.
func init() {
	render.Warm()
}

// Never called: the module is a reactor.
func main() {}

// Answers the request on standard input. Gives 0 when everything was
// rendered, 1 when the response holds errors only.
//
//go:wasmexport windlass_render
func windlassRender() int32 {
	return render.Serve(os.Stdin, os.Stdout)
}
