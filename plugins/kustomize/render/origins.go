package render

import (
	"path"

	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
)

// origin is where an object came from, as far as that is known.
type origin struct {
	path string
	line int
}

// traceOrigins finds the origin of each object, in their order: in the
// annotations of the objects that were built with them, and are nil where that
// failed.
func traceOrigins(files *tree, traced, objects resmap.ResMap) []origin {
	origins := make([]origin, objects.Size())
	if traced == nil || traced.Size() != objects.Size() {
		return origins
	}
	documents := map[string][]document{}
	for i, twin := range traced.Resources() {
		if twin.CurId() == objects.Resources()[i].CurId() {
			origins[i] = locate(files, documents, twin)
		}
	}
	return origins
}

// locate reads upstream's annotation and finds the object's document in the
// file that it names.
func locate(files *tree, documents map[string][]document, object *resource.Resource) origin {
	annotation, err := object.GetOrigin()
	if err != nil || annotation == nil || annotation.Repo != "" {
		return origin{}
	}
	name, generated := annotation.Path, false
	if name == "" {
		name, generated = annotation.ConfiguredIn, true
	}
	if name == "" {
		return origin{}
	}
	name = path.Join(files.folder, name)
	content, err := files.read(name)
	if err != nil {
		return origin{path: relativePath(name)}
	}
	if _, known := documents[name]; !known {
		documents[name] = split(content)
	}
	found := origin{path: relativePath(name)}
	if generated {
		found.line = generatorLine(content, object.GetKind(), object.GetName())
	} else {
		found.line = documentLine(documents[name], object.GetKind(), object.GetName())
	}
	return found
}
