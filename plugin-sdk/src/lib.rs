//! What the author of a windlass plugin depends on.
