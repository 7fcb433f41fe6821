package render

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// What differs at each render: what is made of random numbers or of the time.
var changing = regexp.MustCompile(`[A-Za-z0-9+/=_.$-]{10,}|\d+`)

// TestChartsOfAFolder compares each chart below the folder that
// WINDLASS_HELM_CHARTS names, with its own values and with each file of
// chart-testing, `ci/*values.yaml`.
func TestChartsOfAFolder(t *testing.T) {
	folder := os.Getenv("WINDLASS_HELM_CHARTS")
	if folder == "" {
		t.Skip("WINDLASS_HELM_CHARTS names no folder")
	}
	err := filepath.WalkDir(folder, func(name string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Base(name) != "Chart.yaml" {
			return err
		}
		chart := filepath.Dir(name)
		values, err := filepath.Glob(filepath.Join(chart, "ci", "*values.yaml"))
		if err != nil {
			return err
		}
		for _, file := range append([]string{""}, values...) {
			relative, err := filepath.Rel(folder, chart)
			if err != nil {
				return err
			}
			t.Run(relative+" "+filepath.Base(file), func(t *testing.T) { compareChart(t, chart, file) })
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func compareChart(t *testing.T, chart, values string) {
	config := map[string]any{}
	if values != "" {
		config["valueFiles"] = []string{filepath.Join("ci", filepath.Base(values))}
	}
	content, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	if err := os.CopyFS(filepath.Join(root, "app"), os.DirFS(chart)); err != nil {
		t.Fatal(err)
	}
	got, code := ask(t, root, string(content))
	printed, reason := runHelm(t, root, string(content))
	if (reason != nil) != (code != 0) {
		t.Fatalf("we: %+v\nhelm: %v", got.Diagnostics, reason)
	}
	if reason != nil {
		t.Logf("both fail: %s", got.Diagnostics[0].Message)
		return
	}
	want := parse(t, printed)
	if len(got.Manifests) != len(want) {
		t.Fatalf("%d objects, want %d; %+v", len(got.Manifests), len(want), got.Diagnostics)
	}
	lines := 0
	for i := range want {
		object := compact(t, got.Manifests[i].Object)
		if object != want[i] && changing.ReplaceAllString(object, "") != changing.ReplaceAllString(want[i], "") {
			t.Errorf("object %d is\n%s\nwant\n%s", i, object, want[i])
		}
		if got.Manifests[i].Path == "" {
			t.Errorf("object %d comes from nowhere", i)
		}
		if got.Manifests[i].Line != 0 {
			lines++
		}
	}
	t.Logf("%d objects, %d with a line; %+v", len(want), lines, got.Diagnostics)
}
