package render

import (
	"net/http"
	"runtime"
	"runtime/debug"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// Whether upstream holds the parsed built-in schema, and nothing else.
var schemaIsWarm bool

// Warm does ahead of time what every render needs: above all it lets upstream
// parse the schema of Kubernetes' own types, by rendering an overlay that needs
// it.
func Warm() {
	http.DefaultTransport = noNetwork{}
	defer tidy(debug.SetGCPercent(20))
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

// tidy collects the garbage and overwrites it with zeros, for it would be in the
// snapshot too; and sets how much may gather from then on. What is allocated
// comes zeroed, so as much is allocated as is free.
func tidy(garbagePercent int) {
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	const page = 8192
	pages := make([][]byte, 0, memory.HeapIdle/page)
	for range cap(pages) {
		pages = append(pages, make([]byte, page))
	}
	runtime.KeepAlive(pages)
	pages = nil
	runtime.GC()
	debug.SetGCPercent(garbagePercent)
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
