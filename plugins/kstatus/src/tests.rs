use windlass_plugin_sdk::testing;

use super::Kstatus;

/// What is said of an object of `kind` with the given rest, without its name.
fn assess(kind: &str, rest: &str) -> String {
    let (api_version, name) = kind.rsplit_once('/').unwrap();
    let object = format!("{{apiVersion: {api_version}, kind: {name}, {rest}}}");
    let line = testing::assess::<Kstatus>("", &object);
    let (state, rest) = line.split_once(' ').unwrap();
    let (_, message) = rest.split_once(": ").unwrap();
    format!("{state}: {}", message.trim_end())
}

/// Cases of one kind: what the object holds, and what is said of it.
fn table(kind: &str, cases: &[(&str, &str)]) {
    for (rest, said) in cases {
        assert_eq!(assess(kind, rest), *said, "{kind}: {rest}");
    }
}

const META: &str = "metadata: {name: x, generation: 2}";

#[test]
fn deployments() {
    let case = |spec: &str, status: &str| {
        assess("apps/v1/Deployment", &format!("{META}, spec: {{{spec}}}, status: {{{status}}}"))
    };
    let counts = |created: u8, updated: u8, ready: u8, available: u8| {
        format!(
            "observedGeneration: 2, replicas: {created}, updatedReplicas: {updated}, readyReplicas: {ready}, availableReplicas: {available}"
        )
    };
    let with = |counts: &str, conditions: &str| format!("{counts}, conditions: [{conditions}]");
    let done = "{type: Progressing, status: 'True', reason: NewReplicaSetAvailable}, {type: Available, status: 'True'}";

    assert_eq!(case("replicas: 3", ""), "Progressing: its controller has not seen it yet");
    assert_eq!(
        case("replicas: 3", "observedGeneration: 1, replicas: 3, updatedReplicas: 3, availableReplicas: 3"),
        "Progressing: its status is of generation 1, and the object is at generation 2"
    );
    assert_eq!(case("replicas: 3", &counts(2, 2, 2, 2)), "Progressing: 2 of 3 replicas are created");
    assert_eq!(case("replicas: 3", &counts(3, 1, 3, 3)), "Progressing: 1 of 3 replicas are updated");
    assert_eq!(
        case("replicas: 3", &counts(4, 3, 3, 3)),
        "Progressing: 1 replicas more than the 3 wanted are left"
    );
    assert_eq!(case("replicas: 3", &counts(3, 3, 3, 2)), "Progressing: 2 of 3 replicas are available");
    assert_eq!(
        case("replicas: 3, paused: true", &with(&counts(3, 1, 3, 3), done)),
        "Suspended: its rollout is paused"
    );
    assert_eq!(
        case("replicas: 0", &with(&counts(0, 0, 0, 0), done)),
        "Healthy: has no replicas, as was asked for"
    );
    assert_eq!(
        case(
            "replicas: 3",
            &with(
                &counts(3, 1, 2, 2),
                "{type: Progressing, status: 'False', reason: ProgressDeadlineExceeded, message: 'timed out'}"
            )
        ),
        "Failed: Progressing is False: ProgressDeadlineExceeded: timed out"
    );
    assert_eq!(
        case(
            "replicas: 3",
            &with(
                &counts(0, 0, 0, 0),
                "{type: ReplicaFailure, status: 'True', reason: FailedCreate, message: quota}"
            )
        ),
        "Progressing: ReplicaFailure is True: FailedCreate: quota"
    );
    assert_eq!(
        case(
            "replicas: 3",
            &with(&counts(3, 3, 3, 3), "{type: Progressing, status: 'True', reason: ReplicaSetUpdated}")
        ),
        "Progressing: Progressing is True: ReplicaSetUpdated"
    );
    assert_eq!(
        case("replicas: 3", &with(&counts(3, 3, 3, 3), done)),
        "Healthy: 3 of 3 replicas are available"
    );
    // Without a deadline the controller writes no condition Progressing.
    assert_eq!(case("", &counts(1, 1, 1, 1)), "Healthy: its replica is available");
}

