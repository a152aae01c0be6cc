//! Faults of files and folders on this machine (L26–L34, X48, S8).
