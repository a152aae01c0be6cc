//! The contract of the seam: every case against every provider.
//!
//! A provider joins with one line at the end: a name and a function that makes
//! a [`World`]. What the case list holds is written once.

use std::any::Any;
use std::collections::BTreeMap;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use vertex_backup::failure::Failure;
use vertex_backup::hash::Sha256;
use vertex_backup::name::FileName;
use vertex_backup::progress::Silent;
use vertex_backup::provider::error::Kind;
use vertex_backup::provider::google_drive::token::Credentials;
use vertex_backup::provider::google_drive::{Account as DriveAccount, GoogleDrive, Options, UNIT};
use vertex_backup::provider::local::{Identity, Local};
use vertex_backup::provider::retry::{Policy, Retried};
use vertex_backup::provider::yandex_disk::{Account, YandexDisk};
use vertex_backup::provider::{
    Content, Deletion, Look, Notes, Object, ObjectKind, Provider, Session,
};
use vertex_backup::remote_path::RemotePath;
use vertex_backup::secret::Secret;

use crate::support::fake_drive::{self, FakeDrive, Fault, Op, When};
use crate::support::fake_yandex::{FakeYandex, TOKEN};

type SendDamaged = dyn Fn(&dyn Provider, &Session, &[u8]);

/// A place to store, and what a test may do to it behind the provider's back.
struct World {
    provider: Box<dyn Provider>,
    /// The same place, for another company.
    neighbour: Box<dyn Provider>,
    /// Sends an upload of which one byte is stored wrong.
    send_damaged: Box<SendDamaged>,
    /// Every stored name, unfinished ones included.
    names: Box<dyn Fn() -> Vec<String>>,
    /// What has to live as long.
    _ground: Box<dyn Any>,
}

/// A directory whose name holds all that a name can.
const DIRECTORY: &str = "/vertex-ar/a b%+#:'\"я🌼/backups";
const NEIGHBOUR: &str = "/vertex-ar/other/backups";

fn local() -> World {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().join("root");
    let open = |directory: &str| {
        Box::new(Local::new(
            root.clone(),
            Some(RemotePath::parse(directory).unwrap()),
            Identity::Unclaimed,
        ))
    };
    let folder: PathBuf = root.join(DIRECTORY.trim_start_matches('/'));
    let corrupt_folder = folder.clone();
    World {
        provider: open(DIRECTORY),
        neighbour: open(NEIGHBOUR),
        send_damaged: Box::new(move |provider, session, content| {
            use std::os::unix::fs::FileExt as _;
            send(provider, session, content);
            let file = std::fs::OpenOptions::new()
                .read(true)
                .write(true)
                .open(corrupt_folder.join(&session.handle))
                .unwrap();
            let mut byte = [0];
            file.read_exact_at(&mut byte, 0).unwrap();
            file.write_all_at(&[byte[0] ^ 1], 0).unwrap();
        }),
        names: Box::new(move || {
            let Ok(entries) = std::fs::read_dir(&folder) else {
                return Vec::new();
            };
            entries
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect()
        }),
        _ground: Box::new(scratch),
    }
}

fn yandex_disk() -> World {
    let fake = Arc::new(FakeYandex::start());
    let policy = Policy {
        pause: Duration::from_millis(2),
        ..Policy::default()
    };
    let token = Secret::new(TOKEN);
    let account = Arc::new(Account::new(Some(&fake.api_url()), token, policy));
    let open = |directory: &str| {
        let directory = Some(RemotePath::parse(directory).unwrap());
        let disk = YandexDisk::new(Arc::clone(&account), directory, None);
        Box::new(Retried::new(Arc::new(disk), policy))
    };
    let (corrupted, named) = (Arc::clone(&fake), Arc::clone(&fake));
    World {
        provider: open(DIRECTORY),
        neighbour: open(NEIGHBOUR),
        send_damaged: Box::new(move |provider, session, content| {
            send(provider, session, content);
            corrupted.corrupt(&format!("{DIRECTORY}/{}", session.handle));
        }),
        names: Box::new(move || named.names(DIRECTORY)),
        _ground: Box::new(fake),
    }
}

