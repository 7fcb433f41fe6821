//! The functions that policies call and that the engine does not bring along;
//! and those that there are not, with the reason.

mod glob;
mod go_format;
mod legacy;
mod net;
mod own;
pub(crate) mod regex;
mod time;

use regorus::{Engine, Value};

/// A function beside the engine's own.
pub(crate) struct Added {
    pub(crate) name: &'static str,
    pub(crate) arguments: u8,
    call: Call,
}

#[derive(Clone, Copy)]
enum Call {
    /// Gives nothing where OPA's function fails, which makes it undefined.
    Plain(fn(&[Value]) -> Option<Value>),
    /// Fails where its limit says so.
    Bounded(fn(&[Value]) -> Result<Option<Value>, String>),
}

const fn added(name: &'static str, arguments: u8, call: fn(&[Value]) -> Option<Value>) -> Added {
    Added { name, arguments, call: Call::Plain(call) }
}

const fn bounded(
    name: &'static str,
    arguments: u8,
    call: fn(&[Value]) -> Result<Option<Value>, String>,
) -> Added {
    Added { name, arguments, call: Call::Bounded(call) }
}

/// The functions beside the engine's own.
pub(crate) const ADDED: [Added; 30] = [
    bounded("glob.match", 3, glob::matches),
    added("glob.quote_meta", 1, glob::quote_meta),
    added("json.marshal", 1, own::json_marshal),
    added("net.cidr_contains", 2, net::contains),
    added("net.cidr_intersects", 2, net::intersects),
    added("net.cidr_is_valid", 1, net::is_valid),
    added("net.cidr_overlap", 2, net::contains),
    bounded("regex.find_all_string_submatch_n", 3, regex::find_groups),
    bounded("regex.find_n", 3, regex::find),
    bounded("regex.is_valid", 1, regex::is_valid),
    bounded("regex.match", 2, regex::is_match),
    bounded("regex.replace", 3, regex::replace),
    bounded("regex.split", 2, regex::split),
    bounded("regex.template_match", 4, regex::template_match),
    added("semver.compare", 2, own::semver_compare),
    added("semver.is_valid", 1, own::semver_is_valid),
    added("strings.count", 2, own::strings_count),
    added("sprintf", 2, go_format::sprintf),
    added("time.parse_duration_ns", 1, time::parse_duration),
    added("time.parse_rfc3339_ns", 1, time::parse_rfc3339),
    // Those that OPA 1.0 took away, and templates still call.
    added("all", 1, legacy::all),
    added("any", 1, legacy::any),
    added("cast_array", 1, legacy::cast_array),
    added("cast_boolean", 1, legacy::cast_boolean),
    added("cast_null", 1, legacy::cast_null),
    added("cast_object", 1, legacy::cast_object),
    added("cast_set", 1, legacy::cast_set),
    added("cast_string", 1, legacy::cast_string),
    bounded("re_match", 2, regex::is_match),
    added("set_diff", 2, legacy::set_diff),
];

/// Gives an engine the functions beside its own.
///
/// # Errors
/// When it has one of them already.
pub(crate) fn register(engine: &mut Engine) -> Result<(), impl std::fmt::Display + use<>> {
    ADDED.iter().try_for_each(|added| {
        let call = added.call;
        let extension = move |arguments: Vec<Value>| {
            let value = match call {
                Call::Plain(call) => call(&arguments),
                Call::Bounded(call) => call(&arguments).map_err(LimitReached)?,
            };
            Ok(value.unwrap_or(Value::Undefined))
        };
        engine.add_extension(added.name.to_owned(), added.arguments, Box::new(extension))
    })
}

/// Why a function of these gives no value although it has one.
#[derive(Debug)]
struct LimitReached(String);

impl std::fmt::Display for LimitReached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LimitReached {}

/// Why there is no such function, if it is one of OPA's or Gatekeeper's.
pub(crate) fn refused(name: &str) -> Option<&'static str> {
    match name {
        "http.send" | "net.lookup_ip_addr" | "external_data" => {
            Some("it asks the network, and a verdict must be the same everywhere")
        }
        "opa.runtime" => Some("it reads the environment, and a verdict must be the same everywhere"),
        "time.now_ns" => Some("it reads the clock, and a verdict must be the same at any time"),
        "rand.intn" | "uuid.rfc4122" => Some("it is random, and a verdict must be the same each time"),
        "trace" => Some("nobody reads a trace; `print` is allowed, and prints nothing"),
        "parse_config" | "parse_config_file" | "parse_combined_config_files" => {
            Some("it reads files; a module sees `input` and `data`")
        }
        _ => MISSING.contains(&name).then_some("the engine does not have this function of OPA"),
    }
}

/// Functions of OPA that there are not.
const MISSING: [&str; 64] = [
    "array.flatten",
    "crypto.hmac.equal",
    "crypto.hmac.md5",
    "crypto.hmac.sha1",
    "crypto.hmac.sha256",
    "crypto.hmac.sha512",
    "crypto.md5",
    "crypto.parse_private_keys",
    "crypto.sha1",
    "crypto.sha256",
    "crypto.x509.parse_and_verify_certificates",
    "crypto.x509.parse_and_verify_certificates_with_options",
    "crypto.x509.parse_certificate_request",
    "crypto.x509.parse_certificates",
    "crypto.x509.parse_keypair",
    "crypto.x509.parse_rsa_private_key",
    "graphql.is_valid",
    "graphql.parse",
    "graphql.parse_and_verify",
    "graphql.parse_query",
    "graphql.parse_schema",
    "graphql.schema_is_valid",
    "io.jwt.decode",
    "io.jwt.decode_verify",
    "io.jwt.encode_sign",
    "io.jwt.encode_sign_raw",
    "io.jwt.verify_eddsa",
    "io.jwt.verify_es256",
    "io.jwt.verify_es384",
    "io.jwt.verify_es512",
    "io.jwt.verify_hs256",
    "io.jwt.verify_hs384",
    "io.jwt.verify_hs512",
    "io.jwt.verify_ps256",
    "io.jwt.verify_ps384",
    "io.jwt.verify_ps512",
    "io.jwt.verify_rs256",
    "io.jwt.verify_rs384",
    "io.jwt.verify_rs512",
    "json.match_schema",
    "json.verify_schema",
    "net.cidr_contains_matches",
    "net.cidr_expand",
    "net.cidr_merge",
    "providers.aws.sign_req",
    "rego.metadata.chain",
    "rego.metadata.rule",
    "regex.globs_match",
    "rego.parse_module",
    "strings.render_template",
    "time.add_date",
    "time.clock",
    "time.date",
    "time.diff",
    "time.format",
    "time.parse_ns",
    "time.weekday",
    "uri.is_valid",
    "uri.parse",
    "urlquery.decode",
    "urlquery.decode_object",
    "urlquery.encode",
    "urlquery.encode_object",
    "uuid.parse",
];
