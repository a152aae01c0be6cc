//! Who is met at the end of a connection: certificates, handshakes, login pages (N11, S7).

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::ServerConfig;
use serde_json::{Value, json};

use super::line::{DOWNLOAD, Fault, Line, NAME, OUT, SYNC, Step, content, lines, whole};
use crate::support::Call;
use crate::support::cloud::{Cloud, PROVIDER_FILE};
use crate::support::drive::Drive;
use crate::support::fake::rules::When;
use crate::support::fake::tls::{ALWAYS, Authority, front};

const HERE: [&str; 2] = ["127.0.0.1", "localhost"];

/// Both clouds, whose every host speaks TLS and proves who it is by this.
fn over_tls(config: &Arc<ServerConfig>) -> [Box<dyn Line>; 2] {
    let (disk, drive) = (Cloud::new(), Drive::new());
    disk.fake.behind_tls(config);
    drive.fake.behind_tls(config);
    let lines: [Box<dyn Line>; 2] = [Box::new(disk), Box::new(drive)];
    for line in &lines {
        line.configure(&line.api_url(), &line.token_url());
    }
    lines
}

/// A command that trusts an authority, and goes through no proxy.
fn trusting<'a>(line: &'a dyn Line, authority: Option<&Authority>, words: &[&str]) -> Call<'a> {
    let words = [words, &["--timeout", "2s"]].concat();
    let mut call = line.sandbox().command(words);
    call.command.env_remove("HTTPS_PROXY");
    match authority {
        None => call,
        Some(authority) => {
            let file = line.sandbox().path().join("authority.pem");
            fs::write(&file, authority.pem()).unwrap();
            call.env("SSL_CERT_FILE", file)
        }
    }
}

#[test]
fn s7_an_authority_in_ssl_cert_file_is_trusted() {
    let authority = Authority::new();
    for line in over_tls(&authority.certify(&HERE, ALWAYS)) {
        let trusting = |words: &[&str]| trusting(&*line, Some(&authority), words).run().code(0);
        line.sandbox().write(NAME, content());
        trusting(&["providers", "test", line.provider()]);
        trusting(&SYNC);
        trusting(&DOWNLOAD);
        assert!(fs::read(line.sandbox().file(OUT)).unwrap() == content());
    }
}

/// What is said where TLS does not come about: reason, and the beginning of the detail.
#[track_caller]
fn refused(line: &dyn Line, authority: Option<&Authority>, what: &str) -> Value {
    let mut told = Value::Null;
    let test = ["providers", "test", line.provider(), "--json"];
    for words in [&["files", "acme-corp", "--json"][..], &test] {
        let provider = line.provider();
        let outcome = trusting(line, authority, words).run();
        assert_eq!(outcome.code, 6, "{provider}, {what}: {outcome:?}");
        told = outcome.json();
        assert_eq!(told["code"], "provider_connection_failed", "{what}: {told}");
        assert_eq!(told["reason"], "tls", "{provider}, {what}: {told}");
        for secret in line.secrets() {
            assert!(
                !outcome.stderr.contains(&secret),
                "{what}: {}",
                outcome.stderr
            );
        }
    }
    told
}

/// A flaw of a certificate: who signed it, for whom, when, and what is said of it.
type Flaw<'a> = (&'a Authority, &'a [&'a str], Range<i32>, &'a str, &'a str);

