//! An installation whose company `acme-corp` has its backups on the fake Yandex Disk.

use std::ffi::OsStr;
use std::ops::Deref;

use serde_json::{Value, json};

use super::fake_yandex::{FakeYandex, Request, TOKEN};
use super::{Call, Outcome, Sandbox};

/// Where the backups of `acme-corp` are on the fake.
pub const FOLDER: &str = "/vertex-ar/acme-corp/backups";

/// Where the credentials are, in the installation.
pub const PROVIDER_FILE: &str = "config/remote_storage.json";

/// The sandbox, and the fake beside it.
pub struct Cloud {
    pub sandbox: Sandbox,
    pub fake: FakeYandex,
}

impl Cloud {
    /// A provider file with the fake's token, and nobody assigned.
    pub fn unassigned() -> Self {
        Self::beside(Sandbox::new())
    }

    /// As [`Cloud::unassigned`], of this installation.
    pub fn beside(sandbox: Sandbox) -> Self {
        let fake = FakeYandex::start();
        let cloud = Cloud { sandbox, fake };
        cloud.configure(TOKEN);
        cloud
    }

    /// `acme-corp` is assigned.
    pub fn new() -> Self {
        let cloud = Self::unassigned();
        cloud.assign_disk("acme-corp", &[]);
        cloud
    }

    /// Assigns the Disk to a company.
    #[track_caller]
    pub fn assign_disk(&self, company: &str, options: &[&str]) {
        let set = ["config", "set", company, "--provider", "yandex_disk", "-q"];
        self.run([&set, options].concat()).code(0);
    }

    /// Writes the provider file with another token.
    pub fn configure(&self, token: &str) {
        self.configure_at(&self.fake.api_url(), token);
    }

    /// Writes the provider file with another address of the API and another token.
    pub fn configure_at(&self, api_url: &str, token: &str) {
        self.write_section(&json!({"enabled": true, "oauth_token": token, "api_url": api_url}));
    }

    /// Writes the provider file with this section.
    pub fn write_section(&self, section: &Value) {
        let text = json!({ "yandex_disk": section }).to_string();
        let path = self.sandbox.write(PROVIDER_FILE, text);
        super::make_private(&path);
    }

    /// A point in the log of requests, for [`Cloud::since`].
    pub fn mark(&self) -> usize {
        self.fake.requests().len()
    }

    /// What the fake was asked since then.
    pub fn since(&self, mark: usize) -> Vec<Request> {
        self.fake.requests().split_off(mark)
    }

    /// The full name of a file of `acme-corp` on the fake.
    pub fn path(name: &str) -> String {
        format!("{FOLDER}/{name}")
    }

    /// All names of `acme-corp` on the fake.
    pub fn names(&self) -> Vec<String> {
        self.fake.names(FOLDER)
    }

    /// What the fake has under a name of `acme-corp`.
    pub fn content(&self, name: &str) -> Option<Vec<u8>> {
        self.fake.read(&Self::path(name))
    }

    /// Syncs a file of the installation; waits that the service may take are short.
    #[track_caller]
    pub fn sync(&self, file: &str) -> Outcome {
        self.call(["sync", "acme-corp", file]).run()
    }

    /// A command that does not wait long for somebody silent.
    pub fn call<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, arguments: I) -> Call<'_> {
        self.sandbox
            .command(arguments)
            .env("VERTEX_BACKUP_TIMEOUT", "10s")
    }
}

impl Deref for Cloud {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.sandbox
    }
}
