// Command oracle judges objects with Gatekeeper's own client and with OPA, for
// the tests of the plugin: it takes a JSON list of jobs on standard input, and
// prints a list of what each of them gives.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/open-policy-agent/opa/v1/ast"
)

// A job has one of the two.
type job struct {
	Gatekeeper *gatekeeperJob `json:"gatekeeper"`
	Modules    *modulesJob    `json:"modules"`
}

// An answer holds what was said of each object, in the order of the objects;
// or why nothing could be said.
type answer struct {
	Said  [][]said `json:"said"`
	Error string   `json:"error"`
}

type said struct {
	Rule    string `json:"rule"`
	Action  string `json:"action"`
	Message string `json:"message"`
}

func run(j job) answer {
	var result [][]said
	var err error
	if j.Gatekeeper != nil {
		result, err = j.Gatekeeper.run()
	} else {
		result, err = j.Modules.run()
	}
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Said: result}
}

func functions() []string {
	var names []string
	for _, builtin := range ast.Builtins {
		if builtin.Infix == "" {
			names = append(names, builtin.Name)
		}
	}
	return names
}

func main() {
	var jobs []job
	if err := json.NewDecoder(os.Stdin).Decode(&jobs); err != nil {
		fmt.Fprintln(os.Stderr, "read the jobs:", err)
		os.Exit(1)
	}
	answers := make([]answer, len(jobs))
	for i, j := range jobs {
		answers[i] = run(j)
	}
	output := map[string]any{"answers": answers, "functions": functions()}
	if err := json.NewEncoder(os.Stdout).Encode(output); err != nil {
		fmt.Fprintln(os.Stderr, "print the answers:", err)
		os.Exit(1)
	}
}