#[test]
fn n11_a_certificate_that_proves_nothing_is_refused() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let (proxy, clock) = ("SSL_CERT_FILE", "check the clock of this machine first");
    let flaws: [Flaw; 4] = [
        (
            &theirs,
            &HERE,
            ALWAYS,
            "nobody whom this machine trusts signed",
            proxy,
        ),
        (
            &ours,
            &HERE,
            2001..2002,
            "its certificate ended at 2002-01-01 00:00 UTC, and the clock of this machine says 20",
            clock,
        ),
        (
            &ours,
            &HERE,
            2190..2199,
            "its certificate begins at 2190-01-01 00:00 UTC, and the clock of this machine says 20",
            clock,
        ),
        (
            &ours,
            &["cloud.example"],
            ALWAYS,
            "its certificate is for another name",
            proxy,
        ),
    ];
    for (by, names, years, words, hint) in flaws {
        for line in over_tls(&by.certify(names, years)) {
            let told = refused(&*line, Some(&ours), words);
            let detail = told["detail"].as_str().unwrap();
            assert!(
                detail.contains("127.0.0.1 cannot prove who it is: "),
                "{detail}"
            );
            assert!(detail.contains(words), "{detail}");
            assert_eq!(told["retryable"], false, "{told}");
            let hinted = told["hint"].as_str().unwrap();
            assert!(hinted.contains(hint), "{hinted}");
            // Nothing was asked of it.
            assert_eq!(line.seen(Step::Account).len(), 1, "{words}");
        }
    }
    // Without a word about it, nobody trusts it either.
    for line in over_tls(&ours.certify(&HERE, ALWAYS)) {
        refused(&*line, None, "an authority that nobody named");
    }
}

/// Somebody who takes what a client says first, and answers with these bytes.
fn somebody(says: &'static [u8], is_rude: bool) -> (SocketAddr, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let hello = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&hello);
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut buffer = vec![0; 8192];
            let count = stream.read(&mut buffer).unwrap_or(0);
            buffer[..count].clone_into(&mut heard.lock().unwrap());
            let _ = stream.write_all(says);
            if is_rude {
                let now = Some(std::time::Duration::ZERO);
                rustix::net::sockopt::set_socket_linger(&stream, now).unwrap();
            } else {
                let _ = stream.shutdown(std::net::Shutdown::Write);
                let _ = stream.read_to_end(&mut buffer);
            }
        }
    });
    (address, hello)
}

/// The versions of TLS that a client offers: those of the extension 43, and of the head.
fn versions(hello: &[u8]) -> Vec<u16> {
    // A record, a message, a version, random bytes, and then lists, each with its length.
    let number = |at: usize| usize::from(hello[at]) << 8 | usize::from(hello[at + 1]);
    let mut at = 5 + 4 + 2 + 32;
    at += 1 + usize::from(hello[at]);
    at += 2 + number(at);
    at += 1 + usize::from(hello[at]);
    let end = at + 2 + number(at);
    at += 2;
    while at < end {
        let (kind, length) = (number(at), number(at + 2));
        if kind == 43 {
            let list = &hello[at + 5..at + 4 + length];
            let pairs = list
                .chunks(2)
                .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            return pairs.collect();
        }
        at += 4 + length;
    }
    Vec::new()
}

#[test]
fn s7_no_version_of_tls_below_1_2_is_spoken() {
    // TLS 1.1, as a server answers a client that offers it; and one that knows nothing newer.
    const OLD: &[u8] = b"\x16\x03\x02\x00\x31\x02\x00\x00\x2d\x03\x02\
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\x00\xc0\x13\x00\x00\x05\xff\x01\x00\x01\x00";
    for old in [OLD, b"\x15\x03\x02\x00\x02\x02\x46"] {
        let (address, hello) = somebody(old, false);
        for line in lines() {
            line.configure(&format!("https://{address}/v1"), &line.token_url());
            let told = refused(&*line, None, "an old version");
            let detail = told["detail"].as_str().unwrap();
            assert!(detail.contains("127.0.0.1"), "{detail}");
            let hello = hello.lock().unwrap().clone();
            let mut offered = versions(&hello);
            offered.sort_unstable();
            assert_eq!(offered, [0x0303, 0x0304], "{hello:?}");
        }
    }
}

