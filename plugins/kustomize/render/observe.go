package render

import (
	"bytes"
	"regexp"
)

// Origins are traced by upstream's annotations, which are there while patches,
// replacements and transformers run. Nearly nothing notices; what may notice
// has to spell a path through an object's metadata, for every field of
// Kubernetes' own that is named so is a key in a mapping.

var (
	// What may follow the word `metadata` without leading to the annotations.
	harmless = regexp.MustCompile(`^(["']?\s*:|[./](name|namespace|labels|ownerReferences)\b)`)
	// A path whose first step is any field.
	anyField = regexp.MustCompile(`(^|[\s"'\[,])\*(\.|["'\s\],]|$)`)

	metadata = []byte("metadata")
	// Words that make annotations count elsewhere: upstream's own, and the one
	// that has a whole object hashed.
	telling = [][]byte{
		[]byte("config.kubernetes.io/origin"),
		[]byte("config.kubernetes.io/transformations"),
		[]byte("needs-hash"),
	}
)

// mayObserve tells whether something in a file could notice an annotation that
// upstream adds to an object.
func mayObserve(content []byte) bool {
	for _, word := range telling {
		if bytes.Contains(content, word) {
			return true
		}
	}
	for rest := content; ; {
		at := bytes.Index(rest, metadata)
		if at < 0 {
			break
		}
		rest = rest[at+len(metadata):]
		if !harmless.Match(rest) {
			return true
		}
	}
	return bytes.Contains(content, []byte("fieldPath")) && anyField.Match(content)
}

// observed tells whether something that was read could notice the
// annotations.
func (t *tree) observed() bool {
	for _, content := range t.content {
		if mayObserve(content) {
			return true
		}
	}
	return false
}