/// Notes that last as long as a test.
#[derive(Default)]
struct Memory(Mutex<BTreeMap<String, String>>);

impl Notes for Memory {
    fn recall(&self, key: &str) -> Option<String> {
        self.0.lock().unwrap().get(key).cloned()
    }

    fn note(&self, key: &str, value: &str) -> Result<(), Failure> {
        self.0.lock().unwrap().insert(key.into(), value.into());
        Ok(())
    }
}

fn google_drive() -> World {
    let fake = Arc::new(FakeDrive::start());
    let policy = Policy {
        pause: Duration::from_millis(2),
        ..Policy::default()
    };
    let options = Options {
        api_url: Some(fake.api_url()),
        folder_id: None,
        shared_drive_id: None,
        // A file of any size has several pieces.
        chunk: UNIT,
        acknowledges_abuse: false,
    };
    let credentials = Credentials::access_token(Secret::new(fake_drive::TOKEN), None);
    let notes = Arc::new(Memory::default());
    let account = DriveAccount::new(options, credentials, notes, policy);
    let account = Arc::new(account);
    let open = |directory: &str| {
        let directory = Some(RemotePath::parse(directory).unwrap());
        let drive = GoogleDrive::new(Arc::clone(&account), directory, None);
        Box::new(Retried::new(Arc::new(drive), policy))
    };
    let folder = || DIRECTORY.split('/').skip(1).collect::<Vec<_>>();
    let (corrupted, named) = (Arc::clone(&fake), Arc::clone(&fake));
    World {
        provider: open(DIRECTORY),
        neighbour: open(NEIGHBOUR),
        send_damaged: Box::new(move |provider, session, content| {
            corrupted.fail(Op::Chunk, When::Nth(2), Fault::Corrupts);
            send(provider, session, content);
        }),
        names: Box::new(move || named.names(&folder())),
        _ground: Box::new(fake),
    }
}

fn name(text: &str) -> FileName {
    FileName::new(text).unwrap()
}

fn bytes(count: usize) -> Vec<u8> {
    (0..count)
        .map(|index| u8::try_from((index * 7 + index / 256) % 251).unwrap())
        .collect()
}

fn send(provider: &dyn Provider, session: &Session, content: &[u8]) {
    let sent = provider.send(session, &mut Cursor::new(content), &Silent);
    sent.unwrap();
}

impl World {
    /// All the steps of an upload that goes well.
    fn store(&self, file: &str, content: &[u8]) -> Object {
        let session = self
            .provider
            .begin(&name(file), content.len() as u64)
            .unwrap();
        self.provider
            .send(&session, &mut Cursor::new(content), &Silent)
            .unwrap();
        let staged = self.inspect(&session);
        assert_eq!(
            (staged.size, staged.sha256),
            (content.len() as u64, Some(Sha256::of(content)))
        );
        self.provider.publish(&session, &staged).unwrap()
    }

    fn inspect(&self, session: &Session) -> Object {
        let looked = self.provider.inspect(session, Look::Patiently, &Silent);
        looked.unwrap()
    }

    fn content(&self, file: &str) -> Option<Vec<u8>> {
        let object = self.provider.stat(&name(file)).unwrap()?;
        let mut content = Vec::new();
        self.provider
            .read(&object, 0)
            .unwrap()
            .read_to_end(&mut content)
            .unwrap();
        Some(content)
    }

    fn listing(&self) -> BTreeMap<String, (ObjectKind, u64)> {
        let mut found = BTreeMap::new();
        let listed = self.provider.list(&mut |object| {
            let known = found.insert(object.name.clone(), (object.kind, object.size));
            assert_eq!(known, None, "{} was listed twice", object.name);
            Ok(())
        });
        listed.unwrap();
        found
    }
}

