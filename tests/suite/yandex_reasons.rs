//! Why Yandex Disk cannot be used: each cause has its reason, its words and a way out.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use serde_json::Value;

use crate::support::cloud::Cloud;
use crate::support::fake_yandex::{Fault, Op, TOKEN, When};

/// A cause, as `providers test`, `providers` and `config set` tell it.
struct Told<'a> {
    reason: &'a str,
    detail: &'a str,
    /// Part of the hint.
    hint: &'a str,
    retryable: bool,
}

/// Asks all three, without a proxy, and compares what they say.
#[track_caller]
fn assert_told(cloud: &Cloud, told: &Told<'_>) {
    let set = ["config", "set", "acme-corp", "--provider", "yandex_disk"];
    for words in [&["providers", "test", "yandex_disk"][..], &set] {
        let error = run(cloud, words, 6);
        assert_eq!(error["code"], "provider_connection_failed", "{error}");
        assert_eq!(error["reason"], told.reason, "{error}");
        let detail = error["detail"].as_str().unwrap();
        let start = "Provider 'yandex_disk' connection test failed: ";
        let detail = detail.strip_prefix(start).unwrap();
        assert!(detail.starts_with(told.detail), "{detail}");
        let hint = error["hint"].as_str().unwrap();
        assert!(hint.contains(told.hint), "{hint}");
        assert_eq!(error["retryable"], told.retryable, "{error}");
    }
    let list = run(cloud, &["providers"], 0);
    let listed = &list["providers"][0];
    assert_eq!(listed["connected"], false);
    assert_eq!(listed["reason"], told.reason);
    let company = cloud.json(0, ["config", "get", "acme-corp"]);
    assert_eq!(company["backup_provider"], Value::Null);
}

fn run(cloud: &Cloud, words: &[&str], code: i32) -> Value {
    let words = [words, &["--json", "--timeout", "1s"]].concat();
    let mut call = cloud.command(words);
    call.command.env_remove("HTTPS_PROXY");
    let run = call.run().code(code);
    assert!(
        !run.stdout.contains(TOKEN) && !run.stderr.contains(TOKEN),
        "{run:?}"
    );
    run.json()
}

#[test]
fn a_token_that_is_missing() {
    let cloud = Cloud::unassigned();
    cloud.configure("");
    assert_told(
        &cloud,
        &Told {
            reason: "auth",
            detail: "oauth_token is missing",
            hint: "vertex-backup providers login yandex_disk",
            retryable: false,
        },
    );
    assert_eq!(cloud.fake.requests().len(), 0);
}

#[test]
fn a_token_that_is_refused() {
    let cloud = Cloud::unassigned();
    cloud.fake.revoke();
    assert_told(
        &cloud,
        &Told {
            reason: "auth",
            detail: "the token is refused: it has expired or was revoked",
            hint: "vertex-backup providers login yandex_disk",
            retryable: false,
        },
    );
    // The row of a table says which provider it is, and that it is not connected.
    let table = cloud.run(["providers"]).code(0).stdout;
    assert!(table.contains("  the token is refused: "), "{table}");
}

#[test]
fn a_token_that_lacks_a_right() {
    for op in [Op::Disk, Op::List, Op::Link] {
        let cloud = Cloud::unassigned();
        let fault = Fault::status(403, "ForbiddenError");
        cloud.fake.on(op, When::Always, fault);
        let doing = match op {
            Op::Disk => "asking for the room",
            Op::List => "testing the right to read",
            _ => "testing the right to write",
        };
        assert_told(
            &cloud,
            &Told {
                reason: "forbidden",
                detail: &format!(
                    "it answers 403 ForbiddenError: The request was refused: ForbiddenError. ({doing})"
                ),
                hint: "cloud_api:disk.info, cloud_api:disk.read and cloud_api:disk.write",
                retryable: false,
            },
        );
    }
}

#[test]
fn an_account_without_a_disk() {
    let cloud = Cloud::unassigned();
    let fault = Fault::status(403, "DiskUnsupportedUserAccountTypeError");
    cloud.fake.on(Op::Disk, When::Always, fault);
    assert_told(
        &cloud,
        &Told {
            reason: "forbidden",
            detail: "the account has no Disk",
            hint: "another account",
            retryable: false,
        },
    );
}

