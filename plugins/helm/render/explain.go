package render

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"helm.sh/helm/v4/pkg/ignore"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"
	"sigs.k8s.io/yaml"

	"windlass.dev/plugin-sdk/renderer"
)

var (
	subchart    = regexp.MustCompile(`error unpacking subchart (\S+) in `)
	unloaded    = regexp.MustCompile(`cannot load ([\w.]+\.yaml|Chart\.lock|requirements\.lock)`)
	position    = regexp.MustCompile(`^:(\d+)`)
	spelledKind = regexp.MustCompile(`(?m)^kind:[ \t]*["']?(\w+)`)
	yamlTitle   = regexp.MustCompile(`YAML parse error on (\S+):`)
)

// explainLoad turns what upstream says of a chart that it can't read into a
// diagnostic with a place.
func explainLoad(err error, folder string) Diagnostic {
	message := err.Error()
	problem := renderer.Errorf("%s", message)
	for _, found := range subchart.FindAllStringSubmatch(message, -1) {
		folder = path.Join(folder, "charts", found[1])
		if path.Ext(found[1]) == ".tgz" {
			return problem.At(relativePath(folder), 0)
		}
	}
	if problem.Message == "Chart.yaml file is missing" {
		return renderer.Errorf("the chart's own .helmignore leaves out its Chart.yaml").At(relativePath(path.Join(folder, ignore.HelmIgnore)), 0)
	}
	file := ""
	if strings.HasPrefix(message, "double-star") || errors.Is(err, filepath.ErrBadPattern) {
		file = ignore.HelmIgnore
	} else if found := unloaded.FindStringSubmatch(message); found != nil {
		file = found[1]
	} else if strings.Contains(message, "validation: ") {
		file = "Chart.yaml"
	}
	name := path.Join(folder, file)
	if file == "" {
		return problem.At(relativePath(name), 0)
	}
	content, _ := os.ReadFile(name)
	return problem.At(relativePath(name), failingLine(content, err))
}

// explainTemplate turns what upstream says of a template into a diagnostic at
// the innermost place that it names.
func explainTemplate(err error, files places) Diagnostic {
	problem := renderer.Errorf("%v", err)
	innermost := -1
	for name, origin := range files.byName {
		for _, found := range placed(err.Error(), name) {
			if found.offset > innermost {
				innermost = found.offset
				problem = problem.At(origin.path, 0)
				// A line of a file in an archive is no line of the archive.
				if origin.content != nil {
					problem.Line = found.line
				}
			}
		}
	}
	return problem
}

// mention is where a message names a line of a template.
type mention struct{ offset, line int }

// placed finds where a message names lines of a template. The name may be the
// end of another one's.
func placed(message, name string) []mention {
	var found []mention
	for from := 0; ; {
		at := strings.Index(message[from:], name)
		if at < 0 {
			return found
		}
		at += from
		from = at + len(name)
		number := position.FindStringSubmatch(message[from:])
		if number == nil || at > 0 && !strings.ContainsRune(" (\"\n", rune(message[at-1])) {
			continue
		}
		line, _ := strconv.Atoi(number[1])
		found = append(found, mention{at, line})
	}
}

// explainDocument turns what upstream says of a document that is no YAML into
// a diagnostic at the template's document, where that is certain. The line that
// upstream names is of what was rendered, and so stands in the message alone;
// and not its text, which may be secret.
func explainDocument(err error, rendered map[string]string, files places) Diagnostic {
	problem := renderer.Errorf("%v", err)
	found := yamlTitle.FindStringSubmatch(problem.Message)
	if found == nil {
		return problem
	}
	name := found[1]
	origin := files.byName[name]
	problem.Path = origin.path
	for number, content := range documentsOf(rendered[name]) {
		var head releaseutil.SimpleHead
		if yaml.Unmarshal([]byte(content), &head) == nil {
			continue
		}
		kind := ""
		if found := spelledKind.FindStringSubmatch(content); found != nil {
			kind = found[1]
		}
		if yamlLine.MatchString(problem.Message) {
			problem.Message += fmt.Sprintf(" (the line is counted in document %d that the template renders to", number+1)
			if kind != "" {
				problem.Message += ", of kind " + kind
			}
			problem.Message += "; `helm template --debug` prints it)"
		}
		if len(origin.content) != 0 {
			problem.Line = documentLine(origin.content, kind, "")
		}
		break
	}
	return problem
}

// documentsOf takes apart what a template rendered to, as upstream does.
func documentsOf(content string) []string {
	parts := releaseutil.SplitManifests(content)
	order := slices.Collect(maps.Keys(parts))
	sort.Sort(releaseutil.BySplitManifestsOrder(order))
	documents := make([]string, 0, len(order))
	for _, key := range order {
		documents = append(documents, parts[key])
	}
	return documents
}

// explainConversion is for what upstream accepts and JSON can't hold.
func explainConversion(name string, err error) Diagnostic {
	return renderer.Errorf("%s renders to what is not an object: %v", name, err)
}
