//! How the API server is found.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::sync::Semaphore;

use super::{Cluster, ClusterError, MAX_INITIAL_LISTS, Requests, Shared, causes, discovery};

/// Beyond a watch's own end, before its connection counts as dead.
const WATCH_MARGIN: Duration = Duration::from_secs(20);

/// How to reach the API server.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// A kubeconfig. Without it, `KUBECONFIG` or `~/.kube/config`, and inside a
    /// cluster the pod's own service account.
    pub kubeconfig: Option<PathBuf>,
    /// A context of the kubeconfig. Without it, its current one.
    pub context: Option<String>,
    /// The deadline of each request.
    pub timeout: Duration,
    /// How long a watch lasts before it is opened anew. A connection that died
    /// silently is noticed no later than a few seconds after.
    pub watch_timeout: Duration,
    /// The agent's own namespace, whose service accounts nobody can act as.
    pub agent_namespace: Option<String>,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            kubeconfig: None,
            context: None,
            timeout: Duration::from_secs(15),
            watch_timeout: Duration::from_secs(45),
            agent_namespace: None,
        }
    }
}

impl Cluster {
    /// Reads the configuration. No request is sent.
    pub async fn connect(options: ConnectOptions) -> Result<Self, ClusterError> {
        let mut config = load(&options).await?;
        // A repeated write would leave long after the check that allowed it.
        config.default_retry = false;
        config.connect_timeout = Some(Duration::from_secs(5).min(options.timeout));
        config.write_timeout = Some(options.timeout);
        config.read_timeout = Some(options.watch_timeout.max(options.timeout) + WATCH_MARGIN);
        config.reset_reader_on_write = true;
        let default_namespace = config.default_namespace.clone();
        let client = kube::Client::try_from(config).map_err(|error| invalid(&error))?;
        let mut closed_namespaces = vec!["kube-system".to_owned(), "kube-public".to_owned()];
        closed_namespaces.extend(options.agent_namespace);
        Ok(Self {
            client,
            shared: Arc::new(Shared {
                requests: Requests::default(),
                discovery: discovery::Cache::default(),
                initial_lists: Arc::new(Semaphore::new(MAX_INITIAL_LISTS)),
                watch_timeout: options.watch_timeout,
                closed_namespaces,
                default_namespace,
            }),
            user: None,
            timeout: options.timeout,
        })
    }
}

impl Cluster {
    /// The namespace that the kubeconfig's context or the pod is in.
    pub fn default_namespace(&self) -> &str {
        &self.shared.default_namespace
    }
}

async fn load(options: &ConnectOptions) -> Result<kube::Config, ClusterError> {
    let chosen = KubeConfigOptions { context: options.context.clone(), ..KubeConfigOptions::default() };
    match &options.kubeconfig {
        Some(path) => {
            let file = Kubeconfig::read_from(path).map_err(|error| ClusterError::Config {
                message: format!("{}: {}", path.display(), causes(&error)),
            })?;
            kube::Config::from_custom_kubeconfig(file, &chosen).await.map_err(|error| ClusterError::Config {
                message: format!("{}: {}", path.display(), causes(&error)),
            })
        }
        None if options.context.is_some() => {
            kube::Config::from_kubeconfig(&chosen).await.map_err(|error| invalid(&error))
        }
        None => kube::Config::infer().await.map_err(|error| invalid(&error)),
    }
}

fn invalid(error: &(dyn std::error::Error + 'static)) -> ClusterError {
    ClusterError::Config { message: causes(error) }
}
