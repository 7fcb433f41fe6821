//! A renderer of the world `renderer` that reads nothing and misbehaves as its
//! config says. Speaks the canonical ABI by hand.

use std::alloc::{Layout, alloc, realloc};
use std::sync::Mutex;

static MODE: Mutex<String> = Mutex::new(String::new());

#[repr(C)]
struct List {
    pointer: *const u8,
    length: usize,
}

#[repr(C)]
struct Manifest {
    object: List,
    path: (u32, List),
    span: [u32; 3],
}

#[repr(C)]
struct Returned {
    refused: u32,
    manifests: List,
    diagnostics: List,
}

fn list<T>(items: Vec<T>) -> List {
    let items = items.leak();
    List { pointer: items.as_ptr().cast(), length: items.len() }
}

#[unsafe(export_name = "cabi_realloc")]
extern "C" fn cabi_realloc(old: *mut u8, old_length: usize, align: usize, length: usize) -> *mut u8 {
    unsafe {
        if old.is_null() {
            alloc(Layout::from_size_align(length.max(1), align).unwrap())
        } else {
            realloc(old, Layout::from_size_align(old_length, align).unwrap(), length)
        }
    }
}

#[unsafe(export_name = "windlass:plugin/lifecycle@0.1.0#configure")]
extern "C" fn configure(config: *mut u8, length: usize) -> *const [u32; 3] {
    let config = unsafe { Vec::from_raw_parts(config, length, length) };
    *MODE.lock().unwrap() = String::from_utf8(config).unwrap().trim_matches('"').to_owned();
    Box::leak(Box::new([0; 3]))
}

#[unsafe(export_name = "windlass:plugin/rendering@0.1.0#render")]
extern "C" fn render(_: *mut u8, _: usize, _: *mut u8, _: usize, _: *mut u8, _: usize) -> *const Returned {
    let object = match MODE.lock().unwrap().as_str() {
        "too many values" => format!("[{}0]", "0,".repeat(5_000_000)),
        "too long" => "0".repeat(40 << 20),
        _ => r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}"#.to_owned(),
    };
    let path = list(b"./apps/../apps/a.yaml".to_vec());
    let manifest = Manifest { object: list(object.into_bytes()), path: (1, path), span: [1, 0, 4] };
    let manifests = list(vec![manifest]);
    Box::leak(Box::new(Returned { refused: 0, manifests, diagnostics: list(Vec::<u32>::new()) }))
}
