package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"

	"helm.sh/helm/v4/pkg/chart/v2/loader"

	"windlass.dev/plugin-sdk/renderer"
)

// readValues gives the values that are stronger than the chart's own: those of
// the files, in their order, and above them those of the config; and where they
// come from.
func readValues(folder string, config *Config) (map[string]any, sources, *Diagnostic) {
	values := map[string]any{}
	var from sources
	for _, name := range config.ValueFiles {
		file, problem := valuesPath(folder, name)
		if problem != nil {
			return nil, from, problem
		}
		content, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) && config.IgnoreMissingValueFiles {
			continue
		}
		if err != nil {
			return nil, from, unreadable(name, file, err)
		}
		read, err := loader.LoadValues(bytes.NewReader(content))
		if err != nil {
			found := renderer.Errorf("the values file `%s` does not parse: %v", name, err)
			found = found.At(relativePath(file), failingLine(content, err))
			return nil, from, &found
		}
		values = loader.MergeMaps(values, read)
		from.files = append(from.files, source{relativePath(file), content})
	}
	if len(config.Values) != 0 {
		if err := json.Unmarshal(config.Values, &from.inline); err != nil {
			problem := renderer.Errorf("`values` is not a mapping: %v", err)
			return nil, from, &problem
		}
		values = loader.MergeMaps(values, from.inline)
	}
	return values, from, nil
}

// valuesPath finds a values file, which may lie anywhere in the repository.
func valuesPath(folder, name string) (string, *Diagnostic) {
	if strings.Contains(name, "://") {
		problem := renderer.Errorf("the values file `%s` is remote, and the network can't be reached from the sandbox: "+
			"commit a copy and name its path", name)
		return "", &problem
	}
	relative := path.Join(relativePath(folder), name)
	if strings.HasPrefix(name, "/") {
		relative = path.Clean(strings.TrimLeft(name, "/"))
	}
	if relative == ".." || strings.HasPrefix(relative, "../") {
		problem := renderer.Errorf("the values file `%s` lies outside of the repository", name)
		return "", &problem
	}
	return "/" + relative, nil
}

func unreadable(name, file string, err error) *Diagnostic {
	problem := renderer.Errorf("the values file `%s` can't be read: %v", name, errors.Unwrap(err))
	if errors.Is(err, fs.ErrNotExist) {
		problem = renderer.Errorf("the values file `%s` does not exist: commit it, take it out of `valueFiles`, "+
			"or set `ignoreMissingValueFiles`", name)
	}
	problem = problem.At(relativePath(file), 0)
	return &problem
}
