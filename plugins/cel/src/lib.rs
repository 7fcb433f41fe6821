//! Plugin cel.
