use super::check;
use crate::workload;

/// Judged by the defaults alone.
const RESTRICTED: &str = "{defaults: {enforce: restricted}, namespaceLabels: Ignored}";
const BASELINE: &str = "{defaults: {enforce: baseline}, namespaceLabels: Ignored}";

const GOOD: &str = "
  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  containers: [{name: a, securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}]
";

fn pod(spec: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p, namespace: shop}}\nspec:\n{spec}")
}

#[test]
fn a_pod_that_asks_for_nothing_violates_the_restricted_level_in_four_places() {
    assert_eq!(
        check(RESTRICTED, &pod("  containers: [{name: a}]")),
        r#"deny Pod/shop/p [allowPrivilegeEscalation] /spec/containers/0/securityContext/allowPrivilegeEscalation: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false)
deny Pod/shop/p [capabilities_restricted] /spec/containers/0/securityContext/capabilities/drop: violates PodSecurity "restricted:latest": unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"])
deny Pod/shop/p [runAsNonRoot] /spec/containers/0/securityContext/runAsNonRoot: violates PodSecurity "restricted:latest": runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true)
deny Pod/shop/p [seccompProfile_restricted] /spec/containers/0/securityContext/seccompProfile/type: violates PodSecurity "restricted:latest": seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")
"#
    );
    assert_eq!(check(BASELINE, &pod("  containers: [{name: a}]")), "");
    assert_eq!(check(RESTRICTED, &pod(GOOD)), "");
}

#[test]
fn every_place_is_told_by_itself() {
    let spec = "
  hostPID: true
  initContainers: [{name: i, ports: [{containerPort: 1}, {hostPort: 80}]}]
  containers:
  - {name: a, securityContext: {capabilities: {add: [CHOWN, NET_RAW, SYS_ADMIN]}}}
  - {name: b, lifecycle: {preStop: {tcpSocket: {host: node}}}}
  ephemeralContainers: [{name: e, securityContext: {privileged: true}}]
  volumes: [{name: v, emptyDir: {}}, {name: w, hostPath: {path: /}}]
";
    let text = check(BASELINE, &pod(spec));
    let told: Vec<_> = text
        .lines()
        .map(|line| {
            line.replace("deny Pod/shop/p ", "").replace(r#"violates PodSecurity "baseline:latest": "#, "")
        })
        .collect();
    assert_eq!(
        told,
        [
            r#"[capabilities_baseline] /spec/containers/0/securityContext/capabilities/add/1: non-default capabilities (container "a" must not include "NET_RAW" in securityContext.capabilities.add)"#,
            r#"[capabilities_baseline] /spec/containers/0/securityContext/capabilities/add/2: non-default capabilities (container "a" must not include "SYS_ADMIN" in securityContext.capabilities.add)"#,
            "[hostNamespaces] /spec/hostPID: host namespaces (hostPID=true)",
            r#"[hostPathVolumes] /spec/volumes/1/hostPath: hostPath volumes (volume "w")"#,
            r#"[hostPorts] /spec/initContainers/0/ports/1/hostPort: hostPort (container "i" uses hostPort 80)"#,
            r#"[hostProbesAndHostLifecycle] /spec/containers/1/lifecycle/preStop/tcpSocket/host: probe or lifecycle host (container "b" uses probe or lifecycle host "node")"#,
            r#"[privileged] /spec/ephemeralContainers/0/securityContext/privileged: privileged (container "e" must not set securityContext.privileged=true)"#,
        ]
    );
}

#[test]
fn annotations_and_lists_of_the_pod_have_pointers_too() {
    let spec = "
apiVersion: v1
kind: Pod
metadata:
  name: p
  annotations: {container.apparmor.security.beta.kubernetes.io/a: unconfined}
spec:
  securityContext:
    sysctls: [{name: net.ipv4.tcp_syncookies}, {name: kernel.msgmax}]
    seLinuxOptions: {type: spc_t, user: u}
";
    let text = check(BASELINE, spec);
    for expected in [
        r#"[appArmorProfile] /metadata/annotations/container.apparmor.security.beta.kubernetes.io~1a: violates PodSecurity "baseline:latest": forbidden AppArmor profile (annotation must not set AppArmor profile type to "container.apparmor.security.beta.kubernetes.io/a="unconfined"")"#,
        r#"[seLinuxOptions] /spec/securityContext/seLinuxOptions/type: violates PodSecurity "baseline:latest": seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "spc_t")"#,
        r"[seLinuxOptions] /spec/securityContext/seLinuxOptions/user",
        r#"[sysctls] /spec/securityContext/sysctls/1/name: violates PodSecurity "baseline:latest": forbidden sysctls (kernel.msgmax)"#,
    ] {
        assert!(text.contains(expected), "{expected} in\n{text}");
    }
    assert_eq!(text.lines().count(), 4, "{text}");
}

#[test]
fn the_pods_of_every_kind_that_makes_pods_are_judged() {
    let spec = "{metadata: {annotations: {container.apparmor.security.beta.kubernetes.io/a: x}}, spec: {hostIPC: true}}";
    let kinds = [
        ("v1", "PodTemplate", format!("template: {spec}"), "/template"),
        ("v1", "ReplicationController", format!("spec: {{template: {spec}}}"), "/spec/template"),
        ("apps/v1", "Deployment", format!("spec: {{template: {spec}}}"), "/spec/template"),
        ("apps/v1", "ReplicaSet", format!("spec: {{template: {spec}}}"), "/spec/template"),
        ("apps/v1", "StatefulSet", format!("spec: {{template: {spec}}}"), "/spec/template"),
        ("apps/v1", "DaemonSet", format!("spec: {{template: {spec}}}"), "/spec/template"),
        ("batch/v1", "Job", format!("spec: {{template: {spec}}}"), "/spec/template"),
        (
            "batch/v1",
            "CronJob",
            format!("spec: {{jobTemplate: {{spec: {{template: {spec}}}}}}}"),
            "/spec/jobTemplate/spec/template",
        ),
    ];
    for (version, kind, rest, template) in kinds {
        let text =
            check(BASELINE, &format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: w}}\n{rest}"));
        let annotation =
            format!("{template}/metadata/annotations/container.apparmor.security.beta.kubernetes.io~1a:");
        assert!(text.contains(&format!(" {annotation} ")), "{text}");
        assert!(text.contains(&format!("[hostNamespaces] {template}/spec/hostIPC: ")), "{text}");
        assert_eq!(text.lines().count(), 2, "{text}");
    }
    assert_eq!(
        check(BASELINE, "{apiVersion: v1, kind: ReplicationController, metadata: {name: w}, spec: {}}"),
        ""
    );
}

