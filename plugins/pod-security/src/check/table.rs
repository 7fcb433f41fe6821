//! Which checks there are, and since which minor version they are what they
//! are. In the order of their names, which is that of the findings.

use super::{
    Check, Rule, Since, apparmor, capabilities, host, privilege, seccomp, selinux, sysctls, users, volumes,
};

const fn since(minor: u64, rule: Rule) -> Since {
    Since { minor, rule, overrides: None }
}

const fn instead_of(id: &'static str, minor: u64, rule: Rule) -> Since {
    Since { minor, rule, overrides: Some(id) }
}

/// What every level but the privileged one holds pods to.
pub(super) const BASELINE: &[Check] = &[
    Check { id: "appArmorProfile", rules: &[since(0, apparmor::PROFILE)] },
    Check { id: "capabilities_baseline", rules: &[since(0, capabilities::BASELINE)] },
    Check { id: "hostNamespaces", rules: &[since(0, host::NAMESPACES)] },
    Check { id: "hostPathVolumes", rules: &[since(0, volumes::HOST_PATHS)] },
    Check { id: "hostPorts", rules: &[since(0, host::PORTS)] },
    Check { id: "hostProbesAndHostLifecycle", rules: &[since(34, host::PROBES)] },
    Check { id: "privileged", rules: &[since(0, privilege::PRIVILEGED)] },
    Check {
        id: "procMount",
        rules: &[since(0, privilege::PROC_MOUNT), since(35, privilege::PROC_MOUNT_OUTSIDE_USER_NAMESPACES)],
    },
    Check { id: "seLinuxOptions", rules: &[since(0, selinux::SINCE_0), since(31, selinux::SINCE_31)] },
    Check {
        id: "seccompProfile_baseline",
        rules: &[since(0, seccomp::ANNOTATIONS), since(19, seccomp::BASELINE)],
    },
    Check {
        id: "sysctls",
        rules: &[
            since(0, sysctls::SINCE_0),
            since(27, sysctls::SINCE_27),
            since(29, sysctls::SINCE_29),
            since(32, sysctls::SINCE_32),
            since(37, sysctls::SINCE_37),
        ],
    },
    Check { id: "windowsHostProcess", rules: &[since(0, host::PROCESS)] },
];

/// What the restricted level holds them to beside that.
pub(super) const RESTRICTED: &[Check] = &[
    Check {
        id: "allowPrivilegeEscalation",
        rules: &[since(8, privilege::ESCALATION), since(25, privilege::ESCALATION_BUT_WINDOWS)],
    },
    Check {
        id: "capabilities_restricted",
        rules: &[
            instead_of("capabilities_baseline", 22, capabilities::RESTRICTED),
            instead_of("capabilities_baseline", 25, capabilities::RESTRICTED_BUT_WINDOWS),
        ],
    },
    Check { id: "procMount_restricted", rules: &[instead_of("procMount", 35, privilege::PROC_MOUNT)] },
    Check { id: "restrictedVolumes", rules: &[instead_of("hostPathVolumes", 0, volumes::RESTRICTED)] },
    Check {
        id: "runAsNonRoot",
        rules: &[since(0, users::NON_ROOT), since(35, users::NON_ROOT_OUTSIDE_USER_NAMESPACES)],
    },
    Check {
        id: "runAsUser",
        rules: &[since(23, users::NOT_ZERO), since(35, users::NOT_ZERO_OUTSIDE_USER_NAMESPACES)],
    },
    Check {
        id: "seccompProfile_restricted",
        rules: &[
            instead_of("seccompProfile_baseline", 19, seccomp::RESTRICTED),
            instead_of("seccompProfile_baseline", 25, seccomp::RESTRICTED_BUT_WINDOWS),
        ],
    },
];
