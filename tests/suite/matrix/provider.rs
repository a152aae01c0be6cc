//! Faults of a provider's service (P15–P24, S10).
