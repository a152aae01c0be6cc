//! The fake of Google Drive gives tokens to those who may have them.

use jiff::{SignedDuration, Timestamp};
use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::RSA_PKCS1_SHA256;
use serde_json::{Value, json};

use crate::fake_drive::expect;
use crate::support::fake::content::{base64url, challenge_of, unbase64};
use crate::support::fake::http::encode;
use crate::support::fake::wire::{Told, ask};
use crate::support::fake_drive::caller::reason;
use crate::support::fake_drive::{
    CLIENT_ID, CLIENT_SECRET, FakeDrive, Fault, Op, REFRESH_TOKEN, SERVICE_ACCOUNT, TOKEN, USER,
    When,
};

const SCOPE: &str = "https://www.googleapis.com/auth/drive.file";

/// A form to the host of the accounts.
fn post(fake: &FakeDrive, path: &str, pairs: &[(&str, &str)]) -> Told {
    let encoded: Vec<_> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    let body = encoded.join("&");
    let length = format!("Content-Length: {}", body.len());
    let form = "Content-Type: application/x-www-form-urlencoded";
    let url = format!("{}{path}", fake.oauth_url());
    ask("POST", &url, &[form, &length], body.as_bytes()).unwrap()
}

/// A grant with the client's id and secret.
fn grant(fake: &FakeDrive, kind: &str, more: &[(&str, &str)]) -> Told {
    let client = [
        ("grant_type", kind),
        ("client_id", CLIENT_ID),
        ("client_secret", CLIENT_SECRET),
    ];
    post(fake, "/token", &[&client, more].concat())
}

fn refresh(fake: &FakeDrive, token: &str) -> Told {
    grant(fake, "refresh_token", &[("refresh_token", token)])
}

fn text(told: &Value, name: &str) -> String {
    told[name].as_str().unwrap().to_owned()
}

/// The status of a request with this token.
fn works(fake: &FakeDrive, token: &str) -> u16 {
    let url = format!("{}/drive/v3/about?fields=user", fake.api_url());
    let header = format!("Authorization: Bearer {token}");
    ask("GET", &url, &[&header], b"").unwrap().status
}

#[test]
fn tokens_are_renewed() {
    let fake = FakeDrive::start();
    fake.token_lifetime(60);
    let told = refresh(&fake, REFRESH_TOKEN).json();
    let token = text(&told, "access_token");
    let rest = json!({
        "access_token": token,
        "expires_in": 60,
        "scope": SCOPE,
        "token_type": "Bearer",
    });
    assert_eq!((&told, works(&fake, &token)), (&rest, 200));
    assert_ne!(
        text(&refresh(&fake, REFRESH_TOKEN).json(), "access_token"),
        token
    );
    fake.expire_tokens();
    assert_eq!((works(&fake, &token), works(&fake, TOKEN)), (401, 401));
    fake.grant_scope("https://www.googleapis.com/auth/drive");
    fake.rotate_refresh_token(true);
    let told = refresh(&fake, REFRESH_TOKEN).json();
    assert_eq!(
        text(&told, "scope"),
        "https://www.googleapis.com/auth/drive"
    );
    assert_eq!(works(&fake, &text(&told, "access_token")), 200);
    assert_eq!(reason(&refresh(&fake, REFRESH_TOKEN)), "400 invalid_grant");
    let next = text(&told, "refresh_token");
    assert!(fake.secrets().contains(&next) && fake.secrets().contains(&TOKEN.to_owned()));
    let next = text(&refresh(&fake, &next).json(), "refresh_token");
    assert_eq!(fake.token_requests(), 5);
    assert_eq!(
        fake.requests_of(Op::Token)[0].name.as_deref(),
        Some("refresh_token")
    );
    assert!(!format!("{:?}", fake.requests()).contains(REFRESH_TOKEN));

    for (error, status) in [
        ("invalid_grant", 400),
        ("deleted_client", 401),
        ("rate_limit_exceeded", 403),
        ("internal_failure", 500),
        ("temporarily_unavailable", 503),
    ] {
        fake.refuse_grants(error, "Why not.");
        let told = refresh(&fake, &next);
        let body = json!({"error": error, "error_description": "Why not."});
        assert_eq!((told.status, told.json()), (status, body));
    }
    fake.accept_grants();
    fake.fail(
        Op::Token,
        When::Once,
        Fault::OAuth(429, "rate_limit_exceeded", "x"),
    );
    fake.fail(
        Op::Token,
        When::Nth(2),
        Fault::edit(|told| told["expires_in"] = json!("soon")),
    );
    fake.rotate_refresh_token(false);
    assert_eq!(refresh(&fake, &next).status, 429);
    assert_eq!(refresh(&fake, &next).json()["expires_in"], "soon");
    let revoke = |token: &str| post(&fake, "/revoke", &[("token", token)]).status;
    assert_eq!((revoke(&next), revoke("x")), (200, 400));
    assert_eq!(reason(&refresh(&fake, &next)), "400 invalid_grant");
    let strange = [("client_id", "x"), ("grant_type", "refresh_token")];
    assert_eq!(
        reason(&post(&fake, "/token", &strange)),
        "401 invalid_client"
    );
    let wrong = [("client_id", CLIENT_ID), ("client_secret", "x")];
    assert_eq!(reason(&post(&fake, "/token", &wrong)), "401 invalid_client");
    assert_eq!(
        reason(&grant(&fake, "password", &[])),
        "400 unsupported_grant_type"
    );
    expect(&fake, &["no such grant"]);
    let secret = format!("/token?client_secret={CLIENT_SECRET}");
    assert_eq!(post(&fake, &secret, &[]).status, 401);
    expect(
        &fake,
        &[
            "a secret is in the address",
            "a secret may not be in an address",
        ],
    );
    assert_eq!(post(&fake, "/tokens", &[]).status, 404);
    expect(&fake, &["nothing there"]);
    let json = "Content-Type: application/json";
    ask(
        "POST",
        &fake.token_uri(),
        &[json, "Content-Length: 2"],
        b"{}",
    )
    .unwrap();
    assert!(fake.forgive()[0].contains("no form"));
}

