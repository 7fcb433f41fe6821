package render

import (
	"path"
	"regexp"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"

	"windlass.dev/plugin-sdk/offline"
)

var (
	yamlLine  = regexp.MustCompile(`yaml: line (\d+)`)
	innerRoot = regexp.MustCompile(`(?:recursed accumulation of path|couldn't make target for path) '([^']+)'`)
)

// explain turns upstream's error into a diagnostic with a place.
func (t *tree) explain(err error) Diagnostic {
	if t.refusal != nil {
		return *t.refusal
	}
	message := err.Error()
	place := Diagnostic{Message: message, Path: t.kustomizationOf(innermost(message, t.folder))}
	switch {
	case offline.Address(err) != "":
		place.Message = unreachable("file", offline.Address(err))
	case strings.Contains(message, "no 'git' program on path"):
		place.Message = "a base is remote, and remote bases are not reachable from the sandbox: " + message
	case strings.Contains(message, "must specify --enable-helm"):
		place.Message = "Helm charts are not supported by this plugin, which runs no programs: " +
			"render the chart with a Helm renderer, or commit what it renders"
	case strings.Contains(message, "MalformedYAMLError") || strings.Contains(message, "invalid Kustomization"):
		place.Path = relativePath(t.last)
		if line := yamlLine.FindStringSubmatch(message); line != nil {
			place.Line, _ = strconv.Atoi(line[1])
		}
	}
	return place
}

// innermost is the folder that an error is about.
func innermost(message, folder string) string {
	if found := innerRoot.FindAllStringSubmatch(message, -1); len(found) > 0 {
		return found[len(found)-1][1]
	}
	return folder
}

// kustomizationOf is the kustomization that was read in a folder, or the
// folder where none was.
func (t *tree) kustomizationOf(folder string) string {
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		if _, known := t.content[path.Join(folder, name)]; known {
			return relativePath(path.Join(folder, name))
		}
	}
	return relativePath(folder)
}
