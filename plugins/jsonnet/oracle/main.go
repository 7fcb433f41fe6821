// Command oracle evaluates programs with go-jsonnet, for the tests of the
// plugin: it takes a JSON list of programs on standard input, and prints a list
// of what each of them gives.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/google/go-jsonnet"
)

type program struct {
	File    string                     `json:"file"`
	Libs    []string                   `json:"libs"`
	ExtVars map[string]json.RawMessage `json:"extVars"`
	TLAs    map[string]json.RawMessage `json:"tlas"`
}

// One of the two is empty.
type result struct {
	Output json.RawMessage `json:"output"`
	Error  string          `json:"error"`
}

func evaluate(p program) result {
	vm := jsonnet.MakeVM()
	vm.Importer(&jsonnet.FileImporter{JPaths: p.Libs})
	for name, value := range p.ExtVars {
		vm.ExtCode(name, string(value))
	}
	for name, value := range p.TLAs {
		vm.TLACode(name, string(value))
	}
	output, err := vm.EvaluateFile(p.File)
	if err != nil {
		return result{Output: json.RawMessage("null"), Error: err.Error()}
	}
	return result{Output: json.RawMessage(output)}
}

func main() {
	var programs []program
	if err := json.NewDecoder(os.Stdin).Decode(&programs); err != nil {
		fmt.Fprintln(os.Stderr, "read the programs:", err)
		os.Exit(1)
	}
	results := make([]result, len(programs))
	for i, program := range programs {
		results[i] = evaluate(program)
	}
	if err := json.NewEncoder(os.Stdout).Encode(results); err != nil {
		fmt.Fprintln(os.Stderr, "print the results:", err)
		os.Exit(1)
	}
}
