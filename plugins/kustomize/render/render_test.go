package render

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/openapi"
)

func TestMain(m *testing.M) {
	Warm()
	os.Exit(m.Run())
}

// lay writes files into a new folder and gives its path without symlinks.
func lay(t *testing.T, files map[string]string) string {
	t.Helper()
	folder, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		name = filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func ask(t *testing.T, folder string, config *Config) (Response, int32) {
	t.Helper()
	request, err := json.Marshal(Request{Path: strings.TrimPrefix(folder, "/"), Name: "x", Namespace: "y", Config: config})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	code := Serve(bytes.NewReader(request), &out)
	var response Response
	if err := json.Unmarshal(out.Bytes(), &response); err != nil {
		t.Fatalf("%v in %s", err, out.Bytes())
	}
	return response, code
}

// upstream renders as `kustomize build` does in a fresh process.
func upstream(t *testing.T, folder string) []string {
	t.Helper()
	openapi.ResetOpenAPI()
	defer func() {
		openapi.ResetOpenAPI()
		Warm()
	}()
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOptionUnspecified
	objects, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		t.Fatal(err)
	}
	var rendered []string
	for _, object := range objects.Resources() {
		content, err := object.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		rendered = append(rendered, string(content))
	}
	return rendered
}

// compact undoes the encoder's choice of escapes.
func compact(t *testing.T, content []byte) string {
	t.Helper()
	var out bytes.Buffer
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		t.Fatal(err)
	}
	if err := json.NewEncoder(&out).Encode(value); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out.String())
}

