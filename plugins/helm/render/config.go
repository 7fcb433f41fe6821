package render

import (
	"encoding/json"
	"fmt"
	"slices"

	"helm.sh/helm/v4/pkg/chart/common"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
)

// What `helm template` of the release that go.mod names has. Upstream takes
// the first from the linker, and the second from the version of the client.
const (
	helmVersion       = "v4.3.1"
	clientVersion     = "v1.37"
	kubernetesVersion = clientVersion + ".0"
)

// Config holds the settings that manifest.json declares.
type Config struct {
	ReleaseName             string          `json:"releaseName"`
	Namespace               string          `json:"namespace"`
	Values                  json.RawMessage `json:"values"`
	ValueFiles              []string        `json:"valueFiles"`
	IgnoreMissingValueFiles bool            `json:"ignoreMissingValueFiles"`
	KubeVersion             string          `json:"kubeVersion"`
	APIVersions             []string        `json:"apiVersions"`
	ServedAPIVersions       []string        `json:"servedApiVersions"`
	IncludeCRDs             *bool           `json:"includeCRDs"`
	SkipSchemaValidation    bool            `json:"skipSchemaValidation"`
	Hooks                   string          `json:"hooks"`
}

// release says what templates see as `.Release`.
func (c *Config) release(request Request) (common.ReleaseOptions, error) {
	release := common.ReleaseOptions{Name: request.Name, Namespace: request.Namespace, Revision: 1, IsInstall: true}
	if c.ReleaseName != "" {
		release.Name = c.ReleaseName
	}
	if c.Namespace != "" {
		release.Namespace = c.Namespace
	}
	if err := chartutil.ValidateReleaseName(release.Name); err != nil {
		return release, fmt.Errorf("the release name %q: %w; set `releaseName`", release.Name, err)
	}
	return release, nil
}

// capabilities says what templates see as `.Capabilities`.
func (c *Config) capabilities() (*common.Capabilities, error) {
	capabilities := common.DefaultCapabilities.Copy()
	if c.ServedAPIVersions != nil {
		// A cluster has no more than it serves: upstream's own list names what was removed long ago.
		capabilities.APIVersions = c.ServedAPIVersions
	}
	capabilities.APIVersions = slices.Concat(capabilities.APIVersions, c.APIVersions)
	capabilities.HelmVersion.Version = helmVersion
	capabilities.HelmVersion.KubeClientVersion = clientVersion
	text := c.KubeVersion
	if text == "" {
		text = kubernetesVersion
	}
	version, err := common.ParseKubeVersion(text)
	if err != nil {
		return nil, fmt.Errorf("`kubeVersion` %q is not a version of Kubernetes: %w", text, err)
	}
	capabilities.KubeVersion = *version
	return capabilities, nil
}

func (c *Config) includesCRDs() bool {
	return c.IncludeCRDs == nil || *c.IncludeCRDs
}

func (c *Config) keepsHooks() (bool, error) {
	switch c.Hooks {
	case "", "keep":
		return true, nil
	case "drop":
		return false, nil
	default:
		return false, fmt.Errorf("`hooks` is %q; it must be keep or drop", c.Hooks)
	}
}
