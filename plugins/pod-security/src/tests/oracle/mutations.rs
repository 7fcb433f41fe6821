//! Pods that are one to six steps from upstream's: a field set to another
//! value, to one of another type, or taken away. The same at every run.

use serde_json::{Value, json};

/// How many are made.
const PODS: usize = 6000;

/// Numbers that look random (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn of<'v, T>(&mut self, values: &'v [T]) -> &'v T {
        &values[self.below(values.len())]
    }
}

pub(super) fn of(pods: &[Value]) -> Vec<Value> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let fields = fields();
    let make = |_| {
        let mut pod = random.of(pods).clone();
        // Six init containers and more would make messages, not cases.
        let lists = ["initContainers", "containers", "ephemeralContainers"];
        if random.below(2) == 0 {
            let list = *random.of(&lists);
            let mut copy = pod["spec"]["containers"][0].clone();
            copy["name"] = json!(random.of(&["other", "container1", "", "ä\"b", "a-b"]));
            match &mut pod["spec"][list] {
                Value::Array(containers) => containers.push(copy),
                other => *other = json!([copy]),
            }
        }
        for _ in 0..=random.below(6) {
            let (path, values) = random.of(&fields);
            let value =
                if random.below(12) == 0 { random.of(&odd()).clone() } else { random.of(values).clone() };
            let list = *random.of(&lists);
            let path = path.replace("CONTAINERS", list).replace('#', &random.below(2).to_string());
            set(&mut pod, &path, value);
        }
        pod
    };
    (0..PODS).map(make).collect()
}

/// Values that fit few fields.
fn odd() -> Vec<Value> {
    vec![
        json!(null),
        json!("yes"),
        json!(5),
        json!(1.5),
        json!([]),
        json!({}),
        json!([null]),
        json!(true),
        json!(""),
    ]
}

/// Sets a field; what leads there is made where it is missing. Places in lists
/// that are not there are left alone.
fn set(pod: &mut Value, path: &str, value: Value) {
    let mut at = pod;
    for step in path.split('/') {
        if let Ok(index) = step.parse::<usize>() {
            match at.as_array_mut() {
                Some(items) if index <= items.len() => {
                    if index == items.len() {
                        items.push(json!({}));
                    }
                    at = &mut items[index];
                }
                _ => return,
            }
        } else {
            let step = step.replace("~1", "/");
            if at.is_null() {
                *at = json!({});
            }
            let Some(fields) = at.as_object_mut() else { return };
            at = fields.entry(step).or_insert(Value::Null);
        }
    }
    *at = value;
}

/// Every field that counts, with what may stand there.
fn fields() -> Vec<(String, Vec<Value>)> {
    let flags = vec![json!(true), json!(false), json!(null)];
    let profiles = ["RuntimeDefault", "Localhost", "Unconfined", "", "other"].map(Value::from).to_vec();
    let hosts = ["", "127.0.0.1", "other", "\u{e9}"].map(Value::from).to_vec();
    let users = vec![json!(0), json!(1000), json!(null), json!(-1), json!(4_294_967_296_i64)];
    let mut fields = Vec::new();
    let mut add = |path: &str, values: &[Value]| fields.push((path.to_owned(), values.to_vec()));
    for field in ["hostNetwork", "hostPID", "hostIPC", "hostUsers", "hostUsers"] {
        add(&format!("spec/{field}"), &flags);
    }
    add("spec/os/name", &["windows", "linux", "Windows", ""].map(Value::from));
    for context in ["spec/securityContext", "spec/CONTAINERS/#/securityContext"] {
        add(context, &[json!(null), json!({})]);
        add(&format!("{context}/runAsNonRoot"), &flags);
        add(&format!("{context}/runAsUser"), &users);
        add(&format!("{context}/windowsOptions/hostProcess"), &flags);
        for profile in ["seccompProfile", "appArmorProfile"] {
            add(&format!("{context}/{profile}/type"), &profiles);
            add(&format!("{context}/{profile}"), &[json!(null), json!({})]);
        }
        let types = ["container_t", "container_engine_t", "", "other_t", "another_t"].map(Value::from);
        add(&format!("{context}/seLinuxOptions/type"), &types);
        add(&format!("{context}/seLinuxOptions/user"), &["", "user"].map(Value::from));
        add(&format!("{context}/seLinuxOptions/role"), &["", "role"].map(Value::from));
    }
    let container = "spec/CONTAINERS/#";
    add(&format!("{container}/securityContext/privileged"), &flags);
    add(&format!("{container}/securityContext/allowPrivilegeEscalation"), &flags);
    add(
        &format!("{container}/securityContext/procMount"),
        &["Default", "Unmasked", "", "x"].map(Value::from),
    );
    let capabilities =
        [json!(["NET_BIND_SERVICE"]), json!(["ALL"]), json!(["NET_RAW", "CHOWN", "KILL"]), json!([])];
    for list in ["add", "drop"] {
        add(&format!("{container}/securityContext/capabilities/{list}"), &capabilities);
    }
    let ports =
        [json!([{"hostPort": 80}, {"hostPort": 0}, {"containerPort": 1, "hostPort": 443}]), json!([{}])];
    add(&format!("{container}/ports"), &ports);
    add(
        &format!("{container}/ports/#/hostPort"),
        &[json!(0), json!(8080), json!(2_147_483_648_i64), json!(-1)],
    );
    for handler in
        ["livenessProbe", "readinessProbe", "startupProbe", "lifecycle/postStart", "lifecycle/preStop"]
    {
        for way in ["httpGet", "tcpSocket"] {
            add(&format!("{container}/{handler}/{way}/host"), &hosts);
        }
    }
    let sysctls = [
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_notsent_lowat",
        "kernel.msgmax",
    ];
    let sysctls = sysctls.map(|name| json!([{"name": name, "value": "1"}, {"name": "a", "value": "1"}]));
    add("spec/securityContext/sysctls", &sysctls);
    add("spec/volumes", &[json!([{"name": "a", "emptyDir": {}}, {"name": "b"}]), json!(null)]);
    let sources = [
        "hostPath",
        "emptyDir",
        "image",
        "csi",
        "nfs",
        "gitRepo",
        "azureDisk",
        "portworxVolume",
        "storageos",
    ];
    for source in sources {
        add(&format!("spec/volumes/#/{source}"), &[json!({}), json!(null)]);
    }
    let annotations =
        ["runtime/default", "docker/default", "localhost/x", "unconfined", "", "a\"b\n\u{1}\u{e9}\u{200b}"]
            .map(Value::from);
    for key in [
        "seccomp.security.alpha.kubernetes.io~1pod",
        "container.seccomp.security.alpha.kubernetes.io~1container1",
        "container.seccomp.security.alpha.kubernetes.io~1nobody",
        "container.apparmor.security.beta.kubernetes.io~1container1",
        "container.apparmor.security.beta.kubernetes.io~1other",
    ] {
        add(&format!("metadata/annotations/{key}"), &annotations);
    }
    fields
}
