//! The conversation with a Git server: which refs there are, and a pack of one
//! commit. One request for each, and one before them to learn what the server
//! can do.

use std::io::{BufRead, Read};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use gix::bstr::ByteSlice;
use gix::odb::pack;
use gix::progress::Discard;
use gix::protocol::fetch::negotiate::{self, Action, Round};
use gix::protocol::fetch::{Arguments, Context, Negotiate, Options, Response, Shallow, Tags};
use gix::protocol::handshake::Ref;
use gix::protocol::ls_refs::RefPrefixes;
use gix::protocol::{Handshake, LsRefsCommand};
use gix_transport::client::blocking_io::http::{Transport, connect_http};
use gix_transport::{Protocol, Service};

use super::guard::Guard;
use super::http::Client;
use crate::source::object_store::ObjectStore;
use crate::source::tree::ObjectId;

/// How often a fetch looks whether it is still wanted while the pack is indexed.
const WATCH: Duration = Duration::from_millis(100);
/// Threads that index a pack: the agent has other work.
const INDEX_THREADS: usize = 2;

/// An open conversation.
pub(crate) struct Conversation {
    transport: Transport<Client>,
    handshake: Handshake,
}

impl Conversation {
    /// Asks what the server can do, unless the client remembers.
    pub(crate) fn open(client: Client, url: &str) -> gix::Result<Self> {
        let forget = client.clone();
        let parsed = gix::url::parse(url.as_bytes().as_bstr())?;
        let mut transport = connect_http(client, parsed, Protocol::V2, false);
        let handshake = gix::protocol::handshake(
            &mut transport,
            Service::UploadPack,
            |_| Ok(None),
            Vec::new(),
            &mut Discard,
        )?;
        if handshake.server_protocol_version != Protocol::V2 {
            // Older servers answer with their refs, which are not to be remembered.
            forget.forget();
        }
        Ok(Self { transport, handshake })
    }

    /// The refs whose name starts with `prefix`; an old server gives more.
    pub(crate) fn refs(&mut self, prefix: &str) -> gix::Result<Vec<Ref>> {
        if let Some(refs) = &self.handshake.refs {
            return Ok(refs.clone());
        }
        let mut prefixes = RefPrefixes::new();
        prefixes.extend([prefix.into()]);
        LsRefsCommand::new(Some(prefixes), &self.handshake.capabilities, agent()).invoke_blocking(
            &mut self.transport,
            &mut Discard,
            false,
        )
    }

    /// Receives what is missing of `want` into `store`: one commit's tree if
    /// nothing is there yet, else all that is newer than `have`.
    pub(crate) fn fetch(
        mut self,
        store: &ObjectStore,
        want: ObjectId,
        have: Option<ObjectId>,
        bounds: Bounds,
        guard: &Guard,
    ) -> gix::Result<()> {
        let repository = store.repository();
        let options = Options {
            shallow_file: repository.shallow_file()?,
            shallow: &match have {
                None => Shallow::DepthAtRemote(NonZeroU32::MIN),
                Some(_) => Shallow::NoChange,
            },
            tags: Tags::None,
            reject_shallow_remote: false,
        };
        let context = Context {
            handshake: &mut self.handshake,
            transport: &mut self.transport,
            user_agent: agent(),
            trace_packetlines: false,
        };
        let objects = repository.objects.clone();
        let receive = |pack: &mut dyn BufRead, stop: &AtomicBool| -> gix::Result<()> {
            let folder = repository.objects.store_ref().path().join("pack");
            let header = header(pack, bounds, guard)?;
            let mut pack = header.as_slice().chain(pack);
            let options = pack::bundle::write::Options {
                thread_limit: Some(INDEX_THREADS),
                alloc_limit_bytes: usize::try_from(bounds.object_bytes).ok(),
                ..Default::default()
            };
            // Only a pack that builds on what is here needs to look there, and only such a pack is kept in memory piecewise.
            let base = have.is_some().then_some(objects);
            let hash = gix::hash::Kind::Sha1;
            let outcome = pack::Bundle::write_to_directory(
                &mut pack,
                Some(&folder),
                &mut Discard,
                stop,
                base,
                hash,
                options,
            )?;
            if let Some(keep) = outcome.keep_path {
                std::fs::remove_file(keep).map_err(gix::Error::from_error)?;
            }
            Ok(())
        };
        let mut negotiation = Negotiation { want, have };
        with_watch(guard, |stop| {
            gix::protocol::fetch(
                &mut negotiation,
                |pack, _, stop| receive(pack, stop).map(|()| true),
                Discard,
                stop,
                context,
                options,
            )
        })?;
        Ok(())
    }
}

/// Bounds on one fetch beside the bytes on the wire, which the guard counts.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) objects: u64,
    pub(crate) object_bytes: u64,
}

/// The pack's first twelve bytes, whose number of objects is within bounds.
fn header(pack: &mut dyn BufRead, bounds: Bounds, guard: &Guard) -> gix::Result<[u8; 12]> {
    let mut header = [0; 12];
    pack.read_exact(&mut header).map_err(gix::Error::from_error)?;
    let [.., a, b, c, d] = header;
    if u64::from(u32::from_be_bytes([a, b, c, d])) > bounds.objects {
        let error = guard.exceeded("the number of objects in a pack", bounds.objects, "spec.limits.objects");
        return Err(gix::Error::from_error(guard.fail(error)));
    }
    Ok(header)
}

/// Runs `work` with a flag that is set when the poll is cancelled or too late.
fn with_watch<T>(guard: &Guard, work: impl FnOnce(&AtomicBool) -> T) -> T {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Dropped when the work ends, by a panic too.
        let (_working, ended) = mpsc::channel::<()>();
        let stop = &stop;
        scope.spawn(move || {
            while ended.recv_timeout(WATCH) == Err(mpsc::RecvTimeoutError::Timeout) {
                if guard.check().is_err() {
                    stop.store(true, Ordering::Relaxed);
                }
            }
        });
        work(stop)
    })
}

fn agent() -> (&'static str, Option<String>) {
    ("agent", Some(concat!("windlass/", env!("CARGO_PKG_VERSION")).to_owned()))
}

/// Wants one commit, has at most one, and is done with that.
struct Negotiation {
    want: ObjectId,
    have: Option<ObjectId>,
}

impl Negotiate for Negotiation {
    fn mark_complete_and_common_ref(&mut self) -> gix::Result<Action> {
        Ok(Action::MustNegotiate { remote_ref_target_known: Vec::new() })
    }

    fn add_wants(&mut self, arguments: &mut Arguments, _: &[bool]) -> bool {
        arguments.want(gix::ObjectId::from(self.want));
        true
    }

    fn one_round(
        &mut self,
        _: &mut negotiate::one_round::State,
        arguments: &mut Arguments,
        _: Option<&Response>,
    ) -> gix::Result<(Round, bool)> {
        if let Some(have) = self.have {
            arguments.have(gix::ObjectId::from(have));
        }
        let sent = usize::from(self.have.is_some());
        let round = Round {
            haves_sent: sent,
            in_vain: 0,
            haves_to_send: sent,
            previous_response_had_at_least_one_in_common: false,
        };
        Ok((round, true))
    }
}
