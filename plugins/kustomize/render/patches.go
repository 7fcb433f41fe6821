package render

import (
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
)

// patch applies the patches of a kustomization to what is expected of its
// objects: each object learns which of them it was meant by, as far as names
// and kinds tell.
func (l *ledger) patch(folder, name string, kustomization *types.Kustomization, all []expected) {
	for i, entry := range kustomization.PatchesStrategicMerge {
		l.patchWith(folder, types.Patch{Path: string(entry)}, origin{name, l.entryLine(name, "patchesStrategicMerge", i)}, all)
	}
	for i, entry := range kustomization.Patches {
		l.patchWith(folder, entry, origin{name, l.entryLine(name, "patches", i)}, all)
	}
	for i, entry := range kustomization.PatchesJson6902 {
		l.patchWith(folder, entry, origin{name, l.entryLine(name, "patchesJson6902", i)}, all)
	}
}

// patchWith finds the objects that one entry means. An inline patch stands in
// the kustomization, at from.
func (l *ledger) patchWith(folder string, patch types.Patch, from origin, all []expected) {
	content, inFile := []byte(patch.Patch), false
	if patch.Path != "" {
		file := path.Join(folder, patch.Path)
		if content, inFile = l.files.content[file]; inFile {
			from = origin{path: relativePath(file)}
		} else {
			// Upstream takes what is no file for the patch itself, in the oldest field.
			content = []byte(patch.Path)
		}
	}
	if patch.Target != nil {
		if means := selector(patch.Target); means != nil {
			mark(all, from, means)
		}
		return
	}
	for _, document := range split(content) {
		at := from
		if inFile {
			at.line = document.line
		}
		mark(all, at, func(one expected) bool {
			return one.kind == document.kind && one.group() == groupOf(document.version) && slices.Contains(one.names, document.name)
		})
	}
}

func mark(all []expected, from origin, means func(expected) bool) {
	for i, one := range all {
		if means(one) {
			all[i].patches = append(slices.Clip(one.patches), from)
		}
	}
}

// selector is upstream's own, where kinds and names decide; nil where labels,
// annotations or namespaces do, which the ledger does not know.
func selector(target *types.Selector) func(expected) bool {
	if target.LabelSelector != "" || target.AnnotationSelector != "" || target.Namespace != "" {
		return nil
	}
	regex, err := types.NewSelectorRegex(target)
	if err != nil {
		return nil
	}
	return func(one expected) bool {
		group, version := resid.ParseGroupVersion(one.version)
		return regex.MatchGvk(resid.NewGvk(group, version, one.kind)) && slices.ContainsFunc(one.names, regex.MatchName)
	}
}

func (e expected) group() string {
	return groupOf(e.version)
}

func groupOf(apiVersion string) string {
	group, _, found := strings.Cut(apiVersion, "/")
	if !found {
		return ""
	}
	return group
}

// entryLine is where an entry of a kustomization's list begins; 0 where that
// is not known.
func (l *ledger) entryLine(kustomization, list string, index int) int {
	var node yaml.Node
	if err := yaml.Unmarshal(l.files.content["/"+kustomization], &node); err != nil || len(node.Content) == 0 {
		return 0
	}
	entries := field(node.Content[0], list)
	if entries == nil || index >= len(entries.Content) {
		return 0
	}
	return entries.Content[index].Line
}
