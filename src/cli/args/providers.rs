//! The options of `providers`.

#![expect(
    clippy::doc_markdown,
    reason = "doc comments here are help texts, shown as they stand"
)]

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

/// `providers`.
#[derive(Args, Debug)]
pub(crate) struct Providers {
    #[command(flatten)]
    pub(crate) list: ProvidersList,
    #[command(subcommand)]
    pub(crate) command: Option<ProvidersCommand>,
}

/// Provider commands.
#[derive(Debug, Subcommand)]
pub(crate) enum ProvidersCommand {
    /// List the configured providers with their connection status
    #[command(after_help = "Examples:\n  \
        vertex-backup providers list --all\n  \
        vertex-backup providers list --no-check --json")]
    List(ProvidersList),
    /// Test the connection
    #[command(after_help = "Examples:\n  \
        vertex-backup providers test\n  \
        vertex-backup providers test local --json\n\n\
        The exit code is 6 when the provider does not answer, 5 when it is not configured,\n\
        and 3 when some of several do.")]
    Test(ProviderNames),
    /// Show the room there is
    #[command(after_help = "Examples:\n  vertex-backup providers info local")]
    Info(ProviderNames),
    /// Write a provider's credentials or root into the provider file
    #[command(after_help = "Examples:\n  \
        vertex-backup providers set local --root /mnt/nas/vertex-ar\n  \
        vertex-backup providers set yandex_disk --token-stdin < token.txt\n  \
        vertex-backup providers set yandex_disk --token-command 'pass show yandex'\n  \
        vertex-backup providers set yandex_disk --accept\n  \
        vertex-backup providers set google_drive --service-account /etc/vertex-ar/sa.json --shared-drive ID\n  \
        vertex-backup providers set google_drive --service-account /etc/vertex-ar/sa.json --impersonate ops@example.com\n\n\
        Secrets come from stdin, a file or a command, never from the command line.\n\
        --token is the OAuth token of yandex_disk and the access token of google_drive, which ends\n\
        within an hour: providers login google_drive brings one that is renewed. Credentials of\n\
        one kind take the place of those of another.")]
    Set(Box<ProvidersSet>),
    /// Log in to yandex_disk or google_drive, also on a machine without a browser, and store the token
    #[command(after_help = "Examples:\n  \
        vertex-backup providers login yandex_disk --client-id ID --client-secret-file /etc/vertex-ar/yandex.secret\n  \
        vertex-backup providers login yandex_disk --client-id ID --code\n  \
        vertex-backup providers login google_drive --client-file client_secret.json\n  \
        vertex-backup providers login google_drive --port 8085\n  \
        vertex-backup providers login google_drive --scope drive --code\n\n\
        yandex_disk: shows an address and a code. Open the address on any computer or phone, type\n\
        the code, and allow access. With --code it is the other way round: the page shows the code,\n\
        and it is typed here; that needs no client secret, but without one the token cannot be\n\
        renewed. Register the application once, at https://oauth.yandex.com/client/new, with the\n\
        rights cloud_api:disk.info, cloud_api:disk.read and cloud_api:disk.write and the redirect\n\
        URI https://oauth.yandex.com/verification_code.\n\n\
        google_drive: shows an address. Open it in a browser, and allow access; the browser then\n\
        comes back to a port of this machine. From another machine, open a way there with\n\
        'ssh -L PORT:127.0.0.1:PORT HOST', or paste the address of the page that does not load;\n\
        --code expects nothing else. --device shows a code to be typed on a phone instead. Make the\n\
        OAuth client once, at https://console.cloud.google.com/apis/credentials, of the type\n\
        Desktop app (for --device: TVs and Limited Input devices), and publish its consent screen:\n\
        while that is in Testing, a login ends after seven days.\n\n\
        Id and secret are stored with the token. With --json, what to open is a line of JSON on\n\
        stderr.")]
    Login(Box<ProvidersLogin>),
    /// Encrypt the secrets that are stored, now and whenever they are written
    #[command(after_help = "Examples:\n  \
        vertex-backup providers protect --generate-key /etc/vertex-ar/backup.key\n  \
        vertex-backup providers protect google_drive --key-command 'pass show vertex-backup'\n  \
        vertex-backup providers protect --all\n\n\
        Secrets are encrypted with age for the key's recipient, and stored under X_age in place of X;\n\
        'age -d' opens them. config.json remembers where the key is; a key that systemd hands over\n\
        with LoadCredential=vertex-backup.key:FILE needs no option. What is given by a file or a\n\
        command stays as it is, and so does what the application reads itself, oauth_token of\n\
        yandex_disk and access_token of google_drive, unless --all is given.")]
    Protect(ProvidersProtect),
    /// Store protected secrets in the plain again
    #[command(after_help = "Examples:\n  \
        vertex-backup providers unprotect\n  \
        vertex-backup providers unprotect yandex_disk --key-file /media/key/backup.key")]
    Unprotect(ProvidersUnprotect),
    /// Remove a provider's credentials or root from the provider file
    #[command(after_help = "Examples:\n  vertex-backup providers unset yandex_disk")]
    Unset(ProviderName),
}

/// `providers list`.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ProvidersList {
    /// Also list providers that are not configured
    #[arg(long)]
    pub(crate) all: bool,
    /// Do not test the connections
    #[arg(long)]
    pub(crate) no_check: bool,
}

/// Some providers.
#[derive(Args, Debug)]
pub(crate) struct ProviderNames {
    /// The providers [default: all that are configured]
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
}

