//! What `wit/` becomes in Rust: one module a world. The records in
//! `renderer::windlass::plugin::types` are shared by all of them.

pub(super) mod renderer {
    wasmtime::component::bindgen!({ path: "../wit", world: "renderer" });
}

pub(super) mod policy {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "policy",
        imports: { default: trappable },
        with: { "windlass:plugin/types": super::renderer::windlass::plugin::types },
    });
}

pub(super) mod health {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "health",
        with: { "windlass:plugin/types": super::renderer::windlass::plugin::types },
    });
}

pub(super) use renderer::windlass::plugin::types;
