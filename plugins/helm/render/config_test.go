package render

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestTheManifestDeclaresWhatTheConfigReads(t *testing.T) {
	content, err := os.ReadFile("../manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Version      string
		ConfigSchema struct {
			Properties map[string]struct {
				Description string
				Default     any
			}
		}
	}
	if err := json.Unmarshal(content, &manifest); err != nil {
		t.Fatal(err)
	}
	properties := manifest.ConfigSchema.Properties
	config := reflect.TypeFor[Config]()
	for i := range config.NumField() {
		name := config.Field(i).Tag.Get("json")
		if properties[name].Description == "" {
			t.Errorf("%s is not described", name)
		}
	}
	if len(properties) != config.NumField() {
		t.Errorf("%d properties, %d fields", len(properties), config.NumField())
	}
	if properties["kubeVersion"].Default != kubernetesVersion {
		t.Errorf("the default of kubeVersion is %v", properties["kubeVersion"].Default)
	}
	if "v"+manifest.Version != helmVersion {
		t.Errorf("the version is %s", manifest.Version)
	}
}

func TestTheVersionsAreThoseOfTheModules(t *testing.T) {
	content, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	client := strings.Replace(clientVersion, "v1.", "v0.", 1)
	for _, module := range []string{"helm.sh/helm/v4 " + helmVersion + "\n", "k8s.io/client-go " + client + "."} {
		if !strings.Contains(string(content), module) {
			t.Errorf("go.mod lacks %q", module)
		}
	}
}

func TestValuesFilesMayLieAnywhereInTheRepository(t *testing.T) {
	root := lay(t, map[string]string{
		"app/Chart.yaml": metadata, "app/templates/a.yaml": show(`{{ .Values | toJson }}`),
		"app/near.yaml": "a: near\nb: near\nc: near\n", "beside.yaml": "b: beside\nc: beside\n", "far/values.yaml": "c: far\n",
	})
	absolute := filepath.Join(root, "far/values.yaml")
	config := `{"valueFiles": ["near.yaml", "../beside.yaml", "gone.yaml", "` + absolute + `"], "ignoreMissingValueFiles": true}`
	got, code := ask(t, root, config)
	if code != 0 || !strings.Contains(string(got.Manifests[0].Object), `{\"a\":\"near\",\"b\":\"beside\",\"c\":\"far\"}`) {
		t.Errorf("%+v", got)
	}
}

func TestLargeIntegersSurvive(t *testing.T) {
	root := lay(t, map[string]string{
		"app/Chart.yaml":       metadata,
		"app/templates/a.yaml": configMap + "data:\n  a: 9007199254740993\n  b: 18446744073709551615\n  c: -9223372036854775808\n",
	})
	got, code := ask(t, root, "")
	if code != 0 || !strings.Contains(string(got.Manifests[0].Object), `{"a":9007199254740993,"b":18446744073709551615,"c":-9223372036854775808}`) {
		t.Errorf("%s", got.Manifests[0].Object)
	}
}

func TestWhatAClusterServesStandsInPlaceOfUpstreamsList(t *testing.T) {
	config := Config{ServedAPIVersions: []string{"v1", "v1/Pod"}, APIVersions: []string{"more/v1"}}
	capabilities, err := config.capabilities()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(capabilities.APIVersions, " "); got != "v1 v1/Pod more/v1" {
		t.Error(got)
	}
	capabilities, err = (&Config{}).capabilities()
	if err != nil {
		t.Fatal(err)
	}
	if !capabilities.APIVersions.Has("apps/v1") {
		t.Error("upstream's own list is gone")
	}
}
