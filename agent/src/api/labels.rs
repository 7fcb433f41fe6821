//! Label selectors, ready to be asked.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::{Selector, SelectorExt as _};

/// What labels have to be like.
#[derive(Clone, Debug, PartialEq)]
pub struct Labels(Selector);

impl Labels {
    /// Whether these labels are like that.
    pub fn match_all_of(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.matches(labels)
    }
}

/// Fails for an operator that Kubernetes does not have.
impl TryFrom<LabelSelector> for Labels {
    type Error = UnknownOperator;

    fn try_from(selector: LabelSelector) -> Result<Self, Self::Error> {
        Selector::try_from(selector).map(Self).map_err(|_| UnknownOperator)
    }
}

/// A selector has an operator that is none of `In`, `NotIn`, `Exists` and
/// `DoesNotExist`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operators of a label selector are `In`, `NotIn`, `Exists` and `DoesNotExist`")]
pub struct UnknownOperator;

impl FromIterator<(String, String)> for Labels {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(labels: I) -> Self {
        Self(labels.into_iter().collect())
    }
}
