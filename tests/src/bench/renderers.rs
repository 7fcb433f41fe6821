//! Kustomize and Helm in the sandbox, beside upstream's own commands on the same files: as a process each, and in one
//! process that has the plugins loaded, as the agent has them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;
use serde_json::Value;

use self::inputs::{Input, NAME, NAMESPACE};
use self::native::{Invocation, Natives, documents};
use self::stage::{Stage, Warm, config, text};
use super::first_sync::mebibytes;
use super::quantile::{max, median};
use super::report::{Report, Row, Unit};
use super::{Progress, Settings};

mod helm;
mod inputs;
mod kustomize;
mod native;
mod stage;

/// The most that a process may have resident while it renders, in MiB.
const RESIDENT: f64 = 120.0;
/// How much more may be the process's own after renders than before, in MiB: what the allocator keeps.
const KEPT: f64 = 4.0;
/// Processes that are looked at for their memory.
const LOOKED_AT: usize = 3;
pub(super) fn measure(settings: &Settings, progress: &Progress) -> anyhow::Result<Report> {
    let say = |line: &str| progress(line);
    let stage = Stage::prepare(&say)?;
    let inputs = inputs::all();
    say("rendering everything in one process");
    let warm = in_another_process(settings.renders)?;
    let agent = match &settings.agent {
        Some(agent) => agent.clone(),
        None => crate::agent::build_lean_agent(&say)?,
    };
    let programs = Programs { natives: Natives::build(&say)?, agent };
    let mut report =
        Report::new("renderers", format!("{} renders of each, beside upstream's command", settings.renders));
    report.beside("upstream");
    for (input, warm) in inputs.iter().zip(&warm) {
        say(&format!("comparing and timing {}", input.folder));
        let upstream = programs.upstream(&stage, input);
        let objects = upstream.output()?;
        let native = median(&repeat(runs(settings.renders, input), || upstream.wall())?);
        rows(&mut report, input, warm, native);
        let ours = programs.ours(&stage, input);
        match ours.output() {
            Ok(printed) => {
                compare(input, &documents(&printed)?, &documents(&objects)?)?;
                as_processes(&mut report, runs(settings.renders, input), &ours, &upstream, native)?;
            }
            // The command line has no limits to raise, and a slow machine may meet them.
            Err(error) => report.note(format!("{} as a process: {error:#}", input.folder)),
        }
    }
    report.note(
        "warm: an instance is made from the snapshot, reads the commit from Git's object database, and is thrown away; \
         the set is checked and normalised as before it is applied. Beside it stands upstream's command as a process",
    );
    report.note(
        "answered from memory: the next commit changed something else, and the recorded inputs are looked up in it",
    );
    report.note(
        "as a process: `windlass render`, which loads every plugin of the bundle, all of them compiled",
    );
    report.note("resident at most: of a process that holds all plugins, program and compiled code included");
    Ok(report)
}

/// The program's first argument, where it is to render for [`measure`], and nothing else.
pub const IN_ONE_PROCESS: &str = "render-in-one-process";

