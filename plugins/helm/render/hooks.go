package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	release "helm.sh/helm/v4/pkg/release/v1"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"
	"sigs.k8s.io/yaml"

	"windlass.dev/plugin-sdk/renderer"
)

// Hooks of these events belong to what becomes of a release later. As ordinary
// objects they would run at once: a job that cleans up before the deletion, for
// one.
var laterEvents = []release.HookEvent{
	release.HookPreDelete, release.HookPostDelete, release.HookPreRollback, release.HookPostRollback,
}

// chooseHooks gives the hooks that are rendered, in upstream's order. What is
// left out is named, but for tests, which nobody expects.
func chooseHooks(hooks []*release.Hook, keep bool, files places) ([]*release.Hook, []Diagnostic) {
	var kept []*release.Hook
	var dropped, later []string
	for _, hook := range hooks {
		name := fmt.Sprintf("%s/%s (%s)", hook.Kind, hook.Name, files.byName[hook.Path].path)
		isLater := func(event release.HookEvent) bool { return slices.Contains(laterEvents, event) }
		switch {
		case slices.Contains(hook.Events, release.HookTest):
		case !slices.ContainsFunc(hook.Events, func(event release.HookEvent) bool { return !isLater(event) }):
			later = append(later, name)
		case !keep:
			dropped = append(dropped, name)
		default:
			kept = append(kept, hook)
		}
	}
	var warnings []Diagnostic
	if len(dropped) != 0 {
		warnings = append(warnings, renderer.Warningf("left out, as `hooks: drop` asks: %s", strings.Join(dropped, ", ")))
	}
	if len(later) != 0 {
		warnings = append(warnings, renderer.Warningf("left out, for these hooks are for deletion and rollback only, "+
			"which Helm does not do here: %s", strings.Join(later, ", ")))
	}
	return kept, warnings
}

// Every event that upstream knows; it silently leaves out hooks of others.
var knownEvents = append([]string{
	release.HookPreInstall.String(), release.HookPostInstall.String(),
	release.HookPreUpgrade.String(), release.HookPostUpgrade.String(),
	release.HookPreDelete.String(), release.HookPostDelete.String(),
	release.HookPreRollback.String(), release.HookPostRollback.String(),
}, release.HookTest.String(), "test-success")

// unknownHooks names the objects that upstream leaves out because of an event
// that it does not know, such as Helm 2's `crd-install`.
func unknownHooks(rendered map[string]string, files places) []Diagnostic {
	var warnings []Diagnostic
	for _, name := range slices.Sorted(maps.Keys(rendered)) {
		if !strings.Contains(rendered[name], release.HookAnnotation) {
			continue
		}
		for _, content := range documentsOf(rendered[name]) {
			var head releaseutil.SimpleHead
			if yaml.Unmarshal([]byte(content), &head) != nil || head.Metadata == nil {
				continue
			}
			if event := unknownEvent(head.Metadata.Annotations[release.HookAnnotation]); event != "" {
				warnings = append(warnings, renderer.Warningf("%s/%s is left out, for Helm knows no hook `%s`: correct the annotation `%s`, "+
					"or take it off", head.Kind, head.Metadata.Name, event, release.HookAnnotation).At(files.byName[name].path, 0))
			}
		}
	}
	return warnings
}

// unknownEvent is the first event of an annotation that Helm does not know.
func unknownEvent(annotation string) string {
	if annotation == "" {
		return ""
	}
	for event := range strings.SplitSeq(annotation, ",") {
		event = strings.ToLower(strings.TrimSpace(event))
		if !slices.Contains(knownEvents, event) {
			return event
		}
	}
	return ""
}
