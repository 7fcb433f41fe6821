//! A commit's whole way into the cluster: one function that calls the steps in
//! their order.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use bytes::Bytes;
use k8s_openapi::jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::desk::Desk;
use super::event::Target;
use super::granted::Granted;
use super::policy_report::NoAnswer;
use super::records::{RecordError, Records};
use super::report::{Stage, SyncError};
use super::sources::Sources;
use super::values::Values;
use crate::api::{Application, ApplicationSpec};
use crate::apply::{self, ApplyError, Change, ChangeSet, Writer};
use crate::cluster::{Cluster, ClusterError, Gvk};
use crate::gate::{self, Admitted, Applicant, Case, Gate, Policies, Verdict};
use crate::object::{Name, ObjectKey};
use crate::observe::index::Noticed;
use crate::observe::watch::Observer;
use crate::plan::inventory::Inventory;
use crate::plan::{self, Options, Plan, Scope, Scopes};
use crate::render::{Handover, Job, Memo, Rendered, Renderers};
use crate::shard::claim::Claim;
use crate::source::Revision;
use crate::source::tree::Tree;
use crate::telemetry::metrics::{Metrics, Outcome, Step};

/// The annotation by which a person agrees to the removal of most of a set:
/// the commit that removes it.
pub(crate) const PRUNE_CONSENT_ANNOTATION: &str = "windlass.dev/allow-prune";

/// The plugins as the steps see them.
pub(crate) trait Plugins: Renderers + Policies {}
impl<T: Renderers + Policies> Plugins for T {}

/// What the steps work with.
pub(crate) struct Steps {
    pub(crate) cluster: Cluster,
    pub(crate) claim: Claim,
    pub(crate) records: Records,
    pub(crate) sources: Sources,
    pub(crate) values: Values,
    pub(crate) plugins: Arc<dyn Plugins>,
    pub(crate) memo: Arc<Memo>,
    pub(crate) gates: ArcSwap<Vec<Gate>>,
    pub(crate) granted: Arc<Granted>,
    pub(crate) observer: Arc<Observer>,
    pub(crate) metrics: Metrics,
    /// Renders and judgements that may run at once.
    pub(crate) thinking: Arc<Semaphore>,
}

/// How a sync that reached its target went.
pub(crate) struct SyncReport {
    pub(crate) rendered: Arc<Rendered>,
    /// Absent where the set was judged before.
    pub(crate) verdicts: Option<Vec<Verdict>>,
    /// The policies that gave no answer.
    pub(crate) silent: Vec<NoAnswer>,
    /// Why it would be refused if it were not applied already.
    pub(crate) objection: Option<SyncError>,
    pub(crate) warnings: Vec<String>,
    /// What was written.
    pub(crate) changes: Vec<(ObjectKey, Change)>,
}

impl Steps {
    /// Makes the cluster equal to the target.
    pub(crate) async fn sync(
        &self,
        desk: &mut Desk,
        application: &Application,
        target: &Target,
        cancel: &CancellationToken,
    ) -> Result<SyncReport, SyncError> {
        let handover = self.gather(desk, application, cancel).await?;
        let report = self.carry_out(desk, application, target, handover, cancel).await;
        report.map(|report| report.without(desk)).map_err(|error| error.without(desk))
    }

    /// The steps, with all that they need in hand.
    async fn carry_out(
        &self,
        desk: &mut Desk,
        application: &Application,
        target: &Target,
        handover: Handover,
        cancel: &CancellationToken,
    ) -> Result<SyncReport, SyncError> {
        let tree = self.open(desk, application, target)?;
        let rendered = self.render(application, handover, tree.clone(), &target.revision).await?;
        if desk.holds(&rendered, target) {
            return Ok(SyncReport::unchanged(rendered));
        }
        let before = self.before(desk, application, cancel).await?;
        let admitted = self.judge(desk, application, rendered, before, tree).await?;
        let plan = self.plan(desk, application, &admitted, &target.revision);
        let plan = self.measure(Step::Plan, plan).await?;
        let intent = self.record_intent(desk, application, &admitted, &plan, target).await?;
        let changes = self.apply(desk, application, &plan, intent, cancel).await?;
        let changes = self.observe(desk, changes).await;
        settle(desk, &admitted, target, &plan, changes)
    }

