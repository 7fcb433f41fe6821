package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"windlass.dev/plugin-sdk/renderer"
)

// A folder declares what can be set in documents of this type, which are its
// own input to upstream's replacements. What an Application gives is laid over
// them as upstream reads them, as if somebody had edited the file.
const (
	valuesVersion = "windlass.dev/v1alpha1"
	valuesKind    = "Values"
	// What makes upstream leave an object out of its output.
	localConfig = "config.kubernetes.io/local-config"
)

// The most keys and documents that one message names.
const namedLimit = 10

// values are those that an Application gives, and what has become of them.
type values struct {
	given map[string]any
	// The keys that a document has taken, as they are named to a person.
	taken map[string]bool
	// The documents that declare values, in the order in which they were read.
	declaredIn []string
}

// newValues reads the setting `values`; there are none where it is not given.
func newValues(config *Config) (*values, error) {
	v := &values{taken: map[string]bool{}}
	if config == nil || len(config.Values) == 0 {
		return v, nil
	}
	// Numbers stay as they were written.
	decoder := json.NewDecoder(bytes.NewReader(config.Values))
	decoder.UseNumber()
	if err := decoder.Decode(&v.given); err != nil {
		return nil, fmt.Errorf("`values` is not a mapping: %w", err)
	}
	return v, nil
}

// undeclared says which of the given keys no document has taken, once all of
// them were read; nothing, where all were taken.
func (v *values) undeclared(folder string) *Diagnostic {
	missing := v.missing(v.given, "")
	if len(missing) == 0 {
		return nil
	}
	problem := renderer.Errorf("`values` gives %s, and no document of kind %s in this build declares it: "+
		"%s; correct the key, or declare it there", listed(missing, "`"), valuesKind, v.documents()).At(folder, 0)
	return &problem
}

func (v *values) documents() string {
	if len(v.declaredIn) == 0 {
		return fmt.Sprintf("there is no such document (apiVersion %s) among the `resources`", valuesVersion)
	}
	return "what can be given stands in " + listed(v.declaredIn, "")
}

// missing are the keys below prefix that were not taken.
func (v *values) missing(given map[string]any, prefix string) []string {
	var missing []string
	for _, key := range slices.Sorted(maps.Keys(given)) {
		path := pathOf(prefix, key)
		fields, isMapping := given[key].(map[string]any)
		switch {
		case v.taken[path]:
		case isMapping && len(fields) != 0:
			missing = append(missing, v.missing(fields, path)...)
		default:
			missing = append(missing, path)
		}
	}
	return missing
}

// pathOf names a key of a mapping as upstream's field paths do, which lets no
// two keys have one name.
func pathOf(prefix, key string) string {
	key = strings.ReplaceAll(key, ".", `\.`)
	if prefix == "" {
		return key
	}
	return prefix + "." + key
}

func listed(names []string, quote string) string {
	more := ""
	if len(names) > namedLimit {
		more = fmt.Sprintf(" and %d more", len(names)-namedLimit)
		names = names[:namedLimit]
	}
	return quote + strings.Join(names, quote+", "+quote) + quote + more
}
