package render

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
)

// load reads the chart and makes sure that it can be rendered.
func load(folder string, capabilities *common.Capabilities) (*chart.Chart, *Diagnostic) {
	if _, err := os.Stat(path.Join(folder, "Chart.yaml")); err != nil {
		problem := failure("there is no chart here: the folder has no Chart.yaml").at(relativePath(folder), 0)
		return nil, &problem
	}
	root, err := read(folder)
	if err != nil {
		problem := explainLoad(err, folder)
		return nil, &problem
	}
	if reason := unfit(root, capabilities); reason != "" {
		problem := failure("%s", reason).at(chartFile(folder), 0)
		return nil, &problem
	}
	everyChart(root, order)
	return root, nil
}

// order makes the order of dependencies that Chart.yaml does not declare
// certain; upstream leaves it to chance.
func order(c *chart.Chart) {
	dependencies := slices.Clone(c.Dependencies())
	slices.SortStableFunc(dependencies, func(a, b *chart.Chart) int {
		return strings.Compare(a.Name()+" "+a.Metadata.Version, b.Name()+" "+b.Metadata.Version)
	})
	c.SetDependencies(dependencies...)
}

// unfit says why a chart that was read can't be rendered; nothing, if it can.
func unfit(root *chart.Chart, capabilities *common.Capabilities) string {
	switch root.Metadata.APIVersion {
	case chart.APIVersionV1, chart.APIVersionV2:
	default:
		return fmt.Sprintf("the chart's apiVersion is %q; Helm renders v1 and v2", root.Metadata.APIVersion)
	}
	if kind := root.Metadata.Type; kind != "" && kind != "application" {
		return kind + " charts are not installable: render a chart that depends on this one"
	}
	if missing := missingDependencies(root); len(missing) != 0 {
		return fmt.Sprintf("found in Chart.yaml, but missing in charts/ directory: %s; run `helm dependency build` "+
			"in the chart's folder and commit its `charts` folder, for a renderer reaches no network",
			strings.Join(missing, ", "))
	}
	wanted := root.Metadata.KubeVersion
	if wanted != "" && !chartutil.IsCompatibleRange(wanted, capabilities.KubeVersion.String()) {
		return fmt.Sprintf("chart requires kubeVersion: %s which is incompatible with Kubernetes %s; "+
			"set `kubeVersion` to the version of the cluster", wanted, capabilities.KubeVersion.Version)
	}
	return ""
}

// missingDependencies are the declared ones that the chart does not bring along.
func missingDependencies(root *chart.Chart) []string {
	var missing []string
	for _, wanted := range root.Metadata.Dependencies {
		has := func(c *chart.Chart) bool { return c.Name() == wanted.Name }
		if !slices.ContainsFunc(root.Dependencies(), has) {
			missing = append(missing, wanted.Name)
		}
	}
	return missing
}
