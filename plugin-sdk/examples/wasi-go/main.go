// A renderer that is a plain program: every *.yaml.tmpl file of the
// application's folder is a text/template, executed with the values of
// values.json, over which those of the setting `values` are laid.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"text/template"
)

// What a renderer finds on standard input.
type request struct {
	Path      string `json:"path"`
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	Config    struct {
		Values map[string]any `json:"values"`
	} `json:"config"`
}

func main() {
	if err := render(); err != nil {
		// Each line becomes an error of its own.
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func render() error {
	var request request
	decoder := json.NewDecoder(os.Stdin)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		return fmt.Errorf("bad settings: %w", err)
	}
	folder := os.DirFS(path.Join("/", request.Path))
	values, err := readValues(folder)
	if err != nil {
		return err
	}
	overlay(values, request.Config.Values)
	data := map[string]any{"Name": request.Name, "Namespace": request.Namespace, "Values": values}

	// Glob sorts, so that the same files give the same output.
	names, err := fs.Glob(folder, "*.yaml.tmpl")
	if err != nil {
		return err
	}
	if len(names) == 0 {
		// What is said on the way is a warning.
		fmt.Fprintln(os.Stderr, "there is no *.yaml.tmpl file in", path.Join("/", request.Path))
	}
	var output bytes.Buffer
	for _, name := range names {
		text, err := fs.ReadFile(folder, name)
		if err != nil {
			return err
		}
		// JSON is YAML, so `toJson` quotes whatever it is given.
		parsed, err := template.New(name).
			Option("missingkey=error").
			Funcs(template.FuncMap{"toJson": toJSON}).
			Parse(string(text))
		if err != nil {
			return err
		}
		output.WriteString("---\n")
		if err := parsed.Execute(&output, data); err != nil {
			return err
		}
		output.WriteString("\n")
	}
	_, err = os.Stdout.Write(output.Bytes())
	return err
}

func readValues(folder fs.FS) (map[string]any, error) {
	values := map[string]any{}
	text, err := fs.ReadFile(folder, "values.json")
	if errors.Is(err, fs.ErrNotExist) {
		return values, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &values); err != nil {
		return nil, fmt.Errorf("values.json: %w", err)
	}
	return values, nil
}

// overlay lays values over those below, objects key by key.
func overlay(below, values map[string]any) {
	for key, value := range values {
		inner, ok := value.(map[string]any)
		base, has := below[key].(map[string]any)
		if ok && has {
			base = maps.Clone(base)
			overlay(base, inner)
			value = base
		}
		below[key] = value
	}
}

func toJSON(value any) (string, error) {
	text, err := json.Marshal(value)
	return string(text), err
}