#[test]
fn n11_a_handshake_that_is_cut_is_told_as_such() {
    // A record that announces more than ever comes, after a part of an answer.
    const PART: &[u8] = b"\x16\x03\x03\x00\x50\x02\x00\x00\x4c\x03\x03AAAA";
    for (says, is_rude) in [(&b""[..], false), (b"", true), (PART, false)] {
        let (address, _) = somebody(says, is_rude);
        for line in lines() {
            line.configure(&format!("https://{address}/v1"), &line.token_url());
            let told = refused(&*line, None, "a cut handshake");
            let detail = told["detail"].as_str().unwrap();
            let words =
                "no TLS with 127.0.0.1: the connection was cut in the middle of the handshake";
            assert!(detail.contains(words), "{detail}");
            assert_eq!(told["retryable"], true, "{told}");
        }
        let drive = Drive::new();
        Line::configure(
            &drive,
            &drive.api_url(),
            &format!("https://{address}/token"),
        );
        refused(&drive, None, "a cut handshake, where tokens are");
    }
}

#[test]
fn n11_a_login_page_is_not_the_provider() {
    let page = b"<html><body>Welcome to the hotel! <form action=/login></form></body></html>";
    let mut heads = vec!["200 OK\r\nContent-Type: text/html".to_owned()];
    heads.push("511 Network Authentication Required\r\nContent-Type: text/html".to_owned());
    heads.push("302 Found\r\nLocation: http://hotel.example/login".to_owned());
    for head in &heads {
        for step in [Step::Account, Step::List, Step::Token] {
            for line in lines() {
                if step == Step::Token && line.provider() == "yandex_disk" {
                    continue;
                }
                line.breaks(step, When::Always, whole(head, page));
                let words = match step {
                    Step::List => ["files", "acme-corp", "--json"].to_vec(),
                    _ => vec!["providers", "test", line.provider(), "--json"],
                };
                let told = line.call(&words).run().code(6).json();
                assert_eq!(told["reason"], "network", "{head}: {told}");
                assert!(!told.to_string().contains("expected value"), "{told}");
                if !head.starts_with("511") {
                    let hint = told["hint"].as_str().unwrap();
                    assert!(hint.contains("whether the network wants a login"), "{told}");
                }
                if head.starts_with("200") {
                    let detail = told["detail"].as_str().unwrap();
                    assert!(detail.contains("what answers is not "), "{detail}");
                }
            }
        }
    }
    // In the place of the bytes of a backup.
    for line in super::line::downloads() {
        line.breaks(Step::Fetch, When::Always, whole(&heads[0], page));
        let told = line
            .call(&[&DOWNLOAD[..], &["--json"]].concat())
            .run()
            .code(7)
            .json();
        assert_eq!(told["code"], "integrity_failed", "{told}");
        assert!(!line.sandbox().file(OUT).exists());
    }
}

/// A proxy that opens what it is to tunnel: it claims to be everybody.
fn opener(config: &Arc<ServerConfig>, behind: SocketAddr) -> SocketAddr {
    let inside = front(config, behind);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || tunnel(&client, inside));
        }
    });
    address
}

fn tunnel(mut client: &TcpStream, inside: SocketAddr) -> Option<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let mut inner = TcpStream::connect(inside).ok()?;
    client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").ok()?;
    let (mut from, mut to) = (client.try_clone().ok()?, inner.try_clone().ok()?);
    thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Both);
    });
    let _ = std::io::copy(&mut inner, &mut client);
    client.shutdown(std::net::Shutdown::Both).ok()
}

/// Everything that other programs would take for a switch of their verification.
const SWITCHES: [&str; 12] = [
    "insecure",
    "verify",
    "verify_ssl",
    "ssl_verify",
    "tls_verify",
    "verify_tls",
    "skip_verify",
    "insecure_skip_verify",
    "no_check_certificate",
    "disable_ssl_certificate_validation",
    "tls_insecure",
    "check_hostname",
];