#[test]
fn a_machine_that_refuses_the_connection() {
    let cloud = Cloud::unassigned();
    // Nobody listens on the discard port of this machine.
    cloud.configure_at("https://127.0.0.1:9/v1/disk", TOKEN);
    assert_told(
        &cloud,
        &Told {
            reason: "network",
            detail: "127.0.0.1 cannot be reached: connection refused",
            hint: "api_url",
            retryable: true,
        },
    );
}

#[test]
fn n13_a_proxy_that_refuses_the_connection() {
    let cloud = Cloud::unassigned();
    cloud.configure_at("https://cloud-api.yandex.net/v1/disk", TOKEN);
    // The sandbox has one.
    let error = cloud.json(6, ["providers", "test", "yandex_disk"]);
    assert_eq!(error["reason"], "network");
    let detail = error["detail"].as_str().unwrap();
    let why = "the proxy cannot be reached: connection refused";
    assert!(detail.contains(why), "{detail}");
    assert!(
        error["hint"].as_str().unwrap().contains("HTTPS_PROXY"),
        "{error}"
    );
}

#[test]
fn n12_a_name_that_nobody_knows() {
    let cloud = Cloud::unassigned();
    cloud.configure_at("https://nothere.invalid/v1/disk", TOKEN);
    assert_told(
        &cloud,
        &Told {
            reason: "dns",
            detail: "the name nothere.invalid cannot be resolved",
            hint: "name server",
            retryable: true,
        },
    );
}

/// A machine that answers every connection with these bytes, until the test ends.
fn server(said: Option<&'static [u8]>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            match said {
                Some(said) => {
                    let _ = stream.read(&mut [0; 512]);
                    let _ = stream.write_all(said);
                }
                // Kept open, so that it is silence and no end.
                None => open.push(stream),
            }
        }
    });
    address
}

#[test]
fn n11_somebody_who_does_not_speak_tls() {
    let cloud = Cloud::unassigned();
    let address = server(Some(b"220 mail.example.com ESMTP\r\n"));
    cloud.configure_at(&format!("https://{address}/v1/disk"), TOKEN);
    assert_told(
        &cloud,
        &Told {
            reason: "tls",
            detail: "127.0.0.1 does not speak TLS as we do",
            hint: "api_url",
            retryable: false,
        },
    );
}

#[test]
fn somebody_who_does_not_answer() {
    let cloud = Cloud::unassigned();
    let address = server(None);
    cloud.configure_at(&format!("http://{address}/v1/disk"), TOKEN);
    assert_told(
        &cloud,
        &Told {
            reason: "timeout",
            detail: "127.0.0.1 gave no answer",
            hint: "--timeout",
            retryable: true,
        },
    );
}

#[test]
fn n11_somebody_else_than_yandex() {
    // The page on which a hotel wants a login.
    let cloud = Cloud::unassigned();
    cloud.fake.on(Op::Disk, When::Always, Fault::Html(200));
    assert_told(
        &cloud,
        &Told {
            reason: "network",
            detail: "what answers is not Yandex Disk, or only a part of it",
            hint: "whether the network wants a login",
            retryable: true,
        },
    );
}

#[test]
fn a_service_that_is_out_of_order() {
    let cloud = Cloud::unassigned();
    cloud.fake.on(Op::Disk, When::Always, Fault::Html(503));
    assert_told(
        &cloud,
        &Told {
            reason: "network",
            detail: "it answers 503",
            hint: "try again later",
            retryable: true,
        },
    );
}

#[test]
fn a_disk_or_an_allowance_that_is_used_up() {
    for (status, error, detail, hint) in [
        (
            507,
            "DiskStorageQuotaExhaustedError",
            "the Disk is full",
            "empty its trash",
        ),
        (
            423,
            "DiskUploadTrafficLimitExceeded",
            "this month's allowance of uploads is used up",
            "wait for the next month",
        ),
    ] {
        let cloud = Cloud::unassigned();
        cloud
            .fake
            .on(Op::Link, When::Always, Fault::status(status, error));
        assert_told(
            &cloud,
            &Told {
                reason: "quota",
                detail,
                hint,
                retryable: false,
            },
        );
    }
}

#[test]
fn too_many_requests() {
    let cloud = Cloud::unassigned();
    let fault = Fault::status(429, "TooManyRequestsError");
    cloud.fake.on(Op::Disk, When::Always, fault);
    assert_told(
        &cloud,
        &Told {
            reason: "quota",
            detail: "it has had too many requests",
            hint: "try again later",
            retryable: true,
        },
    );
}
