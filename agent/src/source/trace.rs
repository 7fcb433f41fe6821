//! A tree that resolves symlinks inside itself and remembers every look-up:
//! what was read, what was listed, and what was looked for in vain.
