package render

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
      - name: web
        image: nginx:1.25
        env:
        - {name: HOST, value: placeholder}
`

// overlays are trees whose folder `app` is rendered.
var overlays = map[string]map[string]string{
	"nested bases with prefixes, patches and generators": {
		"app/kustomization.yaml": `namePrefix: prod-
namespace: prod
resources:
- namespace.yaml
- ../base
labels: [{pairs: {tier: web}, includeSelectors: true}]
images: [{name: nginx, newTag: "1.27"}]
configMapGenerator:
- name: settings
  literals: [a=b]
patches:
- patch: |-
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web}
    spec: {replicas: 3}
- target: {kind: Service}
  patch: |-
    - {op: replace, path: /spec/ports/0/port, value: 8080}
replicas: [{name: web, count: 5}]
`,
		"app/namespace.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: prod}\n",
		"base/kustomization.yaml": `resources: [all.yaml]
secretGenerator:
- {name: unrelated, literals: [x=y]}
- name: secret
  literals: [password=1234]
  options: {disableNameSuffixHash: true}
`,
		"base/all.yaml": "# the workload\n" + deployment + "---\n# and its service\n" + `apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80}]}
`,
	},
	"components and replacements": {
		"app/kustomization.yaml": `resources: [../base]
components: [../component]
replacements:
- source: {kind: Service, name: web, fieldPath: metadata.name}
  targets:
  - select: {kind: Deployment}
    fieldPaths: ["spec.template.spec.containers.[name=web].env.[name=HOST].value"]
`,
		"component/kustomization.yaml": `apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
nameSuffix: -c
resources: [extra.yaml]
patches: [{path: patch.yaml}]
`,
		"component/extra.yaml":    configMap,
		"component/patch.yaml":    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, annotations: {patched: 'yes'}}\n",
		"base/kustomization.yaml": "resources: [deployment.yaml, service.yaml]\n",
		"base/deployment.yaml":    deployment,
		"base/service.yaml":       "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n",
	},
	"replacement that copies all annotations": {
		"app/kustomization.yaml": `resources: [a.yaml, b.yaml]
replacements:
- source: {kind: ConfigMap, name: a, fieldPath: metadata.annotations}
  targets:
  - select: {kind: Secret}
    fieldPaths: [metadata.annotations]
    options: {create: true}
`,
		"app/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, annotations: {x: y}}\n",
		"app/b.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: b}\n",
	},
	"annotations emptied, removed and kept": {
		"app/kustomization.yaml": `resources: [a.yaml]
patches:
- patch: '{apiVersion: v1, kind: ConfigMap, metadata: {name: b, annotations: null}}'
- target: {name: c}
  patch: '[{"op": "replace", "path": "/metadata/annotations", "value": {"n": "m"}}]'
- target: {name: d}
  patch: '[{"op": "remove", "path": "/metadata/annotations/x"}]'
