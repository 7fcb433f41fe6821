//! Plugin yaml.
