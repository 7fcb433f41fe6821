use super::check;

const POD: &str = "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: shop}, spec: {hostPID: true}}";
const DENIED: &str = "deny Pod/shop/p [hostNamespaces] /spec/hostPID: violates PodSecurity \"baseline:latest\": \
                      host namespaces (hostPID=true)\n";

#[test]
fn upstreams_configuration_is_taken_written_out_and_as_an_object() {
    let configuration = "
apiVersion: pod-security.admission.config.k8s.io/v1
kind: PodSecurityConfiguration
defaults: {enforce: baseline, enforce-version: latest, audit: '', warn: null}
exemptions: {usernames: [], runtimeClasses: [], namespaces: [kube-system]}
";
    assert_eq!(check(&format!("{configuration}namespaceLabels: Ignored"), POD), DENIED);
    let indented = configuration.trim().replace('\n', "\n  ");
    assert_eq!(check(&format!("namespaceLabels: Ignored\nresources:\n- {indented}"), POD), DENIED);
    assert_eq!(check("namespaceLabels: Ignored", POD), "");
}

#[test]
fn what_is_exempt_is_not_judged() {
    let settings = "{defaults: {enforce: baseline}, exemptions: {namespaces: [shop]}}";
    assert_eq!(check(settings, POD), "");
    assert!(check(settings, &POD.replace("shop", "other")).starts_with("deny Pod/other/p [hostNamespaces]"));
}

#[test]
fn all_that_is_wrong_is_told_at_once_with_its_place() {
    let settings = "
apiVersion: v1
kind: Pod
defaults: {enforce: strict, enforce-version: '1.30', audit: 5, warning: baseline, warn-version: v1.07}
exemptions:
  usernames: [admin]
  namespaces: [a, a, A, 3, '']
  runtimeClasses: [a.b, a..b]
  groups: []
namespaceLabels: Sometimes
more/or~less: 1
";
    assert_eq!(
        check(settings, ""),
        "error /more~1or~0less: there is no `more/or~less`, only apiVersion, kind, defaults, exemptions, namespaceLabels, resources
error /namespaceLabels: must be one of Required, WhenKnown, Ignored
error /apiVersion: takes pod-security.admission.config.k8s.io/v1, v1beta1 and v1alpha1
error /kind: takes PodSecurityConfiguration
error /defaults/warning: there is no `warning`, only enforce, enforce-version, audit, audit-version, warn, warn-version
error /defaults/enforce: must be one of privileged, baseline, restricted
error /defaults/enforce-version: must be \"latest\" or \"v1.x\"
error /defaults/warn-version: must be \"latest\" or \"v1.x\"
error /defaults/audit: must be a string
error /exemptions/groups: there is no `groups`, only usernames, runtimeClasses, namespaces
error /exemptions/usernames: nobody's name can be known here: objects come from Git, and have no user who sends them
error /exemptions/namespaces/1: stands twice
error /exemptions/namespaces/2: must be the name of a Namespace: up to 63 lower case letters, digits and `-`, no `-` at its ends
error /exemptions/namespaces/3: must be a string
error /exemptions/namespaces/4: must be the name of a Namespace: up to 63 lower case letters, digits and `-`, no `-` at its ends
error /exemptions/runtimeClasses/1: must be the name of a RuntimeClass: up to 253 lower case letters, digits, `-` and `.`, a letter or a digit at the ends and beside every `.`
"
    );
}

#[test]
fn resources_hold_one_configuration_and_nothing_stands_beside_it() {
    let one = "{apiVersion: pod-security.admission.config.k8s.io/v1, kind: PodSecurityConfiguration}";
    for (settings, expected) in [
        ("resources: []".to_owned(), "error /resources: takes one PodSecurityConfiguration\n"),
        (format!("resources: [{one}, {one}]"), "error /resources: takes one PodSecurityConfiguration\n"),
        (
            format!("{{defaults: {{}}, resources: [{one}]}}"),
            "error /defaults: stands in the object in `resources` already\n",
        ),
        (
            "resources: [{kind: PodSecurityConfiguration, defaults: {warn: x}}]".to_owned(),
            "error /resources/0: has no `apiVersion`; takes a PodSecurityConfiguration\n\
             error /resources/0/defaults/warn: must be one of privileged, baseline, restricted\n",
        ),
        ("resources: [5]".to_owned(), "error /resources/0: must be an object\n"),
        ("defaults: []".to_owned(), "error /defaults: must be an object\n"),
        ("5".to_owned(), "error must be an object\n"),
    ] {
        assert_eq!(check(&settings, ""), expected, "{settings}");
    }
}

#[test]
fn too_many_exemptions_are_refused_by_the_limit() {
    let names: Vec<_> = (0..1001).map(|index| format!("n{index}")).collect();
    assert_eq!(
        check(&format!("exemptions: {{namespaces: [{}]}}", names.join(", ")), ""),
        "error /exemptions/namespaces: has 1001 names; the limit is 1000\n"
    );
}
