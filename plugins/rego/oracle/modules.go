package main

import (
	"context"
	"fmt"
	"regexp"
	"sort"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
)

// Modules whose rules judge by their names, the way conftest has it.
type modulesJob struct {
	Modules   map[string]string `json:"modules"`
	Version   string            `json:"version"`
	Namespace string            `json:"namespace"`
	Data      map[string]any    `json:"data"`
	Objects   []map[string]any  `json:"objects"`
}

var judging = regexp.MustCompile(`^(deny|violation|warn)(_[a-zA-Z0-9]+)*$`)

func (j *modulesJob) run() ([][]said, error) {
	version := ast.RegoV1
	if j.Version == "v0" {
		version = ast.RegoV0
	}
	parsed := map[string]*ast.Module{}
	names := map[string]bool{}
	for path, text := range j.Modules {
		module, err := ast.ParseModuleWithOpts(path, text, ast.ParserOptions{RegoVersion: version})
		if err != nil {
			return nil, err
		}
		parsed[path] = module
		for _, rule := range module.Rules {
			name := rule.Head.Ref().GroundPrefix()[0].Value.String()
			if module.Package.Path.String() == "data."+j.Namespace && judging.MatchString(name) {
				names[name] = true
			}
		}
	}
	compiler := ast.NewCompiler()
	if compiler.Compile(parsed); compiler.Failed() {
		return nil, compiler.Errors
	}
	var result [][]said
	for _, object := range j.Objects {
		found := []said{}
		for name := range names {
			of, err := j.rule(compiler, name, object)
			if err != nil {
				return nil, err
			}
			found = append(found, of...)
		}
		sort.Slice(found, func(i, k int) bool {
			return found[i].Rule+"\n"+found[i].Message < found[k].Rule+"\n"+found[k].Message
		})
		result = append(result, found)
	}
	return result, nil
}

func (j *modulesJob) rule(compiler *ast.Compiler, name string, object any) ([]said, error) {
	called := strings.TrimPrefix(name, "deny_")
	if called == name {
		called = strings.TrimPrefix(name, "violation_")
	}
	excepted, err := j.query(compiler, fmt.Sprintf("data.%s.exception[_][_] == %q", j.Namespace, called), object)
	if err != nil {
		return nil, err
	}
	for _, result := range excepted {
		if result.Expressions[0].Value == true {
			return nil, nil
		}
	}
	results, err := j.query(compiler, fmt.Sprintf("data.%s.%s", j.Namespace, name), object)
	if err != nil {
		return nil, err
	}
	action := "deny"
	if strings.HasPrefix(name, "warn") {
		action = "warn"
	}
	found := []said{}
	for _, result := range results {
		messages, _ := result.Expressions[0].Value.([]any)
		for _, message := range messages {
			switch message := message.(type) {
			case string:
				found = append(found, said{Rule: j.Namespace + "." + name, Action: action, Message: message})
			case map[string]any:
				text, is := message["msg"].(string)
				if !is {
					return nil, fmt.Errorf("a message without msg")
				}
				found = append(found, said{Rule: j.Namespace + "." + name, Action: action, Message: text})
			}
		}
	}
	return found, nil
}

func (j *modulesJob) query(compiler *ast.Compiler, query string, input any) (rego.ResultSet, error) {
	options := []func(*rego.Rego){rego.Query(query), rego.Compiler(compiler), rego.Input(input)}
	if j.Data != nil {
		options = append(options, rego.Store(inmem.NewFromObject(j.Data)))
	}
	return rego.New(options...).Eval(context.Background())
}
