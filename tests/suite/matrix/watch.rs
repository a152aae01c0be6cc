//! The check that follows every fault notices what it is there to notice.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::support::invariants::{Ground, Watch, clouds, grounds};
use crate::support::{DB, fixtures};

const FILE: &str = "backups/database/db_backup_20250131_040000.db";
const SIDECAR: &str = "db_backup_20250131_040000.json";

/// A watch over a ground to which the fixture's newest database may be sent.
fn watch(ground: &dyn Ground) -> Watch<'_> {
    let folder = fixtures().join("vertex-ar/backups/database");
    let bytes = |name| fs::read(folder.join(name)).unwrap();
    Watch::over(ground)
        .may_store(DB, &bytes(DB))
        .may_store(SIDECAR, &bytes(SIDECAR))
}

/// Whether a check fails.
fn fails(check: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(check)).is_err()
}

#[test]
fn a_run_without_a_fault_holds_and_settles() {
    for ground in grounds() {
        let watch = watch(&*ground);
        watch.holds();
        let outcome = ground.call(&["sync", "acme-corp", FILE]).run().code(0);
        watch.holds_after(&outcome);
        watch.settles(&["sync", "acme-corp", FILE]);
    }
}

#[test]
fn what_nobody_allowed_is_noticed() {
    for ground in grounds() {
        let stored = Watch::over(&*ground);
        ground.call(&["sync", "acme-corp", FILE]).run().code(0);
        assert!(fails(|| stored.holds()), "I1: {}", ground.provider());

        let watch = Watch::over(&*ground);
        let gone = ground.sandbox().file(FILE);
        fs::remove_file(&gone).unwrap();
        assert!(fails(|| watch.holds()), "I2: {}", ground.provider());

        let watch = Watch::over(&*ground);
        let change = "UPDATE companies SET name = 'X' WHERE id = 'acme-corp'";
        ground.sandbox().sql().execute(change, []).unwrap();
        assert!(fails(|| watch.holds()), "I7: {}", ground.provider());

        let watch = Watch::over(&*ground);
        let locks = ground.sandbox().state().with_extension("locks");
        let lock = fs::read_dir(locks).unwrap().next().unwrap().unwrap();
        let held = fs::File::open(lock.path()).unwrap();
        held.lock().unwrap();
        assert!(fails(|| watch.holds()), "I4: {}", ground.provider());
    }
}

#[test]
fn a_secret_that_is_told_is_noticed() {
    for ground in clouds() {
        let watch = Watch::over(&*ground);
        let mut outcome = ground.call(&["providers"]).run().code(0);
        watch.holds_after(&outcome);
        outcome.stderr += &ground.secrets().pop().unwrap();
        assert!(
            fails(|| watch.holds_after(&outcome)),
            "I5: {}",
            ground.provider()
        );
    }
}
