// Command oracle judges pods with upstream's own evaluator, and reads the
// labels of namespaces as upstream does, for the tests of the plugin: it takes
// both as JSON on standard input, and prints what upstream makes of them.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"

	corev1 "k8s.io/api/core/v1"
	kjson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

type question struct {
	Pods []json.RawMessage `json:"pods"`
	// The newest minor version to judge by; the one after it is `latest`.
	Newest     int      `json:"newest"`
	Namespaces []labels `json:"namespaces"`
}

type labels struct {
	Labels   map[string]string `json:"labels"`
	Defaults [3]string         `json:"defaults"`
}

type answer struct {
	Checks     int        `json:"checks"`
	Pods       []judged   `json:"pods"`
	Namespaces []resolved `json:"namespaces"`
}

// One of the two is empty.
type judged struct {
	Levels map[string][]verdict `json:"levels"`
	Error  string               `json:"error"`
}

// What is said from a version on, until the next verdict.
type verdict struct {
	Since   int         `json:"since"`
	Reasons [][2]string `json:"reasons"`
}

type resolved struct {
	Enforce string   `json:"enforce"`
	Warn    string   `json:"warn"`
	Audit   string   `json:"audit"`
	Errors  []string `json:"errors"`
}

func judge(evaluator policy.Evaluator, raw []byte, newest int) judged {
	var pod corev1.Pod
	if err := kjson.Unmarshal(raw, &pod); err != nil {
		return judged{Error: err.Error()}
	}
	// What the API server does before it asks the evaluator.
	for i := range pod.Spec.Volumes {
		if source := &pod.Spec.Volumes[i].VolumeSource; *source == (corev1.VolumeSource{}) {
			source.EmptyDir = &corev1.EmptyDirVolumeSource{}
		}
	}
	levels := map[string][]verdict{}
	for _, level := range []api.Level{api.LevelPrivileged, api.LevelBaseline, api.LevelRestricted} {
		var verdicts []verdict
		for minor := 0; minor <= newest+1; minor++ {
			version := api.MajorMinorVersion(1, minor)
			if minor > newest {
				version = api.LatestVersion()
			}
			reasons := [][2]string{}
			standard := api.LevelVersion{Level: level, Version: version}
			for _, result := range evaluator.EvaluatePod(standard, &pod.ObjectMeta, &pod.Spec) {
				if !result.Allowed {
					reasons = append(reasons, [2]string{result.ForbiddenReason, result.ForbiddenDetail})
				}
			}
			if last := len(verdicts) - 1; last < 0 || !reflect.DeepEqual(verdicts[last].Reasons, reasons) {
				verdicts = append(verdicts, verdict{Since: minor, Reasons: reasons})
			}
		}
		levels[string(level)] = verdicts
	}
	return judged{Levels: levels}
}

func resolve(namespace labels) (resolved, error) {
	var defaults api.Policy
	for i, standard := range []*api.LevelVersion{&defaults.Enforce, &defaults.Warn, &defaults.Audit} {
		level, err := api.ParseLevel(namespace.Defaults[i])
		if err != nil {
			return resolved{}, err
		}
		*standard = api.LevelVersion{Level: level, Version: api.MajorMinorVersion(1, 20+i)}
	}
	result, errs := api.PolicyToEvaluate(namespace.Labels, defaults)
	answer := resolved{
		Enforce: result.Enforce.String(), Warn: result.Warn.String(), Audit: result.Audit.String(),
		Errors: []string{},
	}
	for _, err := range errs {
		answer.Errors = append(answer.Errors, err.Error())
	}
	return answer, nil
}

func run() error {
	var asked question
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		return fmt.Errorf("read the question: %w", err)
	}
	checks := policy.DefaultChecks()
	evaluator, err := policy.NewEvaluator(checks, nil)
	if err != nil {
		return fmt.Errorf("make the evaluator: %w", err)
	}
	result := answer{Checks: len(checks), Pods: []judged{}, Namespaces: []resolved{}}
	for _, pod := range asked.Pods {
		result.Pods = append(result.Pods, judge(evaluator, pod, asked.Newest))
	}
	for _, namespace := range asked.Namespaces {
		answer, err := resolve(namespace)
		if err != nil {
			return fmt.Errorf("read the defaults: %w", err)
		}
		result.Namespaces = append(result.Namespaces, answer)
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		return fmt.Errorf("print the answer: %w", err)
	}
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
