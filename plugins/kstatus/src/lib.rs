//! Plugin kstatus.
