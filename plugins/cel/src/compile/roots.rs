//! What expressions are given: names, and the fields of what has known ones.

use std::rc::Rc;

use super::{Names, Typed};
use crate::library::Sig;
use crate::plan::{Node, Root};
use crate::typing::{Field, Record, Type};
use crate::value::{Made, Map, Value};

/// Names that only the API server can fill.
pub(super) const UNAVAILABLE: [&str; 1] = ["authorizer"];

/// Types as values, by the names that expressions have for them.
pub(super) const TYPES: [(&str, &str); 12] = [
    ("bool", "bool"),
    ("bytes", "bytes"),
    ("double", "double"),
    ("dyn", "dyn"),
    ("int", "int"),
    ("list", "list"),
    ("map", "map"),
    ("null_type", "null_type"),
    ("optional_type", "optional_type"),
    ("string", "string"),
    ("type", "type"),
    ("uint", "uint"),
];

pub(super) const QUALIFIED_TYPES: [&str; 7] = [
    "google.protobuf.Duration",
    "google.protobuf.Timestamp",
    "kubernetes.Quantity",
    "kubernetes.Semver",
    "kubernetes.URL",
    "net.CIDR",
    "net.IP",
];

/// The root of a name.
pub(super) fn find(name: &str, names: Names<'_>) -> Option<(Root, Type)> {
    Some(match name {
        "object" => (Root::Object, Type::Dyn),
        "oldObject" => (Root::OldObject, Type::Dyn),
        "request" => (Root::Request, Type::Record(&REQUEST)),
        "namespaceObject" => (Root::NamespaceObject, Type::Record(&NAMESPACE)),
        "params" if names.params => (Root::Params, Type::Dyn),
        _ => return None,
    })
}

/// Kyverno's exceptions, of which there are none here.
pub(super) fn exceptions() -> Typed {
    let mut made = Made::default();
    for name in ["allowedImages", "allowedValues"] {
        // Both names are texts, and different.
        let _ = made.insert(Value::text(name), Value::list(Vec::new()));
    }
    (Node::Constant(Value::Map(Map::Made(Rc::new(made)))), Type::Record(&EXCEPTIONS))
}

const TEXT: Field = Field::Plain(Sig::String);
const TEXTS: Field = Field::Plain(Sig::List(&Sig::String));
const TEXT_MAP: Field = Field::Plain(Sig::Map(&Sig::String, &Sig::String));

static EXCEPTIONS: Record =
    Record { name: "exceptions", fields: &[("allowedImages", TEXTS), ("allowedValues", TEXTS)] };

static KIND: Record =
    Record { name: "request.kind", fields: &[("group", TEXT), ("version", TEXT), ("kind", TEXT)] };

static RESOURCE: Record =
    Record { name: "request.resource", fields: &[("group", TEXT), ("version", TEXT), ("resource", TEXT)] };

static REQUEST: Record = Record {
    name: "request",
    fields: &[
        ("kind", Field::Record(&KIND)),
        ("resource", Field::Record(&RESOURCE)),
        ("subResource", TEXT),
        ("requestKind", Field::Record(&KIND)),
        ("requestResource", Field::Record(&RESOURCE)),
        ("requestSubResource", TEXT),
        ("name", TEXT),
        ("namespace", TEXT),
        ("operation", TEXT),
        ("dryRun", Field::Plain(Sig::Bool)),
        ("userInfo", Field::Unavailable("request.userInfo")),
        ("options", Field::Unavailable("request.options")),
    ],
};

static NAMESPACE: Record = Record {
    name: "namespaceObject",
    fields: &[
        ("metadata", Field::Record(&NAMESPACE_METADATA)),
        ("spec", Field::Record(&NAMESPACE_SPEC)),
        ("status", Field::Record(&NAMESPACE_STATUS)),
    ],
};

static NAMESPACE_METADATA: Record = Record {
    name: "namespaceObject.metadata",
    fields: &[
        ("name", TEXT),
        ("generateName", TEXT),
        ("namespace", TEXT),
        ("labels", TEXT_MAP),
        ("annotations", TEXT_MAP),
        ("UID", TEXT),
        ("creationTimestamp", Field::Plain(Sig::Dyn)),
        ("deletionGracePeriodSeconds", Field::Plain(Sig::Int)),
        ("deletionTimestamp", Field::Plain(Sig::Dyn)),
        ("generation", Field::Plain(Sig::Int)),
        ("resourceVersion", TEXT),
        ("finalizers", TEXTS),
    ],
};

static NAMESPACE_SPEC: Record = Record { name: "namespaceObject.spec", fields: &[("finalizers", TEXTS)] };

static NAMESPACE_STATUS: Record = Record {
    name: "namespaceObject.status",
    fields: &[("conditions", Field::Records(&NAMESPACE_CONDITION)), ("phase", TEXT)],
};

static NAMESPACE_CONDITION: Record = Record {
    name: "a condition of namespaceObject",
    fields: &[
        ("status", TEXT),
        ("type", TEXT),
        ("lastTransitionTime", Field::Plain(Sig::Dyn)),
        ("message", TEXT),
        ("reason", TEXT),
    ],
};
