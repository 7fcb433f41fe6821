//! What a plugin says of itself, in the custom section `windlass:manifest`:
//! JSON that is put together while the plugin compiles, so that the host can
//! read it without running anything.

/// A type that an export macro made a plugin of.
pub trait Exported {
    /// The plugin's manifest, as JSON.
    const MANIFEST: &'static str;
    /// Which objects it wants to see.
    const MATCHES: &'static [&'static str];
}

/// The plugin's name: the package's name without `windlass-plugin-`.
pub const fn plugin_name(package: &'static str) -> &'static str {
    const PREFIX: &str = "windlass-plugin-";
    if package.len() <= PREFIX.len() {
        return package;
    }
    let (start, rest) = package.split_at(PREFIX.len());
    if same(start.as_bytes(), PREFIX.as_bytes()) { rest } else { package }
}

const fn same(left: &[u8], right: &[u8]) -> bool {
    let mut index = 0;
    while index < left.len() && index < right.len() && left[index] == right[index] {
        index += 1;
    }
    index == left.len() && index == right.len()
}

/// Refuses, while the plugin compiles, what the host would refuse later.
///
/// # Panics
/// When the name or a pattern has characters that it must not have.
pub const fn check(name: &str, patterns: &[&str]) {
    let name = name.as_bytes();
    assert!(!name.is_empty(), "a plugin needs a name");
    let mut index = 0;
    while index < name.len() {
        assert!(
            matches!(name[index], b'a'..=b'z' | b'0'..=b'9' | b'-'),
            "a plugin's name has lower case letters, digits and `-`"
        );
        index += 1;
    }
    let mut pattern = 0;
    while pattern < patterns.len() {
        check_pattern(patterns[pattern].as_bytes());
        pattern += 1;
    }
}

const fn check_pattern(pattern: &[u8]) {
    let mut slashes = 0;
    let mut index = 0;
    while index < pattern.len() {
        match pattern[index] {
            b'/' => slashes += 1,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'*' => {}
            _ => panic!("a pattern of `matches` looks like `v1/Pod`, `apps/*` or `*`"),
        }
        index += 1;
    }
    assert!(
        slashes == 1 || same(pattern, b"*"),
        "a pattern of `matches` is `group/Kind`, with `v1` for the core group, or `*`"
    );
}

/// What is said last: a default, and then what the author gave.
///
/// # Panics
/// When nothing is said.
pub const fn last(said: &[&'static str]) -> &'static str {
    said[said.len() - 1]
}

/// The bytes of `parts` together.
pub const fn length(parts: &[&str]) -> usize {
    let (mut total, mut index) = (0, 0);
    while index < parts.len() {
        total += parts[index].len();
        index += 1;
    }
    total
}

/// `parts` in one piece; `N` is their [`length`].
pub const fn join<const N: usize>(parts: &[&str]) -> [u8; N] {
    let mut joined = [0; N];
    let (mut end, mut index) = (0, 0);
    while index < parts.len() {
        let part = parts[index].as_bytes();
        let mut byte = 0;
        while byte < part.len() {
            joined[end] = part[byte];
            end += 1;
            byte += 1;
        }
        index += 1;
    }
    joined
}

/// Joined parts as text again.
///
/// # Panics
/// Never: whole strings were joined.
pub const fn text(joined: &[u8]) -> &str {
    match std::str::from_utf8(joined) {
        Ok(text) => text,
        Err(_) => panic!("not UTF-8"),
    }
}

/// Writes the manifest section. Part of the export macros.
#[doc(hidden)]
#[macro_export]
macro_rules! __manifest {
    (
        $plugin:ty, world: $world:literal, matches: [$($pattern:literal),*], detects: [$($file:literal),*],
        $(name: $name:expr,)? $(schema: $schema:expr,)? $(values: $values:literal,)?
        $(reads: [$($read:literal),*],)? $(old: $old:literal,)?
        $(resources: [$($kind:literal),*],)? $(modules: [$($ending:literal),*],)?
    ) => {
        const _: () = {
            const NAME: &str = $crate::manifest::last(&[
                $crate::manifest::plugin_name(::std::env!("CARGO_PKG_NAME")),
                $($name,)?
            ]);
            const SCHEMA: &str = $crate::manifest::last(&["null", $($schema,)?]);
            const PARTS: &[&str] = &[
                "{\"name\":\"",
                NAME,
                "\",\"version\":\"",
                ::std::env!("CARGO_PKG_VERSION"),
                ::std::concat!("\",\"world\":\"", $world, "\",\"matches\":"),
                ::std::stringify!([$($pattern),*]),
                ",\"detects\":",
                ::std::stringify!([$($file),*]),
                ",\"configSchema\":",
                SCHEMA,
                $(::std::concat!(",\"receives\":{\"values\":\"", $values, "\"}"),)?
                $(::std::concat!(",\"reads\":", ::std::stringify!([$($read),*])),)?
                $(::std::concat!(",\"old\":", ::std::stringify!($old)),)?
                $(::std::concat!(",\"resources\":", ::std::stringify!([$($kind),*])),)?
                $(::std::concat!(",\"modules\":", ::std::stringify!([$($ending),*])),)?
                "}",
            ];
            const LENGTH: usize = $crate::manifest::length(PARTS);
            const JOINED: [u8; LENGTH] = $crate::manifest::join(PARTS);

            impl $crate::manifest::Exported for $plugin {
                const MANIFEST: &'static str = $crate::manifest::text(&JOINED);
                const MATCHES: &'static [&'static str] = &[$($pattern),*];
            }

            $crate::manifest::check(NAME, &[$($pattern),*]);
            $($crate::manifest::check(NAME, &[$($read),*]);)?
            $($crate::manifest::check(NAME, &[$($kind),*]);)?

            #[cfg(target_family = "wasm")]
            #[unsafe(link_section = "windlass:manifest")]
            #[used]
            static SECTION: [u8; LENGTH] = JOINED;
        };
    };
}

/// Exports `lifecycle` for a plugin. Part of the export macros.
#[doc(hidden)]
#[macro_export]
macro_rules! __lifecycle {
    ($plugin:ty) => {
        ::std::thread_local! {
            static INSTANCE: $crate::instance::Instance<$plugin> =
                const { $crate::instance::Instance::new() };
        }

        struct Plugin;

        impl $crate::bindings::lifecycle_exports::Guest for Plugin {
            fn configure(
                config: ::std::vec::Vec<u8>,
            ) -> ::std::result::Result<(), ::std::vec::Vec<$crate::diagnostic::Diagnostic>> {
                INSTANCE.with(|instance| instance.configure(&config))
            }
        }

        $crate::bindings::lifecycle::export_lifecycle!(Plugin with_types_in $crate::bindings::lifecycle);
    };
}
