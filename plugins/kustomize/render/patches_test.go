package render

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

func TestAnObjectKnowsThePatchesThatWereMeantForIt(t *testing.T) {
	merge := func(kind, name string) string {
		version := map[string]string{"Deployment": "apps/v1"}[kind]
		if version == "" {
			version = "v1"
		}
		return fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata:\n  name: %s\n  labels: {patched: 'yes'}\n", version, kind, name)
	}
	add := "- {op: add, path: /metadata/labels, value: {a: b}}\n"
	files := map[string]string{
		"base/kustomization.yaml": "resources: [all.yaml]\npatches:\n- path: p.yaml\n",
		"base/all.yaml":           deployment + "---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: other}\n",
		"base/p.yaml":             "# first\n" + merge("Deployment", "web"),
		"app/kustomization.yaml": "resources: [../base]\nnamePrefix: x-\npatches:\n" +
			"- path: both.yaml\n" +
			"- path: ops.yaml\n  target: {kind: Service, name: w.*}\n" +
			"- target: {version: v1, kind: Service}\n  patch: |\n    " + strings.TrimSpace(add) + "\n" +
			"- path: ops.yaml\n  target: {kind: Service, labelSelector: none=here}\n" +
			"components: [../component]\nconfigMapGenerator: [{name: made, literals: [a=b]}]\n",
		"app/both.yaml": merge("Deployment", "web") + "---\n" + merge("ConfigMap", "made"),
		"app/ops.yaml":  add,
		"component/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n" +
			"patchesStrategicMerge: [s.yaml]\n",
		"component/s.yaml": merge("Service", "other"),
	}
	root := lay(t, files)
	got, code := ask(t, filepath.Join(root, "app"), nil)
	if code != 0 {
		t.Fatal(got.Diagnostics)
	}
	want := map[string]string{
		"x-web Deployment": "base/p.yaml:2 app/both.yaml:1",
		"x-web Service":    "app/ops.yaml:0 app/kustomization.yaml:7",
		"x-other Service":  "component/s.yaml:1 app/kustomization.yaml:7",
		"x-made ConfigMap": "app/both.yaml:7",
	}
	for _, manifest := range got.Manifests {
		var object struct {
			Kind     string
			Metadata struct{ Name string }
		}
		if err := json.Unmarshal(manifest.Object, &object); err != nil {
			t.Fatal(err)
		}
		name, _, _ := strings.Cut(object.Metadata.Name, "-made-")
		if strings.HasPrefix(object.Metadata.Name, "x-made-") {
			name = "x-made"
		}
		var places []string
		for _, place := range manifest.ChangedBy {
			within := strings.TrimPrefix("/"+place.Path, root+"/")
			places = append(places, fmt.Sprintf("%s:%d", within, place.Line))
		}
		key := name + " " + object.Kind
		if found := strings.Join(places, " "); found != want[key] {
			t.Errorf("%s is changed by %s, want %s", key, found, want[key])
		}
		delete(want, key)
	}
	if len(want) != 0 {
		t.Errorf("not rendered: %v", want)
	}
}
