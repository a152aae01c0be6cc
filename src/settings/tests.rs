//! Who wins when several decide a setting.

use super::*;

fn resolve(flags: Flags, variables: &[(&str, &str)]) -> Result<Settings, Failure> {
    let variable = |name: &str| {
        variables
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| OsString::from(value))
    };
    let world = Surroundings {
        variable: &variable,
        config_dir: Some("/no/config".into()),
        data_dir: Some("/no/data".into()),
    };
    Settings::resolve(flags, &world)
}

#[test]
fn flags_beat_the_environment_and_that_beats_defaults() {
    let flags = Flags {
        db: Some("/flag/a.db".into()),
        ..Flags::default()
    };
    let variables = [
        ("VERTEX_BACKUP_DB", "/env/b.db"),
        ("VERTEX_BACKUP_BACKUP_DIR", "/env/backups"),
    ];
    let settings = resolve(flags, &variables).unwrap();
    assert_eq!(
        settings.db,
        Setting {
            value: "/flag/a.db".into(),
            origin: Origin::Flag("--db")
        }
    );
    assert_eq!(settings.backup_dir.value, Path::new("/env/backups"));
    assert_eq!(settings.state.value, Path::new("/flag/a.backup-state.db"));

    let settings = resolve(Flags::default(), &variables).unwrap();
    assert_eq!(settings.db.origin, Origin::Environment("VERTEX_BACKUP_DB"));
    let settings = resolve(Flags::default(), &[("VERTEX_BACKUP_DB", "")]).unwrap();
    assert_eq!(
        settings.db.value,
        Path::new("/no/data/vertex-backup/app_data.db")
    );
    assert_eq!(
        settings.builtin_root,
        Path::new("/no/data/vertex-backup/remote")
    );
}

#[test]
fn the_applications_own_variable_is_the_weaker_one() {
    let both = [
        ("REMOTE_STORAGE_CONFIG", "/app.json"),
        ("VERTEX_BACKUP_REMOTE_CONFIG", "/ours.json"),
    ];
    assert_eq!(
        resolve(Flags::default(), &both)
            .unwrap()
            .remote_config
            .value,
        Path::new("/ours.json")
    );
    let settings = resolve(Flags::default(), &both[..1]).unwrap();
    assert_eq!(
        settings.remote_config.origin,
        Origin::Environment("REMOTE_STORAGE_CONFIG")
    );
    assert_eq!(settings.warnings.len(), 1);
}

#[test]
fn a_bad_value_is_named_with_its_place() {
    let failure = resolve(Flags::default(), &[("VERTEX_BACKUP_FORMAT", "xml")]).unwrap_err();
    assert_eq!(
        failure.to_string(),
        "invalid value 'xml' from VERTEX_BACKUP_FORMAT: it is one of table, json"
    );
    assert!(
        resolve(
            Flags {
                lock_wait: Some("soon".into()),
                ..Flags::default()
            },
            &[]
        )
        .is_err()
    );
}
