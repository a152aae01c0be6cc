//! Google Drive, by version 3 of its API.

pub mod scope;
pub mod service_account;
pub mod token;
