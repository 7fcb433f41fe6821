package render

import (
	"encoding/json"
	"errors"
	"path"
	"reflect"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"
)

var errRefused = errors.New("refused")

// inspect looks at a kustomization before upstream does: at what can't be
// reached or isn't supported here, and at deprecated fields. It gives what
// upstream is to see, which is the content itself unless origins are wanted.
func (t *tree) inspect(name string, content []byte) ([]byte, error) {
	var kustomization types.Kustomization
	if err := kustomization.Unmarshal(content); err != nil {
		return content, nil // upstream says it better
	}
	relative := relativePath(name)
	if t.kustomizations[name] == nil {
		if deprecated := kustomization.CheckDeprecatedFields(); deprecated != nil {
			for _, message := range *deprecated {
				message = strings.TrimPrefix(strings.TrimSpace(message), "# Warning: ")
				t.warnings = append(t.warnings, Diagnostic{Severity: "warning", Message: message, Path: relative})
			}
		}
	}
	kustomization.FixKustomization()
	t.kustomizations[name] = &kustomization
	if len(kustomization.OpenAPI) != 0 {
		t.ownSchema = true
	}
	message := unsupported(t, path.Dir(name), &kustomization)
	if message == "" && len(t.values.given) != 0 {
		message = strongerThanGiven(&kustomization)
	}
	if message != "" {
		if t.refusal == nil {
			t.refusal = &Diagnostic{Message: message, Path: relative}
		}
		return nil, errRefused
	}
	if t.annotate && path.Dir(name) == t.folder {
		return annotated(content, &kustomization), nil
	}
	return content, nil
}

// unsupported names the first thing that can't work here.
func unsupported(t *tree, root string, kustomization *types.Kustomization) string {
	for _, entry := range kustomization.Resources {
		if isRemote(t, root, entry) {
			return unreachable("resource", entry)
		}
	}
	for _, entry := range kustomization.Components {
		if isRemote(t, root, entry) {
			return unreachable("component", entry)
		}
	}
	if len(kustomization.HelmCharts) != 0 {
		return "`helmCharts` (chart `" + kustomization.HelmCharts[0].Name + "`) is not supported by this plugin, " +
			"which runs no programs: render the chart with a Helm renderer, or commit what it renders"
	}
	return ""
}

// strongerThanGiven says which patch would undo what the Application gives. One
// in a file of its own does not: given values are laid over it too.
func strongerThanGiven(kustomization *types.Kustomization) string {
	patches := slices.Concat(kustomization.Patches, kustomization.PatchesJson6902)
	for _, inline := range kustomization.PatchesStrategicMerge {
		patches = append(patches, types.Patch{Patch: string(inline)})
	}
	for _, patch := range patches {
		targeted := patch.Target != nil && patch.Target.Kind == valuesKind
		if targeted || parseValues([]byte(patch.Patch)) != nil {
			return "a patch of a document of kind " + valuesKind + " would be stronger than the `values` that are given: " +
				"move it into a file that holds such a document, listed under `patches` without a target"
		}
	}
	return ""
}

// annotated adds upstream's origin annotations to what the kustomization asks
// for. What can't be rewritten without a change of meaning is left alone.
func annotated(content []byte, kustomization *types.Kustomization) []byte {
	if kustomization.CheckEmpty() != nil || slices.Contains(kustomization.BuildMetadata, types.OriginAnnotations) {
		return content
	}
	asJSON, err := yaml.YAMLToJSON(content)
	if err != nil {
		return content
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(asJSON, &fields); err != nil {
		return content
	}
	for key := range fields {
		if strings.EqualFold(key, "buildMetadata") {
			delete(fields, key)
		}
	}
	wanted := append(slices.Clone(kustomization.BuildMetadata), types.OriginAnnotations)
	if fields["buildMetadata"], err = json.Marshal(wanted); err != nil {
		return content
	}
	rewritten, err := json.Marshal(fields)
	if err != nil {
		return content
	}
	var again types.Kustomization
	if err := again.Unmarshal(rewritten); err != nil {
		return content
	}
	again.FixKustomization()
	again.BuildMetadata = kustomization.BuildMetadata
	if !reflect.DeepEqual(&again, kustomization) {
		return content
	}
	return rewritten
}

// relativePath is a path as diagnostics name it.
func relativePath(name string) string {
	return strings.TrimPrefix(path.Clean(name), "/")
}
