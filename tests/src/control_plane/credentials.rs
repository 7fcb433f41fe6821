//! The keys, certificates and tokens of one control plane, written into its folder: what kube-apiserver is
//! started with, and one kubeconfig a user. Nothing here is worth anything once the control plane is gone.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::certificates::{self, Authority, Issued, LOOPBACK_NAMES, SigningKey};

/// The user with all rights (group `system:masters`).
pub(crate) const ADMIN: &str = "admin";

/// Who may call the API server, and the files that say so.
pub(crate) struct Credentials {
    folder: PathBuf,
    authority_pem: String,
    authority_der: Vec<u8>,
    users: Vec<User>,
}

struct User {
    name: String,
    token: String,
}

impl Credentials {
    /// Makes them for [`ADMIN`] and `users`, and writes the files of kube-apiserver into `folder`.
    pub(crate) fn create(folder: &Path, users: &[String]) -> anyhow::Result<Self> {
        let authority = Authority::new("windlass test control plane")?;
        let mut names = LOOPBACK_NAMES.to_vec();
        names.extend(["kubernetes", "kubernetes.default", "kubernetes.default.svc", "10.0.0.1"]);
        let Issued { certificate, key } = authority.issue(&names)?;
        let users = [ADMIN]
            .into_iter()
            .chain(users.iter().map(String::as_str))
            .map(User::new)
            .collect::<anyhow::Result<Vec<_>>>()?;
        let credentials = Self {
            folder: folder.to_owned(),
            authority_pem: authority.pem().to_owned(),
            authority_der: authority.der().to_vec(),
            users,
        };
        write(&credentials.certificate(), &certificate)?;
        write(&credentials.certificate_key(), &key)?;
        write(&credentials.authority(), &credentials.authority_pem)?;
        let service_accounts = SigningKey::new()?;
        write(&credentials.service_account_key(), &service_accounts.private)?;
        write(&credentials.service_account_public_key(), &service_accounts.public)?;
        write(&credentials.tokens(), &credentials.users.iter().map(User::line).collect::<String>())?;
        Ok(credentials)
    }

    /// Writes a kubeconfig for each user, now that it is known where the API server listens.
    pub(crate) fn write_kubeconfigs(&self, server: &str) -> anyhow::Result<()> {
        let authority = BASE64_STANDARD.encode(&self.authority_pem);
        self.users.iter().try_for_each(|user| {
            let path = self.kubeconfig(&user.name)?;
            write(&path, &user.kubeconfig(server, &authority))
        })
    }

    pub(crate) fn kubeconfig(&self, user: &str) -> anyhow::Result<PathBuf> {
        self.user(user)?;
        let file = if user == ADMIN { "kubeconfig".to_owned() } else { format!("kubeconfig-{user}") };
        Ok(self.folder.join(file))
    }

    pub(crate) fn token(&self, user: &str) -> anyhow::Result<&str> {
        Ok(&self.user(user)?.token)
    }

    pub(crate) fn authority_der(&self) -> &[u8] {
        &self.authority_der
    }

    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.join("apiserver.crt")
    }

    pub(crate) fn certificate_key(&self) -> PathBuf {
        self.folder.join("apiserver.key")
    }

    /// Signs service account tokens.
    pub(crate) fn service_account_key(&self) -> PathBuf {
        self.folder.join("service-accounts.key")
    }

    /// Verifies service account tokens.
    pub(crate) fn service_account_public_key(&self) -> PathBuf {
        self.folder.join("service-accounts.pub")
    }

    pub(crate) fn tokens(&self) -> PathBuf {
        self.folder.join("tokens.csv")
    }

    fn user(&self, name: &str) -> anyhow::Result<&User> {
        self.users.iter().find(|user| user.name == name).with_context(|| {
            format!("the control plane was started without the user `{name}`: name it in Options::users")
        })
    }
}

impl User {
    fn new(name: &str) -> anyhow::Result<Self> {
        // The name becomes a file name, a CSV field and a YAML scalar.
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') {
            bail!("`{name}` is no name for a user: use a–z and -");
        }
        Ok(Self { name: name.to_owned(), token: certificates::random_token()? })
    }

    fn line(&self) -> String {
        let Self { name, token } = self;
        let groups = if name == ADMIN { ",\"system:masters\"" } else { "" };
        format!("{token},{name},{name}{groups}\n")
    }

    fn kubeconfig(&self, server: &str, authority: &str) -> String {
        let Self { name, token } = self;
        format!(
            "apiVersion: v1
kind: Config
current-context: windlass-test
clusters:
- name: windlass-test
  cluster:
    server: {server}
    certificate-authority-data: {authority}
users:
- name: {name}
  user:
    token: {token}
contexts:
- name: windlass-test
  context:
    cluster: windlass-test
    user: {name}
"
        )
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_admin_is_in_the_group_with_all_rights() {
        let folder = tempfile::tempdir().unwrap();
        let credentials = Credentials::create(folder.path(), &["guest".to_owned()]).unwrap();
        let tokens = fs::read_to_string(credentials.tokens()).unwrap();
        let lines: Vec<&str> = tokens.lines().collect();
        assert!(lines[0].ends_with(",admin,admin,\"system:masters\""));
        assert!(lines[1].ends_with(",guest,guest"));
    }

    #[test]
    fn a_user_name_that_could_leave_the_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Credentials::create(folder.path(), &["../guest".to_owned()]).is_err());
    }

    #[test]
    fn an_unknown_user_is_named_in_the_error() {
        let folder = tempfile::tempdir().unwrap();
        let credentials = Credentials::create(folder.path(), &[]).unwrap();
        assert!(credentials.token("guest").unwrap_err().to_string().contains("`guest`"));
    }
}
