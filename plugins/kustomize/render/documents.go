package render

import (
	"bytes"
	"strings"

	"go.yaml.in/yaml/v3"
)

// document is one document of a YAML file.
type document struct {
	version, kind, name string
	// Where it begins, counted from 1.
	line int
}

// split finds the documents of a file. What does not parse ends the list.
func split(content []byte) []document {
	var documents []document
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	for {
		var node yaml.Node
		if err := decoder.Decode(&node); err != nil {
			return documents
		}
		if len(node.Content) == 0 || node.Content[0].Kind != yaml.MappingNode {
			continue
		}
		object := node.Content[0]
		found := document{line: object.Line}
		if version := field(object, "apiVersion"); version != nil {
			found.version = version.Value
		}
		if kind := field(object, "kind"); kind != nil {
			found.kind = kind.Value
		}
		if name := field(field(object, "metadata"), "name"); name != nil {
			found.name = name.Value
		}
		documents = append(documents, found)
	}
}

// documentLine finds the document that an object was read from, by its kind
// and by its name, to which prefixes and suffixes may have been added since.
func documentLine(documents []document, kind, name string) int {
	best := document{}
	for _, candidate := range documents {
		if candidate.kind != kind {
			continue
		}
		if candidate.name == name {
			return candidate.line
		}
		if strings.Contains(name, candidate.name) && (best.line == 0 || len(candidate.name) > len(best.name)) {
			best = candidate
		}
	}
	switch {
	case best.line != 0:
		return best.line
	case len(documents) == 1:
		return documents[0].line
	default:
		return 0
	}
}

// generatorLine finds the generator of an object in a kustomization.
func generatorLine(content []byte, kind, name string) int {
	var node yaml.Node
	if err := yaml.Unmarshal(content, &node); err != nil || len(node.Content) == 0 {
		return 0
	}
	section := map[string]string{"ConfigMap": "configMapGenerator", "Secret": "secretGenerator"}[kind]
	generators := field(node.Content[0], section)
	if generators == nil {
		return 0
	}
	line, longest := 0, -1
	for _, generator := range generators.Content {
		if given := field(generator, "name"); given != nil && strings.Contains(name, given.Value) {
			if len(given.Value) > longest {
				line, longest = generator.Line, len(given.Value)
			}
		}
	}
	return line
}

// field gives the value of a key in a mapping, or nil.
func field(mapping *yaml.Node, key string) *yaml.Node {
	if mapping == nil || mapping.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return nil
}
