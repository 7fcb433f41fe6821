package render

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
)

// What the kustomizations alone do not tell.
var traced = []string{
	"anchors, lists and flow style",
	"files, environment files and merged generators",
	"transformers and generators of their own",
}

// Where patches and replacements write over the annotations, upstream's are
// wrong; these are right.
var misled = map[string]map[string]string{
	"annotations emptied, removed and kept":   {"b": "app/a.yaml:5", "c": "app/a.yaml:9"},
	"replacement that copies all annotations": {"b": "app/b.yaml:1"},
}

func TestOriginsWithoutAnnotationsAreThoseThatUpstreamAnnotates(t *testing.T) {
	cases := map[string]map[string]string{
		"one base twice, and names that contain each other": {
			"app/kustomization.yaml":   "resources: [a, b, more.yaml]\nnameSuffix: -z\n",
			"app/a/kustomization.yaml": "resources: [../../base]\nnamePrefix: a-\n",
			"app/b/kustomization.yaml": "resources: [../../base]\nnamePrefix: b-\ncomponents: [../../component]\n",
			"app/more.yaml":            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a-web}\n---\n" + configMap,
			"base/kustomization.yaml":  "resources: [all.yaml]\nsecretGenerator: [{name: web, literals: [a=b]}]\n",
			"base/all.yaml":            deployment + "---\n# here\napiVersion: v1\nkind: Service\nmetadata: {name: web}\n",
			"component/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n" +
				"namePrefix: c-\nresources: [extra.yaml]\nconfigMapGenerator: [{name: made, literals: [a=b]}]\n",
			"component/extra.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: extra}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: n}\n",
		},
	}
	for name, files := range overlays {
		cases[name] = files
	}
	for name, files := range cases {
		t.Run(name, func(t *testing.T) {
			folder := filepath.Join(lay(t, files), "app")
			given, _ := newValues(nil)
			tree := newTree(folder, given)
			options := krusty.MakeDefaultOptions()
			options.Reorder = krusty.ReorderOptionUnspecified
			objects, err := run(options, tree)
			if err != nil {
				t.Fatal(err)
			}
			got, certain := expectOrigins(tree, objects)
			if certain == slices.Contains(traced, name) {
				t.Fatalf("certain: %t", certain)
			}
			tree.annotate = true
			annotated, err := run(options, tree)
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range traceOrigins(tree, annotated, objects) {
				object := objects.Resources()[i]
				if right, known := misled[name][object.GetName()]; known {
					file, line, _ := strings.Cut(right, ":")
					number, _ := strconv.Atoi(line)
					want = origin{relativePath(filepath.Join(filepath.Dir(folder), file)), number}
				}
				if certain && got[i].origin != want {
					t.Errorf("%s comes from %+v, want %+v", object.CurId(), got[i].origin, want)
				}
			}
		})
	}
}
