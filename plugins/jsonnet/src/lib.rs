#![doc = include_str!("../README.md")]

mod collect;
mod evaluate;
mod explain;
mod json;
mod nesting;
mod origin;
mod place;
mod settings;
mod sources;
mod world;

use windlass_plugin_sdk::diagnostic::{Diagnostic, Diagnostics};
use windlass_plugin_sdk::render::{Output, Renderer, Request};

use origin::Origins;
use settings::Jsonnet;
use sources::Sources;

impl Renderer for Jsonnet {
    fn render(&self, request: &Request) -> Result<Output, Diagnostics> {
        let main = sources::join(request.path(), &self.file).ok_or_else(|| {
            Diagnostics::error(format!("`file` is `{}`, which leads out of the repository", self.file))
        })?;
        let sources = Sources::new(request, &self.libs)?;
        let (value, mut warnings) = evaluate::evaluate(self, &sources, &main)?;
        let found = collect::collect(value, &main)?;
        if found.is_empty() {
            warnings.push(Diagnostic::warning("the program's value holds no object").in_file(&*main));
        }
        let arena = rsjsonnet_lang::arena::Arena::new();
        let mut origins = Origins::new(&arena, &sources);
        let manifests = found.into_iter().map(|found| origins.manifest(&main, found)).collect();
        Ok(Output { manifests, warnings })
    }
}

windlass_plugin_sdk::export_renderer!(
    Jsonnet, detects: ["main.jsonnet"], schema: include_str!("schema.json"), values: "values",
);

#[cfg(test)]
mod tests;