    /// Takes the set that was applied last in hand again, where a restart has
    /// forgotten it: while a newer commit is refused, drift is corrected from
    /// it. Writes nothing.
    pub(crate) async fn recall(
        &self,
        desk: &mut Desk,
        application: &Application,
        cancel: &CancellationToken,
    ) -> Result<(), SyncError> {
        let recalled = self.recall_all(desk, application, cancel).await;
        recalled.map_err(|error| error.without(desk))
    }

    /// What the gates of today say of the set that is applied, while a newer
    /// one is refused. Changes nothing.
    pub(crate) async fn review(
        &self,
        desk: &mut Desk,
        application: &Application,
        cancel: &CancellationToken,
    ) -> Result<Option<SyncError>, SyncError> {
        let reviewed = self.review_all(desk, application, cancel).await;
        let told = reviewed.map(|objection| objection.map(|objection| objection.without(desk)));
        told.map_err(|error| error.without(desk))
    }

    async fn review_all(
        &self,
        desk: &mut Desk,
        application: &Application,
        cancel: &CancellationToken,
    ) -> Result<Option<SyncError>, SyncError> {
        let applied = self.applied(desk, application, cancel).await?;
        let Some((rendered, _, tree)) = applied else { return Ok(None) };
        match self.judge(desk, application, rendered.clone(), Some(rendered), tree).await {
            Ok(admitted) => Ok(admitted.objection().map(SyncError::gate)),
            // Its values have changed since: what is applied can't be made again.
            Err(objection) if objection.stage == Stage::Gate => Ok(Some(objection)),
            Err(error) => Err(error),
        }
    }

    async fn recall_all(
        &self,
        desk: &mut Desk,
        application: &Application,
        cancel: &CancellationToken,
    ) -> Result<(), SyncError> {
        let applied = self.applied(desk, application, cancel).await?;
        let Some((rendered, revision, tree)) = applied else { return Ok(()) };
        // The rules may have changed since it was admitted.
        let admitted = self.judge(desk, application, rendered, None, tree).await?;
        let plan = self.plan(desk, application, &admitted, &revision).await?;
        desk.take_back_in_hand(&plan);
        Ok(())
    }

    /// What is applied, with its commit: the set in hand, or what the commit
    /// renders to with the values of today.
    async fn applied(
        &self,
        desk: &mut Desk,
        application: &Application,
        cancel: &CancellationToken,
    ) -> Result<Option<(Arc<Rendered>, Revision, Arc<dyn Tree>)>, SyncError> {
        let Some((commit, held)) = desk.applied() else { return Ok(None) };
        let (revision, tree) = self
            .sources
            .recall(&repository_of(desk, application), &commit, cancel)
            .await
            .map_err(|error| SyncError::source(&error))?;
        if let Some(held) = held {
            return Ok(Some((held, revision, tree)));
        }
        let handover = self.gather(desk, application, cancel).await?;
        let rendered = self.render(application, handover, tree.clone(), &revision).await?;
        Ok(Some((rendered, revision, tree)))
    }

    /// values: what the Application hands to its renderer.
    async fn gather(
        &self,
        desk: &mut Desk,
        application: &Application,
        cancel: &CancellationToken,
    ) -> Result<Handover, SyncError> {
        let gathered = cancel.run_until_cancelled(self.values.gather(&desk.name, application)).await;
        let (handover, hidden) =
            gathered.unwrap_or_else(|| Err(SyncError::cancelled(Stage::Render, false)))?;
        desk.hides(hidden);
        Ok(handover)
    }

