//! Faults of the state and of runs that meet (X38, X43, S12, S13).
