//! A Kubewarden policy that misbehaves as its settings say. Speaks waPC by
//! hand, so that it can also say what no SDK would let it.

use std::cell::RefCell;

#[link(wasm_import_module = "wapc")]
unsafe extern "C" {
    fn __guest_request(operation: *mut u8, payload: *mut u8);
    fn __guest_response(at: *const u8, length: usize);
    fn __guest_error(at: *const u8, length: usize);
    fn __console_log(at: *const u8, length: usize);
    fn __host_call(
        binding: *const u8,
        binding_length: usize,
        namespace: *const u8,
        namespace_length: usize,
        operation: *const u8,
        operation_length: usize,
        payload: *const u8,
        payload_length: usize,
    ) -> usize;
    fn __host_response_len() -> usize;
    fn __host_response(at: *mut u8);
    fn __host_error_len() -> usize;
    fn __host_error(at: *mut u8);
}

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    fn clock_time_get(clock: u32, precision: u64, time: *mut u64) -> u32;
    fn random_get(buffer: *mut u8, length: usize) -> u32;
    fn proc_exit(code: u32) -> !;
    fn fd_write(fd: u32, vectors: *const Buffer, count: usize, done: *mut usize) -> u32;
}

#[repr(C)]
struct Buffer {
    at: *const u8,
    length: usize,
}

thread_local! {
    static STARTED: RefCell<String> = const { RefCell::new(String::new()) };
}

fn started(name: &str) {
    STARTED.with_borrow_mut(|started| started.push_str(name));
}

#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    started("i");
}

/// As TinyGo does, it looks at the clock; as C does, it ends with an exit.
#[unsafe(no_mangle)]
extern "C" fn _start() {
    started("s");
    unsafe {
        clock_time_get(0, 0, &mut 0);
        proc_exit(0)
    }
}

#[unsafe(no_mangle)]
extern "C" fn wapc_init() {
    started("w");
}

fn respond(text: &str) -> i32 {
    unsafe { __guest_response(text.as_ptr(), text.len()) };
    1
}

fn fail(text: &str) -> i32 {
    unsafe { __guest_error(text.as_ptr(), text.len()) };
    0
}

fn reject(message: &str) -> i32 {
    let message = message.replace('\\', "\\\\").replace('"', "\\\"");
    respond(&format!("{{\"accepted\":false,\"message\":\"{message}\"}}"))
}

/// What follows `"key":"` in a JSON text.
fn text_of<'a>(json: &'a str, key: &str) -> &'a str {
    let start = format!("\"{key}\":\"");
    json.split_once(&start).and_then(|(_, rest)| rest.split_once('"')).map_or("", |(text, _)| text)
}

fn host_call(namespace: &str, operation: &str, payload: &str) -> Result<String, String> {
    let binding = "kubewarden";
    unsafe {
        let success = __host_call(
            binding.as_ptr(),
            binding.len(),
            namespace.as_ptr(),
            namespace.len(),
            operation.as_ptr(),
            operation.len(),
            payload.as_ptr(),
            payload.len(),
        );
        if success == 1 {
            let mut response = vec![0; __host_response_len()];
            __host_response(response.as_mut_ptr());
            Ok(String::from_utf8(response).unwrap())
        } else {
            let mut error = vec![0; __host_error_len()];
            __host_error(error.as_mut_ptr());
            Err(String::from_utf8(error).unwrap())
        }
    }
}

const LIST: &str = "list_resources_all";
const NAMESPACES: &str = r#"{"api_version":"v1","kind":"Namespace","label_selector":"env=prod"}"#;
const SECRETS: &str = r#"{"api_version":"v1","kind":"Secret"}"#;

#[unsafe(no_mangle)]
extern "C" fn __guest_call(operation_length: usize, payload_length: usize) -> i32 {
    let (mut operation, mut payload) = (vec![0; operation_length], vec![0; payload_length]);
    unsafe { __guest_request(operation.as_mut_ptr(), payload.as_mut_ptr()) };
    let (operation, payload) = (String::from_utf8(operation).unwrap(), String::from_utf8(payload).unwrap());
    let mode = text_of(&payload, "mode").to_owned();
    match operation.as_str() {
        "protocol_version" => respond(if cfg!(old) { "\"v0\"" } else { "\"v1\"" }),
        "validate_settings" => validate_settings(&mode),
        "validate" => validate(&mode, &payload),
        other => fail(other),
    }
}

