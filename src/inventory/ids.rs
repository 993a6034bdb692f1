//! Newtypes for the Engine's identifiers.

use std::fmt;
use std::sync::Arc;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the id as the Engine wrote it.
            pub fn new(id: &str) -> Self {
                Self(id.into())
            }

            /// The whole id.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The first twelve characters, as `docker ps` shows it.
            pub fn short(&self) -> &str {
                self.0.char_indices().nth(12).map_or(&*self.0, |(at, _)| &self.0[..at])
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// A container's id.
    ContainerId
);
id!(
    /// A network's id (its name, on Podman).
    NetworkId
);
