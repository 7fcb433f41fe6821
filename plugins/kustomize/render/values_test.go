package render

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const valuesHead = "apiVersion: windlass.dev/v1alpha1\nkind: Values\nmetadata:\n  name: values\n" +
	"  annotations: {config.kubernetes.io/local-config: \"true\"}\nvalues:\n"

// What every case renders besides its own files: something of each type that
// can be set.
const valuesTarget = `apiVersion: example.com/v1
kind: Thing
metadata: {name: thing}
spec:
  scalar: before
  number: 0
  flag: false
  any: {left: over}
  text: "${HOST} ${values.host} $(HOST)"
`

// replace is a kustomization that puts values into the thing.
func replace(fields map[string]string) string {
	text := "replacements:\n"
	for from, to := range fields {
		text += "- source: {kind: Values, fieldPath: values." + from + "}\n" +
			"  targets: [{select: {kind: Thing}, fieldPaths: [spec." + to + "]}]\n"
	}
	return text
}

var given = []struct {
	name   string
	values string
	files  map[string]string
	// What a person would have written into the files instead.
	edited map[string]string
}{
	{
		name: "numbers, texts and booleans", values: `{"replicas":5,"host":"shop.example.org","debug":true}`,
		files: map[string]string{
			"app/kustomization.yaml": "resources: [values.yaml, thing.yaml]\n" +
				replace(map[string]string{"replicas": "number", "host": "scalar", "debug": "flag"}),
			"app/values.yaml": valuesHead + "  replicas: 2 # as many as nodes\n  host: localhost\n  debug: false\n  other: 1.10\n",
		},
		edited: map[string]string{
			"app/values.yaml": valuesHead + "  replicas: 5\n  host: shop.example.org\n  debug: true\n  other: 1.10\n",
		},
	},
	{
		name: "a list, and a mapping by key", values: `{"list":["a",{"b":[1,2.50,null,true]}],"map":{"b":"new","deep":{"x":9}}}`,
		files: map[string]string{
			"app/kustomization.yaml": "resources: [values.yaml, thing.yaml]\n" + replace(map[string]string{"list": "any"}) +
				"- source: {kind: Values, fieldPath: values.map}\n  targets: [{select: {kind: Thing}, fieldPaths: [spec.map], options: {create: true}}]\n",
			"app/values.yaml": valuesHead + "  list: [1, 2, 3]\n  map:\n    a: old\n    b: old\n    deep: {x: 1, y: 2}\n",
		},
		edited: map[string]string{
			"app/values.yaml": valuesHead + "  list: [a, {b: [1, 2.50, null, true]}]\n  map:\n    a: old\n    b: new\n    deep: {x: 9, y: 2}\n",
		},
	},
	{
		name: "numbers that JavaScript can't hold", values: `{"big":9223372036854775807,"bigger":18446744073709551615,"small":-9007199254740993}`,
		files: map[string]string{
			"app/kustomization.yaml": "resources: [values.yaml, thing.yaml]\n" +
				replace(map[string]string{"big": "number", "small": "scalar", "bigger": "any.left"}),
			"app/values.yaml": valuesHead + "  big: 1\n  bigger: 1\n  small: 1\n",
		},
		edited: map[string]string{
			"app/values.yaml": valuesHead + "  big: 9223372036854775807\n  bigger: 18446744073709551615\n  small: -9007199254740993\n",
		},
	},
	{
		name: "texts that look like something else", values: `{"a":"yes","b":"017","c":"null","d":"a: b # c\n- \"d\" \u0085\u007f \\ é 😀"}`,
		files: map[string]string{
			"app/kustomization.yaml": "resources: [values.yaml, thing.yaml]\n" + replace(map[string]string{"a": "scalar"}) +
				"- source: {kind: Values, fieldPath: values}\n  targets: [{select: {kind: Thing}, fieldPaths: [spec.any]}]\n",
			"app/values.yaml": valuesHead + "  a: x\n  b: 'x'\n  c: x\n  d: x\n  untouched: yes\n  octal: 0o17\n  date: 2026-01-01\n" +
				"  float: 1.0\n  block: |2\n\n      indented\n    text\n  folded: >-\n    a\n    b\n",
		},
		edited: map[string]string{
			"app/values.yaml": valuesHead + "  a: \"yes\"\n  b: '017'\n  c: \"null\"\n  d: \"a: b # c\\n- \\\"d\\\" \\u0085\\u007f \\\\ é 😀\"\n" +
				"  untouched: yes\n  octal: 0o17\n  date: 2026-01-01\n" +
				"  float: 1.0\n  block: |2\n\n      indented\n    text\n  folded: >-\n    a\n    b\n",
		},
	},
	{
		name: "a default of null takes any type, and an empty mapping any key", values: `{"any":{"a":[1]},"labels":{"team":"a","a.b/c":"d"}}`,
		files: map[string]string{
			"app/kustomization.yaml": "resources: [values.yaml, thing.yaml]\n" + replace(map[string]string{"any": "any"}) +
				"- source: {kind: Values, fieldPath: values.labels}\n  targets: [{select: {kind: Thing}, fieldPaths: [metadata.labels], options: {create: true}}]\n",
			"app/values.yaml": valuesHead + "  any: null\n  labels: {}\n",
		},
		edited: map[string]string{"app/values.yaml": valuesHead + "  any: {a: [1]}\n  labels: {team: a, a.b/c: d}\n"},
	},
	{
		name: "two documents, in a base and in a component", values: `{"replicas":3,"host":"h"}`,
		files: map[string]string{
			"app/kustomization.yaml":  "resources: [../base]\ncomponents: [../component]\nnamePrefix: p-\nnamespace: shop\n",
			"base/kustomization.yaml": "resources: [values.yaml, thing.yaml]\n" + replace(map[string]string{"replicas": "number"}),
			"base/values.yaml":        valuesHead + "  replicas: 1\n",
			"base/thing.yaml":         valuesTarget,
			"component/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [values.yaml]\n" +
				"replacements:\n- source: {kind: Values, name: more, fieldPath: values.host}\n" +
				"  targets: [{select: {kind: Thing}, fieldPaths: [spec.scalar]}]\n",
			"component/values.yaml": strings.Replace(valuesHead, "name: values", "name: more", 1) + "  host: x\n  replicas: 2\n",
			"app/thing.yaml":        "",
		},
		edited: map[string]string{
			"base/values.yaml":      valuesHead + "  replicas: 3\n",
			"component/values.yaml": strings.Replace(valuesHead, "name: values", "name: more", 1) + "  host: h\n  replicas: 3\n",
		},
	},
	{
		name: "one document of several in a file, with the line ends of Windows", values: `{"host":"h"}`,
		files: map[string]string{
			"app/kustomization.yaml": "resources: [all.yaml, thing.yaml]\n" + replace(map[string]string{"host": "scalar"}),
			"app/all.yaml": "# first\r\n---\r\n" + configMap + "--- # values\r\n" +
				strings.ReplaceAll(valuesHead+"  host: x\n  text: |\n    a\n    b\n", "\n", "\r\n") + "---\r\n" + strings.Replace(configMap, "a", "b", 1),
		},
		edited: map[string]string{
			"app/all.yaml": "# first\r\n---\r\n" + configMap + "--- # values\r\n" +
				strings.ReplaceAll(valuesHead+"  host: h\n  text: |\n    a\n    b\n", "\n", "\r\n") + "---\r\n" + strings.Replace(configMap, "a", "b", 1),
		},
	},
	{
		name: "a document in JSON", values: `{"host":"h"}`,
		files: map[string]string{
			"app/kustomization.yaml": "resources: [values.json, thing.yaml]\n" + replace(map[string]string{"host": "scalar"}),
			"app/values.json": `{"apiVersion": "windlass.dev/v1alpha1", "kind": "Values", "values": {"host": "x"},
  "metadata": {"name": "v", "annotations": {"config.kubernetes.io/local-config": "true"}}}`,
		},
		edited: map[string]string{
			"app/values.json": `{"apiVersion": "windlass.dev/v1alpha1", "kind": "Values", "values": {"host": "h"},
  "metadata": {"name": "v", "annotations": {"config.kubernetes.io/local-config": "true"}}}`,
		},
	},
	{
		name: "anchors and merged mappings", values: `{"a":{"x":5},"c":"new"}`,
		files: map[string]string{
			"app/kustomization.yaml": "resources: [values.yaml, thing.yaml]\n" + "replacements:\n" +
				"- source: {kind: Values, fieldPath: values}\n  targets: [{select: {kind: Thing}, fieldPaths: [spec.any]}]\n",
			"app/values.yaml": valuesHead + "  a: &a {x: 1, y: 2}\n  b: *a\n  c: &c old\n  d: *c\n  e: {<<: *a, z: 3}\n",
		},
		edited: map[string]string{
			"app/values.yaml": valuesHead + "  a: {x: 5, y: 2}\n  b: {x: 1, y: 2}\n  c: new\n  d: old\n  e: {x: 1, y: 2, z: 3}\n",
		},
	},
	{
		name: "an overlay's own defaults, patched in from a file", values: `{"replicas":7}`,
		files: map[string]string{
			"app/kustomization.yaml":  "resources: [../base, thing.yaml]\npatches: [{path: patch.yaml}]\n" + replace(map[string]string{"replicas": "number", "host": "scalar"}),
			"app/patch.yaml":          "apiVersion: windlass.dev/v1alpha1\nkind: Values\nmetadata: {name: values}\nvalues: {replicas: 4, host: patched}\n",
			"base/kustomization.yaml": "resources: [values.yaml]\n",
			"base/values.yaml":        valuesHead + "  replicas: 1\n  host: x\n",
		},
		edited: map[string]string{
			"app/patch.yaml": "apiVersion: windlass.dev/v1alpha1\nkind: Values\nmetadata: {name: values}\nvalues: {replicas: 7, host: patched}\n",
		},
	},
	{
		name: "nothing given", values: `{}`,
		files: map[string]string{
			"app/kustomization.yaml": "resources: [values.yaml, thing.yaml]\n" + replace(map[string]string{"replicas": "number"}),
			"app/values.yaml":        valuesHead + "  replicas: 2\n",
		},
	},
}

