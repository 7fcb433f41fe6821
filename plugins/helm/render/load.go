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

	"go.yaml.in/yaml/v3"

	"windlass.dev/plugin-sdk/renderer"
)

// load reads the chart and makes sure that it can be rendered.
func load(folder string, capabilities *common.Capabilities) (*chart.Chart, *Diagnostic) {
	if _, err := os.Stat(path.Join(folder, "Chart.yaml")); err != nil {
		problem := renderer.Errorf("there is no chart here: the folder has no Chart.yaml").At(relativePath(folder), 0)
		return nil, &problem
	}
	root, err := read(folder)
	if err != nil {
		problem := explainLoad(err, folder)
		return nil, &problem
	}
	if reason, key := unfit(root, capabilities); reason != "" {
		problem := renderer.Errorf("%s", reason).At(chartFile(folder), metadataLine(root, key...))
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

// unfit says why a chart that was read can't be rendered, and where in its
// Chart.yaml; nothing, if it can.
func unfit(root *chart.Chart, capabilities *common.Capabilities) (reason string, key []string) {
	switch root.Metadata.APIVersion {
	case chart.APIVersionV1, chart.APIVersionV2:
	default:
		return fmt.Sprintf("the chart's apiVersion is %q; Helm renders v1 and v2", root.Metadata.APIVersion), []string{"apiVersion"}
	}
	if kind := root.Metadata.Type; kind != "" && kind != "application" {
		return kind + " charts are not installable: render a chart that depends on this one", []string{"type"}
	}
	if missing := missingDependencies(root); len(missing) != 0 {
		return fmt.Sprintf("found in Chart.yaml, but missing in charts/ directory: %s; run `helm dependency build` "+
			"in the chart's folder and commit its `charts` folder, for a renderer reaches no network",
			strings.Join(missing, ", ")), []string{"dependencies", missing[0]}
	}
	wanted := root.Metadata.KubeVersion
	if wanted != "" && !chartutil.IsCompatibleRange(wanted, capabilities.KubeVersion.String()) {
		return fmt.Sprintf("chart requires kubeVersion: %s which is incompatible with Kubernetes %s; "+
			"set `kubeVersion` to the version of the cluster", wanted, capabilities.KubeVersion.Version), []string{"kubeVersion"}
	}
	return "", nil
}

// missingDependencies are the declared ones that the chart does not bring along.
func missingDependencies(root *chart.Chart) []string {
	var missing []string
	for _, wanted := range root.Metadata.Dependencies {
		if len(brought(root, wanted)) == 0 {
			missing = append(missing, wanted.Name)
		}
	}
	return missing
}

// staleDependencies warns of those that the chart brings along in a version
// that it does not want: Helm renders them all the same.
func staleDependencies(folder string, root *chart.Chart) []Diagnostic {
	var warnings []Diagnostic
	for _, wanted := range root.Metadata.Dependencies {
		fits := func(c *chart.Chart) bool { return chartutil.IsCompatibleRange(wanted.Version, c.Metadata.Version) }
		found := brought(root, wanted)
		if wanted.Version == "" || len(found) == 0 || slices.ContainsFunc(found, fits) {
			continue
		}
		warnings = append(warnings, renderer.Warningf("the chart wants %s in version %s, and has %s in its `charts` folder, which is rendered "+
			"all the same: run `helm dependency build` and commit the folder", wanted.Name, wanted.Version, found[0].Metadata.Version).
			At(chartFile(folder), metadataLine(root, "dependencies", wanted.Name)))
	}
	return warnings
}

// brought are the charts in the `charts` folder with the name of a dependency.
func brought(root *chart.Chart, wanted *chart.Dependency) []*chart.Chart {
	var found []*chart.Chart
	for _, c := range root.Dependencies() {
		if c.Name() == wanted.Name {
			found = append(found, c)
		}
	}
	return found
}

// metadataLine finds a field of Chart.yaml, or the item of a list by its name;
// 0 where it isn't.
func metadataLine(root *chart.Chart, keys ...string) int {
	var document yaml.Node
	if yaml.Unmarshal(metadataOf(root), &document) != nil || len(document.Content) == 0 || len(keys) == 0 {
		return 0
	}
	key, value := field(document.Content[0], keys[0])
	if key == nil || len(keys) == 1 {
		return lineOf(document.Content[0], keys[:1])
	}
	for _, item := range value.Content {
		if _, name := field(item, "name"); name != nil && name.Value == keys[1] {
			return item.Line
		}
	}
	return 0
}
