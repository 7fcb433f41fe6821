//! The Helm charts that are rendered.

use std::fmt::Write as _;

use super::inputs::Input;

/// What nearly every chart has.
const HELPERS: &str = r#"{{- define "CHART.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- define "CHART.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "CHART.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- define "CHART.selectorLabels" -}}
app.kubernetes.io/name: {{ include "CHART.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- define "CHART.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "CHART.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}
{{- define "CHART.metadata" -}}
name: {{ include "CHART.fullname" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "CHART.labels" . | nindent 2 }}
{{- end }}
"#;

const DEPLOYMENT: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "CHART.metadata" . | nindent 2 }}
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels:
      {{- include "CHART.selectorLabels" . | nindent 6 }}
  template:
    metadata:
      annotations:
        checksum/config: {{ .Values.config | toYaml | sha256sum }}
      labels:
        {{- include "CHART.selectorLabels" . | nindent 8 }}
    spec:
      serviceAccountName: {{ include "CHART.fullname" . }}
      securityContext:
        {{- toYaml .Values.securityContext | nindent 8 }}
      containers:
      - name: {{ .Chart.Name }}
        image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
        ports:
        - name: http
          containerPort: {{ .Values.port }}
        {{- with .Values.resources }}
        resources:
          {{- toYaml . | nindent 10 }}
        {{- end }}
        env:
        {{- range $name, $value := .Values.env }}
        - name: {{ $name | upper }}
          value: {{ tpl $value $ | quote }}
        {{- end }}
"#;

const SERVICE: &str = r#"apiVersion: v1
kind: Service
metadata:
  {{- include "CHART.metadata" . | nindent 2 }}
spec:
  type: {{ .Values.service.type | default "ClusterIP" }}
  selector:
    {{- include "CHART.selectorLabels" . | nindent 4 }}
  ports:
  - name: http
    port: {{ .Values.service.port }}
    targetPort: http
"#;

const ACCOUNT: &str = r#"apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "CHART.metadata" . | nindent 2 }}
automountServiceAccountToken: false
"#;

/// The rest of a chart that runs in production.
const MORE: [(&str, &str); 7] = [
    (
        "configmap.yaml",
        r#"apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "CHART.metadata" . | nindent 2 }}
data:
  config.yaml: |
    {{- .Values.config | toYaml | nindent 4 }}
"#,
    ),
    (
        "secret.yaml",
        r#"apiVersion: v1
kind: Secret
metadata:
  {{- include "CHART.metadata" . | nindent 2 }}
type: Opaque
data:
  token: {{ .Values.token | b64enc }}
"#,
    ),
    (
        "ingress.yaml",
        r#"{{- if .Values.ingress.enabled }}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  {{- include "CHART.metadata" . | nindent 2 }}
spec:
  ingressClassName: {{ .Values.ingress.class }}
  rules:
  {{- range .Values.ingress.hosts }}
  - host: {{ . | quote }}
    http:
      paths:
      - path: /
        pathType: Prefix
        backend:
          service:
            name: {{ include "CHART.fullname" $ }}
            port: {name: http}
  {{- end }}
{{- end }}
"#,
    ),
    (
        "hpa.yaml",
        r#"{{- if semverCompare ">=1.23-0" .Capabilities.KubeVersion.Version }}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "CHART.metadata" . | nindent 2 }}
spec:
  minReplicas: {{ .Values.replicas }}
  maxReplicas: {{ mul .Values.replicas 4 }}
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ include "CHART.fullname" . }}}
  metrics:
  - type: Resource
    resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}
{{- end }}
"#,
    ),
    (
        "pdb.yaml",
        r#"apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "CHART.metadata" . | nindent 2 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      {{- include "CHART.selectorLabels" . | nindent 6 }}
"#,
    ),
    (
        "networkpolicy.yaml",
        r#"apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "CHART.metadata" . | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "CHART.selectorLabels" . | nindent 6 }}
  ingress:
  - ports:
    - {port: {{ .Values.port }}}
"#,
    ),
    (
        "role.yaml",
        r#"apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  {{- include "CHART.metadata" . | nindent 2 }}
rules:
{{- range .Values.rules }}
- {{- toYaml . | nindent 2 }}
{{- end }}
"#,
    ),
];

