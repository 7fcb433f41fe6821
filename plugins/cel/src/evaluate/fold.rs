//! Macros over lists and maps.

use std::rc::Rc;

use super::{Machine, insert};
use crate::failure::Failure;
use crate::library::{self, Outcome};
use crate::plan::{Fold, Node};
use crate::syntax::FoldKind;
use crate::value::{Made, Map, Value};

/// What a macro's names are bound to: the first, and the second where there is
/// one.
pub(super) type Bound<'a> = (Value<'a>, Option<Value<'a>>);

/// How a macro gathers its result.
#[derive(Default)]
struct Gathered<'a> {
    /// Failures of `all` and `exists` count only where nothing decides.
    failed: Option<Failure>,
    decided: bool,
    count: usize,
    list: Vec<Value<'a>>,
    keyed: Vec<(Value<'a>, Value<'a>)>,
    made: Made<'a>,
}

/// What the names are bound to, one after the other.
pub(super) fn steps<'a>(
    range: &Value<'a>,
    two: bool,
) -> Result<Box<dyn Iterator<Item = Bound<'a>> + 'a>, Failure> {
    match range {
        Value::List(list) if two => {
            let pairs = list.iter().enumerate();
            Ok(Box::new(pairs.map(|(index, element)| (Value::index(index), Some(element)))))
        }
        Value::List(list) => Ok(Box::new(list.iter().map(|element| (element, None)))),
        Value::Map(map) => Ok(Box::new(map.iter().map(move |(key, value)| (key, two.then_some(value))))),
        other => {
            let name = other.type_name();
            let name = name.strip_suffix("_type").unwrap_or(name);
            let name = format!("{}{}", name[..1].to_ascii_uppercase(), &name[1..]);
            let text = format!("got 'types.{name}', expected iterable type");
            Err(Failure::showing(text, "a list or a map is needed"))
        }
    }
}

impl<'a> Machine<'a, '_> {
    pub(super) fn fold(&mut self, fold: &'a Fold) -> Outcome<'a> {
        let range = self.value(&fold.range)?;
        let mut gathered = Gathered::default();
        let outer = self.locals.len();
        for bound in steps(&range, fold.two)? {
            self.bind(bound.clone());
            let result = self.step(fold, bound, &mut gathered);
            self.locals.truncate(outer);
            result?;
            if gathered.decided {
                break;
            }
        }
        self.gathered(fold.kind, gathered)
    }

    pub(super) fn bind(&mut self, (first, second): Bound<'a>) {
        self.locals.push(first);
        self.locals.extend(second);
    }

    fn step(&mut self, fold: &'a Fold, bound: Bound<'a>, gathered: &mut Gathered<'a>) -> Result<(), Failure> {
        self.meter.spend(1)?;
        if let Some(filter) = &fold.filter
            && !self.truth(filter)?
        {
            return Ok(());
        }
        match fold.kind {
            FoldKind::All | FoldKind::Exists => match self.holds(fold.body.as_ref()) {
                Ok(holds) => gathered.decided = holds == (fold.kind == FoldKind::Exists),
                Err(failure) => gathered.failed = gathered.failed.take().or(Some(failure)),
            },
            FoldKind::ExistsOne => gathered.count += usize::from(self.holds(fold.body.as_ref())?),
            FoldKind::Filter => gathered.list.push(bound.0),
            FoldKind::List => {
                let value = self.body(fold)?;
                gathered.list.push(value);
            }
            FoldKind::Sort => {
                let key = self.body(fold)?;
                gathered.keyed.push((key, bound.0));
            }
            FoldKind::Map => {
                let value = self.body(fold)?;
                insert(&mut gathered.made, bound.0, value)?;
            }
            FoldKind::Entries => match self.body(fold)? {
                Value::Map(map) => {
                    self.meter.spend(map.len())?;
                    for (key, value) in map.iter() {
                        insert(&mut gathered.made, key, value)?;
                    }
                }
                _ => return Err(Failure::no_such_overload()),
            },
        }
        Ok(())
    }

    fn body(&mut self, fold: &'a Fold) -> Outcome<'a> {
        fold.body.as_ref().map_or_else(|| Err(Failure::no_such_overload()), |body| self.value(body))
    }

    fn holds(&mut self, body: Option<&'a Node>) -> Result<bool, Failure> {
        body.map_or_else(|| Err(Failure::no_such_overload()), |body| self.truth(body))
    }

    fn gathered(&mut self, kind: FoldKind, gathered: Gathered<'a>) -> Outcome<'a> {
        match kind {
            FoldKind::All | FoldKind::Exists => match gathered.failed {
                Some(failure) if !gathered.decided => Err(failure),
                _ => Ok(Value::Bool(gathered.decided == (kind == FoldKind::Exists))),
            },
            FoldKind::ExistsOne => Ok(Value::Bool(gathered.count == 1)),
            FoldKind::Filter | FoldKind::List => Ok(Value::list(gathered.list)),
            FoldKind::Sort => Ok(Value::list(library::sorted(&mut self.meter, gathered.keyed)?)),
            FoldKind::Map | FoldKind::Entries => Ok(Value::Map(Map::Made(Rc::new(gathered.made)))),
        }
    }
}
