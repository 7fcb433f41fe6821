use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use wasmtime::{Engine, Linker, Module, Store};

use super::*;
use crate::plugin::sandbox::{Captured, SeededRandom};
use crate::source::trace::{TracedTree, TreeLimits};
use crate::source::tree::{Entry, EntryKind, ObjectId, Tree, TreeError};

/// A tree of files given by path; a content that starts with `->` is a symlink.
pub(in crate::plugin) struct FileTree(BTreeMap<String, (EntryKind, Bytes)>);

impl FileTree {
    pub(in crate::plugin) fn new(files: &[(&str, &str)]) -> Self {
        let mut entries = BTreeMap::from([(String::new(), (EntryKind::Directory, Bytes::new()))]);
        for (path, content) in files {
            for (at, _) in path.match_indices('/') {
                entries.insert(path[..at].to_owned(), (EntryKind::Directory, Bytes::new()));
            }
            let entry = match content.strip_prefix("->") {
                Some(target) => (EntryKind::Symlink, Bytes::copy_from_slice(target.as_bytes())),
                None => (EntryKind::File, Bytes::copy_from_slice(content.as_bytes())),
            };
            entries.insert((*path).to_owned(), entry);
        }
        Self(entries)
    }
}

impl Tree for FileTree {
    fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError> {
        Ok(self.0.get(path).map(|(kind, content)| {
            let digest = Sha256::digest(content);
            let id = ObjectId(digest[..20].try_into().unwrap());
            Entry { kind: *kind, id, size: content.len() as u64 }
        }))
    }

    fn list(&self, path: &str) -> Result<Vec<(String, EntryKind)>, TreeError> {
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let inside = self.0.iter().filter_map(|(name, (kind, _))| Some((name.strip_prefix(&prefix)?, *kind)));
        Ok(inside
            .filter(|(name, _)| !name.is_empty() && !name.contains('/'))
            .map(|(n, k)| (n.to_owned(), k))
            .collect())
    }

    fn read(&self, path: &str) -> Result<Bytes, TreeError> {
        Ok(self.0[path].1.clone())
    }
}

fn sandbox(files: &[(&str, &str)]) -> Sandbox {
    Sandbox {
        tree: Arc::new(TracedTree::new(Arc::new(FileTree::new(files)), TreeLimits::default())),
        stdin: Bytes::from_static(b"question"),
        stdout: Captured::with_limit(16),
        stderr: Captured::with_limit(16),
        wall_clock_seconds: 1_700_000_000,
        monotonic_nanoseconds: 0,
        random: SeededRandom::new([7; 32]),
        host_calls_left: 1000,
        files: FileTable::default(),
    }
}

/// Every function of the interface with its parameters; all but one give a number.
const FUNCTIONS: &[(&str, &str)] = &[
    ("args_get", "i32 i32"),
    ("args_sizes_get", "i32 i32"),
    ("clock_res_get", "i32 i32"),
    ("clock_time_get", "i32 i64 i32"),
    ("environ_get", "i32 i32"),
    ("environ_sizes_get", "i32 i32"),
    ("fd_advise", "i32 i64 i64 i32"),
    ("fd_allocate", "i32 i64 i64"),
    ("fd_close", "i32"),
    ("fd_datasync", "i32"),
    ("fd_fdstat_get", "i32 i32"),
    ("fd_fdstat_set_flags", "i32 i32"),
    ("fd_fdstat_set_rights", "i32 i64 i64"),
    ("fd_filestat_get", "i32 i32"),
    ("fd_filestat_set_size", "i32 i64"),
    ("fd_filestat_set_times", "i32 i64 i64 i32"),
    ("fd_pread", "i32 i32 i32 i64 i32"),
    ("fd_prestat_dir_name", "i32 i32 i32"),
    ("fd_prestat_get", "i32 i32"),
    ("fd_pwrite", "i32 i32 i32 i64 i32"),
    ("fd_read", "i32 i32 i32 i32"),
    ("fd_readdir", "i32 i32 i32 i64 i32"),
    ("fd_renumber", "i32 i32"),
    ("fd_seek", "i32 i64 i32 i32"),
    ("fd_sync", "i32"),
    ("fd_tell", "i32 i32"),
    ("fd_write", "i32 i32 i32 i32"),
    ("path_create_directory", "i32 i32 i32"),
    ("path_filestat_get", "i32 i32 i32 i32 i32"),
    ("path_filestat_set_times", "i32 i32 i32 i32 i64 i64 i32"),
    ("path_link", "i32 i32 i32 i32 i32 i32 i32"),
    ("path_open", "i32 i32 i32 i32 i32 i64 i64 i32 i32"),
    ("path_readlink", "i32 i32 i32 i32 i32 i32"),
    ("path_remove_directory", "i32 i32 i32"),
    ("path_rename", "i32 i32 i32 i32 i32 i32"),
    ("path_symlink", "i32 i32 i32 i32 i32"),
    ("path_unlink_file", "i32 i32 i32"),
    ("poll_oneoff", "i32 i32 i32 i32"),
    ("proc_exit", "i32"),
    ("proc_raise", "i32"),
    ("random_get", "i32 i32"),
    ("sched_yield", ""),
    ("sock_accept", "i32 i32 i32"),
    ("sock_recv", "i32 i32 i32 i32 i32 i32"),
    ("sock_send", "i32 i32 i32 i32 i32"),
    ("sock_shutdown", "i32 i32"),
];

