// Kubernetes' own evaluation of admission policies, for the tests: cases come as
// JSON on standard input, answers go in their order to standard output.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	v1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/admission"
	admissioncel "k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/cel/environment"
	"k8s.io/apiserver/pkg/cel/library"
)

// Case is an expression on an object, or a policy on one.
type Case struct {
	Expression string                        `json:"expression"`
	Policy     *v1.ValidatingAdmissionPolicy `json:"policy"`
	Object     map[string]any                `json:"object"`
	Old        map[string]any                `json:"old"`
	Params     map[string]any                `json:"params"`
	Namespace  *corev1.Namespace             `json:"namespace"`
	Resource   string                        `json:"resource"`
}

// Answer is what Kubernetes says.
type Answer struct {
	// The type and the text of a value.
	Value string `json:"value,omitempty"`
	// Why there is none.
	Error string `json:"error,omitempty"`
	// Whether it does not compile.
	Refused bool `json:"refused,omitempty"`
	// What denies, and the audit annotations.
	Messages    []string `json:"messages,omitempty"`
	Annotations []string `json:"annotations,omitempty"`
}

// The version whose functions there are: all that the library knows.
var environments = environment.MustBaseEnvSet(version.MajorMinor(1, 37))

func expression(c Case) Answer {
	extended, err := environments.Extend(environment.VersionedOptions{
		IntroducedVersion: version.MajorMinor(1, 0),
		EnvOptions:        []cel.EnvOption{cel.Variable("object", cel.DynType), environment.UnversionedLib(library.JSONPatch)},
	})
	if err != nil {
		panic(err)
	}
	env, err := extended.Env(environment.StoredExpressions)
	if err != nil {
		panic(err)
	}
	ast, issues := env.Compile(c.Expression)
	if issues != nil && issues.Err() != nil {
		return Answer{Refused: true, Error: issues.String()}
	}
	program, err := env.Program(ast)
	if err != nil {
		return Answer{Refused: true, Error: err.Error()}
	}
	value, _, err := program.Eval(map[string]any{"object": c.Object})
	if err != nil {
		return Answer{Error: err.Error()}
	}
	return Answer{Value: text(value)}
}

func text(value ref.Val) string {
	switch value := value.(type) {
	case types.Bool:
		return fmt.Sprintf("bool %t", bool(value))
	case types.Int:
		return fmt.Sprintf("int %d", int64(value))
	case types.Uint:
		return fmt.Sprintf("uint %d", uint64(value))
	case types.Double:
		return "double " + strconv.FormatFloat(float64(value), 'g', -1, 64)
	case types.String:
		return "string " + string(value)
	case types.Null:
		return "null_type"
	}
	return value.Type().TypeName()
}

func accessors[T any](items []T, convert func(T) admissioncel.ExpressionAccessor) []admissioncel.ExpressionAccessor {
	converted := make([]admissioncel.ExpressionAccessor, len(items))
	for i, item := range items {
		converted[i] = convert(item)
	}
	return converted
}

func object(content map[string]any) runtime.Object {
	if content == nil {
		return nil
	}
	return &unstructured.Unstructured{Object: content}
}

func policy(c Case) Answer {
	spec := c.Policy.Spec
	compiler, err := admissioncel.NewCompositedCompiler(environments)
	if err != nil {
		panic(err)
	}
	options := admissioncel.OptionalVariableDeclarations{HasParams: spec.ParamKind != nil, HasAuthorizer: true}
	messageOptions := admissioncel.OptionalVariableDeclarations{HasParams: spec.ParamKind != nil}
	variables := make([]admissioncel.NamedExpressionAccessor, len(spec.Variables))
	for i, variable := range spec.Variables {
		variables[i] = &validating.Variable{Name: variable.Name, Expression: variable.Expression}
	}
	compiler.CompileAndStoreVariables(variables, options, environment.StoredExpressions)
	var matcher matchconditions.Matcher
	if len(spec.MatchConditions) > 0 {
		conditions := accessors(spec.MatchConditions, func(condition v1.MatchCondition) admissioncel.ExpressionAccessor {
			return (*matchconditions.MatchCondition)(&condition)
		})
		compiled := compiler.CompileCondition(conditions, options, environment.StoredExpressions)
		matcher = matchconditions.NewMatcher(compiled, spec.FailurePolicy, "policy", "validate", c.Policy.Name)
	}
	validations := accessors(spec.Validations, func(it v1.Validation) admissioncel.ExpressionAccessor {
		return &validating.ValidationCondition{Expression: it.Expression, Message: it.Message, Reason: it.Reason}
	})
	annotations := accessors(spec.AuditAnnotations, func(it v1.AuditAnnotation) admissioncel.ExpressionAccessor {
		return &validating.AuditAnnotationCondition{Key: it.Key, ValueExpression: it.ValueExpression}
	})
	messages := accessors(spec.Validations, func(it v1.Validation) admissioncel.ExpressionAccessor {
		if it.MessageExpression == "" {
			return nil
		}
		return &validating.MessageExpressionCondition{MessageExpression: it.MessageExpression}
	})
	validator := validating.NewValidator(
		compiler.CompileCondition(validations, options, environment.StoredExpressions),
		matcher,
		compiler.CompileCondition(annotations, options, environment.StoredExpressions),
		compiler.CompileCondition(messages, messageOptions, environment.StoredExpressions),
		spec.FailurePolicy,
		nil,
	)

	judged := &unstructured.Unstructured{Object: c.Object}
	kind := judged.GroupVersionKind()
	resource := schema.GroupVersionResource{Group: kind.Group, Version: kind.Version, Resource: c.Resource}
	operation := admission.Create
	if c.Old != nil {
		operation = admission.Update
	}
	attributes := admission.NewAttributesRecord(judged, object(c.Old), kind, judged.GetNamespace(), judged.GetName(),
		resource, "", operation, nil, false, &user.DefaultInfo{Name: "someone"})
	versioned, err := admission.NewVersionedAttributes(attributes, kind, admission.NewObjectInterfacesFromScheme(runtime.NewScheme()))
	if err != nil {
		panic(err)
	}
	result := validator.Validate(context.Background(), resource, versioned, object(c.Params), c.Namespace,
		celconfig.RuntimeCELCostBudget, nil)
	answer := Answer{}
	for _, decision := range result.Decisions {
		if decision.Action == validating.ActionDeny {
			answer.Messages = append(answer.Messages, decision.Message)
		}
	}
	for _, annotation := range result.AuditAnnotations {
		switch annotation.Action {
		case validating.AuditAnnotationActionPublish:
			answer.Annotations = append(answer.Annotations, annotation.Key+": "+annotation.Value)
		case validating.AuditAnnotationActionError:
			answer.Messages = append(answer.Messages, annotation.Error)
		}
	}
	return answer
}

func main() {
	var cases []json.RawMessage
	if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil {
		panic(err)
	}
	answers := make([]Answer, len(cases))
	for i, raw := range cases {
		var c Case
		if err := json.Unmarshal(raw, &c); err != nil {
			panic(err)
		}
		// Whole numbers stay whole.
		for field, place := range map[string]*map[string]any{"object": &c.Object, "old": &c.Old, "params": &c.Params} {
			var parts map[string]json.RawMessage
			if err := json.Unmarshal(raw, &parts); err != nil {
				panic(err)
			}
			if text, ok := parts[field]; ok && string(text) != "null" {
				*place = nil
				if err := utiljson.Unmarshal(text, place); err != nil {
					panic(err)
				}
			}
		}
		if c.Policy != nil {
			answers[i] = policy(c)
		} else {
			answers[i] = expression(c)
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		panic(err)
	}
}