fn an_empty_place_is_empty(world: &World) {
    assert!(world.provider.stat(&name("x.db")).unwrap().is_none());
    assert!(world.listing().is_empty());
    assert!(
        !world
            .provider
            .delete(&name("x.db"), Deletion::Permanent)
            .unwrap()
    );
    assert_eq!(world.names.as_ref()(), Vec::<String>::new());
}

fn a_connection_test_leaves_nothing(world: &World) {
    assert!(!world.provider.check().unwrap().account.is_empty());
    assert!(world.listing().is_empty());
    assert!(world.names.as_ref()().is_empty());
}

fn a_claim_is_the_same_every_time(world: &World) {
    let identity = world.provider.claim().unwrap();
    assert_eq!(world.provider.claim().unwrap(), identity);
    assert_eq!(world.neighbour.claim().unwrap(), identity);
}

fn what_was_stored_comes_back(world: &World) {
    for size in [0, 1, 4095, 262_144, 1_048_577] {
        let content = bytes(size);
        let file = format!("file {size}.db");
        let object = world.store(&file, &content);
        assert_eq!((object.kind, object.size), (ObjectKind::File, size as u64));
        assert_eq!(world.content(&file).unwrap(), content, "{size} bytes");
        let found = world.provider.stat(&name(&file)).unwrap().unwrap();
        assert_eq!((found.size, found.version), (object.size, object.version));
        assert!(found.modified.is_some());
    }
    assert_eq!(world.listing().len(), 5);
}

fn names_are_data(world: &World) {
    let long = "я".repeat(127);
    let names = [
        "a+b.db",
        "50%.db",
        "#1",
        "a:b*c?.db",
        "it's \"quoted\".db",
        "back\\slash.db",
        "-rf",
        " lead",
        "trail ",
        "резервная копия 🌼.tar.gz",
        "..hidden",
        "a&b=c.db",
        &long,
    ];
    for (index, file) in names.iter().enumerate() {
        world.store(file, &bytes(index + 1));
    }
    let listed = world.listing();
    assert_eq!(listed.len(), names.len());
    for (index, file) in names.iter().enumerate() {
        assert_eq!(
            listed.get(*file),
            Some(&(ObjectKind::File, index as u64 + 1)),
            "{file}"
        );
        assert_eq!(world.content(file).unwrap(), bytes(index + 1), "{file}");
        assert!(
            world
                .provider
                .delete(&name(file), Deletion::Permanent)
                .unwrap()
        );
    }
    assert!(world.listing().is_empty());
}

fn nothing_has_the_final_name_before_publish(world: &World) {
    let content = bytes(70_000);
    let session = world.provider.begin(&name("x.db"), 70_000).unwrap();
    assert!(world.provider.stat(&name("x.db")).unwrap().is_none());
    world
        .provider
        .send(&session, &mut Cursor::new(&content), &Silent)
        .unwrap();
    assert!(world.provider.stat(&name("x.db")).unwrap().is_none());
    let staged = world.inspect(&session);
    assert!(
        world
            .listing()
            .values()
            .all(|(kind, _)| *kind == ObjectKind::Temporary)
    );
    world.provider.publish(&session, &staged).unwrap();
    assert_eq!(world.content("x.db").unwrap(), content);
    assert_eq!(world.names.as_ref()(), ["x.db"]);
}

fn a_replaced_file_is_whole_until_the_last_step(world: &World) {
    world.store("x.db", b"old");
    let session = world.provider.begin(&name("x.db"), 3).unwrap();
    world
        .provider
        .send(&session, &mut Cursor::new(b"new"), &Silent)
        .unwrap();
    let staged = world.inspect(&session);
    assert_eq!(world.content("x.db").unwrap(), b"old");
    world.provider.publish(&session, &staged).unwrap();
    assert_eq!(world.content("x.db").unwrap(), b"new");
    assert_eq!(world.names.as_ref()(), ["x.db"]);
}

