package render

import (
	"strings"
	"testing"
)

func job(name, event string) string {
	return "apiVersion: batch/v1\nkind: Job\nmetadata: {name: " + name + ", annotations: {helm.sh/hook: \"" + event + "\"}}\n---\n"
}

func TestNoHookIsLeftOutInSilence(t *testing.T) {
	root := lay(t, map[string]string{
		"app/Chart.yaml": metadata,
		"app/templates/hooks.yaml": job("install", "pre-install") + job("both", "post-upgrade,pre-delete") + job("delete", "post-delete") +
			job("rollback", "pre-rollback, post-rollback") + job("test", "test") + job("old", "test-success") +
			job("crd", "crd-install") + job("typo", "pre-install,preupgrade"),
	})
	for config, want := range map[string]struct{ objects, warnings string }{
		"":                  {"install both", "deletion and rollback only|crd|typo"},
		`{"hooks": "drop"}`: {"", "`hooks: drop` asks: Job/install|deletion and rollback only|crd|typo"},
	} {
		got, code := ask(t, root, config)
		if code != 0 {
			t.Fatalf("failed: %+v", got.Diagnostics)
		}
		var names []string
		for _, manifest := range got.Manifests {
			_, name := identity(manifest.Object)
			names = append(names, name)
		}
		if found := strings.Join(names, " "); found != want.objects {
			t.Errorf("%s renders %q, want %q", config, found, want.objects)
		}
		expected := strings.Split(want.warnings, "|")
		if len(got.Diagnostics) != len(expected) {
			t.Fatalf("%s warns of %+v", config, got.Diagnostics)
		}
		for i, diagnostic := range got.Diagnostics {
			if diagnostic.Severity != "warning" || !strings.Contains(diagnostic.Message, expected[i]) {
				t.Errorf("%s: %+v lacks %q", config, diagnostic, expected[i])
			}
		}
		if last := got.Diagnostics[len(got.Diagnostics)-1]; !strings.Contains(last.Message, "no hook `preupgrade`") {
			t.Errorf("%+v", last)
		}
	}
}
