package render

import (
	"strings"
	"testing"
)

func TestWhatHelmHadToIgnoreIsWarnedOfOnceAndWithoutTheValue(t *testing.T) {
	root := lay(t, map[string]string{
		"app/Chart.yaml":            metadata + "deprecated: true\n",
		"app/values.yaml":           "scalar: 1\nnested: {table: {a: 1}, other: hidden}\n",
		"app/charts/dep/Chart.yaml": "apiVersion: v2\nname: dep\nversion: 1.0.0\n",
		"app/templates/a.yaml":      configMap,
	})
	got, code := ask(t, root, `{"values": {"scalar": {"a": 1}, "nested": {"table": "secret", "other": {"b": 1}}}}`)
	if code != 0 {
		t.Fatalf("failed: %+v", got.Diagnostics)
	}
	var found []string
	for _, diagnostic := range got.Diagnostics {
		if diagnostic.Severity != "warning" {
			t.Errorf("%+v", diagnostic)
		}
		found = append(found, diagnostic.Message)
	}
	want := []string{
		"cannot overwrite table with non table for app.nested.table",
		"destination for app.nested.other is a table. Ignoring non-table value",
		"skipped value for app.scalar: Not a table.",
		"the chart app is deprecated",
	}
	if strings.Join(found, "\n") != strings.Join(want, "\n") {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(found, "\n"), strings.Join(want, "\n"))
	}
}
