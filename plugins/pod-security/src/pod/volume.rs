//! A volume of a pod, of which the kind of its source matters.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::json::{Present, Text};

/// The kinds of sources: first those that every level admits, then the others
/// in the order in which upstream looks for them.
const SOURCES: [&str; 30] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
    HOST_PATH,
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "gitRepo",
    "nfs",
    "iscsi",
    "glusterfs",
    "rbd",
    "flexVolume",
    "cinder",
    "cephfs",
    "flocker",
    "fc",
    "azureFile",
    "vsphereVolume",
    "quobyte",
    "azureDisk",
    "photonPersistentDisk",
    "portworxVolume",
    "scaleIO",
    "storageos",
];
const ADMITTED: usize = 9;
/// Stands for one that nobody knows here.
pub(crate) const UNKNOWN: &str = "unknown";
pub(crate) const HOST_PATH: &str = "hostPath";

/// One volume.
#[derive(Clone, Debug, Default)]
pub(crate) struct Volume<'a> {
    pub(crate) name: Text<'a>,
    /// A bit for each of [`SOURCES`]. The API server wants exactly one, but
    /// only after policies have judged.
    sources: u32,
    /// Whether there is one that nobody knows here.
    unknown: bool,
}

impl Volume<'_> {
    pub(crate) fn is_host_path(&self) -> bool {
        self.sources >> ADMITTED & 1 == 1
    }

    /// The source that the restricted level does not admit, if there is none
    /// that it does. Where there is none at all, the API server puts an
    /// `emptyDir` before policies judge.
    pub(crate) fn restricted(&self) -> Option<&'static str> {
        let is_empty = self.sources == 0 && !self.unknown;
        if is_empty || self.sources & ((1 << ADMITTED) - 1) != 0 {
            return None;
        }
        Some(SOURCES.get(self.sources.trailing_zeros() as usize).copied().unwrap_or(UNKNOWN))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Volume<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<'a>(PhantomData<&'a str>);

        impl<'de: 'a, 'a> Visitor<'de> for Reader<'a> {
            type Value = Volume<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a volume")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
                let mut volume = Volume::default();
                while let Some(key) = fields.next_key::<Text<'a>>()? {
                    if &*key == "name" {
                        volume.name = fields.next_value()?;
                    } else if let Some(source) = SOURCES.iter().position(|source| **source == *key) {
                        let given = fields.next_value::<Option<Present>>()?.is_some();
                        volume.sources |= u32::from(given) << source;
                    } else {
                        volume.unknown |= fields.next_value::<Option<IgnoredAny>>()?.is_some();
                    }
                }
                Ok(volume)
            }
        }

        deserializer.deserialize_map(Reader(PhantomData))
    }
}