    /// source: the commit's files.
    fn open(
        &self,
        desk: &Desk,
        application: &Application,
        target: &Target,
    ) -> Result<Arc<dyn Tree>, SyncError> {
        let repository = repository_of(desk, application);
        self.sources.tree(&repository, &target.revision).map_err(|error| {
            self.sources.distrust(&repository);
            SyncError::source(&error)
        })
    }

    /// render: the complete set of manifests, from memory where its inputs stand.
    async fn render(
        &self,
        application: &Application,
        handover: Handover,
        tree: Arc<dyn Tree>,
        revision: &Revision,
    ) -> Result<Arc<Rendered>, SyncError> {
        let job = Job { handover, ..Job::from(application) };
        let (memo, plugins, clock) = (self.memo.clone(), self.plugins.clone(), revision.time);
        let rendered = self
            .think(Step::Render, move || memo.render(&job, &tree, clock, &*plugins as &dyn Renderers))
            .await;
        rendered.map_err(|failure| SyncError::render(&failure))
    }

    /// What is applied now, where a policy wants to compare with it.
    async fn before(
        &self,
        desk: &mut Desk,
        application: &Application,
        cancel: &CancellationToken,
    ) -> Result<Option<Arc<Rendered>>, SyncError> {
        let (applicant, cluster) = (Applicant::from(application), self.granted.snapshot().await);
        if !gate::compares(&self.gates.load(), &applicant, &cluster, &*self.plugins as &dyn Policies) {
            return Ok(None);
        }
        if let Some((_, Some(held))) = desk.applied() {
            return Ok(Some(held));
        }
        Ok(self.applied(desk, application, cancel).await?.map(|(rendered, ..)| rendered))
    }

    /// gate: all of it, or nothing.
    async fn judge(
        &self,
        desk: &Desk,
        application: &Application,
        rendered: Arc<Rendered>,
        before: Option<Arc<Rendered>>,
        tree: Arc<dyn Tree>,
    ) -> Result<Admitted, SyncError> {
        let (gates, plugins, cluster) =
            (self.gates.load_full(), self.plugins.clone(), self.granted.snapshot().await);
        let applicant = Applicant::from(application);
        let applied = desk.status().admitted_digest.clone();
        let admitted = self
            .think(Step::Gate, move || {
                gate::judge(&Case {
                    rendered,
                    before,
                    applicant: &applicant,
                    gates: &gates,
                    policies: &*plugins as &dyn Policies,
                    cluster,
                    tree: &*tree,
                    now: Timestamp::now(),
                    applied: applied.as_deref(),
                })
            })
            .await;
        match &admitted {
            Ok(admitted) => self.metrics.judged(admitted.verdicts(), admitted.failures()),
            Err(error) => self.metrics.judged(&error.verdicts, &error.failures),
        }
        admitted.map_err(|error| SyncError::gate(&error))
    }

    /// plan: what differs.
    async fn plan(
        &self,
        desk: &mut Desk,
        application: &Application,
        admitted: &Admitted,
        revision: &Revision,
    ) -> Result<Plan, SyncError> {
        let scopes = self.scopes(admitted).await.map_err(|error| SyncError::cluster(&error))?;
        let kinds = admitted.manifests().iter().map(Gvk::from).chain(desk.kinds()).collect();
        self.observer.follow(kinds).await;
        let consent = application.metadata.annotations.as_ref();
        let consent = consent.and_then(|annotations| annotations.get(PRUNE_CONSENT_ANNOTATION));
        let options = Options {
            owner: desk.owner.clone(),
            target_namespace: target_namespace(desk, &application.spec),
            prune: application.spec.prune,
            prune_consent: consent.is_some_and(|commit| *commit == revision.commit.to_string()),
        };
        let index = self.observer.index();
        let live = |key: &ObjectKey| index.live(&desk.name, key);
        plan::plan(admitted, &scopes, &desk.inventory, live, options).map_err(|error| SyncError::plan(&error))
    }

