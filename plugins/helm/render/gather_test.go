package render

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"helm.sh/helm/v4/pkg/chart/v2/loader"
)

func TestAChartInTheRootIsReadAsUpstreamReadsOthers(t *testing.T) {
	all := maps.Clone(examples)
	all["links and byte order marks"] = example{files: map[string]string{
		"app/Chart.yaml": metadata, "app/values.yaml": "\xef\xbb\xbfa: 1\n", "app/templates/a.yaml": configMap, "app/.helmignore": "*.md\nskipped/\n",
		"app/linked.md": "", "shared/b.yaml": configMap, "shared/deep/c.yaml": configMap, "app/skipped/x": "", "shared/read.md": "",
	}}
	for name, example := range all {
		t.Run(name, func(t *testing.T) {
			folder := filepath.Join(lay(t, example.files), "app")
			if name == "links and byte order marks" {
				link(t, "../../shared/b.yaml", filepath.Join(folder, "templates/b.yaml"))
				link(t, "../../shared", filepath.Join(folder, "templates/all"))
			}
			want, err := loader.LoadDir(folder)
			if err != nil {
				t.Fatal(err)
			}
			got, err := gather(folder)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != len(want.Raw) {
				t.Fatalf("%d files, want %d", len(got), len(want.Raw))
			}
			for i, file := range got {
				if wanted := want.Raw[i]; wanted.Name != file.Name || string(wanted.Data) != string(file.Data) {
					t.Errorf("%s is %q, want %s with %q", file.Name, file.Data, wanted.Name, wanted.Data)
				}
			}
		})
	}
}

func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Fatal(err)
	}
}
