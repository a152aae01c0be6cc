//! How a cloud is reached: names (N12) and proxies (N13).

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use super::line::{NAME, downloads, lines};
use super::somebody::Somebody;

/// A proxy that answers like this, and what the commands say of it.
#[track_caller]
fn through(proxy: &Somebody, variable: &str, scheme: &str) -> Vec<(String, serde_json::Value)> {
    let address = format!("{scheme}://operator:CANARY-of-a-proxy@{}", proxy.address);
    let mut told = Vec::new();
    for line in lines() {
        line.configure("https://cloud.example/v1", "https://oauth.example/token");
        for words in [
            &["providers", "test", line.provider(), "--json", "-vv"][..],
            &["files", "acme-corp", "--json", "-vv"],
        ] {
            let mut call = line
                .sandbox()
                .command(words)
                .env("VERTEX_BACKUP_TIMEOUT", "2s");
            call.command.env_remove("HTTPS_PROXY");
            let outcome = call.env(variable, &address).run().code(6);
            for said in [&outcome.stdout, &outcome.stderr] {
                assert!(
                    !said.contains("CANARY") && !said.contains("operator"),
                    "{said}"
                );
                // As it goes over the wire: user and password in base64.
                assert!(!said.contains("b3BlcmF0b3I6Q0FOQVJZ"), "{said}");
            }
            let told_of = outcome.json();
            assert_eq!(told_of["code"], "provider_connection_failed", "{told_of}");
            let detail = told_of["detail"].as_str().unwrap().to_owned();
            told.push((detail, told_of));
        }
    }
    told
}

#[test]
fn n13_a_proxy_that_refuses_says_so_and_keeps_its_password() {
    for (said, words) in [
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n",
            "407",
        ),
        ("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "403"),
        (
            "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 1000000000\r\n\r\nno",
            "502",
        ),
        ("SSH-2.0-OpenSSH_9.9\r\n", ""),
        ("", ""),
    ] {
        let proxy = Somebody::who(move |_| said.into());
        for (detail, told) in through(&proxy, "HTTPS_PROXY", "http") {
            assert_eq!(told["reason"], "network", "{told}");
            assert!(detail.contains(words), "{said}: {detail}");
            assert!(
                told["hint"].as_str().unwrap().contains("HTTPS_PROXY"),
                "{said}: {told}"
            );
        }
        let heads = proxy.heads();
        assert!(
            heads.iter().all(|head| head.starts_with("CONNECT ")),
            "{heads:?}"
        );
        assert!(
            heads.iter().all(|head| !head.contains("\r\nAuthorization")),
            "{heads:?}"
        );
    }
    // Nobody there, in each of the ways to name it.
    let gone = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let gone = Somebody {
        address: gone,
        heads: Arc::default(),
    };
    for (variable, scheme) in [
        ("HTTPS_PROXY", "http"),
        ("ALL_PROXY", "http"),
        ("ALL_PROXY", "socks5"),
    ] {
        for (detail, told) in through(&gone, variable, scheme) {
            // Such a one is given addresses, which are looked up here.
            if scheme == "socks5" && told["reason"] == "dns" {
                continue;
            }
            assert_eq!(told["reason"], "network", "{told}");
            assert!(
                detail.contains("the proxy cannot be reached: connection refused"),
                "{detail}"
            );
        }
    }
}

/// Somebody who begins like this and then never ends.
fn endless(start: &'static [u8], more: &'static [u8]) -> Somebody {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let block = more.repeat(1 + 65_536 / more.len());
                let mut sent = stream.write_all(start).map(|()| start.len());
                // A gigabyte, unless nobody wants it.
                while matches!(sent, Ok(..1_000_000_000)) {
                    sent = stream
                        .write_all(&block)
                        .and_then(|()| sent.map(|sent| sent + block.len()));
                }
            });
        }
    });
    Somebody {
        address,
        heads: Arc::default(),
    }
}

