package render

import (
	"path"
	"slices"
	"strings"

	chart "helm.sh/helm/v4/pkg/chart/v2"

	"go.yaml.in/yaml/v3"
)

// source is a file with values.
type source struct {
	path    string
	content []byte
}

// sources are where values come from, the weakest first.
type sources struct {
	files []source
	// Those of the config, which are stronger than all files.
	inline map[string]any
}

// withOwn are the sources with the chart's own values, which are the weakest.
func (s sources) withOwn(folder string, root *chart.Chart) sources {
	for _, file := range root.Raw {
		if file.Name == "values.yaml" {
			own := source{path: relativePath(path.Join(folder, file.Name)), content: file.Data}
			s.files = append([]source{own}, s.files...)
		}
	}
	return s
}

// find tells which file sets a value, and in which line; nothing where none
// does.
func (s sources) find(keys []string) (string, int) {
	if len(keys) == 0 || s.isInline(keys) {
		return "", 0
	}
	for _, file := range slices.Backward(s.files) {
		for _, document := range slices.Backward(split(file.content)) {
			var node yaml.Node
			if yaml.Unmarshal(document.content, &node) != nil || len(node.Content) == 0 {
				continue
			}
			if line := lineOf(node.Content[0], keys); line != 0 {
				return file.path, document.line + line - 1
			}
		}
	}
	return "", 0
}

// isInline tells whether the config sets a value.
func (s sources) isInline(keys []string) bool {
	var value any = s.inline
	for _, key := range keys {
		fields, ok := value.(map[string]any)
		if !ok {
			// A list is set as a whole.
			_, ok = value.([]any)
			return ok
		}
		if value, ok = fields[key]; !ok {
			return false
		}
	}
	return true
}

// lineOf finds a value in a document; 0 where it isn't. Of an item of a list
// it finds the list.
func lineOf(node *yaml.Node, keys []string) int {
	line := 0
	for _, key := range keys {
		if node.Kind == yaml.AliasNode {
			node = node.Alias
		}
		if node.Kind == yaml.SequenceNode {
			return line
		}
		name, value := field(node, key)
		if name == nil {
			return 0
		}
		line, node = name.Line, value
	}
	return line
}

// field gives a key of a mapping and its value, or nothing.
func field(node *yaml.Node, key string) (name, value *yaml.Node) {
	if node.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return node.Content[i], node.Content[i+1]
		}
	}
	return nil, nil
}

// keysOf takes a JSON pointer apart.
func keysOf(pointer string) []string {
	if pointer == "" {
		return nil
	}
	unescape := strings.NewReplacer("~1", "/", "~0", "~")
	var keys []string
	for part := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		keys = append(keys, unescape.Replace(part))
	}
	return keys
}
