package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"sigs.k8s.io/yaml"
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

// ask renders the folder `app` of a tree.
func ask(t *testing.T, root, config string) (Response, int32) {
	t.Helper()
	if config == "" {
		config = "null"
	}
	request, err := json.Marshal(map[string]any{
		"path": strings.TrimPrefix(filepath.Join(root, "app"), "/"), "name": "release", "namespace": "space",
		"config": json.RawMessage(config),
	})
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

// helm builds the command that we are compared with.
var helm = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "helm")
	if err != nil {
		return "", err
	}
	program := filepath.Join(folder, "helm")
	build := exec.Command("go", "build", "-C", "../upstream", "-trimpath", "-o", program,
		"-ldflags", "-X helm.sh/helm/v4/internal/version.version="+helmVersion, "helm.sh/helm/v4/cmd/helm")
	build.Stderr = os.Stderr
	return program, build.Run()
})

// upstream gives what `helm template` prints.
func upstream(t *testing.T, root, config string) []byte {
	t.Helper()
	printed, err := runHelm(t, root, config)
	if err != nil {
		t.Fatal(err)
	}
	return printed
}

// runHelm runs `helm template` on the folder `app` of a tree.
func runHelm(t *testing.T, root, config string) ([]byte, error) {
	t.Helper()
	program, err := helm()
	if err != nil {
		t.Fatal(err)
	}
	var settings Config
	if config != "" {
		if err := json.Unmarshal([]byte(config), &settings); err != nil {
			t.Fatal(err)
		}
	}
	name, namespace := "release", "space"
	if settings.ReleaseName != "" {
		name = settings.ReleaseName
	}
	if settings.Namespace != "" {
		namespace = settings.Namespace
	}
	arguments := []string{"template", name, filepath.Join(root, "app"), "--namespace", namespace, "--skip-tests"}
	for _, file := range settings.ValueFiles {
		arguments = append(arguments, "--values", filepath.Join(root, "app", file))
	}
	if len(settings.Values) != 0 {
		inline := filepath.Join(lay(t, map[string]string{"v.yaml": string(settings.Values)}), "v.yaml")
		arguments = append(arguments, "--values", inline)
	}
	if settings.KubeVersion != "" {
		arguments = append(arguments, "--kube-version", settings.KubeVersion)
	}
	for _, version := range settings.APIVersions {
		arguments = append(arguments, "--api-versions", version)
	}
	if settings.includesCRDs() {
		arguments = append(arguments, "--include-crds")
	}
	if settings.SkipSchemaValidation {
		arguments = append(arguments, "--skip-schema-validation")
	}
	if settings.Hooks == "drop" {
		arguments = append(arguments, "--no-hooks")
	}
	command := exec.Command(program, arguments...)
	home := t.TempDir()
	command.Env = append(os.Environ(), "HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_CACHE_HOME="+home,
		"HELM_DATA_HOME="+home, "KUBECONFIG="+filepath.Join(home, "none"), "TZ=UTC")
	var words bytes.Buffer
	command.Stderr = &words
	printed, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("helm template: %w: %s", err, words.String())
	}
	return printed, nil
}

var printedSeparator = regexp.MustCompile(`(?m)^---[ \t]*\r?$`)

// parse gives the objects that are printed, as kubectl reads them.
func parse(t *testing.T, printed []byte) []string {
	t.Helper()
	var objects []string
	for _, document := range printedSeparator.Split(string(printed), -1) {
		object, err := yaml.YAMLToJSON([]byte(document))
		if err != nil {
			t.Fatal(err)
		}
		if string(object) != "null" {
			objects = append(objects, compact(t, object))
		}
	}
	return objects
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

func TestWhatIsRenderedEqualsHelmTemplate(t *testing.T) {
	for name, example := range examples {
		t.Run(name, func(t *testing.T) {
			root := lay(t, example.files)
			want := parse(t, upstream(t, root, example.config))
			got, code := ask(t, root, example.config)
			if code != 0 {
				t.Fatalf("failed: %+v", got.Diagnostics)
			}
			if len(got.Manifests) != len(want) || len(want) == 0 {
				t.Fatalf("%d objects, want %d", len(got.Manifests), len(want))
			}
			for i := range want {
				if object := compact(t, got.Manifests[i].Object); object != want[i] {
					t.Errorf("object %d is\n%s\nwant\n%s", i, object, want[i])
				}
			}
		})
	}
}

func TestARequestThatDoesNotParseIsRefused(t *testing.T) {
	for _, request := range []string{
		"", "{", `{"path":1}`, `{"paths":"a"}`, `{"config":{"unknown":1}}`, strings.Repeat(" ", requestLimit+1),
	} {
		var out bytes.Buffer
		if code := Serve(strings.NewReader(request), &out); code != 1 {
			t.Errorf("%.20q gave %d", request, code)
		}
	}
}

func TestValuesMayBeAsLargeAsSeveralConfigMaps(t *testing.T) {
	root := lay(t, map[string]string{
		"app/Chart.yaml":       metadata,
		"app/templates/a.yaml": "kind: Thing\nmetadata: {name: a}\nbytes: {{ len .Values.text }}\n",
	})
	values, err := json.Marshal(map[string]any{"values": map[string]any{"text": strings.Repeat("x", 6<<20)}})
	if err != nil {
		t.Fatal(err)
	}
	got, code := ask(t, root, string(values))
	if code != 0 || len(got.Manifests) != 1 || !strings.Contains(string(got.Manifests[0].Object), `"bytes":6291456`) {
		t.Errorf("code %d, %+v", code, got.Diagnostics)
	}
}

func TestTheOrderOfUndeclaredSubchartsIsCertain(t *testing.T) {
	files := map[string]string{"app/Chart.yaml": metadata}
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		files["app/charts/"+name+"/Chart.yaml"] = "apiVersion: v2\nname: " + name + "\nversion: 1.0.0\n"
		files["app/charts/"+name+"/crds/crd.yaml"] = "kind: Thing\nmetadata: {name: x" + name + "}\n"
	}
	root := lay(t, files)
	for range 10 {
		got, _ := ask(t, root, "")
		names := ""
		for _, manifest := range got.Manifests {
			_, name := identity(manifest.Object)
			names += name
		}
		if names != "xaxbxcxdxexf" {
			t.Fatalf("the order is %s", names)
		}
	}
}
