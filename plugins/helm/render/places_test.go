package render

import (
	"encoding/json"
	"path/filepath"
	"testing"
)

// origins are where the objects of a tree came from, by kind and name.
func origins(t *testing.T, root, config string) map[string]string {
	t.Helper()
	got, code := ask(t, root, config)
	if code != 0 {
		t.Fatalf("failed: %+v", got.Diagnostics)
	}
	found := map[string]string{}
	for _, manifest := range got.Manifests {
		kind, name := identity(manifest.Object)
		place, err := filepath.Rel(root, "/"+manifest.Path)
		if err != nil {
			t.Fatal(err)
		}
		line, err := json.Marshal(manifest.Line)
		if err != nil {
			t.Fatal(err)
		}
		found[kind+" "+name] = place + ":" + string(line)
	}
	return found
}

func named(kind, name string) string {
	return "apiVersion: v1\nkind: " + kind + "\nmetadata:\n  name: " + name + "\n"
}

func TestEveryObjectNamesTheFileAndWhereThatIsCertainTheLine(t *testing.T) {
	root := lay(t, map[string]string{
		"app/Chart.yaml": metadata + `dependencies:
- {name: dep, version: "1", alias: renamed}
- {name: packed, version: "1"}
- {name: twice, version: "1", alias: first}
- {name: twice, version: "1", alias: second}
`,
		"app/crds/all.yaml":                               "# one\n" + named("CRD", "one") + "---\n" + named("CRD", "two"),
		"app/templates/one.yaml":                          "{{- if true }}\n" + named("Service", "{{ .Release.Name }}") + "{{ end }}",
		"app/templates/kinds.yaml":                        "---\n" + named("Secret", "{{ .Release.Name }}") + "---\n" + named("Role", "r") + "{{ range until 2 }}\n---\n" + named("Job", "j{{ . }}") + "{{ end }}",
		"app/templates/names.yaml":                        named("Pod", "a") + "---\n" + named("Pod", "b") + "---\n" + named("Pod", "{{ .Chart.Name }}"),
		"app/templates/_lib.tpl":                          `{{ define "lib" }}` + named("Ingress", "lib") + "---\n" + named("Lease", "lib") + `{{ end }}`,
		"app/templates/deep/lib.yaml":                     `{{ include "lib" . }}`,
		"app/charts/folder/Chart.yaml":                    "apiVersion: v2\nname: dep\nversion: 1.0.0\n",
		"app/charts/folder/templates/a.yaml":              named("Node", "node"),
		"app/charts/folder/charts/inner/Chart.yaml":       "apiVersion: v2\nname: another\nversion: 1.0.0\n",
		"app/charts/folder/charts/inner/templates/b.yaml": named("Endpoints", "e"),
		"app/charts/twice/Chart.yaml":                     "apiVersion: v2\nname: twice\nversion: 1.0.0\n",
		"app/charts/twice/templates/a.yaml":               named("Event", "{{ .Chart.Name }}"),
		"app/charts/packed-1.0.0.tgz": pack("packed", map[string]string{
			"Chart.yaml": "apiVersion: v2\nname: packed\nversion: 1.0.0\n", "templates/a.yaml": named("Binding", "p"), "crds/c.yaml": named("CRD", "packed"),
			"charts/in/Chart.yaml": "apiVersion: v2\nname: in\nversion: 1.0.0\n", "charts/in/templates/a.yaml": named("Binding", "in"),
		}),
		"app/charts/other.tgz": pack("odd", map[string]string{
			"Chart.yaml": "apiVersion: v2\nname: odd\nversion: 1.0.0\n", "templates/a.yaml": named("Binding", "odd"),
		}),
	})
	found := origins(t, root, "")
	want := map[string]string{
		"CRD one":         "app/crds/all.yaml:1",
		"CRD two":         "app/crds/all.yaml:7",
		"Service release": "app/templates/one.yaml:1",
		"Secret release":  "app/templates/kinds.yaml:2",
		"Role r":          "app/templates/kinds.yaml:7",
		"Job j0":          "app/templates/kinds.yaml:13",
		"Job j1":          "app/templates/kinds.yaml:13",
		"Pod a":           "app/templates/names.yaml:1",
		"Pod b":           "app/templates/names.yaml:6",
		"Pod app":         "app/templates/names.yaml:0",
		"Ingress lib":     "app/templates/deep/lib.yaml:1",
		"Lease lib":       "app/templates/deep/lib.yaml:1",
		"Node node":       "app/charts/folder/templates/a.yaml:1",
		"Endpoints e":     "app/charts/folder/charts/inner/templates/b.yaml:1",
		"Event first":     "app/charts/twice/templates/a.yaml:1",
		"Event second":    "app/charts/twice/templates/a.yaml:1",
		"Binding p":       "app/charts/packed-1.0.0.tgz:0",
		"Binding in":      "app/charts/packed-1.0.0.tgz:0",
		"CRD packed":      "app/charts/packed-1.0.0.tgz:0",
		"Binding odd":     "app/charts/other.tgz:0",
	}
	for object, place := range want {
		if found[object] != place {
			t.Errorf("%s comes from %q, want %s", object, found[object], place)
		}
	}
	if len(found) != len(want) {
		t.Errorf("found %d objects, want %d", len(found), len(want))
	}
}
