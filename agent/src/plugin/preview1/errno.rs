//! The error numbers of preview 1 that are used here, and how failures of the
//! tree become one. The tree remembers its first failure in full, so little is
//! lost in the number.

use crate::source::tree::TreeError;

/// An error number as the guest sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Errno(pub(super) u16);

impl Errno {
    pub(super) const BADF: Self = Self(8);
    pub(super) const EXIST: Self = Self(20);
    pub(super) const FAULT: Self = Self(21);
    pub(super) const FBIG: Self = Self(22);
    pub(super) const ILSEQ: Self = Self(25);
    pub(super) const INVAL: Self = Self(28);
    pub(super) const IO: Self = Self(29);
    pub(super) const ISDIR: Self = Self(31);
    pub(super) const LOOP: Self = Self(32);
    pub(super) const MFILE: Self = Self(33);
    pub(super) const NAMETOOLONG: Self = Self(37);
    pub(super) const NOENT: Self = Self(44);
    pub(super) const NOSPC: Self = Self(51);
    pub(super) const NOTDIR: Self = Self(54);
    pub(super) const NOTSOCK: Self = Self(57);
    pub(super) const NOTSUP: Self = Self(58);
    pub(super) const PERM: Self = Self(63);
    pub(super) const ROFS: Self = Self(69);
    pub(super) const SPIPE: Self = Self(70);
}

impl From<TreeError> for Errno {
    fn from(error: TreeError) -> Self {
        match error {
            TreeError::Outside { .. } => Self::PERM,
            TreeError::SymlinkLoop { .. } => Self::LOOP,
            TreeError::WrongKind { .. } => Self::INVAL,
            TreeError::Submodule { .. } | TreeError::LfsPointer { .. } => Self::NOTSUP,
            TreeError::Limit { .. } => Self::FBIG,
            TreeError::Name { .. } | TreeError::Unreadable { .. } => Self::IO,
        }
    }
}

impl From<TreeError> for super::Failure {
    fn from(error: TreeError) -> Self {
        Self::Errno(error.into())
    }
}