/// Whoever opens connections on the way is found out, whatever is switched; and is trusted
/// once the operator names his authority.
#[test]
fn s7_nothing_switches_the_verification_off() {
    let (theirs, disk) = (Authority::new(), Cloud::new());
    let behind: SocketAddr = disk.fake.api_url()[7..]
        .split('/')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let everybody = [
        "cloud-api.yandex.net",
        "www.googleapis.com",
        "oauth2.googleapis.com",
    ];
    let proxy = opener(&theirs.certify(&everybody, ALWAYS), behind);
    for line in lines() {
        line.configure(
            match line.provider() {
                "yandex_disk" => "https://cloud-api.yandex.net/v1/disk",
                _ => "https://www.googleapis.com",
            },
            "https://oauth2.googleapis.com/token",
        );
        let path = line.sandbox().file(PROVIDER_FILE);
        let mut file: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for section in [line.provider(), "http", "tls"] {
            for switch in SWITCHES {
                let off = json!(
                    switch.contains("insecure")
                        || switch.contains("skip")
                        || switch.contains("no_")
                        || switch.contains("disable")
                );
                file[section][switch] = off.clone();
                if section == line.provider() && file[section].get("credentials").is_some() {
                    file[section]["credentials"][switch] = off;
                }
            }
        }
        fs::write(&path, file.to_string()).unwrap();
        let words = ["providers", "test", line.provider(), "--json"];
        let through = |authority| {
            let mut call =
                trusting(&*line, authority, &words).env("HTTPS_PROXY", format!("http://{proxy}"));
            for (name, value) in [
                ("PYTHONHTTPSVERIFY", "0"),
                ("NODE_TLS_REJECT_UNAUTHORIZED", "0"),
                ("GIT_SSL_NO_VERIFY", "1"),
                ("CURL_INSECURE", "1"),
                ("RCLONE_NO_CHECK_CERTIFICATE", "true"),
                ("VERTEX_BACKUP_INSECURE", "1"),
                ("VERTEX_BACKUP_TLS_VERIFY", "0"),
            ] {
                call = call.env(name, value);
            }
            call.run()
        };
        let told = through(None).code(6).json();
        assert_eq!(told["reason"], "tls", "{told}");
        let detail = told["detail"].as_str().unwrap();
        assert!(
            detail.contains("nobody whom this machine trusts signed its certificate"),
            "{detail}"
        );
        assert_eq!(disk.fake.forgive(), Vec::<String>::new());
        // It is the Disk that answers there, for whatever it is asked.
        let told = through(Some(&theirs)).json();
        assert_ne!(told["reason"], "tls", "{told}");
        disk.fake.forgive();
    }
}

#[test]
fn s7_no_option_speaks_of_verification() {
    // All options of all commands stand in the man pages and in the completions.
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["man", "completions"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let text = fs::read_to_string(entry.unwrap().path()).unwrap();
            // A man page writes `\-` for a hyphen.
            let text = text.replace("\\-", "-").to_lowercase();
            for word in [
                "insecure",
                "--no-verify",
                "--skip-verify",
                "--no-check-cert",
                "--tls",
                "--ssl",
                "--cacert",
            ] {
                assert!(!text.contains(word), "{folder}: {word}");
            }
        }
    }
}

#[test]
fn s3_a_download_does_not_leave_tls() {
    let authority = Authority::new();
    for line in over_tls(&authority.certify(&HERE, ALWAYS)) {
        line.put(NAME, &content());
        for place in [
            "http://127.0.0.1:9/x",
            "HTTP://127.0.0.1:9/x",
            "http://127.0.0.1:9/x?https://",
        ] {
            line.breaks(Step::Lead, When::Always, Fault::Leads(place.to_owned()));
            let words = [&DOWNLOAD[..], &["--json"]].concat();
            let told = trusting(&*line, Some(&authority), &words)
                .run()
                .code(6)
                .json();
            assert_eq!(told["reason"], "network", "{told}");
            let detail = told["detail"].as_str().unwrap();
            assert!(detail.contains("a redirect away from TLS"), "{detail}");
            line.heal();
        }
        let call = trusting(&*line, Some(&authority), &DOWNLOAD);
        call.run().code(0);
    }
}
