package render

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"maps"
	"slices"
)

// example is a tree whose folder `app` is a chart, and settings.
type example struct {
	files  map[string]string
	config string
}

const metadata = "apiVersion: v2\nname: app\nversion: 1.2.3\nappVersion: '4.5'\n"

const configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n"

// show renders one expression into an object.
func show(expression string) string {
	return configMap + "data:\n  shown: |\n    " + expression + "\n"
}

// pack makes an archive of a chart, as `helm package` does.
func pack(folder string, files map[string]string) string {
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	archive := tar.NewWriter(zipped)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		header := &tar.Header{Name: folder + "/" + name, Mode: 0o644, Size: int64(len(files[name])), Typeflag: tar.TypeReg}
		if archive.WriteHeader(header) != nil {
			panic("tar")
		}
		if _, err := archive.Write([]byte(files[name])); err != nil {
			panic(err)
		}
	}
	if archive.Close() != nil || zipped.Close() != nil {
		panic("close")
	}
	return out.String()
}

const crd = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.org}
`

var examples = map[string]example{
	"one template, release and chart": {files: map[string]string{
		"app/Chart.yaml": metadata,
		"app/templates/a.yaml": show(`{{ .Release.Name }} {{ .Release.Namespace }} {{ .Release.Service }} {{ .Release.IsInstall }} {{ .Release.IsUpgrade }}
    {{ .Release.Revision }} {{ .Chart.Name }}-{{ .Chart.Version }} {{ .Chart.AppVersion }} {{ .Template.Name }} {{ .Template.BasePath }} {{ .Chart.IsRoot }}`),
	}},
	"release name and namespace of the config": {
		config: `{"releaseName": "other.name", "namespace": "elsewhere"}`,
		files: map[string]string{
			"app/Chart.yaml":       metadata,
			"app/templates/a.yaml": show(`{{ .Release.Name }} {{ .Release.Namespace }}`),
		},
	},
	"named templates, include, tpl and nindent": {files: map[string]string{
		"app/Chart.yaml":  metadata,
		"app/values.yaml": "labels: {a: b, c: '{{ .Release.Name }}'}\nname: '{{ include \"name\" . }}'\n",
		"app/templates/_helpers.tpl": `{{- define "name" -}}{{ .Chart.Name | trunc 63 | trimSuffix "-" }}{{- end -}}
{{- define "labels" -}}
{{- range $key, $value := .Values.labels }}
{{ $key }}: {{ tpl $value $ | quote }}
{{- end }}
{{- end -}}`,
		"app/templates/a.yaml": `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ tpl .Values.name . }}
  labels: {{- include "labels" . | nindent 4 }}
data:
  values: {{ .Values | toYaml | quote }}
  json: {{ .Values | toJson | quote }}
  toml: {{ .Values.labels | toToml | quote }}