/// A module that passes every function of the interface on.
fn module() -> Vec<u8> {
    let functions = FUNCTIONS.iter().map(|(name, parameters)| {
        let result = if *name == "proc_exit" { "" } else { "(result i32)" };
        let count = parameters.split_whitespace().count();
        let arguments = (0..count).map(|at| format!("(local.get {at})")).collect::<Vec<_>>().join(" ");
        let import = format!(r#"(import "{MODULE}" "{name}" (func ${name} (param {parameters}) {result}))"#);
        let export =
            format!(r#"(func (export "{name}") (param {parameters}) {result} (call ${name} {arguments}))"#);
        (import, export)
    });
    let (imports, exports): (Vec<_>, Vec<_>) = functions.unzip();
    let text =
        format!("(module {} (memory (export \"memory\") 2) {})", imports.join("\n"), exports.join("\n"));
    wat::parse_str(text).unwrap()
}

struct Program {
    store: Store<Sandbox>,
    instance: wasmtime::Instance,
}

impl Program {
    fn with(sandbox: Sandbox) -> Self {
        let engine = Engine::default();
        let module = Module::new(&engine, module()).unwrap();
        let mut linker = Linker::new(&engine);
        add_to_linker(&mut linker, |sandbox: &mut Sandbox| sandbox).unwrap();
        let mut store = Store::new(&engine, sandbox);
        let instance = linker.instantiate(&mut store, &module).unwrap();
        Self { store, instance }
    }

    fn new(files: &[(&str, &str)]) -> Self {
        Self::with(sandbox(files))
    }

    fn try_call(&mut self, name: &str, arguments: &[i64]) -> wasmtime::Result<i32> {
        let function = self.instance.get_func(&mut self.store, name).unwrap();
        let types: Vec<_> = function.ty(&self.store).params().collect();
        assert_eq!(types.len(), arguments.len(), "{name}");
        let arguments: Vec<_> = types
            .iter()
            .zip(arguments)
            .map(
                |(ty, value)| {
                    if ty.is_i64() { wasmtime::Val::I64(*value) } else { wasmtime::Val::I32(low(*value)) }
                },
            )
            .collect();
        let mut results = vec![wasmtime::Val::I32(0); function.ty(&self.store).results().len()];
        function.call(&mut self.store, &arguments, &mut results)?;
        Ok(results.first().map_or(0, wasmtime::Val::unwrap_i32))
    }

    fn call(&mut self, name: &str, arguments: &[i64]) -> i32 {
        self.try_call(name, arguments).unwrap()
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        let memory = self.instance.get_memory(&mut self.store, "memory").unwrap();
        memory.data_mut(&mut self.store)[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn bytes(&mut self, at: usize, length: usize) -> Vec<u8> {
        let memory = self.instance.get_memory(&mut self.store, "memory").unwrap();
        memory.data(&self.store)[at..at + length].to_vec()
    }

    fn u32(&mut self, at: usize) -> u32 {
        guest::u32_at(&self.bytes(at, 4), 0)
    }

    fn u64(&mut self, at: usize) -> u64 {
        guest::u64_at(&self.bytes(at, 8), 0)
    }

    /// Opens a path below the root; gives the error number and the descriptor.
    fn open(&mut self, path: &str, flags: i64, rights: i64) -> (i32, i64) {
        self.put(1000, path.as_bytes());
        let errno = self
            .call("path_open", &[3, 1, 1000, i64::try_from(path.len()).unwrap(), flags, rights, 0, 0, 2000]);
        (errno, i64::from(self.u32(2000)))
    }

    /// Reads up to 100 bytes of a descriptor.
    fn read(&mut self, fd: i64) -> Result<Vec<u8>, i32> {
        self.vector(5000, 100);
        match self.call("fd_read", &[fd, 100, 1, 200]) {
            0 => {
                let length = self.u32(200) as usize;
                Ok(self.bytes(5000, length))
            }
            errno => Err(errno),
        }
    }

    fn vector(&mut self, at: u32, length: u32) {
        self.put(100, &at.to_le_bytes());
        self.put(104, &length.to_le_bytes());
    }
}

/// The lower half of a number, which may stand for an unsigned one.
#[expect(clippy::cast_possible_truncation, reason = "that is what it is for")]
fn low(value: i64) -> i32 {
    value as i32
}

const READ: i64 = 1 << 1;
const WRITE: i64 = 1 << 6;

#[test]
fn given_all_46_functions_when_imported_then_each_is_there_with_its_type() {
    assert_eq!(FUNCTIONS.len(), 46);
    Program::new(&[]);
}

#[test]
fn given_the_start_when_descriptors_are_asked_for_then_only_the_root_is_open() {
    let mut program = Program::new(&[]);
    assert_eq!(program.call("fd_prestat_get", &[3, 0]), 0);
    assert_eq!((program.u32(0), program.u32(4)), (0, 1));
    assert_eq!(program.call("fd_prestat_dir_name", &[3, 50, 1]), 0);
    assert_eq!(program.bytes(50, 1), b"/");
    assert_eq!(program.call("fd_prestat_get", &[4, 0]), 8);
    assert_eq!(program.call("fd_close", &[4]), 8);
}

#[test]
fn given_a_file_when_read_then_content_position_and_size_agree() {
    let mut program = Program::new(&[("a/b.txt", "hello world")]);
    let (errno, fd) = program.open("a/b.txt", 0, READ);
    assert_eq!((errno, fd), (0, 4));
    assert_eq!(program.read(fd).unwrap(), b"hello world");
    assert_eq!(program.read(fd).unwrap(), b"");
    assert_eq!(program.call("fd_seek", &[fd, -5, 2, 300]), 0);
    assert_eq!(program.u64(300), 6);
    assert_eq!(program.read(fd).unwrap(), b"world");
    assert_eq!(program.call("fd_tell", &[fd, 300]), 0);
    assert_eq!(program.u64(300), 11);
    program.vector(5000, 5);
    assert_eq!(program.call("fd_pread", &[fd, 100, 1, 6, 200]), 0);
    assert_eq!(program.bytes(5000, 5), b"world");
    assert_eq!(program.call("fd_filestat_get", &[fd, 400]), 0);
    assert_eq!(program.u64(432), 11);
    assert_eq!(program.u64(448), 0);
    assert_eq!(program.call("fd_seek", &[fd, -1, 0, 300]), 28);
    assert_eq!(program.call("fd_close", &[fd]), 0);
    assert_eq!(program.read(fd), Err(8));
}

#[test]
fn given_missing_misused_or_outside_paths_when_opened_then_the_error_says_which() {
    let mut program =
        Program::new(&[("a/b.txt", ""), ("out", "->../x"), ("loop", "->loop"), ("link", "->a/b.txt")]);
    assert_eq!(program.open("gone", 0, READ).0, 44);
    assert_eq!(program.open("", 0, READ).0, 44);
    assert_eq!(program.open("a/b.txt/c", 0, READ).0, 44);
    assert_eq!(program.open("a/b.txt/", 0, READ).0, 44);
    assert_eq!(program.open("a/b.txt", 2, READ).0, 54);
    assert_eq!(program.open("../etc/passwd", 0, READ).0, 63);
    assert_eq!(program.open("out", 0, READ).0, 63);
    assert_eq!(program.open("loop", 0, READ).0, 32);
    assert_eq!(program.open("link", 0, READ).0, 0);
    assert_eq!(program.open("a", 0, READ).0, 0);
    program.put(1000, b"link\xff");
    assert_eq!(program.call("path_open", &[3, 0, 1000, 4, 0, READ, 0, 0, 2000]), 32, "not followed");
    assert_eq!(program.call("path_open", &[3, 0, 1000, 5, 0, READ, 0, 0, 2000]), 25, "not UTF-8");
    assert_eq!(program.call("path_open", &[3, 0, 1000, 5000, 0, READ, 0, 0, 2000]), 37, "too long");
    assert_eq!(program.call("path_open", &[1, 0, 1000, 4, 0, READ, 0, 0, 2000]), 54, "not from a stream");
}

#[test]
fn given_anything_that_writes_when_called_then_the_file_system_is_read_only() {
    let mut program = Program::new(&[("a", "")]);
    assert_eq!(program.open("a", 0, READ | WRITE).0, 69);
    assert_eq!(program.open("a", 8, READ).0, 69);
    assert_eq!(program.open("new", 1, READ).0, 69);
    assert_eq!(program.open("a", 1 | 4, READ).0, 20);
    for (name, parameters) in FUNCTIONS {
        let writes = name.starts_with("path_")
            && !["path_open", "path_filestat_get", "path_readlink"].contains(name)
            || ["fd_allocate", "fd_filestat_set_size", "fd_filestat_set_times", "fd_pwrite"].contains(name);
        if writes {
            let zeros = vec![0; parameters.split_whitespace().count()];
            assert_eq!(program.call(name, &zeros), 69, "{name}");
        }
    }
}

#[test]
fn given_a_link_when_looked_at_then_it_is_a_link_and_its_target_is_told() {
    let mut program = Program::new(&[("link", "->a/target"), ("a/target", "12345")]);
    program.put(1000, b"link");
    assert_eq!(program.call("path_filestat_get", &[3, 0, 1000, 4, 400]), 0);
    assert_eq!(program.bytes(416, 1), [7]);
    assert_eq!(program.call("path_filestat_get", &[3, 1, 1000, 4, 400]), 0);
    assert_eq!((program.bytes(416, 1)[0], program.u64(432)), (4, 5));
    assert_eq!(program.call("path_readlink", &[3, 1000, 4, 3000, 100, 200]), 0);
    assert_eq!(program.u32(200), 8);
    assert_eq!(program.bytes(3000, 8), b"a/target");
    assert_eq!(program.call("path_readlink", &[3, 1000, 4, 3000, 3, 200]), 0);
    assert_eq!(program.u32(200), 3);
}

#[test]
fn given_a_small_buffer_when_a_directory_is_listed_then_cookies_lead_through_all_of_it() {
    let files: Vec<_> = (0..20).map(|at| format!("d/file-{at:02}")).collect();
    let files: Vec<_> = files.iter().map(|path| (path.as_str(), "x")).collect();
    let mut program = Program::new(&files);
    let (errno, fd) = program.open("d", 2, READ);
    assert_eq!(errno, 0);
    let (mut names, mut cookie) = (Vec::new(), 0);
    loop {
        assert_eq!(program.call("fd_readdir", &[fd, 8000, 100, cookie, 200]), 0);
        let used = program.u32(200) as usize;
        let page = program.bytes(8000, used);
        let mut at = 0;
        while at + 24 <= used {
            let length = guest::u32_at(&page, at + 16) as usize;
            let Some(name) = page.get(at + 24..at + 24 + length) else { break };
            names.push(String::from_utf8(name.to_vec()).unwrap());
            cookie = i64::try_from(guest::u64_at(&page, at)).unwrap();
            at += 24 + length;
        }
        if used < 100 {
            break;
        }
    }
    let expected: Vec<_> = (0..20).map(|at| format!("file-{at:02}")).collect();
    assert_eq!(names, expected);
}

#[test]
fn given_standard_streams_when_used_then_input_is_consumed_and_output_captured_up_to_its_limit() {
    let mut program = Program::new(&[]);
    assert_eq!(program.read(0).unwrap(), b"question");
    assert_eq!(program.read(0).unwrap(), b"");
    program.put(5000, b"0123456789");
    program.vector(5000, 10);
    assert_eq!(program.call("fd_write", &[1, 100, 1, 200]), 0);
    assert_eq!(program.u32(200), 10);
    assert_eq!(program.call("fd_write", &[1, 100, 1, 200]), 51);
    assert_eq!(program.call("fd_write", &[2, 100, 1, 200]), 0);
    assert_eq!(program.call("fd_write", &[0, 100, 1, 200]), 8);
    let sandbox = program.store.data();
    assert_eq!((sandbox.stdout.content.as_slice(), sandbox.stdout.overflowed), (&b"0123456789"[..], true));
    assert_eq!((sandbox.stderr.content.as_slice(), sandbox.stderr.overflowed), (&b"0123456789"[..], false));
}

#[test]
fn given_a_sleep_when_polled_then_only_the_monotonic_clock_moves() {
    let mut program = Program::new(&[]);
    assert_eq!(program.call("clock_time_get", &[1, 0, 300]), 0);
    let before = program.u64(300);
    assert!(before > 0, "Go refuses to start at 0");
    program.put(1000, &[0; 48]);
    program.put(1000, &77_u64.to_le_bytes());
    program.put(1016, &1_u32.to_le_bytes());
    program.put(1024, &5_000_000_000_u64.to_le_bytes());
    assert_eq!(program.call("poll_oneoff", &[1000, 2000, 1, 200]), 0);
    assert_eq!((program.u32(200), program.u64(2000), program.u32(2008)), (1, 77, 0));
    program.call("clock_time_get", &[1, 0, 300]);
    assert_eq!(program.u64(300), before + 5_000_000_000);
    program.call("clock_time_get", &[0, 0, 300]);
    assert_eq!(program.u64(300), 1_700_000_000_000_000_000);
    assert_eq!(program.call("clock_time_get", &[9, 0, 300]), 28);
    assert_eq!(program.call("poll_oneoff", &[1000, 2000, 0, 200]), 28);
}

#[test]
fn given_a_stream_and_a_sleep_when_polled_then_the_stream_is_ready_and_no_time_passes() {
    let mut program = Program::new(&[]);
    program.put(1000, &[0; 96]);
    program.put(1016, &1_u32.to_le_bytes());
    program.put(1024, &5_u64.to_le_bytes());
    program.put(1056, &[1]);
    assert_eq!(program.call("poll_oneoff", &[1000, 2000, 2, 200]), 0);
    assert_eq!((program.u32(200), program.bytes(2010, 1)), (1, vec![1]));
    assert_eq!(program.store.data().monotonic_nanoseconds, 0);
}

#[test]
fn given_an_exit_when_called_then_its_code_ends_the_call() {
    let error = Program::new(&[]).try_call("proc_exit", &[3]).unwrap_err();
    assert_eq!(error.downcast_ref::<Exit>(), Some(&Exit(3)));
}

#[test]
fn given_a_spent_budget_when_called_then_the_call_ends_with_its_own_error() {
    let mut sandbox = sandbox(&[]);
    sandbox.host_calls_left = 3;
    let mut program = Program::with(sandbox);
    for _ in 0..3 {
        assert_eq!(program.call("sched_yield", &[]), 0);
    }
    let error = program.try_call("sched_yield", &[]).unwrap_err();
    assert_eq!(error.downcast_ref::<HostCallsExhausted>(), Some(&HostCallsExhausted));
}

#[test]
fn given_a_large_transfer_when_made_then_it_costs_more_than_one_call() {
    let mut program = Program::new(&[]);
    assert_eq!(program.call("random_get", &[0, 128 << 10]), 0);
    assert_eq!(program.store.data().host_calls_left, 1000 - 4);
}

#[test]
fn given_the_same_seed_when_random_bytes_are_drawn_then_they_are_the_same() {
    let draw = || {
        let mut program = Program::new(&[]);
        program.call("random_get", &[0, 40]);
        program.bytes(0, 40)
    };
    assert_eq!(draw(), draw());
}

#[test]
fn given_too_many_open_files_or_buffers_when_asked_for_then_the_bound_holds() {
    let mut sandbox = sandbox(&[("a", "")]);
    sandbox.host_calls_left = 10_000;
    let mut program = Program::with(sandbox);
    let opened = (0..2000).take_while(|_| program.open("a", 0, READ).0 == 0).count();
    assert_eq!(opened, 1020);
    assert_eq!(program.open("a", 0, READ).0, 33);
    assert_eq!(program.call("fd_write", &[1, 0, 1025, 200]), 28);
}

#[test]
fn given_a_renumbered_descriptor_when_read_then_it_has_moved() {
    let mut program = Program::new(&[("a", "x"), ("b", "y")]);
    let (_, a) = program.open("a", 0, READ);
    let (_, b) = program.open("b", 0, READ);
    assert_eq!(program.call("fd_renumber", &[a, b]), 0);
    assert_eq!(program.read(b).unwrap(), b"x");
    assert_eq!(program.read(a), Err(8));
    assert_eq!(program.call("fd_renumber", &[b, 99]), 8);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever numbers a guest passes, the host answers or ends the call; it never panics.
    #[test]
    fn any_arguments_are_survived(calls in prop::collection::vec((0_usize..46, prop::array::uniform9(argument())), 1..20)) {
        let mut program = Program::new(&[("a/b", "c"), ("l", "->a")]);
        program.put(1000, b"a/b");
        for (function, arguments) in calls {
            let (name, parameters) = FUNCTIONS[function];
            let count = parameters.split_whitespace().count();
            if let Err(error) = program.try_call(name, &arguments[..count]) {
                let expected = error.is::<Exit>() || error.is::<HostCallsExhausted>();
                prop_assert!(expected, "{name}: {error:?}");
            }
        }
    }
}

fn argument() -> impl Strategy<Value = i64> {
    prop_oneof![
        0_i64..8,
        Just(1000),
        Just(2000),
        any::<i64>(),
        Just(-1),
        Just(i64::from(u32::MAX)),
        Just(131_068)
    ]
}