#[test]
fn a_rollout_becomes_healthy_once() {
    let statuses = [
        "observedGeneration: 1, replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2, conditions: [{type: Progressing, status: 'True', reason: NewReplicaSetAvailable}]",
        "observedGeneration: 2, replicas: 2, readyReplicas: 2, availableReplicas: 2, conditions: [{type: Progressing, status: 'True', reason: NewReplicaSetCreated}]",
        "observedGeneration: 2, replicas: 3, updatedReplicas: 1, readyReplicas: 2, availableReplicas: 2, conditions: [{type: Progressing, status: 'True', reason: ReplicaSetUpdated}]",
        "observedGeneration: 2, replicas: 3, updatedReplicas: 2, readyReplicas: 3, availableReplicas: 3, conditions: [{type: Progressing, status: 'True', reason: ReplicaSetUpdated}]",
        "observedGeneration: 2, replicas: 3, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2, conditions: [{type: Progressing, status: 'True', reason: NewReplicaSetAvailable}]",
        "observedGeneration: 2, replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2, conditions: [{type: Progressing, status: 'True', reason: NewReplicaSetAvailable}]",
    ];
    let states: Vec<bool> = statuses
        .iter()
        .map(|status| {
            assess("apps/v1/Deployment", &format!("{META}, spec: {{replicas: 2}}, status: {{{status}}}"))
                .starts_with("Healthy")
        })
        .collect();
    assert_eq!(states, [false, false, false, false, false, true]);
}

#[test]
fn stateful_sets() {
    let case = |spec: &str, status: &str| {
        assess("apps/v1/StatefulSet", &format!("{META}, spec: {{replicas: 3, {spec}}}, status: {{{status}}}"))
    };
    let counts = |ready: u8, updated: u8, current: &str| {
        format!(
            "observedGeneration: 2, replicas: 3, readyReplicas: {ready}, updatedReplicas: {updated}, currentRevision: {current}, updateRevision: b"
        )
    };
    assert_eq!(case("", ""), "Progressing: its controller has not seen it yet");
    assert_eq!(
        case("", "observedGeneration: 1"),
        "Progressing: its status is of generation 1, and the object is at generation 2"
    );
    assert_eq!(case("", &counts(2, 1, "a")), "Progressing: 2 of 3 replicas are ready");
    assert_eq!(case("", &counts(3, 1, "a")), "Progressing: 1 of 3 replicas are updated");
    assert_eq!(case("", &counts(3, 3, "b")), "Healthy: 3 of 3 replicas are available");
    assert_eq!(
        case("updateStrategy: {type: OnDelete}", &counts(3, 1, "a")),
        "Healthy: 3 of 3 replicas are ready and 1 updated; the others update when they are deleted"
    );
    let partition = "updateStrategy: {rollingUpdate: {partition: 2}}";
    assert_eq!(
        case(partition, &counts(3, 0, "a")),
        "Progressing: 0 of the 1 replicas that the partition 2 leaves are updated"
    );
    assert_eq!(
        case(partition, &counts(3, 1, "a")),
        "Healthy: 3 of 3 replicas are ready; the partition 2 keeps the first ones as they are"
    );
    assert_eq!(
        case("minReadySeconds: 10", &format!("{}, availableReplicas: 2", counts(3, 3, "b"))),
        "Progressing: 2 of 3 replicas are available"
    );
}

#[test]
fn daemon_sets() {
    let case = |spec: &str, status: &str| {
        assess("apps/v1/DaemonSet", &format!("{META}, spec: {{{spec}}}, status: {{{status}}}"))
    };
    let counts = |updated: u8, ready: u8| {
        format!(
            "observedGeneration: 2, desiredNumberScheduled: 3, currentNumberScheduled: 3, updatedNumberScheduled: {updated}, numberReady: {ready}, numberAvailable: {ready}"
        )
    };
    assert_eq!(case("", ""), "Progressing: its controller has not seen it yet");
    assert_eq!(
        case("", "observedGeneration: 2, desiredNumberScheduled: 0"),
        "Healthy: no node is meant to run it"
    );
    assert_eq!(case("", &counts(1, 3)), "Progressing: 1 of 3 replicas are updated");
    assert_eq!(case("", &counts(3, 2)), "Progressing: 2 of 3 replicas are ready");
    assert_eq!(case("", &counts(3, 3)), "Healthy: 3 of 3 replicas are available");
    assert_eq!(
        case("updateStrategy: {type: OnDelete}", &counts(1, 3)),
        "Healthy: 3 of 3 replicas are available and 1 updated; the others update when they are deleted"
    );
}