const VALUES: &str = r#"replicas: 2
port: 8080
image: {repository: registry.example.org/shop, tag: ""}
service: {port: 80}
securityContext: {runAsNonRoot: true, runAsUser: 1000}
resources:
  requests: {cpu: 100m, memory: 128Mi}
  limits: {memory: 256Mi}
env: {log_level: info, instance: "{{ .Release.Name }}"}
config: {cache: {size: 100, ttl: 5m}, features: [search, cart, reviews]}
token: not-a-secret
ingress: {enabled: true, class: nginx, hosts: [shop.example.org, www.shop.example.org]}
rules:
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch]
"#;

/// The charts that the chart of a real size depends on.
const SUBCHARTS: [&str; 6] = ["cart", "catalog", "checkout", "payment", "search", "users"];

/// Three objects.
pub(super) fn small() -> Input {
    Input::new("helm", "small", 3, chart("", "shop", &[], &[]))
}

/// Seventy objects of a chart and six that it depends on, with a file of values.
pub(super) fn medium() -> Input {
    let mut files = chart("", "shop", &SUBCHARTS, &MORE);
    for name in SUBCHARTS {
        files.extend(chart(&format!("charts/{name}/"), name, &[], &MORE));
    }
    let mut production = String::from("replicas: 3\ningress: {hosts: [shop.example.com]}\n");
    for name in SUBCHARTS {
        let _ = writeln!(
            production,
            "{name}:\n  replicas: 4\n  env: {{log_level: warn}}\n  image: {{tag: \"2.1\"}}"
        );
    }
    files.push(("values-production.yaml".to_owned(), production));
    let objects = (SUBCHARTS.len() + 1) * (MORE.len() + 3);
    Input { values: Some("values-production.yaml"), ..Input::new("helm", "medium", objects, files) }
}

/// Five hundred objects of two templates with a loop each.
pub(super) fn large() -> Input {
    const COUNT: usize = 250;
    let mut files = chart("", "shop", &[], &[]);
    files.retain(|(path, _)| !path.starts_with("templates/") || path == "templates/_helpers.tpl");
    let metadata = "metadata:\n  name: {{ include \"shop.fullname\" $ }}-{{ $i }}\n  namespace: {{ $.Release.Namespace }}\n\
                    \x20 labels:\n    {{- include \"shop.labels\" $ | nindent 4 }}\n    number: {{ $i | quote }}\n";
    for (name, head, body) in [
        (
            "configmaps",
            "apiVersion: v1\nkind: ConfigMap\n",
            "data:\n  config.yaml: |\n    {{- $.Values.config | toYaml | nindent 4 }}\n",
        ),
        (
            "services",
            "apiVersion: v1\nkind: Service\n",
            "spec:\n  selector:\n    {{- include \"shop.selectorLabels\" $ | nindent 4 }}\n    number: {{ $i | quote }}\n  ports:\n  - port: {{ add $i 1000 }}\n",
        ),
    ] {
        let text =
            format!("{{{{- range $i := until {COUNT} }}}}\n---\n{head}{metadata}{body}{{{{- end }}}}\n");
        files.push((format!("templates/{name}.yaml"), text));
    }
    Input::new("helm", "large", COUNT * 2, files)
}

/// The files of one chart.
fn chart(folder: &str, name: &str, dependencies: &[&str], more: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut metadata = format!("apiVersion: v2\nname: {name}\nversion: 1.2.3\nappVersion: \"2.0\"\n");
    if !dependencies.is_empty() {
        metadata += "dependencies:\n";
        for dependency in dependencies {
            let _ = writeln!(metadata, "- {{name: {dependency}, version: 1.2.3}}");
        }
    }
    let templates = [
        ("_helpers.tpl", HELPERS),
        ("deployment.yaml", DEPLOYMENT),
        ("service.yaml", SERVICE),
        ("serviceaccount.yaml", ACCOUNT),
    ];
    let mut files =
        vec![(format!("{folder}Chart.yaml"), metadata), (format!("{folder}values.yaml"), VALUES.to_owned())];
    for (file, text) in templates.iter().chain(more) {
        files.push((format!("{folder}templates/{file}"), text.replace("CHART", name)));
    }
    files
}