/// One provider.
#[derive(Args, Debug)]
pub(crate) struct ProviderName {
    /// The provider: yandex_disk, google_drive or local
    pub(crate) name: String,
}

/// `providers protect`.
#[derive(Args, Debug)]
pub(crate) struct ProvidersProtect {
    /// The providers: yandex_disk, google_drive [default: both]
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Use the key in this file, as age-keygen writes it
    #[arg(long, value_name = "FILE", group = "key", value_hint = ValueHint::FilePath)]
    pub(crate) key_file: Option<PathBuf>,
    /// Use the key that is the first line this command prints
    #[arg(long, value_name = "COMMAND", group = "key")]
    pub(crate) key_command: Option<String>,
    /// Make a new key in this file, which must not exist, and use it
    #[arg(long, value_name = "FILE", group = "key", value_hint = ValueHint::FilePath)]
    pub(crate) generate_key: Option<PathBuf>,
    /// Also protect what the application reads itself: its own remote backups then stop working
    #[arg(long)]
    pub(crate) all: bool,
}

/// `providers unprotect`.
#[derive(Args, Debug)]
pub(crate) struct ProvidersUnprotect {
    /// The providers: yandex_disk, google_drive [default: both]
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Use the key in this file [default: the one that config.json tells of]
    #[arg(long, value_name = "FILE", group = "key", value_hint = ValueHint::FilePath)]
    pub(crate) key_file: Option<PathBuf>,
    /// Use the key that is the first line this command prints
    #[arg(long, value_name = "COMMAND", group = "key")]
    pub(crate) key_command: Option<String>,
}

/// `providers login`.
#[derive(Args, Debug)]
pub(crate) struct ProvidersLogin {
    /// The provider: yandex_disk or google_drive
    pub(crate) name: String,
    /// The id of the application or OAuth client [default: the one stored]
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    /// Use the first line of this file as its secret [default: the one stored]
    #[arg(long, value_name = "FILE", group = "secret", value_hint = ValueHint::FilePath)]
    pub(crate) client_secret_file: Option<PathBuf>,
    /// Use the first line this command prints as its secret
    #[arg(long, value_name = "COMMAND", group = "secret")]
    pub(crate) client_secret_command: Option<String>,
    /// Read its secret from stdin, and store it in the file
    #[arg(long, group = "secret", conflicts_with = "code")]
    pub(crate) client_secret_stdin: bool,
    /// google_drive: take id and secret from the JSON file that the Google console gives
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath,
          conflicts_with_all = ["client_id", "secret"])]
    pub(crate) client_file: Option<PathBuf>,
    /// google_drive: what to ask for: drive.file, drive or drive.readonly [default: the one stored, else drive.file]
    #[arg(long, value_name = "SCOPE")]
    pub(crate) scope: Option<String>,
    /// Read from stdin what the browser shows: a code, or for google_drive the address of its last page
    #[arg(long)]
    pub(crate) code: bool,
    /// google_drive: show a code to be typed on a phone; for the scope drive.file
    #[arg(long, conflicts_with = "code")]
    pub(crate) device: bool,
    /// google_drive: the port of this machine that the browser comes back to [default: any]
    #[arg(long, value_name = "PORT", conflicts_with_all = ["code", "device"])]
    pub(crate) port: Option<u16>,
    /// Do not test the connection afterwards
    #[arg(long)]
    pub(crate) no_test: bool,
}

/// `providers set`.
#[derive(Args, Debug)]
pub(crate) struct ProvidersSet {
    /// The provider: yandex_disk, google_drive or local
    pub(crate) name: String,
    /// local: the root directory, such as a mounted NAS
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) root: Option<PathBuf>,
    /// Take the storage or account that is there now, though another was used before
    #[arg(long)]
    pub(crate) accept: bool,
    /// Read the token from stdin, and store it in the file
    #[arg(long, group = "token")]
    pub(crate) token_stdin: bool,
    /// Use the first line of this file as the token
    #[arg(long, value_name = "FILE", group = "token", value_hint = ValueHint::FilePath)]
    pub(crate) token_file: Option<PathBuf>,
    /// Use the first line this command prints as the token
    #[arg(long, value_name = "COMMAND", group = "token")]
    pub(crate) token_command: Option<String>,
    /// google_drive: the refresh token, as the first line of a file
    #[arg(long, value_name = "FILE", group = "token", value_hint = ValueHint::FilePath)]
    pub(crate) refresh_token_file: Option<PathBuf>,
    /// google_drive: the id of the OAuth client
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    /// google_drive: the secret of the OAuth client, as the first line of a file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) client_secret_file: Option<PathBuf>,
    /// google_drive: the key file of a service account, in JSON
    #[arg(long, value_name = "FILE", group = "token", value_hint = ValueHint::FilePath)]
    pub(crate) service_account: Option<PathBuf>,
    /// google_drive: the user the service account acts for
    #[arg(long, value_name = "EMAIL")]
    pub(crate) impersonate: Option<String>,
    /// google_drive: what to ask for with a service account: drive.file, drive or drive.readonly [default: drive]
    #[arg(long, value_name = "SCOPE")]
    pub(crate) scope: Option<String>,
    /// google_drive: the folder below which all goes; '' for none
    #[arg(long, visible_alias = "folder", value_name = "ID")]
    pub(crate) folder_id: Option<String>,
    /// google_drive: the shared drive; '' for none
    #[arg(long, visible_alias = "shared-drive", value_name = "ID")]
    pub(crate) shared_drive_id: Option<String>,
    /// Switch the provider off, and keep the rest
    #[arg(long)]
    pub(crate) disable: bool,
}