#[test]
fn replica_sets() {
    let case = |status: &str| {
        assess("apps/v1/ReplicaSet", &format!("{META}, spec: {{replicas: 2}}, status: {{{status}}}"))
    };
    assert_eq!(case(""), "Progressing: its controller has not seen it yet");
    assert_eq!(case("observedGeneration: 2, replicas: 1"), "Progressing: 1 of 2 replicas are created");
    assert_eq!(
        case(
            "observedGeneration: 2, conditions: [{type: ReplicaFailure, status: 'True', reason: FailedCreate, message: quota}]"
        ),
        "Failed: ReplicaFailure is True: FailedCreate: quota"
    );
    assert_eq!(
        case("observedGeneration: 2, replicas: 2, readyReplicas: 2, availableReplicas: 2"),
        "Healthy: 2 of 2 replicas are available"
    );
}

#[test]
fn jobs() {
    let case = |spec: &str, status: &str| {
        assess("batch/v1/Job", &format!("metadata: {{name: x}}, spec: {{{spec}}}, status: {{{status}}}"))
    };
    assert_eq!(case("", ""), "Progressing: has not started yet");
    assert_eq!(
        case("completions: 3", "startTime: now, active: 1, succeeded: 1, failed: 2"),
        "Progressing: 1 of 3 completions, 1 Pods run, 2 failed"
    );
    assert_eq!(case("suspend: true", ""), "Suspended: is suspended");
    assert_eq!(
        case(
            "",
            "startTime: now, conditions: [{type: FailureTarget, status: 'True', reason: BackoffLimitExceeded}]"
        ),
        "Progressing: is ending: FailureTarget is True: BackoffLimitExceeded"
    );
    assert_eq!(
        case(
            "",
            "conditions: [{type: Failed, status: 'True', reason: BackoffLimitExceeded, message: too often}]"
        ),
        "Failed: Failed is True: BackoffLimitExceeded: too often"
    );
    assert_eq!(
        case(
            "",
            "startTime: now, succeeded: 1, conditions: [{type: Failed, status: 'False'}, {type: Complete, status: 'True'}]"
        ),
        "Healthy: is complete, with 1 Pods that succeeded"
    );
}

#[test]
fn cron_jobs() {
    table(
        "batch/v1/CronJob",
        &[
            ("metadata: {name: x}, spec: {schedule: '@daily'}", "Healthy: waits for its schedule `@daily`"),
            ("metadata: {name: x}, spec: {suspend: true}", "Suspended: is suspended"),
        ],
    );
}

#[test]
fn pods() {
    let case = |status: &str| assess("v1/Pod", &format!("metadata: {{name: x}}, status: {{{status}}}"));
    assert_eq!(case(""), "Progressing: is not scheduled yet");
    assert_eq!(
        case(
            "phase: Pending, conditions: [{type: PodScheduled, status: 'False', reason: Unschedulable, message: no node fits}]"
        ),
        "Progressing: PodScheduled is False: Unschedulable: no node fits"
    );
    assert_eq!(
        case("phase: Pending, containerStatuses: [{name: c, state: {waiting: {reason: ImagePullBackOff}}}]"),
        "Progressing: the container c waits: ImagePullBackOff"
    );
    assert_eq!(
        case(
            "phase: Running, conditions: [{type: Ready, status: 'False'}], containerStatuses: [{name: c, restartCount: 4, state: {waiting: {reason: CrashLoopBackOff}}}]"
        ),
        "Progressing: the container c waits: CrashLoopBackOff, after 4 restarts"
    );
    assert_eq!(case("phase: Running, conditions: [{type: Ready, status: 'True'}]"), "Healthy: is ready");
    assert_eq!(case("phase: Succeeded"), "Healthy: ran to its end");
    assert_eq!(
        case("phase: Failed, reason: Evicted, message: low on memory"),
        "Failed: Evicted: low on memory"
    );
    assert_eq!(
        case("phase: Failed, containerStatuses: [{name: c, state: {terminated: {exitCode: 3}}}]"),
        "Failed: the container c ended with 3"
    );
    assert_eq!(case("phase: Unknown"), "Unknown: its node does not answer");
}

