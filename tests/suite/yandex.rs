//! Yandex Disk as the operator meets it: the real binary against the fake service.

use crate::support::cloud::{Cloud, FOLDER};
use crate::support::fake_yandex::{Fault, Op, When};
use crate::support::{DB, DB_SHA256};

/// A backup of the installation.
fn db() -> String {
    format!("backups/database/{DB}")
}

#[test]
fn a_backup_goes_to_the_disk_and_comes_back() {
    let cloud = Cloud::new();
    let report = cloud.json(0, ["sync", "acme-corp", &db()]);
    assert_eq!(report["message"], "Backup synced to yandex_disk");
    assert_eq!(report["sha256"], DB_SHA256);
    let sidecar = DB.replace(".db", ".json");
    assert_eq!(cloud.names(), [DB, sidecar.as_str()]);
    let source = std::fs::read(cloud.file(&db())).unwrap();
    assert_eq!(cloud.content(DB).unwrap(), source);
    assert_eq!(cloud.fake.braked_uploads(), Vec::<String>::new());

    cloud.sync(&db()).code(0);
    assert_eq!(cloud.fake.count(Op::Put), 2);

    let brought = cloud.json(0, ["download", "acme-corp", DB, "-o", "back.db"]);
    assert_eq!(brought["sha256"], DB_SHA256);
    assert_eq!(std::fs::read(cloud.file("back.db")).unwrap(), source);
    let files = cloud.json(0, ["files", "acme-corp"]);
    assert_eq!(files["count"], 1);
    cloud.run(["verify", "acme-corp"]).code(0);
    cloud.run(["delete", "acme-corp", DB, "-y"]).code(0);
    assert_eq!(cloud.names(), Vec::<String>::new());
    assert!(!cloud.fake.trash().is_empty(), "{FOLDER}");
}

#[test]
fn an_account_that_tells_little_of_itself_will_do() {
    let cloud = Cloud::unassigned();
    let little = |told: &mut serde_json::Value| *told = serde_json::json!({"revision": 1});
    cloud.fake.on(Op::Disk, When::Always, Fault::edit(little));
    let set = [
        "config",
        "set",
        "acme-corp",
        "--provider",
        "yandex_disk",
        "-q",
    ];
    cloud.run(set).code(0);
    cloud.sync(&db()).code(0);
    let info = cloud.json(0, ["providers", "info", "yandex_disk"]);
    assert_eq!(info["results"][0]["available"], serde_json::Value::Null);
    // Nor is it a stranger when it begins to tell.
    cloud.fake.heal();
    cloud.sync(&db()).code(0);
    cloud.run(["providers", "test", "yandex_disk"]).code(0);
}