#[test]
fn n13_endless_heads_and_bodies_need_no_memory() {
    let head = b"HTTP/1.1 200 OK\r\n";
    for (start, more) in [
        (
            &head[..],
            &b"X-More: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"[..],
        ),
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"a"),
        (
            b"HTTP/1.1 407 No\r\nContent-Length: 1000000000\r\n\r\n",
            b"a",
        ),
        (b"", b"a"),
    ] {
        let proxy = endless(start, more);
        let told = through(&proxy, "HTTPS_PROXY", "http");
        assert!(
            told.iter().all(|(_, told)| told["reason"] == "network"),
            "{told:?}"
        );
    }
    // The same of the service itself: in a head, in words about an error, in a list.
    for (start, more) in [
        (
            &head[..],
            &b"X-More: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"[..],
        ),
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"a"),
        (
            b"HTTP/1.1 500 No\r\nContent-Length: 1000000000\r\n\r\n",
            b"a ",
        ),
        (b"HTTP/1.1 500 No\r\nConnection: close\r\n\r\n", b"a "),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[", b"[],"),
    ] {
        let service = endless(start, more);
        for line in lines() {
            line.configure(&service.url("/v1"), &line.token_url());
            // Far less address space than what is sent.
            let words = ["files", "acme-corp", "--json"];
            let call = line.call(&words).limited("-v 400000");
            let told = call.run().code(6).json();
            assert_eq!(told["reason"], "network", "{told}");
            line.configure(&line.api_url(), &service.url("/token"));
            if line.provider() == "google_drive" {
                let told = line.call(&words).limited("-v 400000").run().code(6).json();
                assert_eq!(told["reason"], "network", "{told}");
            }
        }
    }
}

#[test]
fn n12_a_name_is_tried_at_each_of_its_addresses() {
    // This machine's name may have an address of either kind; only one is listened to.
    for line in downloads() {
        let here = |url: &str| url.replace("127.0.0.1", "localhost");
        line.configure(&here(&line.api_url()), &here(&line.token_url()));
        let told = line.call(&["files", "acme-corp"]).run().code(0);
        assert!(told.stdout.contains(NAME), "{}", told.stdout);
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod names {
    use std::net::SocketAddr;

    use super::*;
    use crate::matrix::network::line::{Line as _, content};
    use crate::support::cloud::Cloud;
    use crate::support::fake_yandex::TOKEN;

    #[test]
    fn n12_of_a_name_with_dead_addresses_the_living_one_is_found() {
        // One refuses, one is a hole, which takes in nobody.
        let line = Cloud::new();
        line.put(NAME, &content());
        let api: SocketAddr = line.fake.api_url()[7..]
            .split('/')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        let hole = crate::support::hole::at(([127, 0, 0, 3], api.port()).into());
        line.configure_at(
            &line.fake.api_url().replace("127.0.0.1", "localhost"),
            TOKEN,
        );
        let call = line
            .sandbox
            .command(["files", "acme-corp", "--timeout", "1s", "-v"]);
        let call = call.with_names("localhost=127.0.0.2,127.0.0.3,127.0.0.1");
        let told = call.run().code(0);
        assert!(told.stdout.contains(NAME), "{}", told.stdout);
        assert!(!told.stderr.contains("retrying"), "{}", told.stderr);
        // None of them lives.
        let test = [
            "providers",
            "test",
            "yandex_disk",
            "--timeout",
            "1s",
            "--json",
        ];
        for (names, reason) in [
            ("localhost=127.0.0.2,127.0.0.3", "timeout"),
            ("localhost=127.0.0.2", "network"),
        ] {
            let call = line.sandbox.command(test).with_names(names);
            let told = call.run().code(6).json();
            assert_eq!(told["reason"], reason, "{told}");
        }
        drop(hole);
    }

    #[test]
    fn n12_a_name_that_is_not_found_is_told_as_such() {
        for (names, words) in [
            (
                "cloud.example=!unknown",
                "the name cloud.example cannot be resolved",
            ),
            (
                "cloud.example=!fails",
                "the name cloud.example cannot be resolved",
            ),
            (
                "cloud.example=!hangs",
                "no name server answers for cloud.example",
            ),
            (
                "cloud.example=",
                "the name cloud.example cannot be resolved",
            ),
        ] {
            for line in lines() {
                let names = format!("{names};{}", names.replace("cloud.", "oauth."));
                line.configure("https://cloud.example/v1", "https://oauth.example/token");
                for (words_of, tries) in [
                    (&["providers", "test", line.provider()][..], 2),
                    (&["files", "acme-corp"], 6),
                ] {
                    if names.contains("!hangs") && tries > 2 {
                        // Each look takes its time.
                        continue;
                    }
                    let words_of = [words_of, &["--json", "--timeout", "300ms"]].concat();
                    let mut call = line.sandbox().command(words_of).with_names(&names);
                    call.command.env_remove("HTTPS_PROXY");
                    let told = call.run().code(6).json();
                    assert_eq!(told["reason"], "dns", "{told}");
                    assert_eq!(told["retryable"], true, "{told}");
                    let detail = told["detail"].as_str().unwrap();
                    let words = if line.provider() == "google_drive" {
                        words.replace("cloud.", "oauth.")
                    } else {
                        words.to_owned()
                    };
                    assert!(detail.contains(&words), "{detail}");
                    assert!(
                        detail.ends_with(&format!("(tried {tries} times)")),
                        "{detail}"
                    );
                }
            }
        }
    }
}