#[test]
fn a_device_waits_for_the_user() {
    let fake = FakeDrive::start();
    let begin = |scope: &str| {
        post(
            &fake,
            "/device/code",
            &[("client_id", CLIENT_ID), ("scope", scope)],
        )
    };
    let wide = begin("https://www.googleapis.com/auth/drive");
    assert_eq!(reason(&wide), "400 invalid_scope");
    assert_eq!(
        reason(&post(&fake, "/device/code", &[])),
        "401 invalid_client"
    );
    let told = begin(SCOPE).json();
    assert_eq!(
        (&told["interval"], &told["expires_in"]),
        (&json!(5), &json!(1800))
    );
    assert!(told["verification_url"].is_string() && told["user_code"].is_string());
    let code = text(&told, "device_code");
    let kind = "urn:ietf:params:oauth:grant-type:device_code";
    let poll = || grant(&fake, kind, &[("device_code", &code)]);
    fake.consent(|consent| (consent.slow_downs, consent.polls) = (1, 1));
    assert_eq!(reason(&poll()), "403 slow_down");
    assert_eq!(reason(&poll()), "428 authorization_pending");
    assert_eq!(fake.polls(), 2);
    fake.consent(|consent| consent.denied = true);
    assert_eq!(reason(&poll()), "403 access_denied");
    fake.consent(|consent| consent.expired = true);
    assert_eq!(reason(&poll()), "400 expired_token");
    fake.consent(|consent| (consent.denied, consent.expired) = (false, false));
    assert_eq!(
        reason(&grant(&fake, kind, &[("device_code", "x")])),
        "400 invalid_grant"
    );
    let told = poll().json();
    assert_eq!(works(&fake, &text(&told, "access_token")), 200);
    assert_eq!(refresh(&fake, &text(&told, "refresh_token")).status, 200);
    assert_eq!(reason(&poll()), "400 invalid_grant");
}

