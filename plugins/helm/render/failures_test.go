package render

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// withChart are the files of a chart with some more.
func withChart(files map[string]string) map[string]string {
	all := map[string]string{"app/Chart.yaml": metadata, "app/templates/a.yaml": configMap}
	for name, content := range files {
		all[name] = content
	}
	return all
}

func TestFailuresNameThePlaceAndTheReason(t *testing.T) {
	for _, test := range []struct {
		name, message, path string
		line                int
		config              string
		files               map[string]string
	}{
		{
			name: "no chart", message: "has no Chart.yaml", path: "app",
			files: map[string]string{"app/values.yaml": ""},
		},
		{
			name: "broken Chart.yaml", message: "cannot load Chart.yaml", path: "app/Chart.yaml", line: 2,
			files: map[string]string{"app/Chart.yaml": "name: a\nversion: b: c\n"},
		},
		{
			name: "Chart.yaml without a name", message: "chart.metadata.name is required", path: "app/Chart.yaml",
			files: map[string]string{"app/Chart.yaml": "apiVersion: v2\nversion: 1.0.0\n"},
		},
		{
			name: "chart of a version to come", message: `the chart's apiVersion is "v3"`, path: "app/Chart.yaml", line: 1,
			files: map[string]string{"app/Chart.yaml": "apiVersion: v3\nname: app\nversion: 1.0.0\n"},
		},
		{
			name: ".helmignore with a double star", message: "double-star (**) syntax is not supported", path: "app/.helmignore",
			files: withChart(map[string]string{"app/.helmignore": "**/a\n"}),
		},
		{
			name: ".helmignore with a broken pattern", message: "syntax error in pattern", path: "app/.helmignore",
			files: withChart(map[string]string{"app/.helmignore": "[\n"}),
		},
		{
			name: ".helmignore that leaves out the chart", message: "leaves out its Chart.yaml", path: "app/.helmignore",
			files: withChart(map[string]string{"app/.helmignore": "*.yaml\n"}),
		},
		{
			name: "library chart", message: "library charts are not installable", path: "app/Chart.yaml", line: 5,
			files: map[string]string{"app/Chart.yaml": metadata + "type: library\n"},
		},
		{
			name: "broken values.yaml", message: "cannot load values.yaml", path: "app/values.yaml", line: 3,
			files: withChart(map[string]string{"app/values.yaml": "a: 1\nb:\n  c: d: e\n"}),
		},
		{
			name: "broken second document of values.yaml", message: "cannot load values.yaml", path: "app/values.yaml", line: 5,
			files: withChart(map[string]string{"app/values.yaml": "# first\na: 1\n---\nb:\n  c: d: e\n"}),
		},
		{
			name: "values.yaml that is a list", message: "cannot load values.yaml", path: "app/values.yaml",
			files: withChart(map[string]string{"app/values.yaml": "- a\n"}),
		},
		{
			name: "broken values of a subchart", message: "error unpacking subchart dep", path: "app/charts/dep/values.yaml", line: 2,
			files: withChart(map[string]string{
				"app/charts/dep/Chart.yaml": "apiVersion: v2\nname: other\nversion: 1.0.0\n", "app/charts/dep/values.yaml": "a: 1\na: b: c\n",
			}),
		},
		{
			name: "broken subchart of a subchart", message: "cannot load Chart.yaml", path: "app/charts/dep/charts/in/Chart.yaml",
			files: withChart(map[string]string{
				"app/charts/dep/Chart.yaml":           "apiVersion: v2\nname: dep\nversion: 1.0.0\n",
				"app/charts/dep/charts/in/Chart.yaml": "a: b: c\n",
			}),
		},
		{
			name: "archive that is none", message: "error unpacking subchart dep-1.0.0.tgz", path: "app/charts/dep-1.0.0.tgz",
			files: withChart(map[string]string{"app/charts/dep-1.0.0.tgz": "no archive"}),
		},
		{
			name: "missing dependencies", message: "found in Chart.yaml, but missing in charts/ directory: one, two; run `helm dependency build`",
			path: "app/Chart.yaml", line: 7,
			files: map[string]string{
				"app/Chart.yaml":            metadata + "dependencies:\n- {name: dep, version: '1'}\n- name: one\n  version: '1'\n  repository: https://example.org\n- {name: two, version: '1'}\n",
				"app/charts/dep/Chart.yaml": "apiVersion: v2\nname: dep\nversion: 1.0.0\n",
			},
		},
		{
			name: "Kubernetes too old", message: "chart requires kubeVersion: >=1.40.0 which is incompatible with Kubernetes v1.37.0; set `kubeVersion`",
			path: "app/Chart.yaml", line: 5,
			files: map[string]string{"app/Chart.yaml": metadata + "kubeVersion: '>=1.40.0'\n"},
		},
		{
			name: "no version", message: "`kubeVersion` \"new\" is not a version", config: `{"kubeVersion": "new"}`,
			files: withChart(nil),
		},
		{
			name: "release name too long", message: "set `releaseName`", config: `{"releaseName": "` + strings.Repeat("a", 54) + `"}`,
			files: withChart(nil),
		},
		{
			name: "unknown way with hooks", message: "must be keep or drop", config: `{"hooks": "run"}`,
			files: withChart(nil),
		},
		{
			name: "missing values file", message: "the values file `../common/more.yaml` does not exist", path: "common/more.yaml",
			config: `{"valueFiles": ["../common/more.yaml"]}`,
			files:  withChart(nil),
		},
		{
			name: "broken values file", message: "the values file `v.yaml` does not parse", path: "app/v.yaml", line: 2,
			config: `{"valueFiles": ["v.yaml"]}`,
			files:  withChart(map[string]string{"app/v.yaml": "a: 1\n\tb: 2\n"}),
		},
		{
			name: "values file outside of the repository", message: "lies outside of the repository",
			config: `{"valueFiles": ["` + strings.Repeat("../", 30) + `etc/passwd"]}`,
			files:  withChart(nil),
		},
		{
			name: "remote values file", message: "is remote", config: `{"valueFiles": ["https://example.org/values.yaml"]}`,
			files: withChart(nil),
		},
		{
			name: "values file that is a folder", message: "can't be read", path: "app/templates", config: `{"valueFiles": ["templates"]}`,
			files: withChart(nil),
		},
		{
			name: "template that does not parse", message: "parse error at (app/templates/b.yaml:2)", path: "app/templates/b.yaml", line: 2,
			files: withChart(map[string]string{"app/templates/b.yaml": "a: 1\nb: {{ if }}\n"}),
		},
		{
			name: "unknown function", message: `function "nope" not defined`, path: "app/templates/b.yaml", line: 3,
			files: withChart(map[string]string{"app/templates/b.yaml": "a: 1\n\nb: {{ nope }}\n"}),
		},
		{
			name: "nil pointer", message: "nil pointer evaluating", path: "app/templates/b.yaml", line: 2,
			files: withChart(map[string]string{"app/templates/b.yaml": "a: 1\nb: {{ .Values.a.b.c }}\n"}),
		},
		{
			name: "failure in a named template", message: "nil pointer evaluating", path: "app/templates/_helpers.tpl", line: 2,
			files: withChart(map[string]string{
				"app/templates/b.yaml":       "a: 1\nb: {{ include \"x\" . }}\n",
				"app/templates/_helpers.tpl": "{{ define \"x\" }}\n{{ .Values.a.b.c }}{{ end }}\n",
			}),
		},
		{
			name: "required value", message: "name it!", path: "app/templates/b.yaml", line: 2,
			files: withChart(map[string]string{"app/templates/b.yaml": "a: 1\nb: {{ required \"name it!\" .Values.name }}\n"}),
		},
		{
			name: "fail in a subchart", message: "no way", path: "app/charts/folder/templates/b.yaml", line: 1,
			files: withChart(map[string]string{
				"app/charts/folder/Chart.yaml":       "apiVersion: v2\nname: dep\nversion: 1.0.0\n",
				"app/charts/folder/templates/b.yaml": "{{ fail \"no way\" }}\n",
			}),
		},
		{
			name: "fail in an archive", message: "no way", path: "app/charts/dep-1.0.0.tgz",
			files: withChart(map[string]string{
				"app/charts/dep-1.0.0.tgz": pack("dep", map[string]string{
					"Chart.yaml": "apiVersion: v2\nname: dep\nversion: 1.0.0\n", "templates/b.yaml": "{{ fail \"no way\" }}\n",
				}),
			}),
		},
		{
			name: "endless recursion", message: "rendering template has a nested reference name", path: "app/templates/b.yaml", line: 1,
			files: withChart(map[string]string{"app/templates/b.yaml": `{{ define "x" }}{{ include "x" . }}{{ end }}{{ include "x" . }}`}),
		},
		{
			name: "text that is no YAML", message: "yaml: line 3: mapping values are not allowed in this context (the line is counted in document 2 that the template renders to, of kind Secret;",
			path: "app/templates/b.yaml", line: 8,
			files: withChart(map[string]string{
				"app/templates/b.yaml": configMap + "{{/* a\n */}}\n---\n{{- if true }}\napiVersion: v1\nkind: Secret\na: b: c\n{{- end }}",
			}),
		},
		{
			name: "text that is no mapping", message: "cannot unmarshal string", path: "app/templates/b.yaml", line: 1,
			files: withChart(map[string]string{"app/templates/b.yaml": "just text\n"}),
		},
		{
			name: "number that JSON can't hold", message: "unsupported value: +Inf", path: "app/templates/b.yaml", line: 1,
			files: withChart(map[string]string{"app/templates/b.yaml": configMap + "data: {a: .inf}\n"}),
		},
		{
			name: "broken custom resource definition", message: "app/crds/c.yaml does not parse", path: "app/crds/c.yaml", line: 5,
			files: withChart(map[string]string{"app/crds/c.yaml": crd + "---\na: b: c\n"}),
		},
		{
			name: "schema that is no JSON", message: "don't meet its schema", path: "app/values.schema.json",
			files: withChart(map[string]string{"app/values.schema.json": "{"}),
		},
		{
			name: "schema elsewhere", message: "refers to http://127.0.0.1:1/a.json, and a renderer reaches no network", path: "app/values.schema.json",
			files: withChart(map[string]string{"app/values.schema.json": `{"$ref": "http://127.0.0.1:1/a.json"}`}),
		},
		{
			name: "values of a subchart that are no mapping", message: "type mismatch on dep", path: "app/Chart.yaml",
			config: `{"values": {"dep": 1}}`,
			files:  withChart(map[string]string{"app/charts/dep/Chart.yaml": "apiVersion: v2\nname: dep\nversion: 1.0.0\n"}),
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := lay(t, test.files)
			got, code := ask(t, root, test.config)
			if code != 1 || len(got.Manifests) != 0 || len(got.Diagnostics) == 0 {
				t.Fatalf("code %d, %+v", code, got)
			}
			first := got.Diagnostics[0]
			if first.Severity != "error" || !strings.Contains(first.Message, test.message) {
				t.Errorf("message %q lacks %q", first.Message, test.message)
			}
			want := ""
			if test.path != "" {
				want = strings.TrimPrefix(filepath.Join(root, test.path), "/")
			}
			if first.Path != want {
				t.Errorf("path %q, want %q", first.Path, want)
			}
			if first.Line != test.line {
				t.Errorf("line %d, want %d in %q", first.Line, test.line, first.Message)
			}
		})
	}
}

