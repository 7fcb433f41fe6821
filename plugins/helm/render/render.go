package render

import (
	"path"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"

	"windlass.dev/plugin-sdk/renderer"
)

// Render gives the objects of the request's chart in the order of
// `helm template --skip-tests`, and warnings; or the reasons why there are
// none.
//
// They are those of the release that Helm would install. The command trims what
// it prints of them, and so takes blanks off a text at the end of the last one:
// that is not done here.
func Render(request Request) ([]Manifest, []Diagnostic, []Diagnostic) {
	config := request.Config
	if config == nil {
		config = &Config{}
	}
	notices := listen()
	defer notices.stop()
	reseed()
	manifests, warnings, failures := render(request, config)
	return manifests, append(notices.warnings(), warnings...), failures
}

func render(request Request, config *Config) ([]Manifest, []Diagnostic, []Diagnostic) {
	keep, err := config.keepsHooks()
	if err != nil {
		return refuse(renderer.Errorf("%v", err))
	}
	release, err := config.release(request)
	if err != nil {
		return refuse(renderer.Errorf("%v", err))
	}
	capabilities, err := config.capabilities()
	if err != nil {
		return refuse(renderer.Errorf("%v", err))
	}
	folder := path.Clean("/" + request.Path)
	values, from, problem := readValues(folder, config)
	if problem != nil {
		return refuse(*problem)
	}
	root, problem := load(folder, capabilities)
	if problem != nil {
		return refuse(*problem)
	}
	stale := staleDependencies(folder, root)
	if err := chartutil.ProcessDependencies(root, values); err != nil {
		return refuse(renderer.Errorf("chart dependencies processing failed: %v", err).At(chartFile(folder), 0))
	}
	files := locate(folder, root)
	scope, err := util.ToRenderValuesWithSchemaValidation(root, values, release, capabilities, config.SkipSchemaValidation)
	if err != nil {
		return nil, nil, explainValues(err, files, from.withOwn(folder, root))
	}
	rendered, err := engine.Engine{}.Render(root, scope)
	if err != nil {
		return refuse(explainTemplate(err, files))
	}
	dropNotes(rendered)
	hooks, ordinary, err := releaseutil.SortManifests(rendered, nil, releaseutil.InstallOrder)
	if err != nil {
		return refuse(explainDocument(err, rendered, files))
	}
	var out objects
	if config.includesCRDs() {
		out.addCRDs(root, files)
	}
	for _, manifest := range ordinary {
		out.add(manifest.Name, manifest.Content, files)
	}
	kept, warnings := chooseHooks(hooks, keep, files)
	for _, hook := range kept {
		out.add(hook.Path, hook.Manifest, files)
	}
	warnings = append(warnings, unknownHooks(rendered, files)...)
	warnings = append(warnings, stale...)
	if root.Metadata.Deprecated {
		warnings = append(warnings, renderer.Warningf("the chart %s is deprecated", root.Name()).At(chartFile(folder), 0))
	}
	return out.manifests, warnings, out.failures
}

func refuse(problem Diagnostic) ([]Manifest, []Diagnostic, []Diagnostic) {
	return nil, nil, []Diagnostic{problem}
}

// dropNotes takes out the text that `helm install` prints for a person.
func dropNotes(rendered map[string]string) {
	for name := range rendered {
		if strings.HasSuffix(name, "NOTES.txt") {
			delete(rendered, name)
		}
	}
}

// chartFile is the file that makes a folder a chart.
func chartFile(folder string) string {
	return relativePath(path.Join(folder, "Chart.yaml"))
}

// relativePath is a path as diagnostics name it; nothing for the root, and for
// what is not known.
func relativePath(name string) string {
	if name == "" {
		return ""
	}
	return strings.TrimPrefix(path.Clean(name), "/")
}

// everyChart visits a chart and all that it depends on.
func everyChart(c *chart.Chart, visit func(*chart.Chart)) {
	visit(c)
	for _, dependency := range c.Dependencies() {
		everyChart(dependency, visit)
	}
}
