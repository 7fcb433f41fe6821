//! Plugin pinned-images.
