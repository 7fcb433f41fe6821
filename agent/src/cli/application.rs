//! The Application in a file, read as strictly as it is meant: no field of it
//! goes unread.

use std::path::Path;

use anyhow::Context as _;

use super::settings::Document;
use super::{fields, settings};
use crate::api::{self, Application};

pub(super) const KIND: &str = "Application";
/// The namespace of what names none.
pub(super) const DEFAULT_NAMESPACE: &str = "default";
/// How many things of a file an error lists.
const LISTED: usize = 20;

/// The Application in a file of one or more documents; of several, the one of
/// this name and namespace.
pub(super) fn read(file: &Path, name: Option<&str>, namespace: Option<&str>) -> anyhow::Result<Application> {
    let shown = file.display();
    let wanted = format!("{}/{}", api::GROUP, api::VERSION);
    let (mut found, mut others) = (Vec::new(), Vec::new());
    for document in settings::documents(file)? {
        let version = document.text("apiVersion");
        let is_ours = version.is_none_or(|version| version.split('/').next() == Some(api::GROUP));
        if document.text("kind") != Some(KIND) || !is_ours {
            others.push(document.described());
            continue;
        }
        anyhow::ensure!(
            version == Some(&wanted),
            "{shown}: this is {}; write `apiVersion: {wanted}`",
            document.described()
        );
        found.push(parsed(document)?);
    }
    anyhow::ensure!(
        !found.is_empty(),
        "{shown} holds no `{wanted}` `Application`; it holds {}",
        listed(&others)
    );
    let all: Vec<String> = found.iter().map(full_name).collect();
    // What stands alone is meant; a name is then another one for it.
    let mut fitting = if found.len() == 1 { found } else { fitting(found, name, namespace) };
    match (fitting.pop(), fitting.is_empty()) {
        (Some(application), true) => Ok(application),
        (None, _) => anyhow::bail!(
            "{shown} holds no Application of this --name and --namespace; it holds {}",
            listed(&all)
        ),
        _ => anyhow::bail!(
            "{shown} holds several Applications; say with --name and --namespace which one of {}",
            listed(&all)
        ),
    }
}

/// The Application that a document is, all of whose fields are read.
pub(super) fn parsed(document: Document) -> anyhow::Result<Application> {
    let crd = fields::definition(KIND)?;
    fields::check_resource(&crd, &document.content).map_err(|misfit| document.misfit(&misfit))?;
    let file = document.at.file;
    serde_json::from_value(document.content).with_context(|| format!("{file}: read the Application"))
}

/// One that names no namespace goes where it is sent, unless another one is
/// meant for there.
fn fitting(mut all: Vec<Application>, name: Option<&str>, namespace: Option<&str>) -> Vec<Application> {
    all.retain(|application| name.is_none_or(|name| application.metadata.name.as_deref() == Some(name)));
    let Some(namespace) = namespace else { return all };
    let (own, mut anywhere): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|application| application.metadata.namespace.as_deref() == Some(namespace));
    anywhere.retain(|application| application.metadata.namespace.is_none());
    if own.is_empty() { anywhere } else { own }
}

pub(super) fn full_name(application: &Application) -> String {
    let namespace = application.metadata.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE);
    format!("{namespace}/{}", application.metadata.name.as_deref().unwrap_or("(without a name)"))
}

fn listed(all: &[String]) -> String {
    let shown = all.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
    match all.len().checked_sub(LISTED) {
        None | Some(0) if shown.is_empty() => "nothing".to_owned(),
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn application(metadata: &str) -> String {
        format!(
            "---\napiVersion: windlass.dev/v1alpha1\nkind: Application\nmetadata: {metadata}\nspec: {{repository: \
             {{name: fleet}}}}\n"
        )
    }

    /// `namespace/name` of the one that is meant, or the error.
    fn meant(content: &str, name: Option<&str>, namespace: Option<&str>) -> String {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content.as_bytes()).unwrap();
        match read(file.path(), name, namespace) {
            Ok(application) => full_name(&application),
            Err(error) => format!("{error:#}").replace(&file.path().display().to_string(), "FILE"),
        }
    }

    #[test]
    fn of_several_the_one_of_the_name_and_the_namespace_is_meant() {
        let several = [
            application("{name: web, namespace: shop}"),
            application("{name: web, namespace: store}"),
            application("{name: api}"),
        ]
        .concat();
        assert_eq!(meant(&several, Some("web"), Some("store")), "store/web");
        assert_eq!(meant(&several, None, Some("shop")), "shop/web");
        assert_eq!(meant(&several, Some("api"), None), "default/api");
        assert_eq!(meant(&several, Some("api"), Some("anywhere")), "default/api");
        let all = "shop/web, store/web, default/api";
        let which =
            format!("FILE holds several Applications; say with --name and --namespace which one of {all}");
        assert_eq!(meant(&several, Some("web"), None), which);
        assert_eq!(meant(&several, None, None), which);
        let none = format!("FILE holds no Application of this --name and --namespace; it holds {all}");
        assert_eq!(meant(&several, Some("web"), Some("prod")), none);
    }

    #[test]
    fn the_only_one_may_be_called_otherwise() {
        assert_eq!(meant(&application("{name: web}"), Some("other"), Some("prod")), "default/web");
    }

    #[test]
    fn what_else_is_in_the_file_does_not_matter() {
        let pod = "apiVersion: v1\nkind: Pod\n".to_owned();
        let argo = "---\napiVersion: example.org/v1\nkind: Application\n".to_owned();
        assert_eq!(
            meant(&[pod.clone(), argo, application("{name: web}")].concat(), None, None),
            "default/web"
        );
        assert_eq!(
            meant(&(pod + "---\na: b\n"), None, None),
            "FILE holds no `windlass.dev/v1alpha1` `Application`; it holds `v1` `Pod`, a document without \
             `apiVersion` and `kind`"
        );
        let twenty_two = "kind: Pod\n---\n".repeat(22);
        assert!(meant(&twenty_two, None, None).ends_with("`Pod` without `apiVersion` and 2 more"));
        assert!(meant("# nothing\n", None, None).ends_with("; it holds nothing"));
    }

    #[test]
    fn an_application_of_another_version_is_told_what_to_write() {
        let web = application("{name: web}");
        for (written, told) in [
            ("apiVersion: windlass.dev/v1", "`windlass.dev/v1` `Application`"),
            ("apiVersion: windlass.dev", "`windlass.dev` `Application`"),
            ("aversion: x", "`Application` without `apiVersion`"),
        ] {
            let content = web.replace("apiVersion: windlass.dev/v1alpha1", written);
            assert_eq!(
                meant(&(web.clone() + &content), None, None),
                format!("FILE: this is {told}; write `apiVersion: windlass.dev/v1alpha1`")
            );
        }
    }

    #[test]
    fn a_field_that_nobody_reads_is_refused_at_its_line() {
        let wrong = application("{name: web}") + "  \n---\n\n" + &application("{name: b, nmespace: c}");
        let error = meant(&wrong, None, None);
        assert!(error.starts_with("FILE:12:31: "), "{error}");
        assert!(error.contains("`metadata.nmespace` is no field; the fields are `annotations`, "), "{error}");
    }

    #[test]
    fn a_field_that_is_missing_is_told() {
        let web = application("{name: web}").replace("metadata: {name: web}\n", "");
        assert_eq!(meant(&web, None, None), "FILE: read the Application: missing field `metadata`");
    }
}
