package render

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// What upstream's message about values begins with, where a schema is violated.
const schemaTitle = "values don't meet the specifications of the schema(s) in the following chart(s):\n"

// explainValues turns what upstream says of the values into diagnostics: one
// for each violation of a schema, at the schema.
func explainValues(err error, files places) []Diagnostic {
	message, violated := strings.CutPrefix(err.Error(), schemaTitle)
	if !violated {
		return []Diagnostic{failure("%v", err).at(chartFile(files.folder), 0)}
	}
	var problems []Diagnostic
	chart, first := "", 0
	for line := range strings.SplitSeq(message, "\n") {
		switch {
		case strings.TrimSpace(line) == "":
		case strings.HasPrefix(line, "- "):
			problems = append(problems, violation(chart, strings.TrimPrefix(line, "- "), files))
		case strings.HasPrefix(line, " ") && len(problems) != 0:
			// What a violation consists of.
			last := &problems[len(problems)-1]
			last.Message += "; " + strings.TrimPrefix(strings.TrimSpace(line), "- ")
		case strings.HasSuffix(line, ":") && !strings.Contains(line, " "):
			sortViolations(problems[first:])
			chart, first = strings.TrimSuffix(line, ":"), len(problems)
		default:
			problems = append(problems, violation(chart, line, files))
		}
	}
	sortViolations(problems[first:])
	if len(problems) == 0 {
		problems = append(problems, failure("%v", err).at(chartFile(files.folder), 0))
	}
	return problems
}

// sortViolations puts those of one chart in a certain order: upstream walks
// through maps.
func sortViolations(problems []Diagnostic) {
	slices.SortFunc(problems, func(a, b Diagnostic) int { return strings.Compare(a.Message, b.Message) })
}

var remoteSchema = regexp.MustCompile(`HTTP request failed for (\S+):`)

func violation(chart, text string, files places) Diagnostic {
	if found := remoteSchema.FindStringSubmatch(text); found != nil {
		text = fmt.Sprintf("it can't be judged, for the schema refers to %s, and a renderer reaches no network: "+
			"copy the definitions into values.schema.json, or set `skipSchemaValidation`", found[1])
	}
	place, known := files.schemas[chart]
	if !known {
		place = relativePath(path.Join(files.folder, "values.schema.json"))
	}
	return failure("the values of the chart %s don't meet its schema: %s", chart, text).at(place, 0)
}
