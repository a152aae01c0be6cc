//! Secrets, wherever they could show (S1, S5, S6).
