//! Health rules: what says whether live objects have reached the state that
//! was asked for.

pub use crate::bindings::assessing_exports::{Assessment, State};
use crate::config::Configure;
pub use crate::object::Object;

/// A health rule. The type itself is the configuration. It must be pure, as a
/// policy is.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a health rule",
    note = "implement `windlass_plugin_sdk::health::Health`"
)]
pub trait Health: Configure {
    /// Says what state `live` is in, and why.
    fn assess(&self, live: &Object) -> Assessment;
}

impl Assessment {
    /// It has reached what was asked for.
    pub fn healthy(message: impl Into<String>) -> Self {
        Self { state: State::Healthy, message: message.into() }
    }

    /// It is on its way. Being slow is this too: the deadline is the host's.
    pub fn progressing(message: impl Into<String>) -> Self {
        Self { state: State::Progressing, message: message.into() }
    }

    /// Its controller said that it gave up.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { state: State::Failed, message: message.into() }
    }

    /// It was told to wait.
    pub fn suspended(message: impl Into<String>) -> Self {
        Self { state: State::Suspended, message: message.into() }
    }

    /// It can't be judged.
    pub fn unknown(message: impl Into<String>) -> Self {
        Self { state: State::Unknown, message: message.into() }
    }
}

/// What `assessing.assess` does: one assessment per object, in their order.
#[doc(hidden)]
pub fn assess<H: Health>(health: &H, objects: &[Vec<u8>]) -> Vec<Assessment> {
    objects.iter().map(|json| health.assess(&Object::from_json(json))).collect()
}

/// Makes a component of a type that implements [`Health`]; the arguments are
/// those of [`export_policy!`](crate::export_policy).
#[macro_export]
macro_rules! export_health {
    (
        $health:ty $(, name: $name:expr)?, matches: [$($pattern:literal),+ $(,)?]
        $(, schema: $schema:expr)? $(,)?
    ) => {
        $crate::__manifest! {
            $health, world: "health", matches: [$($pattern),+], detects: [],
            $(name: $name,)? $(schema: $schema,)?
        }
        const _: () = {
            const fn is_health<T: $crate::health::Health>() {}
            is_health::<$health>();
        };
        #[cfg(target_family = "wasm")]
        const _: () = {
            $crate::__lifecycle!($health);
            impl $crate::bindings::assessing_exports::Guest for Plugin {
                fn assess(
                    objects: ::std::vec::Vec<::std::vec::Vec<u8>>,
                ) -> ::std::vec::Vec<$crate::health::Assessment> {
                    INSTANCE.with(|instance| $crate::health::assess(instance.get(), &objects))
                }
            }
            $crate::bindings::assessing::export_assessing!(Plugin with_types_in $crate::bindings::assessing);
        };
    };
}
