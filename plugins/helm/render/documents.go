package render

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"
)

// document is a part of a file between separators.
type document struct {
	content []byte
	// Where it begins, counted from 1.
	line int
}

var separator = regexp.MustCompile(`^---[ \t]*(#.*)?\r?$`)

// split cuts a file at its separators; what is blank is left out.
func split(content []byte) []document {
	var documents []document
	begin, first, line := 0, 1, 0
	cut := func(end int) {
		if len(bytes.TrimSpace(content[begin:end])) != 0 {
			documents = append(documents, document{content: content[begin:end], line: first})
		}
	}
	for start := 0; start < len(content); {
		line++
		end := len(content)
		if newline := bytes.IndexByte(content[start:], '\n'); newline >= 0 {
			end = start + newline + 1
		}
		text := content[start:end]
		if bytes.HasPrefix(text, []byte("---")) && separator.Match(bytes.TrimSuffix(text, []byte("\n"))) {
			cut(start)
			begin, first = end, line+1
		}
		start = end
	}
	cut(len(content))
	return documents
}

var yamlLine = regexp.MustCompile(`yaml: line (\d+)`)

// failingLine is the line of a file that a YAML error is about. Upstream counts
// it in the document that fails, which need not be the first.
func failingLine(content []byte, err error) int {
	found := yamlLine.FindStringSubmatch(err.Error())
	if found == nil {
		return 0
	}
	line, _ := strconv.Atoi(found[1])
	for _, document := range split(content) {
		var ignored any
		if yaml.Unmarshal(document.content, &ignored) != nil {
			return document.line + line - 1
		}
	}
	return 0
}

// documentLine finds where in a template an object's document begins; 0 where
// that isn't certain.
//
// A template is no YAML, but its separators, kinds and names mostly stand there
// as they are. So an object is from the only document that spells its kind, or
// its kind and name; or from the only one that there is.
func documentLine(template []byte, kind, name string) int {
	documents := split(template)
	if len(documents) == 1 {
		return documents[0].line
	}
	candidates := having(documents, `(?m)^kind:[ \t]*["']?`+regexp.QuoteMeta(kind)+`["']?[ \t]*\r?$`)
	if len(candidates) > 1 {
		candidates = having(candidates, `(?m)^  name:[ \t]*["']?`+regexp.QuoteMeta(name)+`["']?[ \t]*\r?$`)
	}
	if len(candidates) == 1 && strings.TrimSpace(kind) != "" {
		return candidates[0].line
	}
	return 0
}

func having(documents []document, pattern string) []document {
	expression := regexp.MustCompile(pattern)
	var found []document
	for _, document := range documents {
		if expression.Match(document.content) {
			found = append(found, document)
		}
	}
	return found
}
