package render

import (
	"bytes"
	"path"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"sigs.k8s.io/yaml"
)

// place is a file of the repository, as far as it is known.
type place struct {
	path string
	// What the file has; nothing, where it is an archive that has the file.
	content []byte
}

// places finds the files of a chart.
type places struct {
	// By the name that upstream gives to a template: the names of the charts
	// that contain it, which are not those of their folders, and its own.
	byName map[string]place
	// By the name of a chart, for those that have one.
	schemas map[string]schema
	// The folder of the chart that is rendered.
	folder string
}

// schema is what the values of a chart are held against.
type schema struct {
	path string
	// Where the values of the chart are in those of the outermost one.
	prefix []string
	// Whether charts in several places have the name.
	ambiguous bool
}

// locate finds all files of a chart and of those that it depends on, once
// aliases have taken effect.
//
// Upstream forgets which folder a subchart was in. But the bytes of a file are
// read once, and are the same in the list of all files that the outermost chart
// keeps: a file is known by where its bytes lie. What is in none of the files
// came out of an archive.
func locate(folder string, root *chart.Chart) places {
	names := map[*byte]string{}
	for _, file := range root.Raw {
		if len(file.Data) != 0 {
			names[&file.Data[0]] = path.Join(folder, file.Name)
		}
	}
	found := places{byName: map[string]place{}, schemas: map[string]schema{}, folder: folder}
	found.add(root, names, "")
	return found
}

func (p places) add(c *chart.Chart, names map[*byte]string, packed string) {
	if packed == "" && !c.IsRoot() && nameOf(metadataOf(c), names) == "" {
		packed = archiveOf(c, names)
	}
	at := func(file *common.File) place {
		if name := nameOf(file.Data, names); name != "" {
			return place{path: relativePath(name), content: file.Data}
		}
		return place{path: relativePath(packed)}
	}
	for _, file := range c.Templates {
		p.byName[path.Join(c.ChartFullPath(), file.Name)] = at(file)
	}
	for _, crd := range c.Files {
		if strings.HasPrefix(crd.Name, "crds/") {
			p.byName[path.Join(c.ChartFullPath(), crd.Name)] = at(crd)
		}
	}
	if len(c.Schema) != 0 {
		_, known := p.schemas[c.Name()]
		p.schemas[c.Name()] = schema{
			path:      at(&common.File{Data: c.Schema}).path,
			prefix:    strings.Split(c.ChartPath(), ".")[1:],
			ambiguous: known,
		}
	}
	for _, dependency := range c.Dependencies() {
		p.add(dependency, names, packed)
	}
}

func nameOf(content []byte, names map[*byte]string) string {
	if len(content) == 0 {
		return ""
	}
	return names[&content[0]]
}

func metadataOf(c *chart.Chart) []byte {
	for _, file := range c.Raw {
		if file.Name == "Chart.yaml" {
			return file.Data
		}
	}
	return nil
}

// archiveOf finds the archive that a subchart was packed in: the one with the
// name that `helm package` gives, or else the one that has its Chart.yaml.
func archiveOf(c *chart.Chart, names map[*byte]string) string {
	metadata := metadataOf(c)
	// An alias has replaced the chart's own name.
	usual := path.Join("charts", declaredName(metadata)+"-"+c.Metadata.Version+".tgz")
	var others []*common.File
	for _, file := range c.Parent().Raw {
		switch {
		case file.Name == usual:
			return nameOf(file.Data, names)
		case path.Dir(file.Name) == "charts" && path.Ext(file.Name) == ".tgz":
			others = append(others, file)
		}
	}
	for _, file := range others {
		packed, _ := archive.LoadArchiveFiles(bytes.NewReader(file.Data))
		for _, member := range packed {
			if member.Name == "Chart.yaml" && bytes.Equal(member.Data, metadata) {
				return nameOf(file.Data, names)
			}
		}
	}
	return ""
}

func declaredName(metadata []byte) string {
	var head struct {
		Name string `json:"name"`
	}
	// A chart whose metadata does not parse was not loaded.
	_ = yaml.Unmarshal(metadata, &head)
	return head.Name
}
