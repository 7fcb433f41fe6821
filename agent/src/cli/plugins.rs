//! The plugins of a folder.

use std::path::PathBuf;
use std::sync::Arc;

use crate::gate::{Policies, Policy};
use crate::render::{Absent, Renderer, Renderers};

/// Where plugins are, and where what is compiled of them is kept.
#[derive(clap::Args)]
pub(super) struct PluginArguments {
    /// The folder with the plugins. Without it, `plugins` beside this program.
    #[arg(long, value_name = "DIR", env = "WINDLASS_PLUGINS")]
    plugins: Option<PathBuf>,
}

pub(super) struct Loaded;
impl Renderers for Loaded {
    fn renderer(&self, _: &str) -> Result<Arc<dyn Renderer>, Absent> {
        Err(Absent::Missing { known: Vec::new() })
    }
    fn renderers(&self) -> Vec<Arc<dyn Renderer>> {
        Vec::new()
    }
}
impl Policies for Loaded {
    fn policy(&self, _: &str) -> Result<Arc<dyn Policy>, Absent> {
        Err(Absent::Missing { known: Vec::new() })
    }
}
pub(super) fn load(_: &PluginArguments) -> anyhow::Result<Loaded> {
    Ok(Loaded)
}