#[test]
fn services_and_ingresses() {
    table(
        "v1/Service",
        &[
            ("metadata: {name: x}, spec: {type: ClusterIP}", "Healthy: needs nothing more than to be stored"),
            (
                "metadata: {name: x}, spec: {type: LoadBalancer, clusterIP: 10.0.0.1}",
                "Progressing: waits for an address from its load balancer",
            ),
            (
                "metadata: {name: x}, spec: {type: LoadBalancer}, status: {loadBalancer: {ingress: [{ip: 1.2.3.4}]}}",
                "Healthy: has the address 1.2.3.4",
            ),
        ],
    );
    table(
        "networking.k8s.io/v1/Ingress",
        &[
            ("metadata: {name: x}", "Unknown: has no address, and not every ingress controller gives one"),
            (
                "metadata: {name: x}, status: {loadBalancer: {ingress: [{hostname: a.b}]}}",
                "Healthy: has the address a.b",
            ),
        ],
    );
}

#[test]
fn volumes() {
    let waits = "Progressing: waits for a volume, which its storage class may only make for the first Pod that uses it";
    table(
        "v1/PersistentVolumeClaim",
        &[
            ("metadata: {name: x}", waits),
            ("metadata: {name: x}, status: {phase: Pending}", waits),
            ("metadata: {name: x}, status: {phase: Bound}", "Healthy: is bound"),
            (
                "metadata: {name: x}, status: {phase: Lost}",
                "Failed: its phase is Lost: the volume that it was bound to is gone",
            ),
        ],
    );
    table(
        "v1/PersistentVolume",
        &[
            ("metadata: {name: x}", "Progressing: is not available yet"),
            ("metadata: {name: x}, status: {phase: Bound}", "Healthy: its phase is Bound"),
            ("metadata: {name: x}, status: {phase: Failed, message: gone}", "Failed: gone"),
        ],
    );
}

#[test]
fn budgets_and_autoscalers() {
    table(
        "policy/v1/PodDisruptionBudget",
        &[
            (META, "Progressing: its controller has not seen it yet"),
            (
                "metadata: {name: x, generation: 1}, status: {observedGeneration: 1, currentHealthy: 3, desiredHealthy: 2, disruptionsAllowed: 1}",
                "Healthy: 3 Pods are healthy and 2 must be; 1 may be evicted",
            ),
        ],
    );
    let able = "{type: AbleToScale, status: 'True'}";
    table(
        "autoscaling/v2/HorizontalPodAutoscaler",
        &[
            ("metadata: {name: x}", "Progressing: its controller has not seen it yet"),
            (
                "metadata: {name: x}, status: {conditions: [{type: AbleToScale, status: 'False', reason: FailedGetScale}]}",
                "Progressing: AbleToScale is False: FailedGetScale",
            ),
            (
                &format!(
                    "metadata: {{name: x}}, status: {{conditions: [{able}, {{type: ScalingActive, status: 'False', reason: ScalingDisabled}}]}}"
                ),
                "Suspended: ScalingActive is False: ScalingDisabled",
            ),
            (
                &format!(
                    "metadata: {{name: x}}, status: {{currentReplicas: 4, conditions: [{able}, {{type: ScalingActive, status: 'True'}}]}}"
                ),
                "Healthy: holds 4 replicas",
            ),
        ],
    );
}

#[test]
fn definitions_namespaces_and_api_services() {
    table(
        "apiextensions.k8s.io/v1/CustomResourceDefinition",
        &[
            ("metadata: {name: x}", "Progressing: is not established yet"),
            (
                "metadata: {name: x}, status: {conditions: [{type: Established, status: 'False', reason: Installing}]}",
                "Progressing: is not established yet",
            ),
            (
                "metadata: {name: x}, status: {conditions: [{type: NamesAccepted, status: 'False', reason: ListKindConflict}]}",
                "Failed: NamesAccepted is False: ListKindConflict",
            ),
            (
                "metadata: {name: x}, status: {conditions: [{type: Established, status: 'True'}]}",
                "Healthy: is established",
            ),
        ],
    );
    table(
        "v1/Namespace",
        &[
            ("metadata: {name: x}", "Progressing: is not active yet"),
            ("metadata: {name: x}, status: {phase: Active}", "Healthy: is active"),
            ("metadata: {name: x}, status: {phase: Terminating}", "Progressing: is being deleted"),
        ],
    );
    table(
        "apiregistration.k8s.io/v1/APIService",
        &[
            (
                "metadata: {name: x}, status: {conditions: [{type: Available, status: 'False', reason: MissingEndpoints}]}",
                "Progressing: Available is False: MissingEndpoints",
            ),
            (
                "metadata: {name: x}, status: {conditions: [{type: Available, status: 'True'}]}",
                "Healthy: is available",
            ),
        ],
    );
}

