// Package renderer makes a windlass renderer of a Go function.
//
// Takes the host's request; gives the function's objects and diagnostics back.
// The program is a WebAssembly reactor: initialised once, snapshotted, and
// from then on started anew from the snapshot for each call. It reads the Git
// tree through the package os, with the root of the repository at `/`. It has
// no network, no environment, no real time and no real randomness, and nothing
// that it keeps outlives a call.
package renderer

import "encoding/json"

// Request names what is to be rendered.
type Request[Config any] struct {
	// Path is the Application's folder without symbolic links, relative to the
	// root of the tree; empty for the root.
	Path string `json:"path"`
	// Name and Namespace are the Application's.
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	// Config holds the settings; nil where the Application has none. The host
	// has held them against the schema of the plugin's manifest.
	Config *Config `json:"config"`
}

// Response is what a renderer answers. With a diagnostic that is an error it is
// a refusal: objects beside it do not count.
type Response struct {
	// Manifests are the complete set of objects, in the order in which a person
	// expects them.
	Manifests   []Manifest   `json:"manifests,omitempty"`
	Diagnostics []Diagnostic `json:"diagnostics"`
}

// Manifest is one rendered object.
type Manifest struct {
	Object json.RawMessage `json:"object"`
	// Path is the file that it was read or made from, relative to the root of
	// the tree; empty where that is not known.
	Path string `json:"path,omitempty"`
	// Line is where its document begins in the file, counted from 1; 0 where
	// that is not known.
	Line int `json:"line,omitempty"`
	// ChangedBy says what changed it after that, such as patches; at most 32
	// places are kept.
	ChangedBy []Place `json:"changedBy,omitempty"`
}

// Place is somewhere in the tree.
type Place struct {
	// Path is relative to the root of the tree.
	Path string `json:"path"`
	// Line is counted from 1; 0 where it is not known.
	Line int `json:"line,omitempty"`
}
