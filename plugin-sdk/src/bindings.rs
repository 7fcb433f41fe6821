//! What the contract in `wit/` looks like in Rust: the only file that names
//! `wit_bindgen`.
//!
//! One world per exported interface instead of the contract's three: each
//! plugin exports two of them, and the linker unites their types into the
//! world that was meant. (Three worlds that all export `lifecycle` can't be
//! generated into one crate: their export macros would share a name.)
#![allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::pedantic,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::undocumented_unsafe_blocks,
    reason = "generated code"
)]

pub mod lifecycle {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "
            package windlass:sdk;
            world lifecycle { export windlass:plugin/lifecycle@0.1.0; }
        ",
        world: "windlass:sdk/lifecycle",
        generate_all,
        pub_export_macro: true,
        export_macro_name: "export_lifecycle",
        default_bindings_module: "windlass_plugin_sdk::bindings::lifecycle",
    });
}

pub mod judging {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "
            package windlass:sdk;
            world judging { export windlass:plugin/judging@0.1.0; }
        ",
        world: "windlass:sdk/judging",
        with: {
            "windlass:plugin/types@0.1.0": crate::bindings::lifecycle::windlass::plugin::types,
            "windlass:plugin/judging@0.1.0": generate,
        },
        pub_export_macro: true,
        export_macro_name: "export_judging",
        default_bindings_module: "windlass_plugin_sdk::bindings::judging",
    });
}

pub mod surroundings {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "
            package windlass:sdk;
            world surroundings { import windlass:plugin/cluster@0.1.0; }
        ",
        world: "windlass:sdk/surroundings",
        with: {
            "windlass:plugin/types@0.1.0": crate::bindings::lifecycle::windlass::plugin::types,
            "windlass:plugin/cluster@0.1.0": generate,
        },
    });
}

pub mod assessing {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "
            package windlass:sdk;
            world assessing { export windlass:plugin/assessing@0.1.0; }
        ",
        world: "windlass:sdk/assessing",
        with: {
            "windlass:plugin/types@0.1.0": crate::bindings::lifecycle::windlass::plugin::types,
            "windlass:plugin/assessing@0.1.0": generate,
        },
        pub_export_macro: true,
        export_macro_name: "export_assessing",
        default_bindings_module: "windlass_plugin_sdk::bindings::assessing",
    });
}

pub mod rendering {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "
            package windlass:sdk;
            world rendering { export windlass:plugin/rendering@0.1.0; }
        ",
        world: "windlass:sdk/rendering",
        with: {
            "windlass:plugin/types@0.1.0": crate::bindings::lifecycle::windlass::plugin::types,
            "windlass:plugin/rendering@0.1.0": generate,
        },
        pub_export_macro: true,
        export_macro_name: "export_rendering",
        default_bindings_module: "windlass_plugin_sdk::bindings::rendering",
    });
}

pub use assessing::exports::windlass::plugin::assessing as assessing_exports;
pub use judging::exports::windlass::plugin::judging as judging_exports;
pub use lifecycle::exports::windlass::plugin::lifecycle as lifecycle_exports;
pub use lifecycle::windlass::plugin::types;
pub use rendering::exports::windlass::plugin::rendering as rendering_exports;
#[cfg(target_family = "wasm")]
pub use surroundings::windlass::plugin::cluster;
