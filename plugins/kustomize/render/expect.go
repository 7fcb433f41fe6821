package render

import (
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
)

// Upstream can annotate where objects came from, and takes twice as long for
// it. Mostly the kustomizations that were read tell as much: which documents
// they list, and what becomes of their names. Where every object has the name
// that exactly one document was to get, that is its origin.

// expected is an object that a kustomization is to make.
type expected struct {
	version, kind, name string
	// All names that it has had, the present one included.
	names []string
	// Whether a hash may follow the name.
	generated bool
	provenance
}

// provenance is where an object came from, and which patches were meant for it.
type provenance struct {
	origin  origin
	patches []origin
}

// Kinds whose names upstream leaves as they are.
var unprefixed = []string{"APIService", "CustomResourceDefinition", "Namespace"}

// The characters of a hash and the dash before it.
const hashLength = 11

// expectOrigins finds the origin of each object, in their order; false where
// that is not certain for all of them.
func expectOrigins(files *tree, objects resmap.ResMap) ([]provenance, bool) {
	ledger := ledger{files: files, documents: map[string][]document{}}
	all := ledger.folder(files.folder, nil)
	if ledger.uncertain {
		return nil, false
	}
	named := map[string][]expected{}
	for _, one := range all {
		key := one.kind + " " + one.name
		named[key] = append(named[key], one)
	}
	origins := make([]provenance, 0, objects.Size())
	for _, object := range objects.Resources() {
		kind, name := object.GetKind(), object.GetName()
		found := named[kind+" "+name]
		if len(name) > hashLength && name[len(name)-hashLength] == '-' {
			for _, one := range named[kind+" "+name[:len(name)-hashLength]] {
				if one.generated {
					found = append(slices.Clone(found), one)
				}
			}
		}
		if len(found) != 1 {
			return nil, false
		}
		origins = append(origins, found[0].provenance)
	}
	return origins, true
}

// ledger goes through the kustomizations as upstream has.
type ledger struct {
	files     *tree
	documents map[string][]document
	// That something may be otherwise than it seems.
	uncertain bool
}

// folder adds what the kustomization of a folder makes; a component changes
// what is there already.
func (l *ledger) folder(folder string, all []expected) []expected {
	name := l.files.kustomizationOf(folder)
	kustomization := l.files.kustomizations["/"+name]
	if kustomization == nil || len(kustomization.Generators) != 0 {
		l.uncertain = true
		return nil
	}
	for _, entry := range kustomization.Resources {
		entry = path.Join(folder, entry)
		if content, known := l.files.content[entry]; known {
			all = append(all, l.file(entry, content)...)
		} else {
			all = append(all, l.folder(entry, nil)...)
		}
	}
	for _, generator := range kustomization.ConfigMapGenerator {
		all = append(all, l.generated(name, "ConfigMap", generator.GeneratorArgs))
	}
	for _, generator := range kustomization.SecretGenerator {
		all = append(all, l.generated(name, "Secret", generator.GeneratorArgs))
	}
	for _, component := range kustomization.Components {
		all = l.folder(path.Join(folder, component), all)
	}
	l.patch(folder, name, kustomization, all)
	for i, one := range all {
		if !slices.Contains(unprefixed, one.kind) {
			all[i].name = kustomization.NamePrefix + one.name + kustomization.NameSuffix
			all[i].names = append(slices.Clip(one.names), all[i].name)
		}
	}
	return all
}

func (l *ledger) file(name string, content []byte) []expected {
	if _, known := l.documents[name]; !known {
		l.documents[name] = split(content)
	}
	var all []expected
	for _, document := range l.documents[name] {
		// What it holds has names of its own.
		l.uncertain = l.uncertain || strings.HasSuffix(document.kind, "List")
		from := origin{path: relativePath(name), line: document.line}
		all = append(all, expected{
			version: document.version, kind: document.kind, name: document.name, names: []string{document.name},
			provenance: provenance{origin: from},
		})
	}
	return all
}

func (l *ledger) generated(kustomization, kind string, arguments types.GeneratorArgs) expected {
	// What is merged with another one comes from there.
	l.uncertain = l.uncertain || arguments.Behavior != ""
	line := generatorLine(l.files.content["/"+kustomization], kind, arguments.Name)
	from := origin{path: kustomization, line: line}
	return expected{
		version: "v1", kind: kind, name: arguments.Name, names: []string{arguments.Name}, generated: true,
		provenance: provenance{origin: from},
	}
}