    /// Puts on record what is about to be written.
    async fn record_intent(
        &self,
        desk: &mut Desk,
        application: &Application,
        admitted: &Admitted,
        plan: &Plan,
        target: &Target,
    ) -> Result<Inventory, SyncError> {
        let intent = plan.intent(&desk.inventory);
        if plan.is_empty() {
            return Ok(intent);
        }
        let generation = application.metadata.generation.unwrap_or(0);
        let renderer = admitted.rendered().renderer();
        let recorded = desk
            .record_intent(&self.records, generation, &intent, |draft| {
                draft.applying(&target.revision, renderer);
            })
            .await;
        match recorded {
            Ok(true) => Ok(intent),
            Ok(false) => Err(SyncError::fenced()),
            Err(RecordError::NotLeading) => Err(SyncError::cancelled(Stage::Apply, false)),
            Err(RecordError::Cluster(error)) => Err(SyncError::cluster(&error)),
        }
    }

    /// apply: carries the plan out. What was written is in the desk's
    /// Inventory whatever happened.
    async fn apply(
        &self,
        desk: &mut Desk,
        application: &Application,
        plan: &Plan,
        intent: Inventory,
        cancel: &CancellationToken,
    ) -> Result<ChangeSet, SyncError> {
        if plan.is_empty() {
            desk.inventory = intent.clone();
            return Ok(ChangeSet { written: Vec::new(), deleted: Vec::new(), inventory: intent });
        }
        let began = Instant::now();
        // Controllers answer a write at once: what a watch shows of an object before its write is taken in
        // must find it known already.
        self.track(desk, &intent);
        let writer = self.writer(desk, application, cancel).map_err(|error| SyncError::cluster(&error))?;
        let (changes, error) = apply::execute(&writer, plan, intent).await;
        desk.inventory = changes.inventory.clone();
        let outcome = match &error {
            None => Outcome::Done,
            Some(ApplyError::Cancelled | ApplyError::Fenced) => Outcome::Cancelled,
            Some(ApplyError::Objects(_)) => Outcome::Failed,
        };
        self.metrics.step(Step::Apply, outcome, began.elapsed());
        match error {
            None => Ok(changes),
            Some(error) => {
                // What was in hand before describes the cluster no more.
                desk.take_partly_in_hand(plan, &changes);
                self.track(desk, &changes.inventory);
                let error = SyncError::apply(&error);
                self.observe_written(desk, changes).await;
                Err(error)
            }
        }
    }

    /// observe: follows what was written from now on.
    async fn observe(&self, desk: &Desk, changes: ChangeSet) -> Vec<(ObjectKey, Change)> {
        self.track(desk, &changes.inventory);
        let changes = self.observe_written(desk, changes).await;
        // Kinds that this very set defined could not be followed before.
        self.observer.follow(desk.kinds()).await;
        changes
    }

    fn track(&self, desk: &Desk, inventory: &Inventory) {
        self.observer.index().track(&desk.name, &desk.owner.field_manager(), inventory);
    }

    /// Tells the index what was written, with a first verdict on its health.
    pub(crate) async fn observe_written(&self, desk: &Desk, changes: ChangeSet) -> Vec<(ObjectKey, Change)> {
        let objects = changes.written.iter().map(|written| Bytes::from(written.object.to_string())).collect();
        let assessments = self.observer.assess(objects).await;
        let mut result: Vec<_> = changes.deleted.into_iter().map(|key| (key, Change::Deleted)).collect();
        let mut drifted = Vec::new();
        {
            let mut index = self.observer.index();
            for (written, assessment) in changes.written.into_iter().zip(assessments) {
                let noticed = index.applied(&desk.name, &written.key, written.live, Some(assessment));
                if matches!(noticed, Noticed::Drifted(_)) {
                    drifted.push(written.key.clone());
                }
                result.push((written.key, written.change));
            }
            self.metrics.objects.set(i64::try_from(index.len()).unwrap_or(i64::MAX));
        }
        for key in drifted {
            self.observer.drifted(&desk.name, key).await;
        }
        result
    }

