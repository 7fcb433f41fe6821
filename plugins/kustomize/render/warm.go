package render

import (
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"windlass.dev/plugin-sdk/offline"
	"windlass.dev/plugin-sdk/renderer"
)

// Whether upstream holds the parsed built-in schema, and nothing else.
var schemaIsWarm bool

// Warm does ahead of time what every render needs: above all it lets upstream
// parse the schema of Kubernetes' own types, by rendering an overlay that needs
// it.
func Warm() {
	offline.Cut()
	renderer.Warm(renderOnce)
}

func renderOnce() {
	files := filesys.MakeFsInMemory()
	for name, content := range map[string]string{
		"/kustomization.yaml": "resources: [deployment.yaml]\nnamePrefix: a-\npatches: [{path: patch.yaml}]\n",
		"/deployment.yaml":    warmObject + "        image: b\n",
		"/patch.yaml":         warmObject + "        env: [{name: c, value: d}]\n",
	} {
		if err := files.WriteFile(name, []byte(content)); err != nil {
			return
		}
	}
	// What fails here fails again, with a message, when it is needed.
	if _, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, "/"); err == nil {
		schemaIsWarm = true
	}
}

const warmObject = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: a
spec:
  template:
    spec:
      containers:
      - name: a
`
