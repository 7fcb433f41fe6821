//! A policy (or, with `--cfg health`, a health rule) that misbehaves as its
//! config says. Speaks the canonical ABI by hand, so that it can also say what
//! no bindings would let it.

use std::alloc::{Layout, alloc, realloc};
use std::sync::Mutex;

static MODE: Mutex<String> = Mutex::new(String::new());

#[repr(C)]
struct List {
    pointer: *const u8,
    length: usize,
}

#[repr(C)]
struct OptionalText {
    present: u8,
    text: List,
}

#[repr(C)]
struct Diagnostic {
    severity: u8,
    message: List,
    path: OptionalText,
    span: [u32; 3],
    object: [u32; 10],
    pointer: OptionalText,
}

#[cfg(not(health))]
#[repr(C)]
struct Subject {
    object: List,
    old: OptionalText,
}

#[cfg(not(health))]
#[repr(C)]
struct Finding {
    message: List,
    pointer: OptionalText,
    rule: OptionalText,
    /// Present, and which.
    action: [u8; 2],
}

#[cfg(health)]
#[repr(C)]
struct Assessment {
    state: u8,
    message: List,
}

fn list<T>(items: Vec<T>) -> List {
    let items = items.leak();
    List { pointer: items.as_ptr().cast(), length: items.len() }
}

fn text(content: &str) -> List {
    list(content.as_bytes().to_vec())
}

fn none() -> OptionalText {
    OptionalText { present: 0, text: List { pointer: std::ptr::null(), length: 0 } }
}

fn area<T>(value: T) -> *const T {
    Box::leak(Box::new(value))
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
extern "C" fn configure(config: *mut u8, length: usize) -> *const (u32, List) {
    let config = unsafe { Vec::from_raw_parts(config, length, length) };
    let mode = String::from_utf8(config).unwrap();
    // Settings of a Gate are a mapping.
    let mode = mode.trim_start_matches("{\"mode\":").trim_end_matches('}').trim_matches('"').to_owned();
    let diagnostic = |message: List| Diagnostic {
        severity: 0,
        message,
        path: none(),
        span: [0; 3],
        object: [0; 10],
        pointer: none(),
    };
    let refusal = match mode.as_str() {
        "spin in configure" => loop {},
        "panic in configure" => panic!("configured to panic"),
        "refuse" => vec![diagnostic(text("the mode `refuse` is not allowed"))],
        "refuse at length" => {
            let long = "no ".repeat(1 << 18).leak();
            (0..200).map(|_| diagnostic(List { pointer: long.as_ptr(), length: long.len() })).collect()
        }
        "refuse at its end" => vec![Diagnostic {
            pointer: OptionalText { present: 1, text: text("/mode") },
            span: [1, 10, 17],
            ..diagnostic(text("it ends badly"))
        }],
        source if source.contains("refuse this") => vec![Diagnostic {
            pointer: OptionalText { present: 1, text: text("/resources/0/spec/rule") },
            span: [1, 7, 11],
            ..diagnostic(text("a rule like this is not allowed"))
        }],
        "refuse often" => (0..5000).map(|_| diagnostic(text("no"))).collect(),
        _ => Vec::new(),
    };
    if mode == "tell" {
        std::panic::set_hook(Box::new(|info| spell(&info.to_string())));
    }
    *MODE.lock().unwrap() = mode;
    area((u32::from(!refusal.is_empty()), list(refusal)))
}

/// The host reads a panic's message off requests for memory.
fn spell(message: &str) {
    let pages = std::iter::once(0x8100).chain(message.bytes().map(|byte| 0x8000 + usize::from(byte)));
    for request in pages {
        core::arch::wasm32::memory_grow(0, request);
    }
}

fn answers<T>(objects: usize, answer: impl Fn() -> T) -> *const List {
    let mode = MODE.lock().unwrap().clone();
    let count = match mode.as_str() {
        "spin" => loop {},
        "hoard" => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(vec![1_u8; 1 << 20]);
            }
        }
        "panic" | "tell" => check_the_image(),
        "recurse" => recurse(objects as u64) as usize,
        "too few" => objects - 1,
        "too many" => objects + 1,
        _ => objects,
    };
    area(list((0..count).map(|_| answer()).collect()))
}

#[inline(never)]
fn check_the_image() -> usize {
    panic!("no image is good enough")
}

