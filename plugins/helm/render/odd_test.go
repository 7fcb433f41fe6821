package render

import (
	"strings"
	"testing"
)

func TestOddChartsAreRefusedOrRenderedWithoutAPanic(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"empty Chart.yaml":            {"app/Chart.yaml": ""},
		"Chart.yaml that is a list":   {"app/Chart.yaml": "- a\n"},
		"Chart.yaml that is null":     {"app/Chart.yaml": "null\n"},
		"null dependency":             {"app/Chart.yaml": metadata + "dependencies: [null]\n"},
		"dependency without a name":   {"app/Chart.yaml": metadata + "dependencies: [{version: '1'}]\n"},
		"dependencies as a mapping":   {"app/Chart.yaml": metadata + "dependencies: {a: b}\n"},
		"null maintainers":            {"app/Chart.yaml": metadata + "maintainers: [null]\n"},
		"empty values.yaml":           {"app/values.yaml": ""},
		"values.yaml that is null":    {"app/values.yaml": "null\n"},
		"values.yaml of separators":   {"app/values.yaml": "---\n---\n"},
		"key twice":                   {"app/values.yaml": "a: 1\na: 2\n"},
		"alias of itself":             {"app/values.yaml": "a: &a [*a]\n"},
		"file in charts":              {"app/charts/README.md": "text"},
		"folder without a chart":      {"app/charts/x/README.md": "text"},
		"empty archive":               {"app/charts/x-1.0.0.tgz": ""},
		"archive without a chart":     {"app/charts/x-1.0.0.tgz": pack("x", map[string]string{"a": "b"})},
		"archive that leaves":         {"app/charts/x-1.0.0.tgz": pack("..", map[string]string{"../Chart.yaml": "b"})},
		"empty template":              {"app/templates/x.yaml": ""},
		"template of zeros":           {"app/templates/x.yaml": "\x00\x00"},
		"template that is no text":    {"app/templates/x.yaml": "\xff\xfe"},
		"template that is a scalar":   {"app/templates/x.yaml": "1\n"},
		"metadata that is a list":     {"app/templates/x.yaml": "kind: A\nmetadata: []\n"},
		"annotations that are a list": {"app/templates/x.yaml": "kind: A\nmetadata: {annotations: [helm.sh/hook]}\n"},
		"empty hook":                  {"app/templates/x.yaml": "kind: A\nmetadata: {annotations: {helm.sh/hook: ''}}\n"},
		"empty schema":                {"app/values.schema.json": ""},
		"schema that is true":         {"app/values.schema.json": "true"},
		"schema that is a number":     {"app/values.schema.json": "1"},
		"schema that refers to itself": {
			"app/values.schema.json": `{"$ref": "#"}`,
		},
		"scalar in crds":     {"app/crds/a.yaml": "text\n"},
		"ignore everything":  {"app/.helmignore": "*\n"},
		"bad ignore pattern": {"app/.helmignore": "[\n"},
		"double star":        {"app/.helmignore": "**/a\n"},
	} {
		t.Run(name, func(t *testing.T) {
			got, code := ask(t, lay(t, withChart(files)), "")
			if code != 0 && len(got.Diagnostics) == 0 {
				t.Error("refused without a reason")
			}
			for _, diagnostic := range got.Diagnostics {
				if strings.Contains(diagnostic.Message, "panicked") {
					t.Error(diagnostic.Message)
				}
			}
		})
	}
}
