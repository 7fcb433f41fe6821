//! Reading: one object, or all that match, always the newest.

use http::Method;
use serde::Deserialize;
use serde_json::Value;

use super::item::Item;
use super::kind::{ObjectRef, Resource, View};
use super::{Call, Cluster, ClusterError, Verb, path};

/// How many objects one page holds.
const PAGE: &str = "500";

/// How many objects one list may hold.
pub(crate) const MAX_LISTED: usize = 100_000;

const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// One page of a list.
#[derive(Deserialize)]
struct Page {
    metadata: Option<PageMetadata>,
    items: Vec<Item>,
}

#[derive(Default, Deserialize)]
struct PageMetadata {
    #[serde(rename = "continue")]
    next: Option<String>,
}

impl Cluster {
    /// The newest state of an object. With [`View::Metadata`] it has only
    /// `apiVersion`, `kind` and `metadata`, those of the object itself.
    pub async fn get(&self, object: &ObjectRef, view: View) -> Result<Value, ClusterError> {
        let resource = self.resolve(&object.gvk()).await?;
        let path = path::object(&resource, object.key.namespace.as_deref(), &object.key.name, None)?;
        let mut call = Call::new(Verb::Get, Method::GET, path, &object.key);
        if view == View::Metadata {
            call.accept = Some(METADATA);
        }
        let mut found = self.send_for_object(call).await?;
        name_kind(&mut found, &resource);
        Ok(found)
    }

    /// All objects of a kind that match, as of one moment not before the call.
    /// Without a namespace, those of all.
    ///
    /// # Errors
    /// `TooMany` beyond a hundred thousand objects.
    pub async fn list(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        labels: Option<&str>,
        view: View,
    ) -> Result<Vec<Value>, ClusterError> {
        match self.pages(resource, namespace, labels, view).await {
            // A page came so late that the first one's moment is forgotten.
            Err(ClusterError::Expired { .. }) => self.pages(resource, namespace, labels, view).await,
            result => result,
        }
    }

    async fn pages(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        labels: Option<&str>,
        view: View,
    ) -> Result<Vec<Value>, ClusterError> {
        let mut objects = Vec::new();
        let mut next = String::new();
        loop {
            let mut query = vec![("limit", PAGE)];
            query.extend(labels.map(|labels| ("labelSelector", labels)));
            if !next.is_empty() {
                query.push(("continue", &next));
            }
            let path = path::with_query(path::collection(resource, namespace)?, &query);
            let mut call = Call::new(Verb::List, Method::GET, path, &resource.gvk);
            if view == View::Metadata {
                call.accept = Some(METADATA_LIST);
            }
            let page: Page = self.send_for(call).await?;
            next = page.metadata.unwrap_or_default().next.unwrap_or_default();
            objects.extend(page.items.into_iter().map(|Item(object)| object));
            if objects.len() > MAX_LISTED {
                return Err(too_many(resource));
            }
            if next.is_empty() {
                break;
            }
        }
        for object in &mut objects {
            name_kind(object, resource);
        }
        Ok(objects)
    }
}

pub(crate) fn too_many(resource: &Resource) -> ClusterError {
    ClusterError::TooMany { kind: resource.gvk.to_string(), limit: MAX_LISTED, name: "the limit of one list" }
}

/// Items of lists don't say what they are, and metadata says that it is
/// metadata.
pub(crate) fn name_kind(object: &mut Value, resource: &Resource) {
    if let Value::Object(object) = object {
        object.insert("apiVersion".to_owned(), resource.gvk.api_version().into());
        object.insert("kind".to_owned(), resource.gvk.kind.clone().into());
    }
}