#[test]
fn a_browser_comes_back_with_a_code() {
    let fake = FakeDrive::start();
    // The example of RFC 7636.
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    assert_eq!(
        challenge_of(verifier),
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    );
    let redirect = "http://127.0.0.1:40123";
    let page = |changed: &str, value: &str| {
        let pairs = [
            ("client_id", CLIENT_ID),
            ("redirect_uri", redirect),
            ("response_type", "code"),
            ("scope", SCOPE),
            ("state", "0123456789abcdef/+"),
            ("code_challenge", &challenge_of(verifier)),
            ("code_challenge_method", "S256"),
            ("access_type", "offline"),
            ("prompt", "consent"),
        ];
        let pairs = pairs.map(|(name, usual)| {
            let value = if name == changed { value } else { usual };
            format!("{name}={}", encode(value))
        });
        format!("{}?{}", fake.auth_uri(), pairs.join("&"))
    };
    let code_in = |address: &str| {
        let query = address.split_once('?').unwrap().1;
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let code = pairs.find(|(name, _)| *name == "code").unwrap().1;
        code.replace("%2F", "/")
    };
    let exchange = |code: &str, redirect: &str, verifier: &str| {
        let more = [
            ("code", code),
            ("redirect_uri", redirect),
            ("code_verifier", verifier),
        ];
        grant(&fake, "authorization_code", &more)
    };
    let address = fake.authorize(&page("", ""));
    assert!(address.starts_with(&format!(
        "{redirect}/?state=0123456789abcdef%2F%2B&code=4%2F0A"
    )));
    let code = code_in(&address);
    let told = exchange(&code, redirect, verifier).json();
    assert_eq!(works(&fake, &text(&told, "access_token")), 200);
    assert_eq!(refresh(&fake, &text(&told, "refresh_token")).status, 200);
    assert_eq!(
        reason(&exchange(&code, redirect, verifier)),
        "400 invalid_grant"
    );
    let code = code_in(&fake.authorize(&page("", "")));
    let other = "http://127.0.0.1:40124";
    assert_eq!(
        reason(&exchange(&code, other, verifier)),
        "400 redirect_uri_mismatch"
    );
    let code = code_in(&fake.authorize(&page("", "")));
    assert_eq!(
        reason(&exchange(&code, redirect, &"x".repeat(43))),
        "400 invalid_grant"
    );
    let code = code_in(&fake.authorize(&page("", "")));
    assert_eq!(
        reason(&exchange(&code, redirect, "short")),
        "400 invalid_grant"
    );
    expect(&fake, &["is no verifier"]);
    for (name, value, words) in [
        ("client_id", "x", "client_id is"),
        (
            "redirect_uri",
            "http://192.168.0.1:1",
            "no port of this machine",
        ),
        (
            "redirect_uri",
            "http://127.0.0.1:x",
            "no port of this machine",
        ),
        ("response_type", "token", "response_type is"),
        ("scope", "everything", "are no scopes"),
        ("state", "1", "could be guessed"),
        (
            "code_challenge",
            verifier.strip_suffix('k').unwrap(),
            "no challenge",
        ),
        ("code_challenge_method", "plain", "code_challenge_method is"),
        ("access_type", "online", "access_type is"),
        ("prompt", "none", "prompt is"),
    ] {
        fake.authorize(&page(name, value));
        expect(&fake, &[words]);
    }
    let elsewhere = page("", "").replace("/o/oauth2/v2/auth", "/o/oauth2/auth");
    fake.authorize(&elsewhere);
    expect(&fake, &["is not the page"]);
    fake.authorize(&format!("{}&x={CLIENT_SECRET}", page("", "")));
    expect(&fake, &["a secret is in the address"]);
    fake.consent(|consent| consent.denied = true);
    let address = fake.authorize(&page("redirect_uri", "http://localhost:8"));
    assert_eq!(
        address,
        "http://localhost:8/?error=access_denied&state=0123456789abcdef%2F%2B"
    );
}

