use super::{check, check_in};

const POD: &str = "
{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: shop}, spec: {hostPID: true}}
";
/// Violates no standard of any version.
const GOOD: &str = "
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: shop}
spec:
  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  containers: [{name: a, securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}]
";

fn namespace(labels: &str) -> String {
    format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: shop, labels: {{{labels}}}}}}}")
}

fn label(mode: &str, value: &str) -> String {
    format!("pod-security.kubernetes.io/{mode}: {value}")
}

const DENIED: &str = "deny Pod/shop/p [hostNamespaces] /spec/hostPID: violates PodSecurity \"baseline:latest\": \
                      host namespaces (hostPID=true)\n";

#[test]
fn labels_of_the_set_and_of_the_cluster_count_over_the_defaults() {
    let baseline = namespace(&label("enforce", "baseline"));
    assert_eq!(check("", &format!("{POD}---\n{baseline}")), DENIED);
    assert_eq!(check_in("", POD, &baseline), DENIED);
    let privileged = namespace(&label("enforce", "privileged"));
    assert_eq!(check_in("defaults: {enforce: baseline}", POD, &privileged), "");
    // The set's own is the one that will be there.
    assert_eq!(check_in("", &format!("{POD}---\n{baseline}"), &privileged), DENIED);
}

#[test]
fn each_mode_has_its_label() {
    let labels = [label("enforce", "privileged"), label("warn", "baseline"), label("audit", "baseline")];
    let text = check_in("", POD, &namespace(&labels.join(", ")));
    assert!(text.starts_with("warn Pod/shop/p [hostNamespaces]") && text.lines().count() == 1, "{text}");
    let text = check_in(
        "",
        POD,
        &namespace(&label("audit", "baseline, pod-security.kubernetes.io/audit-version: v1.20")),
    );
    assert!(
        text.starts_with("audit Pod/shop/p [hostNamespaces]") && text.contains("\"baseline:v1.20\""),
        "{text}"
    );
}

#[test]
fn a_namespace_that_is_not_there_or_says_nothing_leaves_the_defaults() {
    for cluster in ["", "{apiVersion: v1, kind: Namespace, metadata: {name: other}}", &namespace("app: web")]
    {
        assert_eq!(check_in("", POD, cluster), "");
        assert_eq!(check_in("defaults: {enforce: baseline}", POD, cluster), DENIED);
    }
}

const UNKNOWN: &str = "deny Pod/shop/p [namespaceLabels] /metadata/namespace: the labels of the Namespace can't be \
                       known, and they could deny this: let the Gate grant `v1/Namespace`, or set \
                       `namespaceLabels: WhenKnown` to hold pods to the defaults then\n";

#[test]
fn labels_that_can_not_be_known_deny_what_they_could_deny() {
    assert_eq!(check("", POD), UNKNOWN);
    assert_eq!(check("defaults: {enforce: baseline}", POD), format!("{DENIED}{UNKNOWN}"));
    assert_eq!(check("", &POD.replace(", namespace: shop", "")), UNKNOWN.replace("shop/", ""));
    assert_eq!(check("", GOOD), "");
    // Admitted by the newest restricted level, and by an older one not.
    let sysctl =
        GOOD.replace("runAsNonRoot: true", "sysctls: [{name: net.ipv4.tcp_rmem}], runAsNonRoot: true");
    assert_eq!(check("defaults: {enforce: restricted}", &sysctl), UNKNOWN);
}

#[test]
fn the_settings_say_whether_labels_count() {
    assert_eq!(check("namespaceLabels: WhenKnown", POD), "");
    assert_eq!(check("{defaults: {enforce: baseline}, namespaceLabels: WhenKnown}", POD), DENIED);
    let baseline = namespace(&label("enforce", "baseline"));
    assert_eq!(check("namespaceLabels: WhenKnown", &format!("{POD}---\n{baseline}")), DENIED);
    assert_eq!(check_in("namespaceLabels: Ignored", POD, &baseline), "");
}

#[test]
fn an_invalid_label_is_a_finding_on_its_namespace_and_holds_pods_to_the_restricted_level() {
    let namespace = namespace(&format!("{}, {}", label("enforce", "bassline"), label("warn", "none")));
    assert_eq!(
        check("", &namespace),
        "deny Namespace/shop [namespaceLabels] /metadata/labels/pod-security.kubernetes.io~1enforce: \
         metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: \"bassline\": must be one of privileged, baseline, restricted\n\
         deny Namespace/shop [namespaceLabels] /metadata/labels/pod-security.kubernetes.io~1warn: \
         metadata.labels[pod-security.kubernetes.io/warn]: Invalid value: \"none\": must be one of privileged, baseline, restricted\n"
    );
    let text = check_in("", POD, &namespace);
    assert!(text.contains(
        "deny Pod/shop/p [hostNamespaces] /spec/hostPID: violates PodSecurity \"restricted:latest\""
    ));
    assert!(
        text.contains(
            "warn Pod/shop/p [namespaceLabels] /metadata/namespace: the labels of the Namespace `shop` are not \
             valid, so its pods are held to restricted:latest: metadata.labels[pod-security.kubernetes.io/enforce]"
        ),
        "{text}"
    );
    assert_eq!(check("namespaceLabels: Ignored", &namespace), "");
}

#[test]
fn labels_of_another_type_deny_and_hold_pods_to_the_restricted_level() {
    let namespace = namespace(&label("enforce", "5"));
    assert_eq!(
        check("", &namespace),
        "deny Namespace/shop /metadata/labels/pod-security.kubernetes.io~1enforce: can't be read: \
         invalid type: integer `5`, expected a string\n"
    );
    let text = check_in("", POD, &namespace);
    assert!(text.starts_with(
        "deny Pod/shop/p [hostNamespaces] /spec/hostPID: violates PodSecurity \"restricted:latest\""
    ));
}

#[test]
fn labels_of_an_exempt_namespace_are_told_to_be_ignored() {
    let settings = "exemptions: {namespaces: [shop]}";
    let labels = namespace(&label("enforce", "baseline"));
    assert_eq!(
        check(settings, &format!("{labels}\n---\n{POD}")),
        "warn Namespace/shop [namespaceLabels] /metadata/labels: the namespace `shop` is exempt from Pod Security, \
         and these labels are ignored\n"
    );
    assert_eq!(check(settings, &namespace("app: web")), "");
    assert_eq!(check(settings, &namespace(&label("audit-version", "v1.20"))), "");
    assert_eq!(check(settings, &namespace(&label("enforce", "privileged"))), "");
}