func TestAViolationDoesNotRepeatTheValue(t *testing.T) {
	root := lay(t, withChart(map[string]string{
		"app/values.yaml":        "password: hunter2 it's\nport: hunter2\nmail: hunter2\n",
		"app/values.schema.json": `{"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"password": {"pattern": "^x"}, "port": {"anyOf": [{"pattern": "^y"}, {"type": "integer"}]}, "mail": {"format": "email"}}}`,
	}))
	got, code := ask(t, root, "")
	if code != 1 || len(got.Diagnostics) != 3 {
		t.Fatalf("%d, %+v", code, got.Diagnostics)
	}
	for i, want := range []string{"the value is not valid email", "the value does not match pattern '^x'", "the value does not match pattern '^y'"} {
		if message := got.Diagnostics[i].Message; strings.Contains(message, "hunter2") || !strings.Contains(message, want) {
			t.Errorf("%q lacks %q", message, want)
		}
	}
}

func TestADependencyInAnotherVersionThanWantedIsWarnedOf(t *testing.T) {
	root := lay(t, withChart(map[string]string{
		"app/Chart.yaml":              metadata + "dependencies:\n- {name: fits, version: ^1.0.0}\n- {name: stale, version: '>=2'}\n",
		"app/charts/fits/Chart.yaml":  "apiVersion: v2\nname: fits\nversion: 1.5.0\n",
		"app/charts/stale/Chart.yaml": "apiVersion: v2\nname: stale\nversion: 1.0.0\n",
	}))
	got, code := ask(t, root, "")
	if code != 0 || len(got.Diagnostics) != 1 || got.Diagnostics[0].Line != 7 ||
		!strings.Contains(got.Diagnostics[0].Message, "wants stale in version >=2, and has 1.0.0") {
		t.Errorf("%d, %+v", code, got.Diagnostics)
	}
}