/// Renders every input so often, and gives what was found, for the process that asked.
///
/// # Errors
/// Where something does not build or render.
pub fn in_this_process(renders: usize) -> anyhow::Result<String> {
    let stage = Stage::prepare(&|_| {})?;
    let warm = inputs::all()
        .iter()
        .map(|input| stage.warm(input, runs(renders, input)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    serde_json::to_string(&warm).context("write what was found")
}

/// This process has built plugins and compares output: its memory says nothing of renders.
fn in_another_process(renders: usize) -> anyhow::Result<Vec<Warm>> {
    let program = std::env::current_exe().context("find this program")?;
    let renders = renders.to_string();
    let printed = Invocation::new(&program).args([IN_ONE_PROCESS, &renders]).output()?;
    serde_json::from_str(&printed).context("read what was found in one process")
}

/// Renders of one input: the large ones take long.
fn runs(renders: usize, input: &Input) -> usize {
    if input.size == "large" { renders.div_ceil(4) } else { renders }
}

fn rows(report: &mut Report, input: &Input, warm: &Warm, native: f64) {
    let title = format!("{} {}, {} objects: warm", input.renderer, input.size, input.objects);
    let row = Row::new(title, Unit::Milliseconds, median(&warm.took)).peer(Some(native));
    report.row(match input.aim {
        Some(aim) => row.at_most(aim),
        None => row,
    });
    report.row(Row::new("  slowest", Unit::Milliseconds, max(&warm.took)));
    report.row(Row::new("  answered from memory", Unit::Milliseconds, median(&warm.remembered)));
    report.row(Row::new("  resident before", Unit::Mebibytes, mebibytes(warm.before.resident())));
    report.row(Row::new("  resident at most", Unit::Mebibytes, mebibytes(warm.peak)).at_most(RESIDENT));
    let kept = mebibytes(warm.after.anonymous()) - mebibytes(warm.before.anonymous());
    report.row(Row::new("  its own afterwards, more than before", Unit::Mebibytes, kept).at_most(KEPT));
}

fn as_processes(
    report: &mut Report,
    count: usize,
    ours: &Invocation,
    upstream: &Invocation,
    native: f64,
) -> anyhow::Result<()> {
    let process = median(&repeat(count, || ours.wall())?);
    report.row(Row::new("  as a process", Unit::Milliseconds, process).peer(Some(native)));
    let peak = |program: &Invocation| -> anyhow::Result<f64> {
        Ok(median(&repeat(LOOKED_AT, || program.peak().map(mebibytes))?))
    };
    let native = peak(upstream)?;
    report.row(Row::new("  resident as a process", Unit::Mebibytes, peak(ours)?).peer(Some(native)));
    Ok(())
}

/// Both programs that render an input as a process.
struct Programs {
    natives: Natives,
    agent: PathBuf,
}

impl Programs {
    /// `windlass render` on an input.
    fn ours(&self, stage: &Stage, input: &Input) -> Invocation {
        Invocation::new(&self.agent).args([
            "render",
            &text(&stage.folder(input)),
            "--name",
            NAME,
            "--namespace",
            NAMESPACE,
            "--renderer",
            input.renderer,
            "--config",
            &config(input).to_string(),
            "--plugins",
            &text(&stage.plugins),
            "--cache",
            &text(stage.cache.path()),
        ])
    }

    /// Upstream's command on an input.
    fn upstream(&self, stage: &Stage, input: &Input) -> Invocation {
        let folder = text(&stage.folder(input));
        let command = self.natives.command(input.renderer);
        if input.renderer == "kustomize" {
            return command.args(["build", &folder]);
        }
        let command = command.args([
            "template",
            NAME,
            &folder,
            "--namespace",
            NAMESPACE,
            "--include-crds",
            "--skip-tests",
        ]);
        match input.values {
            Some(file) => command.args(["--values", &format!("{folder}/{file}")]),
            None => command,
        }
    }
}

/// Makes sure that both give the same objects.
fn compare(input: &Input, ours: &[Value], upstream: &[Value]) -> anyhow::Result<()> {
    anyhow::ensure!(
        ours.len() == upstream.len() && ours.len() == input.objects,
        "{}: {} objects, and {} of upstream, instead of {}",
        input.folder,
        ours.len(),
        upstream.len(),
        input.objects
    );
    let by_name = |objects: &[Value]| -> BTreeMap<String, Value> {
        let named = |object: &Value| format!("{} {}", object["kind"], object["metadata"]["name"]);
        objects.iter().map(|object| (named(object), object.clone())).collect()
    };
    let (ours, upstream) = (by_name(ours), by_name(upstream));
    for (name, object) in &upstream {
        let own = ours.get(name);
        anyhow::ensure!(
            own == Some(object),
            "{}: {name} differs from upstream's:\n{own:?}\n{object:?}",
            input.folder
        );
    }
    Ok(())
}

fn repeat(count: usize, measure: impl FnMut() -> anyhow::Result<f64>) -> anyhow::Result<Vec<f64>> {
    std::iter::repeat_with(measure).take(count).collect()
}