func TestWhatIsRenderedEqualsUpstreamByteForByte(t *testing.T) {
	for name, files := range overlays {
		t.Run(name, func(t *testing.T) {
			folder := filepath.Join(lay(t, files), "app")
			want := upstream(t, folder)
			got, code := ask(t, folder, nil)
			if code != 0 {
				t.Fatalf("failed: %+v", got.Diagnostics)
			}
			if len(got.Manifests) != len(want) || len(want) == 0 {
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

func TestEveryObjectNamesTheFileAndLineItCameFrom(t *testing.T) {
	folder := filepath.Join(lay(t, overlays["nested bases with prefixes, patches and generators"]), "app")
	got, code := ask(t, folder, nil)
	if code != 0 {
		t.Fatalf("failed: %+v", got.Diagnostics)
	}
	origins := map[string]string{}
	for _, manifest := range got.Manifests {
		var object struct {
			Kind     string `json:"kind"`
			Metadata struct {
				Name string `json:"name"`
			} `json:"metadata"`
		}
		if err := json.Unmarshal(manifest.Object, &object); err != nil {
			t.Fatal(err)
		}
		place, err := filepath.Rel(filepath.Dir(folder), "/"+manifest.Path)
		if err != nil {
			t.Fatal(err)
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(object.Metadata.Name, "prod-"), "-")
		origins[object.Kind+" "+name] = place + ":" + itoa(manifest.Line)
	}
	want := map[string]string{
		"Deployment web":     "base/all.yaml:2",
		"Service web":        "base/all.yaml:16",
		"ConfigMap settings": "app/kustomization.yaml:9",
		"Secret secret":      "base/kustomization.yaml:4",
		"Namespace prod":     "app/namespace.yaml:1",
	}
	for object, place := range want {
		if origins[object] != place {
			t.Errorf("%s comes from %s, want %s", object, origins[object], place)
		}
	}
}

func itoa(number int) string {
	content, _ := json.Marshal(number)
	return string(content)
}

func TestAnOwnSchemaDoesNotMixWithTheBuiltInOne(t *testing.T) {
	folder := filepath.Join(lay(t, overlays["own schema"]), "app")
	if _, code := ask(t, folder, nil); code != 0 {
		t.Fatal("failed")
	}
	if schemaIsWarm {
		t.Error("the built-in schema was still there")
	}
	openapi.ResetOpenAPI()
	Warm()
}

func TestFailuresNameThePlaceAndTheReason(t *testing.T) {
	for _, test := range []struct {
		name, message, path string
		line                int
		files               map[string]string
	}{
		{
			name: "broken YAML", message: "yaml: line 3", path: "app/bad.yaml", line: 3,
			files: map[string]string{
				"app/kustomization.yaml": "resources: [bad.yaml]\n",
				"app/bad.yaml":           "kind: ConfigMap\nmetadata:\n  a: b: c\n",
			},
		},
		{
			name: "missing resource", message: "gone.yaml", path: "base/kustomization.yaml",
			files: map[string]string{
				"app/kustomization.yaml":  "resources: [../base]\n",
				"base/kustomization.yaml": "resources: [gone.yaml]\n",
			},
		},
		{
			name: "no kustomization", message: "unable to find one of 'kustomization.yaml'", path: "app",
			files: map[string]string{"app/deploy.yaml": ""},
		},
		{
			name: "unknown field", message: `unknown field "resource"`, path: "app/kustomization.yaml",
			files: map[string]string{"app/kustomization.yaml": "resource: [a.yaml]\n"},
		},
		{
			name: "empty kustomization", message: "kustomization.yaml is empty", path: "app/kustomization.yaml",
			files: map[string]string{"app/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"},
		},
		{
			name: "remote Git base", message: "resource `github.com/a/b?ref=v1` is remote", path: "base/kustomization.yaml",
			files: map[string]string{
				"app/kustomization.yaml":  "resources: [../base]\n",
				"base/kustomization.yaml": "resources: ['github.com/a/b?ref=v1']\n",
			},
		},
		{
			name: "remote file", message: "resource `https://example.com/a.yaml` is remote", path: "app/kustomization.yaml",
			files: map[string]string{"app/kustomization.yaml": "resources: ['https://example.com/a.yaml']\n"},
		},
		{
			name: "remote component", message: "component `git@example.com:a/b` is remote", path: "app/kustomization.yaml",
			files: map[string]string{"app/kustomization.yaml": "components: ['git@example.com:a/b']\n"},
		},
		{
			name: "remote patch", message: "file `https://example.com/p.yaml` is remote", path: "app/kustomization.yaml",
			files: map[string]string{
				"app/kustomization.yaml": "resources: [a.yaml]\npatches: [{path: 'https://example.com/p.yaml'}]\n",
				"app/a.yaml":             configMap,
			},
		},
		{
			name: "Helm charts", message: "chart `redis`", path: "app/kustomization.yaml",
			files: map[string]string{"app/kustomization.yaml": "helmCharts: [{name: redis}]\n"},
		},
		{
			name: "file outside of the kustomization", message: "is not in or below", path: "app/kustomization.yaml",
			files: map[string]string{
				"app/kustomization.yaml": "resources: [../a.yaml]\n",
				"a.yaml":                 configMap,
			},
		},
		{
			name: "cycle", message: "cycle detected", path: "base/kustomization.yaml",
			files: map[string]string{
				"app/kustomization.yaml":  "resources: [../base]\n",
				"base/kustomization.yaml": "resources: [../app]\n",
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := lay(t, test.files)
			got, code := ask(t, filepath.Join(root, "app"), nil)
			if code != 1 || len(got.Manifests) != 0 || len(got.Diagnostics) == 0 {
				t.Fatalf("code %d, %+v", code, got)
			}
			first := got.Diagnostics[0]
			if first.Severity != "error" || !strings.Contains(first.Message, test.message) {
				t.Errorf("message %q lacks %q", first.Message, test.message)
			}
			if want := strings.TrimPrefix(filepath.Join(root, test.path), "/"); first.Path != want {
				t.Errorf("path %q, want %q", first.Path, want)
			}
			if first.Line != test.line {
				t.Errorf("line %d, want %d", first.Line, test.line)
			}
		})
	}
}

func TestTheLoadRestrictorCanBeLifted(t *testing.T) {
	root := lay(t, map[string]string{
		"app/kustomization.yaml": "resources: [../a.yaml]\n",
		"a.yaml":                 configMap,
	})
	got, code := ask(t, filepath.Join(root, "app"), &Config{LoadRestrictor: "none"})
	if code != 0 || len(got.Manifests) != 1 {
		t.Fatalf("code %d, %+v", code, got)
	}
	if _, code := ask(t, filepath.Join(root, "app"), &Config{LoadRestrictor: "off"}); code != 1 {
		t.Error("an unknown value was accepted")
	}
}

func TestDeprecatedFieldsAreWarnedOfOnce(t *testing.T) {
	root := lay(t, map[string]string{
		"app/kustomization.yaml": "resources: [a.yaml]\ncommonLabels: {a: b}\n",
		"app/a.yaml":             configMap,
	})
	got, code := ask(t, filepath.Join(root, "app"), nil)
	if code != 0 || len(got.Diagnostics) != 1 {
		t.Fatalf("code %d, %+v", code, got.Diagnostics)
	}
	if got.Diagnostics[0].Severity != "warning" || !strings.Contains(got.Diagnostics[0].Message, "commonLabels") {
		t.Errorf("%+v", got.Diagnostics[0])
	}
}

func TestARequestThatDoesNotParseIsRefused(t *testing.T) {
	for _, request := range []string{"", "{", `{"path":1}`, `{"paths":"a"}`, strings.Repeat(" ", requestLimit+1)} {
		var out bytes.Buffer
		if code := Serve(strings.NewReader(request), &out); code != 1 {
			t.Errorf("%.20q gave %d", request, code)
		}
	}
}

func TestAFileThatLooksLikeAnAddressIsAFile(t *testing.T) {
	folder := filepath.Join(lay(t, map[string]string{
		"app/kustomization.yaml":  "resources: [github.com/a/b.yaml]\n",
		"app/github.com/a/b.yaml": configMap,
	}), "app")
	if got, code := ask(t, folder, nil); code != 0 {
		t.Errorf("%+v", got.Diagnostics)
	}
}

const configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n"
