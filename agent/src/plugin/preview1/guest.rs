//! The guest's memory, every access checked against its bounds.

use super::errno::Errno;

/// The most buffers that one vectored call may name, as on Linux.
const VECTOR_LIMIT: u32 = 1024;

/// The memory of the module that called.
pub(super) struct Guest<'a> {
    memory: &'a mut [u8],
}

impl<'a> Guest<'a> {
    pub(super) fn new(memory: &'a mut [u8]) -> Self {
        Self { memory }
    }

    /// The `length` bytes at `at`.
    pub(super) fn slice(&self, at: u32, length: u32) -> Result<&[u8], Errno> {
        let start = at as usize;
        let end = start.checked_add(length as usize).ok_or(Errno::FAULT)?;
        self.memory.get(start..end).ok_or(Errno::FAULT)
    }

    /// The `length` bytes at `at`, to be written.
    pub(super) fn slice_mut(&mut self, at: u32, length: u32) -> Result<&mut [u8], Errno> {
        let start = at as usize;
        let end = start.checked_add(length as usize).ok_or(Errno::FAULT)?;
        self.memory.get_mut(start..end).ok_or(Errno::FAULT)
    }

    /// Writes `bytes` at `at`.
    pub(super) fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), Errno> {
        let length = u32::try_from(bytes.len()).map_err(|_| Errno::FAULT)?;
        self.slice_mut(at, length)?.copy_from_slice(bytes);
        Ok(())
    }

    /// Writes a little-endian number at `at`.
    pub(super) fn write_u32(&mut self, at: u32, value: u32) -> Result<(), Errno> {
        self.write(at, &value.to_le_bytes())
    }

    /// Writes a little-endian number at `at`.
    pub(super) fn write_u64(&mut self, at: u32, value: u64) -> Result<(), Errno> {
        self.write(at, &value.to_le_bytes())
    }

    /// The little-endian numbers of `vectors` (address and length each).
    pub(super) fn vectors(&self, vectors: u32, count: u32) -> Result<Vec<(u32, u32)>, Errno> {
        if count > VECTOR_LIMIT {
            return Err(Errno::INVAL);
        }
        let bytes = self.slice(vectors, count * 8)?;
        Ok(bytes.chunks_exact(8).map(|pair| (u32_at(pair, 0), u32_at(pair, 4))).collect())
    }
}

/// The little-endian number at `at` of `bytes`; 0 beyond its end.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|part| part.try_into().ok()).map_or(0, u32::from_le_bytes)
}

/// The little-endian number at `at` of `bytes`; 0 beyond its end.
pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|part| part.try_into().ok()).map_or(0, u64::from_le_bytes)
}
