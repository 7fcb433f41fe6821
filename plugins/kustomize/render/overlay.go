package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"

	"windlass.dev/plugin-sdk/renderer"
)

// What stands between two documents, as upstream finds it.
var separator = regexp.MustCompile(`\n---[^\n]*\n`)

// overlay gives what upstream is to see of a file: the file, or other bytes in
// the place of the documents that declare a given value.
func (v *values) overlay(content []byte, file string) ([]byte, *Diagnostic) {
	if len(v.given) == 0 || !bytes.Contains(content, []byte(valuesVersion)) {
		return content, nil
	}
	var seen []byte
	kept, start := 0, 0
	for _, end := range append(separator.FindAllIndex(content, -1), []int{len(content), len(content)}) {
		line := 1 + bytes.Count(content[:start], []byte("\n"))
		replacement, problem := v.document(content[start:end[0]], file, line)
		if problem != nil {
			return nil, problem
		}
		if replacement != nil {
			seen = append(append(seen, content[kept:start]...), replacement...)
			kept = end[0]
		}
		start = end[1]
	}
	return append(seen, content[kept:]...), nil
}

// document gives what stands in for a document that begins at a line of a file;
// nothing where it stays as it is.
func (v *values) document(content []byte, file string, line int) ([]byte, *Diagnostic) {
	object := parseValues(content)
	if object == nil {
		return nil, nil
	}
	place := fmt.Sprintf("%s:%d", file, line+object.Line-1)
	if !slices.Contains(v.declaredIn, place) {
		v.declaredIn = append(v.declaredIn, place)
	}
	declared := field(object, "values")
	if declared == nil || declared.Kind != yaml.MappingNode {
		return nil, nil
	}
	changed, mismatch := v.merge(declared, v.given, "")
	if mismatch != nil {
		problem := renderer.Errorf("%s", mismatch.message).At(file, line+mismatch.line-1)
		return nil, &problem
	}
	if !changed {
		return nil, nil
	}
	plain(object)
	replacement, err := yaml.Marshal(object)
	if err != nil {
		problem := renderer.Errorf("lay `values` over the document: %v", err).At(file, line)
		return nil, &problem
	}
	return bytes.TrimSuffix(replacement, []byte("\n")), nil
}

// parseValues gives a document that declares values, without anchors; nothing
// where it is another one. What does not parse, upstream says better.
func parseValues(content []byte) *yaml.Node {
	var document yaml.Node
	text := bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n"))
	if yaml.Unmarshal(text, &document) != nil || len(document.Content) == 0 {
		return nil
	}
	object := document.Content[0]
	version, kind := field(object, "apiVersion"), field(object, "kind")
	if version == nil || kind == nil || version.Value != valuesVersion || kind.Value != valuesKind {
		return nil
	}
	if kyaml.NewRNode(object).DeAnchor() != nil {
		return nil
	}
	return object
}

// mismatch is a given value that does not fit what is declared.
type mismatch struct {
	message string
	line    int
}

// merge lays what is given over what is declared, mapping by mapping. It tells
// whether that has changed anything.
func (v *values) merge(declared *yaml.Node, given map[string]any, prefix string) (bool, *mismatch) {
	changed := false
	for _, key := range slices.Sorted(maps.Keys(given)) {
		target := field(declared, key)
		if target == nil {
			continue
		}
		path, value := pathOf(prefix, key), given[key]
		want, got := typeOfNode(target), typeOf(value)
		if want != got && want != "null" {
			return false, &mismatch{fmt.Sprintf("`values` gives `%s` as %s, and it is declared as %s%s",
				path, got, want, hint(target, got)), target.Line}
		}
		fields, isMapping := value.(map[string]any)
		// A mapping that is declared empty takes any key.
		if isMapping && len(fields) != 0 && len(target.Content) != 0 {
			inner, problem := v.merge(target, fields, path)
			if problem != nil {
				return false, problem
			}
			changed = changed || inner
			continue
		}
		v.taken[path] = true
		if isMapping && len(target.Content) != 0 {
			continue // nothing is laid over it
		}
		*target, changed = *nodeOf(value), true
	}
	return changed, nil
}

// typeOfNode is the JSON type of a node.
func typeOfNode(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	default:
	}
	switch node.ShortTag() {
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "a boolean"
	case "!!null":
		return "null"
	default:
		return "text"
	}
}

// typeOf is the JSON type of a value.
func typeOf(value any) string {
	switch value.(type) {
	case map[string]any:
		return "a mapping"
	case []any:
		return "a list"
	case json.Number:
		return "a number"
	case bool:
		return "a boolean"
	case string:
		return "text"
	default:
		return "null"
	}
}

var oldBooleans = []string{"y", "yes", "on", "n", "no", "off"}

// hint helps with a word that was a boolean once.
func hint(declared *yaml.Node, got string) string {
	if got == "a boolean" && declared.Style == 0 && slices.Contains(oldBooleans, strings.ToLower(declared.Value)) {
		return fmt.Sprintf(" (`%s` without quotes is text; a boolean is written true or false)", declared.Value)
	}
	return ""
}

// nodeOf is a value as a node.
func nodeOf(value any) *yaml.Node {
	switch value := value.(type) {
	case map[string]any:
		node := &yaml.Node{Kind: yaml.MappingNode}
		for _, key := range slices.Sorted(maps.Keys(value)) {
			node.Content = append(node.Content, nodeOf(key), nodeOf(value[key]))
		}
		return node
	case []any:
		node := &yaml.Node{Kind: yaml.SequenceNode}
		for _, item := range value {
			node.Content = append(node.Content, nodeOf(item))
		}
		return node
	case string:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}
	case nil:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: "null"}
	default:
		// A number as it was written, or a boolean.
		return &yaml.Node{Kind: yaml.ScalarNode, Value: fmt.Sprint(value)}
	}
}

// plain takes off a document what means nothing, and quotes its texts: so the
// document is written again without a doubt about its types.
func plain(node *yaml.Node) {
	node.HeadComment, node.LineComment, node.FootComment = "", "", ""
	switch {
	case node.Kind != yaml.ScalarNode:
		node.Style = yaml.FlowStyle
	case node.ShortTag() == "!!str":
		node.Tag, node.Style = "!!str", yaml.DoubleQuotedStyle
	}
	for _, child := range node.Content {
		plain(child)
	}
}
