//! An installation whose company `acme-corp` has its backups on the fake Yandex Disk.

use std::ffi::OsStr;
use std::ops::Deref;

use serde_json::json;

use super::fake_yandex::{FakeYandex, TOKEN};
use super::{Call, Outcome, Sandbox};

/// Where the backups of `acme-corp` are on the fake.
pub const FOLDER: &str = "/vertex-ar/acme-corp/backups";

/// The sandbox, and the fake beside it.
pub struct Cloud {
    pub sandbox: Sandbox,
    pub fake: FakeYandex,
}

impl Cloud {
    /// A provider file with the fake's token, and nobody assigned.
    pub fn unassigned() -> Self {
        let (sandbox, fake) = (Sandbox::new(), FakeYandex::start());
        let cloud = Cloud { sandbox, fake };
        cloud.configure(TOKEN);
        cloud
    }

    /// `acme-corp` is assigned; the requests that took are not in the log of [`Cloud::since`].
    pub fn new() -> Self {
        let cloud = Self::unassigned();
        let set = [
            "config",
            "set",
            "acme-corp",
            "--provider",
            "yandex_disk",
            "-q",
        ];
        cloud.run(set).code(0);
        cloud
    }

    /// Writes the provider file with another token.
    pub fn configure(&self, token: &str) {
        let url = self.fake.api_url();
        let section = json!({"enabled": true, "oauth_token": token, "api_url": url});
        let text = json!({ "yandex_disk": section }).to_string();
        let path = self.sandbox.write("config/remote_storage.json", text);
        super::make_private(&path);
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
