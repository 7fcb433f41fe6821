package render

import (
	"bytes"
	"encoding/json"
	"slices"

	chart "helm.sh/helm/v4/pkg/chart/v2"
	"sigs.k8s.io/yaml"

	"windlass.dev/plugin-sdk/renderer"
)

// objects are those that were rendered, in their order, and what could not
// become one.
type objects struct {
	manifests []Manifest
	failures  []Diagnostic
}

// add converts what a template rendered to. It ends with the line end that
// upstream writes after each document, and that a text block at the end keeps.
func (o *objects) add(name, content string, files places) {
	origin := files.byName[name]
	object, err := toJSON([]byte(content + "\n"))
	if err != nil {
		o.failures = append(o.failures, explainConversion(name, err).At(origin.path, 0))
		return
	}
	if object == nil {
		return
	}
	line := 0
	if len(origin.content) != 0 {
		kind, name := identity(object)
		line = documentLine(origin.content, kind, name)
	}
	o.manifests = append(o.manifests, Manifest{Object: object, Path: origin.path, Line: line})
}

// addCRDs converts the files in the `crds` folders, which are no templates.
func (o *objects) addCRDs(root *chart.Chart, files places) {
	for _, crd := range root.CRDObjects() {
		origin := files.byName[crd.Filename]
		for _, document := range split(append(slices.Clone(crd.File.Data), '\n')) {
			object, err := toJSON(document.content)
			line := 0
			if len(origin.content) != 0 {
				line = document.line
			}
			if err != nil {
				if inner := failingLine(document.content, err); inner != 0 && line != 0 {
					line += inner - 1
				}
				o.failures = append(o.failures, renderer.Errorf("%s does not parse: %v", crd.Filename, err).At(origin.path, line))
				continue
			}
			if object != nil {
				o.manifests = append(o.manifests, Manifest{Object: object, Path: origin.path, Line: line})
			}
		}
	}
}

// toJSON converts a document as kubectl does; nothing, where it has only
// comments.
func toJSON(content []byte) (json.RawMessage, error) {
	object, err := yaml.YAMLToJSON(content)
	if err != nil || bytes.Equal(object, []byte("null")) {
		return nil, err
	}
	return object, nil
}

func identity(object json.RawMessage) (kind, name string) {
	var head struct {
		Kind     string `json:"kind"`
		Metadata struct {
			Name string `json:"name"`
		} `json:"metadata"`
	}
	// What has no kind or name is nowhere for certain.
	_ = json.Unmarshal(object, &head)
	return head.Kind, head.Metadata.Name
}