#[test]
fn a_field_of_another_type_denies_whatever_the_level() {
    let cases = [
        (
            "  containers: [{name: a, securityContext: {privileged: 'yes'}}]",
            "/spec/containers/0/securityContext/privileged",
            "invalid type: string \"yes\", expected a boolean",
        ),
        (
            "  containers: [{name: a}, {securityContext: []}]",
            "/spec/containers/1/securityContext",
            "invalid type: sequence, expected an object",
        ),
        ("  containers: {name: a}", "/spec/containers", "invalid type: map, expected a list"),
        (
            "  volumes: [{name: a, hostPath: /}]",
            "/spec/volumes/0/hostPath",
            "invalid type: string \"/\", expected an object",
        ),
        ("  hostNetwork: 1", "/spec/hostNetwork", "invalid type: integer `1`, expected a boolean"),
        (
            "  securityContext: {runAsUser: '0'}",
            "/spec/securityContext/runAsUser",
            "invalid type: string \"0\", expected i64",
        ),
    ];
    for (spec, pointer, why) in cases {
        assert_eq!(
            check("namespaceLabels: Ignored", &pod(spec)),
            format!("deny Pod/shop/p {pointer}: can't be read: {why}\n")
        );
    }
}

#[test]
fn null_is_what_is_not_there() {
    let spec = "
  hostNetwork: null
  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}, sysctls: null}
  volumes: [{name: v, hostPath: null}, {name: w, hostPath: null, secret: {}}]
  initContainers: null
  containers: [{name: a, ports: null, securityContext: {privileged: null, allowPrivilegeEscalation: false, capabilities: {drop: [ALL], add: null}}}]
";
    assert_eq!(check(RESTRICTED, &pod(spec)), "");
}