`,
		"app/a.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: a, annotations: {}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b, annotations: {x: y}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c, annotations: {x: y}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: d, annotations: {x: y}}
`,
	},
	"metadata asked for by the user": {
		"app/kustomization.yaml": `buildMetadata: [originAnnotations, transformerAnnotations, managedByLabel]
resources: [../base]
namePrefix: p-
`,
		"base/kustomization.yaml": "resources: [a.yaml]\nnamespace: other\n",
		"base/a.yaml":             configMap,
	},
	"only the managed-by label asked for": {
		"app/kustomization.yaml": "buildMetadata: [managedByLabel]\nresources: [a.yaml]\n",
		"app/a.yaml":             configMap,
	},
	"numbers, quotes and odd strings": {
		"app/kustomization.yaml": "resources: [a.yaml]\ncommonAnnotations: {q: '\"<&>\" \\ é \u2028'}\n",
		"app/a.yaml": `apiVersion: example.com/v1
kind: Odd
metadata: {name: a}
spec:
  large: 9223372036854775807
  larger: 18446744073709551615
  beyond: 123456789012345678901234567890
  negative: -9007199254740993
  float: 1.0
  exponent: 1e3
  octal: 0o17
  old: 017
  hex: 0x1F
  yes: yes
  quoted: "yes"
  date: 2026-01-01
  version: "1.10"
  nothing: ~
  tilde: "~"
  block: |
    a
      b
  folded: >-
    c
    d
  html: "<a href='x'>&amp;</a>"
  emoji: "\U0001F600"
`,
	},
	"anchors, lists and flow style": {
		"app/kustomization.yaml": "{resources: [a.yaml, list.yaml], namePrefix: x-}\n",
		"app/a.yaml":             "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: &l {a: b}, annotations: *l}\n",
		"app/list.yaml": `apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: one}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: two}}
`,
	},
	"legacy order": {
		"app/kustomization.yaml": "resources: [all.yaml]\n",
		"app/all.yaml": `apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: w}
---
` + deployment + `---
apiVersion: v1
kind: Namespace
metadata: {name: n}
`,
	},
	"order of the files": {
		"app/kustomization.yaml": "resources: [a.yaml, n.yaml]\nsortOptions: {order: fifo}\n",
		"app/a.yaml":             configMap,
		"app/n.yaml":             "apiVersion: v1\nkind: Namespace\nmetadata: {name: n}\n",
	},
	"custom resource definitions": {
		"app/kustomization.yaml": "resources: [a.yaml, b.yaml]\ncrds: [crd.json]\nnamePrefix: x-\n",
		"app/a.yaml":             configMap,
		"app/b.yaml":             "apiVersion: example.com/v1\nkind: Bee\nmetadata: {name: b}\nspec: {ref: {name: a}}\n",
		"app/crd.json": `{"example.com/v1.Bee": {"Schema": {
  "x-kubernetes-group-version-kind": [{"group": "example.com", "version": "v1", "kind": "Bee"}],
  "properties": {"apiVersion": {"type": "string"}, "kind": {"type": "string"},
    "metadata": {"$ref": "k8s.io/apimachinery/pkg/apis/meta/v1.ObjectMeta"},
    "spec": {"$ref": "example.com/v1.BeeSpec"}}}},
"example.com/v1.BeeSpec": {"Schema": {"properties": {"ref": {
  "x-kubernetes-object-ref-api-version": "v1", "x-kubernetes-object-ref-kind": "ConfigMap",
  "properties": {"name": {"type": "string"}}}}}}}`,
	},
	"own schema": {
		"app/kustomization.yaml": "resources: [../base]\npatches: [{path: patch.yaml}]\n",
		"app/patch.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {spec: {containers: [{name: web, image: other}]}}}
`,
		"base/kustomization.yaml": "resources: [deployment.yaml]\nopenapi: {path: schema.json}\n",
		"base/deployment.yaml":    deployment,
		"base/schema.json":        `{"definitions": {}}`,
	},
	"deprecated fields": {
		"app/kustomization.yaml": `bases: [../base]
commonLabels: {a: b}
patchesStrategicMerge: [patch.yaml]
vars: [{name: NAME, objref: {apiVersion: apps/v1, kind: Deployment, name: web}}]
patchesJson6902:
- target: {group: apps, version: v1, kind: Deployment, name: web}
  patch: '[{"op": "add", "path": "/spec/paused", "value": true}]'
`,
		"app/patch.yaml":          "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {spec: {containers: [{name: web, args: [$(NAME)]}]}}}\n",
		"base/kustomization.yaml": "resources: [deployment.yaml]\n",
		"base/deployment.yaml":    deployment,
	},
	"files, environment files and merged generators": {
		"app/kustomization.yaml": `resources: [../base]
configMapGenerator:
- {name: settings, behavior: merge, literals: [b=2], envs: [more.env]}
- {name: files, files: [config.txt, renamed=binary]}
generatorOptions: {labels: {generated: "true"}}
`,
		"app/more.env":   "c=3\n# comment\nd=four words\n",
		"app/config.txt": "text\n",
		"app/binary":     "\xff\xfe",
		"base/kustomization.yaml": `configMapGenerator:
- {name: settings, literals: [a=1]}
resources: [pod.yaml]
`,
		"base/pod.yaml": `apiVersion: v1
kind: Pod
metadata: {name: p}
spec: {volumes: [{name: v, configMap: {name: settings}}]}
`,
	},
	"transformers and generators of their own": {
		"app/kustomization.yaml": `resources: [a.yaml]
transformers:
- |-
  apiVersion: builtin
  kind: AnnotationsTransformer
  metadata: {name: notImportant}
  annotations: {only: existing}
  fieldSpecs: [{path: metadata/annotations, create: false}]
generators: [generator.yaml]
`,
		"app/generator.yaml": "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: made}\nliterals: [a=b]\n",
		"app/a.yaml":         configMap,
	},
	"whole objects hashed": {
		"app/kustomization.yaml": "resources: [a.yaml]\n",
		"app/a.yaml":             "apiVersion: v1\nkind: Service\nmetadata: {name: a, annotations: {kustomize.config.k8s.io/needs-hash: 'true'}}\n",
	},
	"local configuration left out": {
		"app/kustomization.yaml": "resources: [a.yaml, b.yaml]\n",
		"app/a.yaml":             configMap,
		"app/b.yaml":             "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b, annotations: {config.kubernetes.io/local-config: 'true'}}\n",
	},
}
