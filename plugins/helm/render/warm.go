package render

import (
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"

	"windlass.dev/plugin-sdk/renderer"
)

// Warm does ahead of time what every render needs, by rendering a small chart:
// tables that upstream builds on first use, above all those of the JSON
// schemas.
func Warm() {
	renderer.Warm(renderOnce)
}

func renderOnce() {
	var files []*archive.BufferedFile
	for name, content := range warmChart {
		files = append(files, &archive.BufferedFile{Name: name, Data: []byte(content)})
	}
	// What fails here fails again, with a message, when it is needed.
	root, err := loader.LoadFiles(files)
	if err != nil {
		return
	}
	config := &Config{}
	capabilities, err := config.capabilities()
	if err != nil {
		return
	}
	release, err := config.release(Request{Name: "a", Namespace: "b"})
	if err != nil {
		return
	}
	_ = chartutil.ProcessDependencies(root, nil)
	located := locate("/", root)
	scope, err := util.ToRenderValues(root, nil, release, capabilities)
	if err != nil {
		return
	}
	rendered, err := engine.Engine{}.Render(root, scope)
	if err != nil {
		return
	}
	_, manifests, _ := releaseutil.SortManifests(rendered, nil, releaseutil.InstallOrder)
	var out objects
	for _, manifest := range manifests {
		out.add(manifest.Name, manifest.Content, located)
	}
}

var warmChart = map[string]string{
	"Chart.yaml":         "apiVersion: v2\nname: a\nversion: 1.0.0\nkubeVersion: '>=1.20.0-0'\n",
	"values.yaml":        "a: {b: [1, c]}\n",
	"values.schema.json": `{"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"a": {"type": "object"}}}`,
	"templates/_a.tpl":   `{{- define "a" -}}{{ .Values.a | toYaml | nindent 2 }}{{- end -}}`,
	"templates/a.yaml": `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "a" . | sha256sum | trunc 8 | quote }}
{{- if semverCompare ">=1.20-0" .Capabilities.KubeVersion.Version }}
data: {{- tpl (include "a" .) $ | fromYaml | toJson | nindent 2 }}
{{- end }}
`,
}