func configure(values string) *Config { return &Config{Values: json.RawMessage(values)} }

func TestGivenValuesRenderAsIfTheFileHadBeenEdited(t *testing.T) {
	for _, test := range given {
		t.Run(test.name, func(t *testing.T) {
			files := map[string]string{"app/thing.yaml": valuesTarget}
			maps.Copy(files, test.files)
			got, code := ask(t, filepath.Join(lay(t, files), "app"), configure(test.values))
			if code != 0 {
				t.Fatalf("failed: %+v", got.Diagnostics)
			}
			maps.Copy(files, test.edited)
			want := upstream(t, filepath.Join(lay(t, files), "app"))
			if len(got.Manifests) != len(want) {
				t.Fatalf("%d objects, want %d", len(got.Manifests), len(want))
			}
			for i := range want {
				if object := compact(t, got.Manifests[i].Object); object != compact(t, []byte(want[i])) {
					t.Errorf("object %d is\n%s\nwant\n%s", i, object, want[i])
				}
			}
		})
	}
}

func TestGivenValuesAreRefusedWhereTheyDoNotFit(t *testing.T) {
	kustomization := "resources: [values.yaml, thing.yaml]\n" + replace(map[string]string{"replicas": "number"})
	declared := valuesHead + "  replicas: 2\n  host: x\n  map: {a: 1}\n  old: yes\n"
	for _, test := range []struct {
		name, values, path string
		line               int
		message            []string
		files              map[string]string
	}{
		{
			name: "an unknown key", values: `{"replica":"secret"}`, path: "app/kustomization.yaml",
			message: []string{"`replica`", "app/values.yaml:1"},
		},
		{
			name: "unknown keys below a known one", values: `{"replicas":3,"map":{"a":2,"b":1,"c":{"d":1}}}`, path: "app/kustomization.yaml",
			message: []string{"`map.b`, `map.c.d`", "app/values.yaml:1"},
		},
		{
			name: "no document", values: `{"replicas":1}`, path: "app/kustomization.yaml",
			message: []string{"`replicas`", "there is no such document"},
			files:   map[string]string{"app/kustomization.yaml": "resources: [thing.yaml]\n"},
		},
		{
			name: "text for a number", values: `{"replicas":"3"}`, path: "app/values.yaml", line: 7,
			message: []string{"`replicas` as text, and it is declared as a number"},
		},
		{
			name: "a number for text", values: `{"host":3}`, path: "app/values.yaml", line: 8,
			message: []string{"`host` as a number, and it is declared as text"},
		},
		{
			name: "a list for a mapping", values: `{"map":[]}`, path: "app/values.yaml", line: 9,
			message: []string{"`map` as a list, and it is declared as a mapping"},
		},
		{
			name: "null for a number", values: `{"map":{"a":null}}`, path: "app/values.yaml", line: 9,
			message: []string{"`map.a` as null, and it is declared as a number"},
		},
		{
			name: "a boolean for a word that was one once", values: `{"old":true}`, path: "app/values.yaml", line: 10,
			message: []string{"declared as text (`yes` without quotes is text; a boolean is written true or false)"},
		},
		{
			name: "a type in a second document", values: `{"replicas":3}`, path: "app/more.yaml", line: 10,
			message: []string{"`replicas` as a number, and it is declared as text"},
			files: map[string]string{
				"app/kustomization.yaml": "resources: [values.yaml, more.yaml, thing.yaml]\n",
				"app/more.yaml":          "# more\n---\n# of it\n" + strings.Replace(valuesHead, "name: values", "name: more", 1) + "  replicas: '3'\n",
			},
		},
		{
			name: "a document that would be applied", values: `{"replicas":3}`, path: "app/values.yaml", line: 3,
			message: []string{"`config.kubernetes.io/local-config: \"true\"`", "applied to the cluster"},
			files: map[string]string{
				"app/values.yaml": "# no annotation\n---\napiVersion: windlass.dev/v1alpha1\nkind: Values\nmetadata: {name: v}\nvalues: {replicas: 1}\n",
			},
		},
		{
			name: "a document that would be applied, and nothing given", values: `null`, path: "app/values.yaml", line: 1,
			message: []string{"applied to the cluster"},
			files: map[string]string{
				"app/values.yaml": "apiVersion: windlass.dev/v1alpha1\nkind: Values\nmetadata: {name: v}\nvalues: {replicas: 1}\n",
			},
		},
		{
			name: "a patch that would win", values: `{"replicas":3}`, path: "app/kustomization.yaml",
			message: []string{"stronger than the `values`"},
			files: map[string]string{
				"app/kustomization.yaml": kustomization + "patches:\n- patch: |-\n    apiVersion: windlass.dev/v1alpha1\n    kind: Values\n" +
					"    metadata: {name: values}\n    values: {replicas: 9}\n",
			},
		},
		{
			name: "a JSON patch that would win", values: `{"replicas":3}`, path: "app/kustomization.yaml",
			message: []string{"stronger than the `values`"},
			files: map[string]string{
				"app/kustomization.yaml": kustomization + "patches:\n- target: {kind: Values}\n" +
					"  patch: '[{\"op\": \"replace\", \"path\": \"/values/replicas\", \"value\": 9}]'\n",
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			files := map[string]string{
				"app/kustomization.yaml": kustomization, "app/values.yaml": declared, "app/thing.yaml": valuesTarget,
			}
			maps.Copy(files, test.files)
			root := lay(t, files)
			got, code := ask(t, filepath.Join(root, "app"), configure(test.values))
			if code != 1 || len(got.Manifests) != 0 || len(got.Diagnostics) != 1 {
				t.Fatalf("code %d, %+v", code, got)
			}
			first := got.Diagnostics[0]
			for _, words := range test.message {
				if !strings.Contains(first.Message, words) {
					t.Errorf("message %q lacks %q", first.Message, words)
				}
			}
			if strings.Contains(first.Message, "secret") {
				t.Errorf("message %q repeats a value", first.Message)
			}
			if want := strings.TrimPrefix(filepath.Join(root, test.path), "/"); first.Path != want || first.Line != test.line {
				t.Errorf("place %s:%d, want %s:%d", first.Path, first.Line, want, test.line)
			}
		})
	}
}