fn validate_settings(mode: &str) -> i32 {
    match mode {
        "refuse" => respond(r#"{"valid":false,"message":"the mode `refuse` is not allowed"}"#),
        "refuse without a word" => respond(r#"{"valid":false}"#),
        "fail in settings" => fail("no such setting"),
        "nonsense in settings" => respond("yes"),
        "spin in settings" => loop {},
        _ => respond(r#"{"valid":true}"#),
    }
}

fn validate(mode: &str, payload: &str) -> i32 {
    match mode {
        "spin" => loop {},
        "hoard" => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(vec![1_u8; 1 << 20]);
            }
        }
        "panic" => check_the_image(),
        "log and panic" => {
            let (log, print) = ("looked at the image", "printed");
            unsafe {
                for _ in 0..10_000 {
                    __console_log(log.as_ptr(), log.len());
                }
                fd_write(2, &Buffer { at: print.as_ptr(), length: print.len() }, 1, &mut 0);
            }
            let _ = host_call("tracing", "log", "{\"message\":\"traced\"}");
            check_the_image()
        }
        "exit" => unsafe { proc_exit(3) },
        "fail" => fail("the image is \"odd\""),
        "fail without a word" => 0,
        "say nothing" => 1,
        "nonsense" => respond("yes"),
        "respond from nowhere" => {
            unsafe { __guest_response(0x7fff_fff0 as *const u8, 64) };
            1
        }
        "respond with more than there is" => {
            unsafe { __guest_response(0x1000 as *const u8, usize::MAX) };
            1
        }
        "take the request to nowhere" => {
            unsafe { __guest_request(0xffff_fff0 as *mut u8, 0xffff_fff0 as *mut u8) };
            1
        }
        "take the answer to nowhere" => {
            let _ = host_call("kubernetes", LIST, NAMESPACES);
            unsafe { __host_response(0xffff_fff0 as *mut u8) };
            1
        }
        "log from nowhere" => {
            unsafe { __console_log(0xffff_fff0 as *const u8, 64) };
            1
        }
        "flood" => respond(&"much ".repeat(1 << 20)),
        "started" => reject(&STARTED.with_borrow(Clone::clone)),
        "remember" => {
            started("!");
            reject(&STARTED.with_borrow(Clone::clone))
        }
        "random" => {
            let mut bytes = [0; 8];
            unsafe { random_get(bytes.as_mut_ptr(), bytes.len()) };
            reject(&format!("{bytes:?}"))
        }
        "ask the time and accept" => {
            unsafe { clock_time_get(0, 0, &mut 0) };
            respond(r#"{"accepted":true}"#)
        }
        "ask" => match host_call("kubernetes", LIST, NAMESPACES) {
            Ok(found) | Err(found) => reject(&found),
        },
        "ask by field" => {
            let payload = r#"{"api_version":"v1","kind":"Namespace","field_selector":"spec.a=b"}"#;
            reject(&host_call("kubernetes", LIST, payload).unwrap_err())
        }
        "ask nonsense" => reject(&host_call("kubernetes", LIST, "[").unwrap_err()),
        "ask and accept whatever comes" => {
            let _ = host_call("kubernetes", LIST, NAMESPACES);
            respond(r#"{"accepted":true}"#)
        }
        "get" => {
            let payload = r#"{"api_version":"v1","kind":"Namespace","name":"prod","namespace":"","disable_cache":true}"#;
            match host_call("kubernetes", "get_resource", payload) {
                Ok(found) | Err(found) => reject(&found),
            }
        }
        "ask for secrets" => {
            let _ = host_call("kubernetes", LIST, SECRETS);
            respond(r#"{"accepted":true}"#)
        }
        "ask without end" => loop {
            let _ = host_call("kubernetes", LIST, NAMESPACES);
        },
        "leave the gate" => {
            let calls = [
                ("kubernetes", "can_i"),
                ("oci", "v2/verify"),
                ("oci", "v1/manifest_digest"),
                ("net", "v1/dns_lookup_host"),
                ("crypto", "v1/is_certificate_trusted"),
            ];
            let errors =
                calls.map(|(namespace, operation)| host_call(namespace, operation, "{}").unwrap_err());
            reject(&errors.join("; "))
        }
        "leave the gate and accept" => {
            let _ = host_call("oci", "v2/verify", "{}");
            respond(r#"{"accepted":true}"#)
        }
        "operation" => reject(text_of(payload, "operation")),
        "change" => respond(
            r#"{"accepted":true,"mutated_object":{"apiVersion":"v1","kind":"Pod","metadata":{"name":"b"}}}"#,
        ),
        _ => respond(r#"{"accepted":true}"#),
    }
}

#[inline(never)]
fn check_the_image() -> i32 {
    panic!("no image is good enough")
}
