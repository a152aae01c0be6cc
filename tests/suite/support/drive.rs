//! An installation whose company `acme-corp` has its backups on the fake Google Drive.

use std::ffi::OsStr;
use std::ops::Deref;

use serde_json::{Value, json};

use super::cloud::PROVIDER_FILE;
use super::fake_drive::{CLIENT_ID, CLIENT_SECRET, FakeDrive, REFRESH_TOKEN, Request, UNIT};
use super::{Call, Outcome, Sandbox};

/// Where the backups of `acme-corp` are on the fake.
pub const FOLDER: [&str; 3] = ["vertex-ar", "acme-corp", "backups"];

/// The sandbox, and the fake beside it.
pub struct Drive {
    pub sandbox: Sandbox,
    pub fake: FakeDrive,
}

impl Drive {
    /// A provider file with a login of the fake's, and nobody assigned.
    pub fn unassigned() -> Self {
        Self::beside(Sandbox::new())
    }

    /// As [`Drive::unassigned`], of this installation.
    pub fn beside(sandbox: Sandbox) -> Self {
        let fake = FakeDrive::start();
        let drive = Drive { sandbox, fake };
        drive.configure(&drive.login());
        drive
    }

    /// `acme-corp` is assigned.
    pub fn new() -> Self {
        let drive = Self::unassigned();
        drive.assign("acme-corp", &[]);
        drive
    }

    /// Assigns the Drive to a company.
    #[track_caller]
    pub fn assign(&self, company: &str, options: &[&str]) {
        let set = ["config", "set", company, "--provider", "google_drive", "-q"];
        self.run([&set, options].concat()).code(0);
    }

    /// The credentials of a login.
    pub fn login(&self) -> Value {
        json!({
            "refresh_token": REFRESH_TOKEN, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
            "token_uri": self.fake.token_uri(),
        })
    }

    /// Writes the provider file with these credentials; pieces of uploads are small.
    pub fn configure(&self, credentials: &Value) {
        let section = json!({
            "enabled": true, "api_url": self.fake.api_url(), "chunk_size": UNIT, "credentials": credentials,
        });
        self.write_section(&section);
    }

    /// Writes the provider file with this section.
    pub fn write_section(&self, section: &Value) {
        let text = json!({ "google_drive": section }).to_string();
        let path = self.sandbox.write(PROVIDER_FILE, text);
        super::make_private(&path);
    }

    /// A point in the log of requests, for [`Drive::since`].
    pub fn mark(&self) -> usize {
        self.fake.requests().len()
    }

    /// What the fake was asked since then.
    pub fn since(&self, mark: usize) -> Vec<Request> {
        self.fake.requests().split_off(mark)
    }

    /// All names of files of `acme-corp` on the fake; twice where there are two.
    pub fn names(&self) -> Vec<String> {
        self.fake.names(&FOLDER)
    }

    /// What the fake has under a name of `acme-corp`.
    pub fn content(&self, name: &str) -> Option<Vec<u8>> {
        self.fake.content(&FOLDER, name)
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

impl Deref for Drive {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.sandbox
    }
}