`,
	}},
	"order of kinds and of files": {files: map[string]string{
		"app/Chart.yaml": metadata,
		"app/templates/a.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
---
apiVersion: v1
kind: Service
metadata: {name: s}
---
apiVersion: example.org/v1
kind: Zebra
metadata: {name: z}
---
apiVersion: example.org/v1
kind: Ape
metadata: {name: a}
`,
		"app/templates/b.yaml": `apiVersion: v1
kind: Namespace
metadata: {name: n}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: sa}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: c}
`,
		"app/templates/sub/c.yaml": configMap,
	}},
	"precedence of values": {
		config: `{"valueFiles": ["more.yaml", "../common/values.yaml"], "values": {"a": {"inline": 4}, "list": [9]}}`,
		files: map[string]string{
			"app/Chart.yaml":       metadata,
			"app/values.yaml":      "a: {chart: 1, file: 1, second: 1, inline: 1}\nlist: [1, 2]\nsame: 1\n",
			"app/more.yaml":        "a: {file: 2, second: 2, inline: 2}\nlist: [3, 4, 5]\n",
			"common/values.yaml":   "a: {second: 3, inline: 3}\n---\na: {another: 3}\n",
			"app/templates/a.yaml": show(`{{ .Values | toJson }}`),
		},
	},
	"nulls that take keys away": {
		config: `{"valueFiles": ["null.yaml"], "values": {"b": null, "c": {"y": null}, "dep": {"gone": null}, "new": null}}`,
		files: map[string]string{
			"app/Chart.yaml":                  metadata + "dependencies: [{name: dep, version: '1'}]\n",
			"app/values.yaml":                 "a: {x: 1, y: 2}\nb: 1\nc: {x: 1, y: 2}\nd: null\ndep: {gone: 1, kept: 1}\n",
			"app/null.yaml":                   "a: {x: null}\n",
			"app/charts/dep/Chart.yaml":       "apiVersion: v2\nname: dep\nversion: 1.0.0\n",
			"app/charts/dep/values.yaml":      "gone: 2\nalso: null\nkept: 2\n",
			"app/charts/dep/templates/a.yaml": show(`{{ .Values | toJson }}`),
			"app/templates/a.yaml":            show(`{{ .Values | toJson }} {{ hasKey .Values "b" }}`),
		},
	},
	"subcharts in folders, globals and undeclared ones": {files: map[string]string{
		"app/Chart.yaml":                                  metadata + "dependencies: [{name: one, version: 1.x}]\n",
		"app/values.yaml":                                 "global: {g: 1, deep: {x: 1}}\none: {a: parent, inner: {b: grandparent}}\n",
		"app/charts/one/Chart.yaml":                       "apiVersion: v2\nname: one\nversion: 1.5.0\n",
		"app/charts/one/values.yaml":                      "a: child\nglobal: {deep: {y: 2}}\ninner: {c: parent}\n",
		"app/charts/one/templates/a.yaml":                 show(`{{ .Values | toJson }} {{ .Chart.Name }} {{ .Template.Name }}`),
		"app/charts/one/charts/inner/Chart.yaml":          "apiVersion: v2\nname: inner\nversion: 1.0.0\n",
		"app/charts/one/charts/inner/values.yaml":         "b: own\nc: own\n",
		"app/charts/one/charts/inner/templates/deep.yaml": show(`{{ .Values | toJson }}`),
		"app/charts/_ignored/Chart.yaml":                  "nonsense",
		"app/charts/two-folder/Chart.yaml":                "apiVersion: v1\nname: two\nversion: 0.1.0\n",
		"app/charts/two-folder/templates/a.yaml":          show(`{{ .Values.global.g }} {{ .Chart.Name }}`),
		"app/templates/a.yaml":                            show(`{{ .Values | toJson }} {{ .Subcharts.one.Values.a }}`),
	}},
	"aliases": {
		config: `{"values": {"first": {"a": 1}, "second": {"enabled": false}}}`,
		files: map[string]string{
			"app/Chart.yaml": metadata + `dependencies:
- {name: dep, version: "1", alias: first}
- {name: dep, version: "1", alias: second, condition: second.enabled}
- {name: dep, version: "1", alias: third, condition: third.enabled}
`,
			"app/charts/dep/Chart.yaml":       "apiVersion: v2\nname: dep\nversion: 1.0.0\n",
			"app/charts/dep/values.yaml":      "a: 0\n",
			"app/charts/dep/templates/a.yaml": show(`{{ .Chart.Name }} {{ .Values.a }} {{ .Template.Name }}`),
		},
	},
	"conditions and tags": {
		config: `{"values": {"tags": {"back": true}, "b": {"enabled": true}}}`,
		files: map[string]string{
			"app/Chart.yaml": metadata + `dependencies:
- {name: a, version: "1", tags: [front]}
- {name: b, version: "1", tags: [front], condition: "none.such,b.enabled"}
- {name: c, version: "1", tags: [back, front]}
`,
			"app/values.yaml":               "tags: {front: false}\n",
			"app/charts/a/Chart.yaml":       "apiVersion: v2\nname: a\nversion: 1.0.0\n",
			"app/charts/a/templates/x.yaml": show("a"),
			"app/charts/b/Chart.yaml":       "apiVersion: v2\nname: b\nversion: 1.0.0\n",
			"app/charts/b/templates/x.yaml": show("b"),
			"app/charts/c/Chart.yaml":       "apiVersion: v2\nname: c\nversion: 1.0.0\n",
			"app/charts/c/templates/x.yaml": show("c"),
		},
	},
	"library chart": {files: map[string]string{
		"app/Chart.yaml":                      metadata + "dependencies: [{name: lib, version: '*'}]\n",
		"app/charts/lib/Chart.yaml":           "apiVersion: v2\nname: lib\nversion: 1.0.0\ntype: library\n",
		"app/charts/lib/values.yaml":          "color: red\n",
		"app/charts/lib/templates/_lib.tpl":   `{{- define "lib.object" }}{{ printf "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}" .Release.Name }}{{ end }}`,
		"app/charts/lib/templates/other.yaml": show("never"),
		"app/templates/a.yaml":                `{{ include "lib.object" . }}`,
	}},
	"import-values": {files: map[string]string{
		"app/Chart.yaml": metadata + `dependencies:
- name: dep
  version: "1"
  import-values: [data, {child: settings.inner, parent: imported}, missing]
`,
		"app/values.yaml":                 "imported: {over: parent}\n",
		"app/charts/dep/Chart.yaml":       "apiVersion: v2\nname: dep\nversion: 1.0.0\n",
		"app/charts/dep/values.yaml":      "exports: {data: {top: 1}}\nsettings: {inner: {over: child, more: 2}}\n",
		"app/charts/dep/templates/a.yaml": show(`{{ .Values | toJson }}`),
		"app/templates/a.yaml":            show(`{{ .Values | toJson }}`),
	}},
	"packaged subcharts": {files: map[string]string{
		"app/Chart.yaml":  metadata + "dependencies: [{name: dep, version: '1', alias: renamed}, {name: other, version: '2'}]\n",
		"app/values.yaml": "renamed: {a: parent}\n",
		"app/charts/dep-1.0.0.tgz": pack("dep", map[string]string{
			"Chart.yaml": "apiVersion: v2\nname: dep\nversion: 1.0.0\n", "values.yaml": "a: own\nb: own\n",
			"templates/a.yaml": show(`{{ .Values | toJson }}`), "crds/c.yaml": crd,
			"charts/in/Chart.yaml": "apiVersion: v2\nname: in\nversion: 1.0.0\n", "charts/in/templates/a.yaml": show("in"),
		}),
		"app/charts/other-2.1.0.tgz": pack("other", map[string]string{
			"Chart.yaml": "apiVersion: v2\nname: other\nversion: 2.1.0\n", "templates/a.yaml": show(`{{ .Files.Get "x.txt" }}`), "x.txt": "text",
		}),
		"app/templates/a.yaml": show("a"),
	}},
	"files of the chart": {files: map[string]string{
		"app/Chart.yaml":      metadata,
		"app/config/one.conf": "a = 1\nb = 2\n",
		"app/config/two.conf": "c",
		"app/binary":          "\xff\xfe\x00",
		"app/README.md":       "# read me\n",
		"app/templates/a.yaml": configMap + `data: {{- (.Files.Glob "config/*").AsConfig | nindent 2 }}
  readme: {{ .Files.Get "README.md" | quote }}
  missing: {{ .Files.Get "gone" | quote }}
  lines: {{ range .Files.Lines "config/one.conf" }}{{ . | b64enc }}{{ end }}
---
apiVersion: v1
kind: Secret
metadata: {name: s}
data: {{- (.Files.Glob "{binary,config/two.conf}").AsSecrets | nindent 2 }}
`,
	}},
	".helmignore": {files: map[string]string{
		"app/Chart.yaml":           metadata,
		"app/.helmignore":          "# comment\n*.bak\nsecret/\n/top.txt\ntemplates/off.yaml\n",
		"app/templates/a.yaml":     show(`{{ range $path, $_ := .Files.Glob "**" }} {{ $path }}{{ end }}`),
		"app/templates/b.yaml.bak": "{{ fail \"ignored\" }}",
		"app/templates/off.yaml":   "{{ fail \"ignored\" }}",
		"app/secret/key.txt":       "key",
		"app/top.txt":              "x",
		"app/sub/top.txt":          "x",
	}},
	"lookup finds nothing": {files: map[string]string{
		"app/Chart.yaml": metadata,
		"app/templates/a.yaml": show(`{{ lookup "v1" "Secret" "ns" "name" | toJson }} {{ if not (lookup "v1" "Node" "" "") }}none{{ end }}
    {{ (lookup "v1" "Secret" "a" "b").data | default dict | toJson }}`),
	}},
	"capabilities by default": {files: map[string]string{
		"app/Chart.yaml": metadata + "kubeVersion: '>=1.30.0-0'\n",
		"app/templates/a.yaml": show(`{{ .Capabilities.APIVersions | toJson }} {{ .Capabilities.KubeVersion | toJson }}
    {{ .Capabilities.KubeVersion.GitVersion }} {{ .Capabilities.KubeVersion }} {{ .Capabilities.APIVersions.Has "apps/v1" }} {{ .Capabilities.APIVersions.Has "apps/v1/Deployment" }}
    {{ .Capabilities.HelmVersion.Version }} {{ .Capabilities.HelmVersion.KubeClientVersion }} {{ semverCompare ">=3.8.0" .Capabilities.HelmVersion.Version }}`),
	}},
	"capabilities of the config": {
		config: `{"kubeVersion": "1.29.4-gke.100", "apiVersions": ["monitoring.coreos.com/v1", "example.org/v1/Thing"]}`,
		files: map[string]string{
			"app/Chart.yaml": metadata + "kubeVersion: '>=1.29.0'\n",
			"app/templates/a.yaml": show(`{{ .Capabilities.KubeVersion.Version }} {{ .Capabilities.KubeVersion.Minor }} {{ semverCompare "<1.30-0" .Capabilities.KubeVersion.Version }}
    {{ .Capabilities.APIVersions.Has "monitoring.coreos.com/v1" }} {{ .Capabilities.APIVersions.Has "example.org/v1/Thing" }} {{ .Capabilities.APIVersions.Has "example.org/v1" }}`),
		},
	},
	"hooks with weights": {files: map[string]string{
		"app/Chart.yaml": metadata,
		"app/templates/a.yaml": configMap + `---
apiVersion: batch/v1
kind: Job
metadata: {name: late, annotations: {helm.sh/hook: post-install, helm.sh/hook-weight: "5"}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: early, annotations: {helm.sh/hook: "pre-install, pre-upgrade", helm.sh/hook-weight: "-5", helm.sh/hook-delete-policy: hook-succeeded}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: sa, annotations: {helm.sh/hook: pre-install}}
---
apiVersion: v1
kind: Pod
metadata: {name: old, annotations: {helm.sh/hook: crd-install}}
`,
		"app/templates/tests/t.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: t, annotations: {helm.sh/hook: test}}\n",
	}},
	"hooks dropped": {
		config: `{"hooks": "drop"}`,
		files: map[string]string{
			"app/Chart.yaml":       metadata,
			"app/templates/a.yaml": configMap + "---\napiVersion: batch/v1\nkind: Job\nmetadata: {name: j, annotations: {helm.sh/hook: pre-install}}\n",
		},
	},
	"custom resource definitions": {files: map[string]string{
		"app/Chart.yaml":             metadata + "dependencies: [{name: dep, version: '1'}]\n",
		"app/crds/a.yaml":            "# a comment\n---\n" + crd + "---\n\n---\n" + crd + "spec: {x: '{{ not a template }}'}\n",
		"app/crds/b.json":            `{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "b"}}`,
		"app/crds/README.md":         "no object",
		"app/crds/deep/c.yml":        crd,
		"app/charts/dep/Chart.yaml":  "apiVersion: v2\nname: dep\nversion: 1.0.0\n",
		"app/charts/dep/crds/a.yaml": crd,
		"app/templates/crd.yaml":     crd,
		"app/templates/a.yaml":       configMap,
	}},
	"custom resource definitions left out": {
		config: `{"includeCRDs": false}`,
		files: map[string]string{
			"app/Chart.yaml": metadata, "app/crds/a.yaml": crd, "app/templates/a.yaml": configMap,
		},
	},
	"notes": {files: map[string]string{
		"app/Chart.yaml":                     metadata,
		"app/templates/NOTES.txt":            "Thank you for {{ .Release.Name }}: not an object\n",
		"app/templates/a.yaml":               configMap,
		"app/charts/dep/Chart.yaml":          "apiVersion: v2\nname: dep\nversion: 1.0.0\n",
		"app/charts/dep/templates/NOTES.txt": "{{ .Values.global }} no: [object\n",
	}},
	"numbers in inline values": {
		config: `{"values": {"million": 1000000, "big": 9007199254740993, "float": 1.5, "text": "010", "none": null, "on": true}}`,
		files: map[string]string{
			"app/Chart.yaml":       metadata,
			"app/values.yaml":      "none: 1\n",
			"app/templates/a.yaml": show(`{{ .Values.million }} {{ .Values.big }} {{ add .Values.million 1 }} {{ .Values | toJson }}`),
		},
	},
	"YAML 1.1, quoting and numbers": {files: map[string]string{
		"app/Chart.yaml":  metadata,
		"app/values.yaml": "on: yes\noff: 'no'\nbig: 12345678901234567\nmillion: 1000000\noctal: 0777\nsexagesimal: 1:30\nfloat: 1e3\ndate: 2020-01-02\n",
		"app/templates/a.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data:
  values: {{ .Values | toJson | quote }}
  y: y
  yes: yes
  On: On
  no: "no"
  octal: 0644
  new-octal: 0o644
  hex: 0x1F
  big: 9007199254740993
  bigger: 18446744073709551615
  negative: -9223372036854775808
  huge: 123456789012345678901234567890
  float: 1.50
  exponent: 1e3
  sexagesimal: 12:30:45
  date: 2024-01-02
  null-word: ~
  million: {{ .Values.million }}
  int: {{ .Values.million | int64 }}
  quoted: {{ .Values.on | quote }}
  squoted: {{ "its" | squote }}
  multi: >-
    folded
    text
  merge: {<<: {a: 1}, b: 2}
  1: number key
  true: boolean key
  html: "<a> & b"
  unicode: "\u00e9 \U0001F600"
  dup: 1
  dup: 2
`,
	}},
	"line ends of Windows": {files: map[string]string{
		"app/Chart.yaml":       "apiVersion: v2\r\nname: app\r\nversion: 1.2.3\r\n",
		"app/values.yaml":      "a: text\r\nb: |\r\n  two\r\n  lines\r\n",
		"app/templates/a.yaml": "apiVersion: v1\r\nkind: ConfigMap\r\nmetadata:\r\n  name: a\r\ndata:\r\n  a: {{ .Values.a }}\r\n  b: {{ .Values.b | quote }}\r\n---\r\napiVersion: v1\r\nkind: ConfigMap\r\nmetadata: {name: b}\r\n",
	}},
	"text blocks at the end of a file": {files: map[string]string{
		"app/Chart.yaml":       metadata,
		"app/crds/a.yaml":      "kind: Thing\ntext: |\n  no line end",
		"app/templates/a.yaml": configMap + "data:\n  a: |\n    no line end",
		"app/templates/b.yaml": configMap + "data:\n  a: |\n    line end\n\n\n",
		"app/templates/c.yaml": configMap + "data:\n  a: |+\n    kept\n\n\n---\n" + configMap,
		"app/templates/d.yaml": configMap + "data:\n  a: |-\n    stripped\n\n",
		"app/templates/h.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, annotations: {helm.sh/hook: pre-install}}\ndata:\n  a: |\n    no line end",
	}},
	"empty documents and separators": {files: map[string]string{
		"app/Chart.yaml":            metadata,
		"app/templates/empty.yaml":  "",
		"app/templates/blank.yaml":  "\n  \n---\n\n---\n",
		"app/templates/off.yaml":    "{{ if .Values.never }}\n" + configMap + "{{ end }}\n",
		"app/templates/only.yaml":   "# only a comment\n",
		"app/templates/glued.yaml":  "---apiVersion: v1\nkind: ConfigMap\nmetadata: {name: glued}\n--- # comment\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: commented}\n---   \napiVersion: v1\nkind: ConfigMap\nmetadata: {name: spaces}\n---\n# comment\n",
		"app/templates/range.yaml":  "{{ range $i := until 12 }}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: r{{ $i }}}\n{{- end }}\n",
		"app/templates/scalar.yaml": configMap + "data:\n  a: |\n    x\n     ---\n    y\n",
		"app/templates/end.yaml":    configMap + "...\n---\n" + configMap,
		"app/templates/_part.yaml":  "never",
		"app/templates/data.txt":    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: txt}\n",
	}},
	"lists": {files: map[string]string{
		"app/Chart.yaml":       metadata,
		"app/templates/a.yaml": "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}\n",
		"app/templates/b.yaml": "apiVersion: v1\nkind: ConfigMapList\nitems: []\n",
	}},
	"schema that holds": {files: map[string]string{
		"app/Chart.yaml":         metadata,
		"app/values.yaml":        "replicas: 3\nimage: {tag: v1}\n",
		"app/values.schema.json": `{"$schema": "http://json-schema.org/draft-07/schema#", "required": ["replicas"], "properties": {"replicas": {"type": "integer", "minimum": 1}, "image": {"$ref": "#/definitions/image"}}, "definitions": {"image": {"required": ["tag"]}}}`,
		"app/templates/a.yaml":   show("{{ .Values.replicas }}"),
	}},
	"schema that is skipped": {
		config: `{"skipSchemaValidation": true, "values": {"replicas": "many"}}`,
		files: map[string]string{
			"app/Chart.yaml": metadata, "app/values.yaml": "replicas: 3\n",
			"app/values.schema.json": `{"properties": {"replicas": {"type": "integer"}}}`,
			"app/templates/a.yaml":   show("{{ .Values.replicas }}"),
		},
	},
	"required and fail and defaults that don't strike": {
		config: `{"values": {"needed": "here"}}`,
		files: map[string]string{
			"app/Chart.yaml":       metadata,
			"app/templates/a.yaml": show(`{{ required "needed" .Values.needed }} {{ if .Values.bad }}{{ fail "bad" }}{{ end }}{{ .Values.missing }} {{ .Values.a | default "b" }} {{ (.Values.x).y }}.`),
		},
	},
	"functions": {files: map[string]string{
		"app/Chart.yaml":  metadata,
		"app/values.yaml": "map: {b: 2, a: 1, c: {d: [1, two, 3.5]}}\n",
		"app/templates/a.yaml": show(`{{ keys .Values.map | sortAlpha | join "," }} {{ .Values.map | toYaml | b64enc }} {{ merge (dict "a" 9) .Values.map | toJson }}
    {{ "a,b" | splitList "," | reverse | toJson }} {{ sha256sum "x" }} {{ derivePassword 1 "long" "p" "u" "s" }} {{ regexReplaceAll "a(b)" "cab" "${1}" }}
    {{ "1.2.3" | semver | toJson }} {{ dig "c" "d" "none" .Values.map | toJson }} {{ list 1 2 3 | has 2 }} {{ 10 | div 3 }} {{ "x" | repeat 3 | indent 2 }} {{ getHostByName "localhost" }}.
    {{ fromYaml "a: [1" | toJson }} {{ fromYamlArray "- 1" | toJson }} {{ .Values.map | toYamlPretty | quote }} {{ "2h" | mustToDuration | durationMinutes }} {{ toDate "2006-01-02" "2020-02-03" | date "02.01.2006" }}`),
	}},
	"requirements.yaml of old charts": {files: map[string]string{
		"app/Chart.yaml":                  "name: app\nversion: 0.1.0\n",
		"app/requirements.yaml":           "dependencies: [{name: dep, version: '1', condition: dep.enabled}]\n",
		"app/values.yaml":                 "dep: {enabled: true}\n",
		"app/charts/dep/Chart.yaml":       "name: dep\nversion: 1.0.0\n",
		"app/charts/dep/templates/a.yaml": show("dep"),
		"app/templates/a.yaml":            show(`{{ .Files.Get "requirements.yaml" | quote }} {{ .Chart.APIVersion }}`),
	}},
	"templates that override each other": {files: map[string]string{
		"app/Chart.yaml":                     metadata,
		"app/templates/_a.tpl":               `{{ define "who" }}parent{{ end }}`,
		"app/charts/dep/Chart.yaml":          "apiVersion: v2\nname: dep\nversion: 1.0.0\n",
		"app/charts/dep/templates/_a.tpl":    `{{ define "who" }}child{{ end }}`,
		"app/charts/dep/templates/show.yaml": show(`{{ include "who" . }}`),
		"app/templates/a.yaml":               show(`{{ include "who" . }}{{ block "local" . }}block{{ end }}{{ template "who" }}`),
	}},
	"values that don't fit together": {
		config: `{"values": {"table": "scalar", "scalar": {"a": "table"}, "nothing": {"a": 1}}}`,
		files: map[string]string{
			"app/Chart.yaml":       metadata,
			"app/values.yaml":      "table: {a: 1}\nscalar: 1\nnothing:\n",
			"app/templates/a.yaml": show(`{{ .Values | toJson }}`),
		},
	},
}
