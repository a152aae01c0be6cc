//! What others wrote to do harm (S9, S11, S14, S15).
