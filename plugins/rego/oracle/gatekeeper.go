package main

import (
	"context"
	"fmt"
	"sort"

	"github.com/open-policy-agent/frameworks/constraint/pkg/apis"
	"github.com/open-policy-agent/frameworks/constraint/pkg/client"
	"github.com/open-policy-agent/frameworks/constraint/pkg/client/drivers/rego"
	"github.com/open-policy-agent/frameworks/constraint/pkg/client/reviews"
	"github.com/open-policy-agent/gatekeeper/v3/pkg/gator/reader"
	"github.com/open-policy-agent/gatekeeper/v3/pkg/mutation/types"
	"github.com/open-policy-agent/gatekeeper/v3/pkg/target"
	"github.com/open-policy-agent/gatekeeper/v3/pkg/util"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// Templates and constraints, the objects that they judge, and those that stand
// around them: the namespaces among them are also those of the objects.
type gatekeeperJob struct {
	Resources []map[string]any `json:"resources"`
	Objects   []map[string]any `json:"objects"`
	Cluster   []map[string]any `json:"cluster"`
}

func (j *gatekeeperJob) run() ([][]said, error) {
	ctx := context.Background()
	c, err := j.client(ctx)
	if err != nil {
		return nil, err
	}
	var result [][]said
	for _, object := range j.Objects {
		o := unstructured.Unstructured{Object: object}
		review := target.AugmentedUnstructured{
			Object:    o,
			Source:    types.SourceTypeOriginal,
			Operation: admissionv1.Create,
		}
		options := []reviews.ReviewOpt{reviews.EnforcementPoint(util.WebhookEnforcementPoint)}
		if namespace := j.namespace(o.GetNamespace()); namespace != nil {
			review.Namespace = &corev1.Namespace{}
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(namespace, review.Namespace); err != nil {
				return nil, err
			}
			options = append(options, reviews.Namespace(namespace))
		}
		responses, err := c.Review(ctx, review, options...)
		if err != nil {
			return nil, fmt.Errorf("review: %w", err)
		}
		found := []said{}
		for _, r := range responses.Results() {
			action := r.EnforcementAction
			if action == "scoped" {
				if len(r.ScopedEnforcementActions) == 0 {
					continue
				}
				action = strongest(r.ScopedEnforcementActions)
			}
			found = append(found, said{Rule: r.Constraint.GetName(), Action: action, Message: r.Msg})
		}
		sort.Slice(found, func(i, k int) bool {
			return found[i].Rule+"\n"+found[i].Message < found[k].Rule+"\n"+found[k].Message
		})
		result = append(result, found)
	}
	return result, nil
}

func (j *gatekeeperJob) client(ctx context.Context) (*client.Client, error) {
	driver, err := rego.New()
	if err != nil {
		return nil, err
	}
	c, err := client.NewClient(
		client.Targets(&target.K8sValidationTarget{}),
		client.Driver(driver),
		client.EnforcementPoints(util.WebhookEnforcementPoint),
	)
	if err != nil {
		return nil, err
	}
	scheme := runtime.NewScheme()
	if err := apis.AddToScheme(scheme); err != nil {
		return nil, err
	}
	for _, resource := range j.Resources {
		o := &unstructured.Unstructured{Object: resource}
		if reader.IsTemplate(o) {
			template, err := reader.ToTemplate(scheme, o)
			if err != nil {
				return nil, err
			}
			if _, err := c.AddTemplate(ctx, template); err != nil {
				return nil, fmt.Errorf("template: %w", err)
			}
		}
	}
	for _, resource := range j.Resources {
		o := &unstructured.Unstructured{Object: resource}
		if reader.IsConstraint(o) {
			if _, err := c.AddConstraint(ctx, o); err != nil {
				return nil, fmt.Errorf("constraint: %w", err)
			}
		}
	}
	for _, object := range append(append([]map[string]any{}, j.Cluster...), j.Objects...) {
		if _, err := c.AddData(ctx, &unstructured.Unstructured{Object: object}); err != nil {
			return nil, fmt.Errorf("data: %w", err)
		}
	}
	return c, nil
}

func (j *gatekeeperJob) namespace(name string) map[string]any {
	for _, object := range append(append([]map[string]any{}, j.Objects...), j.Cluster...) {
		o := unstructured.Unstructured{Object: object}
		if o.GetKind() == "Namespace" && o.GetName() == name {
			return object
		}
	}
	return nil
}

func strongest(actions []string) string {
	for _, action := range []string{"deny", "warn"} {
		for _, other := range actions {
			if other == action {
				return action
			}
		}
	}
	return "dryrun"
}
