//! Merges a module's data segments: Go's linker emits 100,000 of them, the
//! most that an engine takes, and leaves none for anybody else.
//!
//! Takes a core module; gives one that instantiates to the same memory. A gap
//! between neighbours is filled with the zeros that stand there anyway.

use std::borrow::Cow;

use anyhow::{Context, bail};
use wasm_encoder::{ConstExpr, DataCountSection, DataSection, Module, RawSection, SectionId};
use wasmparser::{Data, DataKind, Operator, Parser, Payload, TypeRef};

/// Neighbours at most this many bytes apart become one. A segment of its own
/// costs some ten bytes, and time at every compilation.
const GAP_BYTES: u64 = 256;

/// Bytes at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment<'a> {
    pub(super) start: u64,
    pub(super) data: Cow<'a, [u8]>,
}

impl Segment<'_> {
    fn end(&self) -> u64 {
        self.start + self.data.len() as u64
    }
}

/// Merges the data segments of a module. One whose memory does not start
/// zeroed, or whose segments are used by number, is given back as it is.
pub(super) fn merge(wasm: &[u8]) -> anyhow::Result<Vec<u8>> {
    let Some(segments) = mergeable(wasm)? else { return Ok(wasm.to_vec()) };
    let merged = coalesce(&segments);
    let count = u32::try_from(merged.len()).context("count the data segments")?;
    let mut data = DataSection::new();
    for segment in &merged {
        let start = u32::try_from(segment.start).context("place a data segment")?;
        data.active(0, &ConstExpr::i32_const(start.cast_signed()), segment.data.iter().copied());
    }
    let mut module = Module::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.context("read the module")?;
        match payload {
            Payload::DataSection(_) => {
                module.section(&data);
            }
            Payload::DataCountSection { .. } => {
                module.section(&DataCountSection { count });
            }
            _ => {
                if let Some((id, range)) = payload.as_section() {
                    let data = wasm.get(range).context("read a section")?;
                    module.section(&RawSection { id, data });
                }
            }
        }
    }
    Ok(module.finish())
}

/// The active segments of a module, in their order; `None` where they can't be
/// merged.
fn mergeable(wasm: &[u8]) -> anyhow::Result<Option<Vec<Segment<'_>>>> {
    let mut segments = None;
    let mut counted = false;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.context("read the module")? {
            Payload::Version { encoding, .. } if encoding != wasmparser::Encoding::Module => {
                bail!("not a core module");
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    if matches!(import.context("read the imports")?.ty, TypeRef::Memory(_)) {
                        return Ok(None);
                    }
                }
            }
            // Without this section no instruction may name a segment.
            Payload::DataCountSection { .. } => counted = true,
            Payload::CodeSectionEntry(body) if counted => {
                let mut operators = body.get_operators_reader().context("read the code")?;
                while !operators.eof() {
                    if names_segment(&operators.read().context("read the code")?) {
                        return Ok(None);
                    }
                }
            }
            Payload::DataSection(section) => {
                let mut found = Vec::new();
                for data in section {
                    let data = data.context("read the data segments")?;
                    match data.kind {
                        // Unreachable, since no instruction names it.
                        DataKind::Passive => {}
                        DataKind::Active { .. } => match active(&data) {
                            Some(start) => found.push(Segment { start, data: data.data.into() }),
                            None => return Ok(None),
                        },
                    }
                }
                segments = Some(found);
            }
            _ => {}
        }
    }
    Ok(segments)
}

fn names_segment(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::MemoryInit { .. }
            | Operator::DataDrop { .. }
            | Operator::ArrayNewData { .. }
            | Operator::ArrayInitData { .. }
    )
}

/// Where a segment of the first memory begins, if that is a constant.
fn active(data: &Data<'_>) -> Option<u64> {
    let DataKind::Active { memory_index: 0, offset_expr } = &data.kind else { return None };
    let mut operators = offset_expr.get_operators_reader();
    let Ok(Operator::I32Const { value }) = operators.read() else { return None };
    matches!(operators.read(), Ok(Operator::End)).then_some(u64::from(value.cast_unsigned()))
}

/// Joins segments that touch, overlap or nearly do. Where they overlap, the
/// later one wins, as it does when they are copied in order.
pub(super) fn coalesce(segments: &[Segment<'_>]) -> Vec<Segment<'static>> {
    let mut order: Vec<(u64, u64)> = segments
        .iter()
        .filter(|segment| !segment.data.is_empty())
        .map(|segment| (segment.start, segment.end()))
        .collect();
    order.sort_unstable();
    let mut merged: Vec<Segment<'static>> = Vec::new();
    let mut last_end = 0;
    let mut spans: Vec<(u64, u64)> = Vec::new();
    for (start, end) in order {
        match spans.last_mut() {
            Some(span) if start <= last_end + GAP_BYTES => span.1 = span.1.max(end),
            _ => spans.push((start, end)),
        }
        last_end = last_end.max(end);
    }
    for (start, end) in spans {
        let length = usize::try_from(end - start).unwrap_or(usize::MAX);
        merged.push(Segment { start, data: vec![0; length].into() });
    }
    for segment in segments.iter().filter(|segment| !segment.data.is_empty()) {
        let home = merged.partition_point(|candidate| candidate.start <= segment.start);
        if let Some(home) = home.checked_sub(1).and_then(|at| merged.get_mut(at)) {
            let from = usize::try_from(segment.start - home.start).unwrap_or(usize::MAX);
            if let Some(place) =
                home.data.to_mut().get_mut(from..).and_then(|rest| rest.get_mut(..segment.data.len()))
            {
                place.copy_from_slice(&segment.data);
            }
        }
    }
    merged
}

// The section's number is what `as_section` gives; this pins that both crates agree on it.
const _: () = assert!(SectionId::Data as u8 == 11);