#[test]
fn what_is_deleted_is_never_healthy() {
    let deleting = "metadata: {name: x, deletionTimestamp: now, finalizers: [a/b]}";
    for kind in ["v1/ConfigMap", "v1/Pod", "apps/v1/Deployment", "example.com/v1/Thing"] {
        assert_eq!(assess(kind, deleting), "Progressing: is being deleted, and waits for the finalizer a/b");
    }
}

#[test]
fn kinds_that_are_only_stored_are_healthy() {
    for kind in [
        "v1/ConfigMap",
        "v1/Secret",
        "rbac.authorization.k8s.io/v1/Role",
        "networking.k8s.io/v1/NetworkPolicy",
    ] {
        assert_eq!(
            assess(kind, "metadata: {name: x}"),
            "Healthy: is stored, which is all that this kind does"
        );
    }
    assert!(assess("example.com/v1/Secret", "metadata: {name: x}").starts_with("Unknown"));
}

#[test]
fn custom_resources() {
    let case = |status: &str| assess("example.com/v1/Thing", &format!("{META}, status: {{{status}}}"));
    for (status, said) in [
        ("", "Unknown: has no status, so nothing says whether a controller has seen it"),
        ("phase: Fine", "Unknown: has neither a condition Ready nor the generation that its status is of"),
        (
            "observedGeneration: 1, conditions: [{type: Ready, status: 'True'}]",
            "Progressing: its status is of generation 1, and the object is at generation 2",
        ),
        ("observedGeneration: 2", "Healthy: its controller has handled generation 2"),
        (
            "observedGeneration: 2, conditions: [{type: Ready, status: 'False', reason: Waiting, message: for a key}]",
            "Progressing: Ready is False: Waiting: for a key",
        ),
        (
            "observedGeneration: 2, conditions: [{type: Ready, status: Unknown}]",
            "Progressing: Ready is Unknown",
        ),
        (
            "observedGeneration: 2, conditions: [{type: Ready, status: 'True', reason: Done}]",
            "Healthy: Ready is True: Done",
        ),
        (
            "conditions: [{type: Ready, status: 'True', observedGeneration: 1}]",
            "Progressing: its condition is of generation 1, and the object is at generation 2",
        ),
        ("conditions: [{type: Ready, status: 'True', observedGeneration: 2}]", "Healthy: Ready is True"),
        (
            "conditions: [{type: Ready, status: 'True'}]",
            "Unknown: Ready is True, but nothing says that this is about the latest change",
        ),
        (
            "observedGeneration: 2, conditions: [{type: Stalled, status: 'True', reason: BadSpec}, {type: Ready, status: 'False'}]",
            "Failed: Stalled is True: BadSpec",
        ),
        (
            "conditions: [{type: Stalled, status: 'True', observedGeneration: 1}]",
            "Progressing: its condition is of generation 1, and the object is at generation 2",
        ),
        (
            "observedGeneration: 2, conditions: [{type: Reconciling, status: 'True', reason: Building}, {type: Ready, status: 'True'}]",
            "Progressing: Reconciling is True: Building",
        ),
    ] {
        assert_eq!(case(status), said, "{status}");
    }
}

#[test]
fn a_status_written_after_the_last_change_counts_where_no_generation_is_given() {
    let case = |status_time: &str| {
        assess(
            "example.com/v1/Thing",
            &format!(
                "metadata: {{name: x, generation: 2, managedFields: [
                    {{manager: windlass, time: '2026-01-01T00:00:05Z'}},
                    {{manager: c, subresource: status, time: '{status_time}'}}]}},
                status: {{conditions: [{{type: Ready, status: 'True'}}]}}"
            ),
        )
    };
    assert!(case("2026-01-01T00:00:04Z").starts_with("Unknown"));
    assert_eq!(case("2026-01-01T00:00:06Z"), "Healthy: Ready is True");
}

#[test]
fn there_are_no_settings() {
    let text = testing::assess::<Kstatus>("colour: red", "");
    assert!(text.contains("unknown field `colour`"), "{text}");
}