#[inline(never)]
#[allow(unconditional_recursion)]
fn recurse(depth: u64) -> u64 {
    std::hint::black_box(recurse(std::hint::black_box(depth + 1)) + 1)
}

#[cfg(not(health))]
#[link(wasm_import_module = "windlass:plugin/cluster@0.1.0")]
unsafe extern "C" {
    #[link_name = "objects"]
    fn objects_of(
        kind: *const u8,
        kind_length: usize,
        has_namespace: i32,
        namespace: *const u8,
        namespace_length: usize,
        has_name: i32,
        name: *const u8,
        name_length: usize,
        found: *mut Found,
    );
}

#[cfg(not(health))]
#[repr(C)]
struct Found {
    objects: List,
    complete: u8,
}

/// How many objects there are of this kind and name, and whether these are all.
#[cfg(not(health))]
fn look_up(kind: &str, name: &str) -> (usize, bool) {
    let mut found = Found { objects: list(Vec::<u8>::new()), complete: 0 };
    unsafe {
        objects_of(
            kind.as_ptr(),
            kind.len(),
            0,
            std::ptr::null(),
            0,
            1,
            name.as_ptr(),
            name.len(),
            &raw mut found,
        );
    }
    (found.objects.length, found.complete == 1)
}

#[cfg(not(health))]
#[unsafe(export_name = "windlass:plugin/judging@0.1.0#evaluate")]
extern "C" fn evaluate(subjects: *const Subject, objects: usize) -> *const List {
    let next = std::cell::Cell::new(0);
    match MODE.lock().unwrap().as_str() {
        "ask for secrets" => drop(look_up("v1/Secret", "prod")),
        "ask without end" => loop {
            look_up("v1/Namespace", "prod");
        },
        "ask for nonsense" => drop(look_up(&"*".repeat(1 << 20), "prod")),
        _ => {}
    }
    let long = std::sync::LazyLock::new(|| "much ".repeat(1 << 18));
    let long = Box::leak(Box::new(long));
    answers(objects, || match MODE.lock().unwrap().as_str() {
        "flood" => list(vec![finding(List { pointer: long.as_ptr(), length: long.len() })]),
        "deny" => list(vec![finding(text("denied"))]),
        "ask" => {
            let (count, complete) = look_up("v1/Namespace", "prod");
            list(vec![finding(text(&format!("{count} namespaces, complete: {complete}")))])
        }
        "compare" => {
            let subject = unsafe { &*subjects.add(next.replace(next.get() + 1)) };
            let old = if subject.old.present == 1 { "changed" } else { "new" };
            list(vec![finding(text(old))])
        }
        source if source.contains("JudgePolicy") || source.contains("deny by this") => {
            list(vec![finding(text("denied by its source"))])
        }
        "insult" => list(vec![Finding {
            rule: OptionalText { present: 1, text: text("a\nrule") },
            ..finding(text("\u{1b}[2J]]>\n::error::<&\"'> ##[add-mask]x"))
        }]),
        "warn" => list(vec![Finding { action: [1, 1], ..finding(text("warned")) }]),
        "point out of the object" => {
            let pointer = OptionalText { present: 1, text: text("/../../other\u{1b}[2J") };
            list(vec![Finding { pointer, ..finding(text("Secret/kube-system/admin: denied")) }])
        }
        "answer in no language" => list(vec![finding(list(vec![0xff_u8, 0xfe]))]),
        "answer with what is not there" => {
            list(vec![finding(List { pointer: 0x7fff_fff0 as *const u8, length: 64 })])
        }
        "answer with no such action" => list(vec![Finding { action: [1, 9], ..finding(text("x")) }]),
        "answer often" => list((0..100_000).map(|_| finding(text("again"))).collect()),
        _ => list(Vec::<Finding>::new()),
    })
}

#[cfg(not(health))]
fn finding(message: List) -> Finding {
    let pointer = OptionalText { present: 1, text: text("/spec") };
    Finding { message, pointer, rule: none(), action: [0, 0] }
}

#[cfg(health)]
#[unsafe(export_name = "windlass:plugin/assessing@0.1.0#assess")]
extern "C" fn assess(_: *mut List, objects: usize) -> *const List {
    answers(objects, || Assessment { state: 1, message: text("0 of 3 replicas are ready") })
}