#[test]
fn a_service_account_signs_for_itself() {
    let fake = FakeDrive::start();
    let key: Value = serde_json::from_str(&fake.service_account_key()).unwrap();
    let pem = text(&key, "private_key");
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let pair = KeyPair::from_pkcs8(&unbase64(&body).unwrap()).unwrap();
    let signed = |header: &Value, claims: &Value| {
        let part = |value: &Value| base64url(value.to_string().as_bytes());
        let text = format!("{}.{}", part(header), part(claims));
        let mut signature = vec![0; pair.public().modulus_len()];
        let random = SystemRandom::new();
        pair.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature)
            .unwrap();
        format!("{text}.{}", base64url(&signature))
    };
    let now = Timestamp::now().as_second();
    let claims = |changed: &str, value: Value| {
        let mut claims = json!({
            "iss": SERVICE_ACCOUNT,
            "scope": SCOPE,
            "aud": fake.token_uri(),
            "iat": now,
            "exp": now + 3600,
        });
        claims[changed] = value;
        claims
    };
    let header = json!({"alg": "RS256", "typ": "JWT", "kid": key["private_key_id"]});
    let jwt = |assertion: &str| {
        let kind = "urn:ietf:params:oauth:grant-type:jwt-bearer";
        post(
            &fake,
            "/token",
            &[("grant_type", kind), ("assertion", assertion)],
        )
    };
    let told = jwt(&signed(&header, &claims("iat", json!(now)))).json();
    assert_eq!((told.get("refresh_token"), told.get("scope")), (None, None));
    let url = format!("{}/drive/v3/about?fields=user,storageQuota", fake.api_url());
    let about = |told: &Value| {
        let header = format!("Authorization: Bearer {}", text(told, "access_token"));
        ask("GET", &url, &[&header], b"").unwrap().json()
    };
    assert_eq!(about(&told)["user"]["emailAddress"], SERVICE_ACCOUNT);
    assert_eq!(about(&told)["storageQuota"]["limit"], "0");
    let google = "https://oauth2.googleapis.com/token";
    assert_eq!(
        jwt(&signed(&header, &claims("aud", json!(google)))).status,
        200
    );
    let told = jwt(&signed(&header, &claims("sub", json!(USER)))).json();
    assert_eq!(about(&told)["user"]["emailAddress"], USER);

    for (changed, value, error) in [
        (
            "iss",
            json!("x@y"),
            "400 invalid_grant Invalid grant: account not found",
        ),
        (
            "aud",
            json!("https://x"),
            "400 invalid_grant Invalid JWT: Failed audience check.",
        ),
        (
            "exp",
            json!(now + 3601),
            "400 invalid_grant Invalid JWT: Token must be a short-lived",
        ),
        (
            "exp",
            json!(now - 1),
            "400 invalid_grant Invalid JWT: Token must be a short-lived",
        ),
        (
            "iat",
            json!(now + 900),
            "400 invalid_grant Invalid JWT: Token must be a short-lived",
        ),
        (
            "scope",
            json!("drive"),
            "400 invalid_scope Invalid OAuth scope",
        ),
        (
            "sub",
            json!("x@y"),
            "401 unauthorized_client Client is unauthorized",
        ),
        (
            "iat",
            json!("now"),
            "400 invalid_grant Invalid JWT: malformed.",
        ),
    ] {
        let told = jwt(&signed(&header, &claims(changed, value)));
        let description = text(&told.json(), "error_description");
        let found = format!("{} {description}", reason(&told));
        assert!(found.starts_with(error), "{found}");
    }
    let good = signed(&header, &claims("iat", json!(now)));
    let invalid = |assertion: &str| text(&jwt(assertion).json(), "error_description");
    let none = json!({"alg": "none", "typ": "JWT", "kid": key["private_key_id"]});
    let other = json!({"alg": "RS256", "typ": "JWT", "kid": "x"});
    for header in [none, other] {
        let assertion = signed(&header, &claims("iat", json!(now)));
        assert_eq!(invalid(&assertion), "Invalid JWT Signature.");
    }
    let (_, rest) = good.split_once('.').unwrap();
    let padded = json!({"alg": "RS256", "typ": "JWT", "kid": key["private_key_id"], "x": 1});
    let forged = format!("{}.{rest}", base64url(padded.to_string().as_bytes()));
    assert_eq!(invalid(&forged), "Invalid JWT Signature.");
    assert_eq!(invalid(&format!("{good}==")), "Invalid JWT: malformed.");
    fake.skew_clock(SignedDuration::from_hours(2));
    let told = jwt(&good);
    assert!(text(&told.json(), "error_description").contains("short-lived"));
    let date = told.header("Date").unwrap();
    let date = jiff::fmt::rfc2822::parse(date).unwrap().timestamp();
    assert!(date.as_second() >= now + 7200);
}