func TestOtherDocumentsOfTheFileKeepTheirLines(t *testing.T) {
	root := lay(t, map[string]string{
		"app/kustomization.yaml": "resources: [all.yaml]\n",
		"app/all.yaml":           valuesHead + "  host: x\n  more: |\n    a\n    b\n---\n# below\n" + configMap,
	})
	for _, values := range []string{`null`, `{"host":"h"}`} {
		got, code := ask(t, filepath.Join(root, "app"), configure(values))
		if code != 0 || len(got.Manifests) != 1 || got.Manifests[0].Line != 13 {
			t.Errorf("with %s: code %d, %+v", values, code, got)
		}
	}
}

func TestFilesThatDeclareNothingThatIsGivenStayAsTheyAre(t *testing.T) {
	for name, content := range map[string]string{
		"another kind":        "apiVersion: windlass.dev/v1alpha1\nkind:   Repository # ${host}\nspec: {host:   x}\n",
		"another version":     "apiVersion: example.com/v1\nkind: Values\nvalues: {host: x} # windlass.dev/v1alpha1\n",
		"other keys":          valuesHead + "  other:   1 # comment\n---\n" + configMap,
		"no values":           strings.TrimSuffix(valuesHead, "values:\n") + "values: # none\n",
		"what does not parse": valuesHead + "  host: a: b\n",
		"a text that has one": "apiVersion: v1\nkind: ConfigMap\ndata:\n  a: |\n    apiVersion: windlass.dev/v1alpha1\n    kind: Values\n    values: {host: x}\n",
		"nothing":             "",
	} {
		given, err := newValues(configure(`{"host":"h","map":{}}`))
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(lay(t, map[string]string{"a.yaml": content}), "a.yaml")
		got, err := newTree("/", given).ReadFile(file)
		if err != nil || string(got) != content {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
		if kept, _ := os.ReadFile(file); !bytes.Equal(kept, got) {
			t.Errorf("%s: the file is %s", name, kept)
		}
	}
}
