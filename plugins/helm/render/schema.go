package render

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"windlass.dev/plugin-sdk/renderer"
)

// What upstream's message about values begins with, where a schema is violated.
const schemaTitle = "values don't meet the specifications of the schema(s) in the following chart(s):\n"

// explainValues turns what upstream says of the values into diagnostics: one
// for each violation of a schema, at the value, or else at the schema.
func explainValues(err error, files places, from sources) []Diagnostic {
	message, violated := strings.CutPrefix(err.Error(), schemaTitle)
	if !violated {
		return []Diagnostic{renderer.Errorf("%v", err).At(chartFile(files.folder), 0)}
	}
	var problems []Diagnostic
	chart, first := "", 0
	for line := range strings.SplitSeq(message, "\n") {
		line = mismatch.ReplaceAllString(line, "${1}the value does not match pattern")
		line = misshape.ReplaceAllString(line, "${1}the value is not valid $2")
		switch {
		case strings.TrimSpace(line) == "":
		case strings.HasPrefix(line, "- "):
			problems = append(problems, violation(chart, strings.TrimPrefix(line, "- "), files, from))
		case strings.HasPrefix(line, " ") && len(problems) != 0:
			// What a violation consists of.
			last := &problems[len(problems)-1]
			last.Message += "; " + strings.TrimPrefix(strings.TrimSpace(line), "- ")
		case strings.HasSuffix(line, ":") && !strings.Contains(line, " "):
			sortViolations(problems[first:])
			chart, first = strings.TrimSuffix(line, ":"), len(problems)
		default:
			problems = append(problems, violation(chart, line, files, from))
		}
	}
	sortViolations(problems[first:])
	if len(problems) == 0 {
		problems = append(problems, renderer.Errorf("%v", err).At(chartFile(files.folder), 0))
	}
	return problems
}

// sortViolations puts those of one chart in a certain order: upstream walks
// through maps.
func sortViolations(problems []Diagnostic) {
	slices.SortFunc(problems, func(a, b Diagnostic) int { return strings.Compare(a.Message, b.Message) })
}

var (
	remoteSchema = regexp.MustCompile(`HTTP request failed for (\S+):`)
	atPointer    = regexp.MustCompile(`^at '([^']*)'`)
	// What quotes a value, which may be secret.
	mismatch = regexp.MustCompile(`(at '[^']*': )'.*' does not match pattern`)
	misshape = regexp.MustCompile(`(at '[^']*': ).* is not valid ([\w-]+):.*$`)
)

func violation(chart, text string, files places, from sources) Diagnostic {
	against, known := files.schemas[chart]
	if !known {
		against.path = relativePath(path.Join(files.folder, "values.schema.json"))
	}
	if found := remoteSchema.FindStringSubmatch(text); found != nil {
		return renderer.Errorf("the values of the chart %s can't be judged, for their schema refers to %s, and a renderer reaches no "+
			"network: copy the definitions into values.schema.json, or set `skipSchemaValidation`", chart, found[1]).At(against.path, 0)
	}
	problem := renderer.Errorf("the values of the chart %s don't meet its schema: %s", chart, text).At(against.path, 0)
	if found := atPointer.FindStringSubmatch(text); found != nil && known && !against.ambiguous {
		keys := slices.Concat(against.prefix, keysOf(found[1]))
		if file, line := from.find(keys); file != "" {
			problem = problem.At(file, line)
		}
	}
	return problem
}
