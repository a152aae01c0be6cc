//! Faults of the network between this machine and a cloud (N01–N14, S3, S7).