    /// Writes in the name of the Application's service account, or as the agent.
    pub(crate) fn writer(
        &self,
        desk: &Desk,
        application: &Application,
        cancel: &CancellationToken,
    ) -> Result<Writer, ClusterError> {
        let cluster = match &application.spec.service_account_name {
            Some(account) => self.cluster.impersonate(&desk.name.namespace, account)?,
            None => self.cluster.clone(),
        };
        Ok(Writer { cluster, claim: self.claim.clone(), cancel: cancel.clone() })
    }

    /// The scopes of the kinds in a set: as the set defines them, or as the
    /// API server serves them. Kinds that neither knows are left out.
    async fn scopes(&self, admitted: &Admitted) -> Result<Scopes, ClusterError> {
        let mut scopes = plan::defined_scopes(admitted.manifests());
        let kinds: BTreeSet<Gvk> = admitted.manifests().iter().map(Gvk::from).collect();
        for gvk in kinds {
            let kind = (gvk.group.clone(), gvk.kind.clone());
            if scopes.contains_key(&kind) {
                continue;
            }
            match self.cluster.resolve(&gvk).await {
                Ok(resource) => {
                    let scope = if resource.namespaced { Scope::Namespaced } else { Scope::Cluster };
                    scopes.insert(kind, scope);
                }
                Err(ClusterError::UnknownKind { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(scopes)
    }

    /// Runs what needs a processor and no network, a bounded number at once.
    async fn think<T: Send + 'static, E: Send + 'static>(
        &self,
        step: Step,
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        // The semaphore is never closed.
        let _place = self.thinking.clone().acquire_owned().await;
        let work = async {
            match tokio::task::spawn_blocking(work).await {
                Ok(result) => result,
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        };
        self.measure(step, work).await
    }

    /// Counts a step and how long it takes.
    async fn measure<T, E>(&self, step: Step, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let began = Instant::now();
        let result = work.await;
        let outcome = if result.is_ok() { Outcome::Done } else { Outcome::Failed };
        self.metrics.step(step, outcome, began.elapsed());
        result
    }
}

impl SyncReport {
    fn unchanged(rendered: Arc<Rendered>) -> Self {
        Self {
            rendered,
            verdicts: None,
            silent: Vec::new(),
            objection: None,
            warnings: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// The same without what must not be told.
    fn without(mut self, desk: &Desk) -> Self {
        let verdicts = self.verdicts.iter_mut().flatten();
        let silent = self.silent.iter_mut().map(|silent| &mut silent.message);
        let messages = verdicts.map(|verdict| &mut verdict.message).chain(&mut self.warnings).chain(silent);
        messages.for_each(|message| *message = desk.hide(message));
        self.objection = self.objection.map(|objection| objection.without(desk));
        self
    }
}

/// Takes the set in hand, from which drift is corrected.
fn settle(
    desk: &mut Desk,
    admitted: &Admitted,
    target: &Target,
    plan: &Plan,
    changes: Vec<(ObjectKey, Change)>,
) -> Result<SyncReport, SyncError> {
    let rendered = admitted.rendered().clone();
    desk.take_in_hand(rendered.clone(), target, plan);
    let waiting = plan.removal.awaiting_consent();
    if waiting > 0 {
        let commit = target.revision.commit.to_string();
        return Err(SyncError::prune_needs_consent(waiting, PRUNE_CONSENT_ANNOTATION, &commit));
    }
    Ok(SyncReport {
        rendered,
        verdicts: Some(admitted.verdicts().to_vec()),
        silent: admitted.failures().iter().map(NoAnswer::from).collect(),
        objection: admitted.objection().map(SyncError::gate),
        warnings: admitted.warnings().iter().map(ToString::to_string).collect(),
        changes,
    })
}

fn repository_of(desk: &Desk, application: &Application) -> Name {
    Name { namespace: desk.name.namespace.clone(), name: application.spec.repository.name.clone() }
}

fn target_namespace(desk: &Desk, spec: &ApplicationSpec) -> String {
    spec.target_namespace.clone().unwrap_or_else(|| desk.name.namespace.clone())
}
