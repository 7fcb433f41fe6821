//! Polls one Git remote over HTTP(S).
mod credentials;
mod guard;
mod http;
mod location;
mod reference;
pub use credentials::Credentials;
pub use reference::Reference;
