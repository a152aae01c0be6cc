//! What the sections say, and that mistakes in them never show a value.

use super::*;

fn parse(text: &str) -> Result<Sections, String> {
    Sections::parse(text, Path::new("p.json")).map_err(|failure| failure.to_string())
}

#[test]
fn errors_name_place_and_key_but_never_the_value() {
    let cases = [
        (
            r#"{"yandex_disk": {"enabled": "y0_SECRET"}}"#,
            "p.json:1:39: yandex_disk.enabled: expected a boolean",
        ),
        (
            r#"{"yandex_disk": {"oauth_token": 12}}"#,
            "p.json:1:34: yandex_disk.oauth_token: expected a string",
        ),
        (
            r#"{"yandex_disk": "y0_SECRET"}"#,
            "p.json:1:27: yandex_disk: expected an object",
        ),
        (
            "{\n \"local\": {\"root\": \"/x\",}\n}",
            "p.json:2:25: local: trailing comma",
        ),
        ("", "p.json:1:0: EOF while parsing a value"),
        ("{} x", "p.json:1:4: trailing characters"),
        (
            r#"{"yandex_disk": {"enabled": true, "enabled": false}}"#,
            "p.json:1:43: yandex_disk: duplicate field `enabled`",
        ),
        (
            r#"{"yandex_disk": {"oauth_token": ", expected SECRET", "enabled": ", expected SECRET"}}"#,
            "p.json:1:83: yandex_disk.enabled: expected a boolean",
        ),
    ];
    for (text, message) in cases {
        assert_eq!(parse(text).unwrap_err(), message, "{text}");
    }
}

#[test]
fn one_secret_has_one_source() {
    let both = r#"{"yandex_disk": {"oauth_token": "a", "oauth_token_file": "/t"}}"#;
    assert!(
        parse(both)
            .unwrap_err()
            .contains("give only one of yandex_disk.oauth_token")
    );
}

#[test]
fn our_own_keys_win_over_the_shared_file() {
    let base =
        parse(r#"{"yandex_disk": {"enabled": true, "oauth_token": "a"}, "local": {"root": "/a"}}"#)
            .unwrap();
    let over = parse(r#"{"yandex_disk": {"oauth_token_file": "/t"}, "local": {"enabled": false}}"#)
        .unwrap();
    let merged = base.overlaid(over);
    assert_eq!(merged.yandex_disk.enabled, Some(true));
    assert_eq!(
        merged.yandex_disk.oauth_token,
        Some(SecretSource::File("/t".into()))
    );
    assert_eq!(merged.local.root, Some("/a".into()));
    assert!(!merged.is_configured(ProviderKind::Local));
    assert!(merged.is_configured(ProviderKind::YandexDisk));
    assert!(!merged.is_configured(ProviderKind::GoogleDrive));
}

#[test]
fn only_https_leaves_this_machine() {
    for url in [
        "https://x.example/v1",
        "http://localhost:8080",
        "http://127.0.0.1:1/",
        "http://[::1]:9/x",
    ] {
        assert!(is_safe_url(url), "{url}");
    }
    for url in [
        "http://x.example",
        "http://127.0.0.1.evil.example",
        "http://127.0.0.1@evil.example",
        "ftp://x",
        "https://",
        "x",
    ] {
        assert!(!is_safe_url(url), "{url}");
    }
}

#[test]
fn what_is_known_of_a_token_holds_for_that_token_only() {
    let login = r#"{"yandex_disk": {"oauth_token": "a", "refresh_token": "r", "client_id": "c",
        "token_expires_at": "2027-11-22T12:00:00Z"}}"#;
    let base = parse(login).unwrap();
    let expires_at = base.yandex_disk.token_expires_at;
    assert_eq!(expires_at.unwrap().to_string(), "2027-11-22T12:00:00Z");
    let other = parse(r#"{"yandex_disk": {"oauth_token": "b"}}"#).unwrap();
    let merged = base.clone().overlaid(other).yandex_disk;
    assert_eq!(
        (merged.refresh_token, merged.token_expires_at),
        (None, None)
    );
    assert_eq!(merged.client_id.as_deref(), Some("c"));
    let other = parse(r#"{"yandex_disk": {"client_id": "d"}}"#).unwrap();
    let merged = base.overlaid(other).yandex_disk;
    assert_eq!(merged.token_expires_at, expires_at);
    assert_eq!(merged.client_id.as_deref(), Some("d"));
    assert_eq!(
        parse(r#"{"yandex_disk": {"token_expires_at": "tomorrow"}}"#).unwrap_err(),
        "p.json:1:48: yandex_disk.token_expires_at: expected a time such as 2027-11-22T12:00:00Z"
    );
}

#[test]
fn credentials_given_over_others_are_the_only_ones() {
    let login = r#"{"google_drive": {"credentials": {"refresh_token": "r", "client_id": "c",
        "scope": "drive", "refresh_token_issued_at": "2027-11-22T12:00:00Z",
        "refresh_token_expires_at": "2027-11-29T12:00:00Z", "folder_id": "f"}}}"#;
    let base = parse(login).unwrap();
    assert_eq!(
        base.google_drive.scope.as_deref(),
        Some("https://www.googleapis.com/auth/drive")
    );
    let over = r#"{"google_drive": {"credentials": {"service_account_file": "/k.json"}}}"#;
    let merged = base.clone().overlaid(parse(over).unwrap()).google_drive;
    assert_eq!((&merged.refresh_token, &merged.scope), (&None, &None));
    assert_eq!(merged.refresh_token_issued_at, None);
    assert_eq!(merged.refresh_token_expires_at, None);
    assert_eq!(merged.folder_id.as_deref(), Some("f"));
    assert_eq!(merged.client_id.as_deref(), Some("c"));
    let over = r#"{"google_drive": {"credentials": {"folder_id": "g"}}}"#;
    let merged = base.clone().overlaid(parse(over).unwrap()).google_drive;
    assert_eq!(merged.refresh_token, base.google_drive.refresh_token);
    assert_eq!(merged.folder_id.as_deref(), Some("g"));
}

#[test]
fn a_piece_has_a_size_that_drive_takes() {
    let chunk = |value: &str| parse(&format!(r#"{{"google_drive": {{"chunk_size": {value}}}}}"#));
    for (value, size) in [
        ("262144", 256 << 10),
        (r#""256K""#, 256 << 10),
        (r#""32M""#, 32 << 20),
        (r#"" 32 MiB ""#, 32 << 20),
        (r#""1g""#, 1 << 30),
    ] {
        assert_eq!(chunk(value).unwrap().google_drive.chunk_size, Some(size));
    }
    for wrong in [
        "0",
        "262145",
        r#""300K""#,
        r#""2G""#,
        r#""9999999999999G""#,
        "-1",
        "true",
    ] {
        let error = chunk(wrong).unwrap_err();
        let expected = "google_drive.chunk_size: expected a multiple of 256K from 256K to 1G";
        assert!(
            error.starts_with("p.json:1:") && error.contains(expected),
            "{error}"
        );
    }
    let error = parse(r#"{"google_drive": {"credentials": {"scope": "all"}}}"#).unwrap_err();
    assert!(
        error.ends_with(
            "google_drive.credentials.scope: expected drive.file, drive or drive.readonly"
        ),
        "{error}"
    );
}