#[test]
fn a_volume_of_a_kind_that_nobody_knows_is_restricted() {
    let spec = format!("{GOOD}  volumes: [{{name: v, quantum: {{}}}}]\n");
    assert_eq!(
        check(RESTRICTED, &pod(&spec)),
        "deny Pod/shop/p [restrictedVolumes] /spec/volumes/0: violates PodSecurity \"restricted:latest\": \
         restricted volume types (volume \"v\" uses restricted volume type \"unknown\")\n"
    );
}

#[test]
fn warnings_and_records_follow_what_denies_and_repeat_nothing() {
    let settings = "
defaults: {enforce: baseline, enforce-version: v1.33, warn: restricted, audit: baseline}
namespaceLabels: Ignored
";
    let spec = "
  hostPID: true
  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  containers:
  - name: a
    startupProbe: {httpGet: {host: node}}
    securityContext: {capabilities: {drop: [ALL]}}
";
    let text = check(settings, &pod(spec));
    let told: Vec<_> = text.lines().map(|line| line.split(" (").next().unwrap()).collect();
    assert_eq!(
        told,
        [
            "deny Pod/shop/p [hostNamespaces] /spec/hostPID: violates PodSecurity \"baseline:v1.33\": host namespaces",
            "warn Pod/shop/p [hostProbesAndHostLifecycle] /spec/containers/0/startupProbe/httpGet/host: would violate PodSecurity \"restricted:latest\": probe or lifecycle host",
            "warn Pod/shop/p [allowPrivilegeEscalation] /spec/containers/0/securityContext/allowPrivilegeEscalation: would violate PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false",
        ]
    );
    let audit = "{defaults: {audit: baseline}, namespaceLabels: Ignored}";
    assert!(
        check(audit, &pod("  hostIPC: true"))
            .starts_with("audit Pod/shop/p [hostNamespaces] /spec/hostIPC: would")
    );
}

#[test]
fn what_an_exempt_runtime_class_runs_is_not_judged() {
    let settings = "{defaults: {enforce: baseline}, exemptions: {runtimeClasses: [kata]}}";
    assert_eq!(check(settings, &pod("  runtimeClassName: kata\n  hostPID: true")), "");
    assert!(check(settings, &pod("  runtimeClassName: other\n  hostPID: true")).contains("/spec/hostPID"));
}

#[test]
fn more_findings_than_the_limit_are_counted() {
    let ports = vec!["{hostPort: 1}"; 150].join(", ");
    let spec = format!("  containers: [{{name: a, ports: [{ports}]}}]");
    let text = check(BASELINE, &pod(&spec));
    assert_eq!(text.lines().count(), 101);
    assert!(text.ends_with("warn Pod/shop/p: 50 more findings; the limit for an object is 100\n"), "{text}");
}

#[test]
fn long_names_are_cut() {
    let spec =
        format!("  containers: [{{name: {}, securityContext: {{privileged: true}}}}]", "ä".repeat(10_000));
    let text = check(BASELINE, &pod(&spec));
    assert!(text.contains("ä…\" must not set") && text.len() < 1000, "{}", text.len());
}

#[test]
fn lists_have_a_limit() {
    let object = |count: usize| {
        let containers = vec!["{}"; count].join(", ");
        format!(r#"{{"apiVersion": "v1", "kind": "Pod", "spec": {{"containers": [{containers}]}}}}"#)
    };
    assert!(workload::read(object(10_000).as_bytes()).is_ok());
    let refused = workload::read(object(10_001).as_bytes()).unwrap_err();
    assert_eq!(refused.message, "can't be read: more items than the limit of 10000");
    assert!(refused.pointer.starts_with("/spec/containers"), "{}", refused.pointer);
}

#[test]
fn depth_in_what_is_skipped_costs_no_stack() {
    let (open, close) = ("[".repeat(1_000_000), "]".repeat(1_000_000));
    let object = |field: &str| {
        format!(r#"{{"apiVersion": "v1", "kind": "Pod", "spec": {{"{field}": {open}{close}}}}}"#)
    };
    assert!(workload::read(object("other").as_bytes()).is_ok());
    let refused = workload::read(object("volumes").as_bytes()).unwrap_err();
    assert_eq!(refused.pointer, "/spec/volumes/0");
    assert_eq!(refused.message, "can't be read: invalid type: sequence, expected a volume");
    assert_eq!(workload::read(b"").unwrap_err().message, "can't be read: EOF while parsing a value");
}