func TestEachViolationOfASchemaIsADiagnosticAtTheValue(t *testing.T) {
	root := lay(t, withChart(map[string]string{
		"app/values.yaml": "replicas: 1\nimage: {}\n---\nport: 1\ndep:\n  size: 0\n  list: [1]\n",
		"app/more.yaml":   "# many\nreplicas: many\na/b: x\n",
		"app/values.schema.json": `{"required": ["gone"], "properties": {"replicas": {"type": "integer"}, "inline": {"type": "integer"}, "a/b": {"type": "integer"},
			"image": {"required": ["tag"]}, "port": {"anyOf": [{"type": "string"}, {"minimum": 2}]}}}`,
		"app/charts/folder/Chart.yaml":         "apiVersion: v2\nname: dep\nversion: 1.0.0\n",
		"app/charts/folder/values.yaml":        "own: 1\n",
		"app/charts/folder/values.schema.json": `{"properties": {"size": {"minimum": 1}, "list": {"items": {"type": "string"}}, "own": {"type": "string"}}}`,
	}))
	got, code := ask(t, root, `{"valueFiles": ["more.yaml"], "values": {"inline": "x"}}`)
	if code != 1 {
		t.Fatal("accepted")
	}
	var found []string
	for _, problem := range got.Diagnostics {
		place, err := filepath.Rel(root, "/"+problem.Path)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, fmt.Sprintf("%s:%d %s", place, problem.Line, problem.Message))
	}
	want := []string{
		"app/values.schema.json:0 the values of the chart app don't meet its schema: at '': missing property 'gone'",
		"app/more.yaml:3 the values of the chart app don't meet its schema: at '/a~1b': got string, want integer",
		"app/values.yaml:2 the values of the chart app don't meet its schema: at '/image': missing property 'tag'",
		"app/values.schema.json:0 the values of the chart app don't meet its schema: at '/inline': got string, want integer",
		"app/values.yaml:4 the values of the chart app don't meet its schema: at '/port': 'anyOf' failed; " +
			"at '/port': got number, want string; at '/port': minimum: got 1, want 2",
		"app/more.yaml:2 the values of the chart app don't meet its schema: at '/replicas': got string, want integer",
		"app/values.yaml:7 the values of the chart dep don't meet its schema: at '/list/0': got number, want string",
		"app/charts/folder/values.schema.json:0 the values of the chart dep don't meet its schema: at '/own': got number, want string",
		"app/values.yaml:6 the values of the chart dep don't meet its schema: at '/size': minimum: got 0, want 1",
	}
	if strings.Join(found, "\n") != strings.Join(want, "\n") {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(found, "\n"), strings.Join(want, "\n"))
	}
}