fn damage_on_the_way_is_seen(world: &World) {
    let content = bytes(300_000);
    let session = world.provider.begin(&name("x.db"), 300_000).unwrap();
    (world.send_damaged)(&*world.provider, &session, &content);
    let staged = world.inspect(&session);
    assert_ne!(staged.sha256, Some(Sha256::of(&content)));
    world.provider.discard(&session).unwrap();
    assert!(world.names.as_ref()().is_empty());
}

/// Gives some bytes, then fails as a source that became shorter does.
struct Breaks(usize);

impl Read for Breaks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(vertex_backup::provider::error::smuggle(anyhow::anyhow!(
                "the source broke"
            )));
        }
        let count = self.0.min(buffer.len());
        buffer[..count].fill(7);
        self.0 -= count;
        Ok(count)
    }
}

impl Seek for Breaks {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        assert_eq!(to, SeekFrom::Start(0), "nothing of it was read");
        Ok(0)
    }
}

impl Content for Breaks {}

fn a_source_that_ends_early_is_no_file(world: &World) {
    world.store("x.db", b"old");
    for sent in [0, 1, 99_999] {
        let session = world.provider.begin(&name("x.db"), 100_000).unwrap();
        let error = world
            .provider
            .send(&session, &mut Breaks(sent), &Silent)
            .unwrap_err();
        match error.kind {
            Kind::Body(inner) => assert_eq!(inner.to_string(), "the source broke"),
            kind => panic!("{kind:?} instead of the body's own error"),
        }
        world.provider.discard(&session).unwrap();
        assert_eq!(world.content("x.db").unwrap(), b"old");
        assert_eq!(world.names.as_ref()(), ["x.db"]);
    }
}

fn a_source_that_just_stops_is_no_file_either(world: &World) {
    world.store("x.db", b"old");
    for sent in [0, 1, 99_999] {
        let session = world.provider.begin(&name("x.db"), 100_000).unwrap();
        let short = bytes(sent);
        let error = world
            .provider
            .send(&session, &mut Cursor::new(short), &Silent)
            .unwrap_err();
        match error.kind {
            Kind::Body(inner) => assert_eq!(
                inner.to_string(),
                format!("the source ended after {sent} of 100000 bytes")
            ),
            kind => panic!("{kind:?} instead of the body's own error"),
        }
        world.provider.discard(&session).unwrap();
        assert_eq!(world.content("x.db").unwrap(), b"old");
        assert_eq!(world.names.as_ref()(), ["x.db"]);
    }
}

fn a_discarded_upload_is_gone_and_may_be_discarded_again(world: &World) {
    let session = world.provider.begin(&name("x.db"), 3).unwrap();
    world
        .provider
        .send(&session, &mut Cursor::new(b"abc"), &Silent)
        .unwrap();
    for _ in 0..2 {
        world.provider.discard(&session).unwrap();
        assert!(world.names.as_ref()().is_empty());
    }
}

fn a_session_survives_its_process(world: &World) {
    let session = world.provider.begin(&name("x.db"), 3).unwrap();
    world
        .provider
        .send(&session, &mut Cursor::new(b"abc"), &Silent)
        .unwrap();
    let stored = serde_json::to_string(&session).unwrap();
    let session = serde_json::from_str(&stored).unwrap();
    let staged = world.inspect(&session);
    assert_eq!(staged.sha256, Some(Sha256::of(b"abc")));
    world.provider.publish(&session, &staged).unwrap();
    assert_eq!(world.content("x.db").unwrap(), b"abc");
}

fn a_new_upload_takes_the_place_of_an_unfinished_one(world: &World) {
    let first = world.provider.begin(&name("x.db"), 5).unwrap();
    world
        .provider
        .send(&first, &mut Cursor::new(b"first"), &Silent)
        .unwrap();
    world.store("x.db", b"second");
    assert_eq!(world.content("x.db").unwrap(), b"second");
    world.provider.discard(&first).unwrap();
    assert_eq!(world.content("x.db").unwrap(), b"second");
    assert_eq!(world.names.as_ref()(), ["x.db"]);
}

