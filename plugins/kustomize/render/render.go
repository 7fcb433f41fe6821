package render

import (
	"fmt"
	"path"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/openapi"

	"windlass.dev/plugin-sdk/renderer"
)

// Render gives the objects of the request's folder in the order of
// `kustomize build`, and warnings; or the reason why there are none.
//
// Where the kustomizations alone don't tell where every object came from, the
// folder is built a second time with upstream's origin annotations. Only the
// first build counts: nothing in it can notice them.
func Render(request Request) ([]Manifest, []Diagnostic, *Diagnostic) {
	options, err := options(request.Config)
	if err != nil {
		return nil, nil, &Diagnostic{Message: err.Error()}
	}
	given, err := newValues(request.Config)
	if err != nil {
		return nil, nil, &Diagnostic{Message: err.Error()}
	}
	files := newTree(path.Clean("/"+request.Path), given)
	objects, origins, err := build(options, files)
	if err != nil {
		failure := files.explain(err)
		return nil, files.warnings, &failure
	}
	if failure := given.undeclared(files.kustomizationOf(files.folder)); failure != nil {
		return nil, files.warnings, failure
	}
	manifests := make([]Manifest, 0, objects.Size())
	for i, object := range objects.Resources() {
		if object.GetApiVersion() == valuesVersion && object.GetKind() == valuesKind {
			failure := exposed(origins[i].origin)
			return nil, files.warnings, &failure
		}
		content, err := object.MarshalJSON()
		if err != nil {
			return nil, files.warnings, &Diagnostic{Message: fmt.Sprintf("encode %s: %v", object.CurId(), err)}
		}
		manifest := Manifest{Object: content, Path: origins[i].origin.path, Line: origins[i].origin.line}
		for _, patch := range origins[i].patches {
			manifest.ChangedBy = append(manifest.ChangedBy, renderer.Place{Path: patch.path, Line: patch.line})
		}
		manifests = append(manifests, manifest)
	}
	return manifests, files.warnings, nil
}

// exposed is for a document that declares values and would be applied.
func exposed(from origin) Diagnostic {
	return renderer.Errorf("a document of kind %s would be applied to the cluster: give it the annotation `%s: \"true\"`, "+
		"with which kustomize leaves it out of what it builds", valuesKind, localConfig).At(from.path, from.line)
}

func options(config *Config) (*krusty.Options, error) {
	options := krusty.MakeDefaultOptions()
	// What the command line does when --reorder is not given: the order that
	// the kustomization asks for, or else the legacy one.
	options.Reorder = krusty.ReorderOptionUnspecified
	if config == nil {
		return options, nil
	}
	switch config.LoadRestrictor {
	case "", "rootOnly":
	case "none":
		options.LoadRestrictions = types.LoadRestrictionsNone
	default:
		return nil, fmt.Errorf("loadRestrictor is %q; it must be rootOnly or none", config.LoadRestrictor)
	}
	return options, nil
}

// build gives the objects and, in their order, where they came from.
func build(options *krusty.Options, files *tree) (resmap.ResMap, []provenance, error) {
	objects, err := run(options, files)
	if files.refusal != nil {
		return nil, nil, errRefused
	}
	if err != nil {
		return nil, nil, err
	}
	if origins, certain := expectOrigins(files, objects); certain {
		return objects, origins, nil
	}
	files.annotate = true
	defer func() { files.annotate = false }()
	// Without them a patch may not apply, and then nothing is known.
	traced, err := run(options, files)
	if err != nil {
		return objects, make([]provenance, objects.Size()), nil
	}
	origins := make([]provenance, 0, objects.Size())
	for _, origin := range traceOrigins(files, traced, objects) {
		origins = append(origins, provenance{origin: origin})
	}
	return objects, origins, nil
}

// run builds the folder as a fresh process would.
func run(options *krusty.Options, files *tree) (resmap.ResMap, error) {
	if files.ownSchema {
		openapi.ResetOpenAPI()
	}
	objects, err := krusty.MakeKustomizer(options).Run(files, files.folder)
	if files.ownSchema && schemaIsWarm {
		// The built-in schema that Warm has left behind would add to the one
		// that this kustomization chose.
		schemaIsWarm = false
		openapi.ResetOpenAPI()
		return krusty.MakeKustomizer(options).Run(files, files.folder)
	}
	return objects, err
}