fn reading_starts_where_it_is_asked_to(world: &World) {
    let content = bytes(100_000);
    let object = world.store("x.db", &content);
    for offset in [0, 1, 65_536, 99_999, 100_000] {
        let mut rest = Vec::new();
        let mut reader = world.provider.read(&object, offset as u64).unwrap();
        reader.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, content[offset..], "from {offset}");
    }
}

fn a_changed_object_is_not_read_as_the_old_one(world: &World) {
    let old = world.store("x.db", b"old content");
    world.store("x.db", b"new content");
    match world.provider.read(&old, 0).err().map(|error| error.kind) {
        Some(Kind::Changed) => {}
        other => panic!("{other:?} instead of Changed"),
    }
}

fn deleting_deletes_one_and_twice_is_no_error(world: &World) {
    world.store("x.db", b"x");
    world.store("y.db", b"y");
    assert!(
        world
            .provider
            .delete(&name("x.db"), Deletion::Permanent)
            .unwrap()
    );
    assert!(
        !world
            .provider
            .delete(&name("x.db"), Deletion::Permanent)
            .unwrap()
    );
    assert!(world.provider.stat(&name("x.db")).unwrap().is_none());
    assert_eq!(world.listing().into_keys().collect::<Vec<_>>(), ["y.db"]);
}

fn companies_do_not_see_each_other(world: &World) {
    world.store("x.db", b"mine");
    assert!(world.neighbour.stat(&name("x.db")).unwrap().is_none());
    assert!(
        !world
            .neighbour
            .delete(&name("x.db"), Deletion::Permanent)
            .unwrap()
    );
    let mut count = 0;
    world
        .neighbour
        .list(&mut |_| {
            count += 1;
            Ok(())
        })
        .unwrap();
    assert_eq!(count, 0);
    assert_eq!(world.content("x.db").unwrap(), b"mine");
}

fn a_listing_stops_when_the_visitor_fails(world: &World) {
    world.store("x.db", b"x");
    world.store("y.db", b"y");
    let mut seen = 0;
    let listed = world.provider.list(&mut |_| {
        seen += 1;
        anyhow::bail!("enough")
    });
    assert_eq!(
        (listed.unwrap_err().to_string().as_str(), seen),
        ("enough", 1)
    );
}

fn room_is_known(world: &World) {
    let quota = world.provider.quota().unwrap();
    if let (Some(total), Some(available)) = (quota.total, quota.available) {
        assert!(total >= available);
    }
}

/// The case list, expanded once for each provider.
macro_rules! conformance {
    ($($provider:ident),* $(,)?) => {
        $(mod $provider {
            conformance!(@cases $provider:
                an_empty_place_is_empty,
                a_connection_test_leaves_nothing,
                a_claim_is_the_same_every_time,
                what_was_stored_comes_back,
                names_are_data,
                nothing_has_the_final_name_before_publish,
                a_replaced_file_is_whole_until_the_last_step,
                damage_on_the_way_is_seen,
                a_source_that_ends_early_is_no_file,
                a_source_that_just_stops_is_no_file_either,
                a_discarded_upload_is_gone_and_may_be_discarded_again,
                a_session_survives_its_process,
                a_new_upload_takes_the_place_of_an_unfinished_one,
                reading_starts_where_it_is_asked_to,
                a_changed_object_is_not_read_as_the_old_one,
                deleting_deletes_one_and_twice_is_no_error,
                companies_do_not_see_each_other,
                a_listing_stops_when_the_visitor_fails,
                room_is_known,
            );
        })*
    };
    (@cases $provider:ident: $($case:ident),* $(,)?) => {
        $(#[test]
        fn $case() {
            super::$case(&super::$provider());
        })*
    };
}

conformance!(local, yandex_disk, google_drive);
