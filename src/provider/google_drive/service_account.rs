//! A service account: who it is, and how it proves that with its key (RFC 7523).
//!
//! It gets no refresh token: for each access token it signs anew who asks, for what, and when.

use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::pem::{PemObject as _, SectionKind};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use zeroize::Zeroizing;

use super::scope::short;
use crate::provider::ProviderKind;
use crate::provider::error::{Error, Kind, Reason, Result};
use crate::provider::oauth::{
    Fetch, GOOGLE_TOKEN_URI, Grant, OAuth, Refused, base64url, said, wrong_clock,
};
use crate::secret::Secret;

/// For how long an assertion is good: as long as Google takes.
const LASTS: i64 = 3600;

/// A key as the Google console gives it for download.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct KeyFile {
    r#type: Option<String>,
    client_email: Option<String>,
    client_id: Option<String>,
    private_key: Option<Secret>,
    private_key_id: Option<String>,
    token_uri: Option<String>,
    installed: Option<IgnoredAny>,
    web: Option<IgnoredAny>,
}

/// The key of a service account, ready to sign with.
pub struct Key {
    /// The account's address, under which folders and drives are shared with it.
    pub email: String,
    /// The number under which an administrator allows it to act for users.
    pub client_id: Option<String>,
    /// Where it gets tokens.
    pub token_uri: Option<String>,
    id: Option<String>,
    pair: RsaKeyPair,
    /// What other keys are made of.
    root: Secret,
}

impl Key {
    /// Takes what a file holds.
    ///
    /// # Errors
    /// What is missing or wrong in it, without any of its values.
    pub fn new(file: KeyFile) -> std::result::Result<Self, String> {
        if file.installed.is_some() || file.web.is_some() {
            return Err("it is that of an OAuth client, which belongs to a login: \
                 vertex-backup providers login google_drive --client-file FILE"
                .to_owned());
        }
        match file.r#type.as_deref() {
            Some("service_account") => {}
            None => return Err("type is missing: is it the key of a service account?".to_owned()),
            Some(_) => return Err("type is not service_account".to_owned()),
        }
        let missing = |key: &str| format!("{key} is missing");
        let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let Some(pem) = file.private_key.filter(|key| !key.is_empty()) else {
            return Err(missing("private_key"));
        };
        Ok(Key {
            email: filled(file.client_email).ok_or_else(|| missing("client_email"))?,
            client_id: filled(file.client_id),
            token_uri: filled(file.token_uri),
            id: filled(file.private_key_id),
            pair: key_pair(&pem)?,
            root: pem,
        })
    }

    /// A JSON web token with these claims.
    fn sign(&self, claims: &serde_json::Value) -> Option<Secret> {
        let mut header = json!({ "alg": "RS256", "typ": "JWT" });
        if let Some(id) = &self.id {
            header["kid"] = id.as_str().into();
        }
        let part = |value: &serde_json::Value| base64url(value.to_string().as_bytes());
        let text = format!("{}.{}", part(&header), part(claims));
        let mut signature = vec![0; self.pair.public().modulus_len()];
        let random = SystemRandom::new();
        let signed = self
            .pair
            .sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature);
        signed.ok()?;
        let token = Zeroizing::new(format!("{text}.{}", base64url(&signature)));
        Some(Secret::new(&token))
    }
}

fn key_pair(pem: &Secret) -> std::result::Result<RsaKeyPair, String> {
    let wrong = |why: &str| format!("private_key is {why}: download a new key");
    let section = <(SectionKind, Vec<u8>)>::from_pem_slice(pem.expose().as_bytes());
    let (kind, der) = section.map_err(|_| wrong("no key in PEM"))?;
    let der = Zeroizing::new(der);
    let pair = match kind {
        SectionKind::PrivateKey => RsaKeyPair::from_pkcs8(&der),
        SectionKind::RsaPrivateKey => RsaKeyPair::from_der(&der),
        _ => return Err(wrong("not one of the kind RSA")),
    };
    pair.map_err(|_| wrong("damaged, or not one of the kind RSA"))
}

/// A service account, as it asks for tokens.
pub struct ServiceAccount {
    key: Key,
    service: OAuth,
    scope: String,
    subject: Option<String>,
}

impl ServiceAccount {
    /// The owner of a key, asking for a scope, for itself or for a user of its organisation.
    pub fn new(key: Key, service: OAuth, scope: String, subject: Option<String>) -> Self {
        ServiceAccount {
            key,
            service,
            scope,
            subject,
        }
    }

    fn assertion(&self) -> Result<Secret> {
        let now = Timestamp::now().as_second();
        let audience = self.key.token_uri.as_deref().unwrap_or(GOOGLE_TOKEN_URI);
        let mut claims = json!({
            "iss": self.key.email, "scope": self.scope, "aud": audience, "iat": now, "exp": now + LASTS,
        });
        if let Some(subject) = &self.subject {
            claims["sub"] = subject.as_str().into();
        }
        self.key
            .sign(&claims)
            .ok_or_else(|| error("the key of the service account cannot sign"))
    }

    fn refused(&self, refused: &Refused) -> Error {
        let words = refused.description.as_deref().unwrap_or_default();
        let words = words.to_lowercase();
        let says = |part: &str| words.contains(part);
        let email = &self.key.email;
        match refused.error.as_str() {
            "invalid_grant" if says("signature") => error(&format!(
                "Google does not know the key of {email}: it was deleted or replaced"
            ))
            .hint("make a new key in the Google console, and put it in place of the old file"),
            "invalid_grant" if says("short-lived") || says("timeframe") => {
                let clock = wrong_clock(refused)
                    .unwrap_or_else(|| "the clock of this machine is wrong".to_owned());
                error(&format!(
                    "Google takes no assertion from another time: {clock}"
                ))
                .hint("set the clock, and have it kept right (NTP)")
            }
            "invalid_grant" if says("audience") => {
                error("token_uri of the key file is not the address that Google expects there")
                    .hint("download the key file anew, and change nothing in it")
            }
            "invalid_grant" if says("user id") => error(&format!(
                "Google does not know the user {}",
                self.subject.as_deref().unwrap_or("that it is to act for")
            ))
            .hint("vertex-backup providers set google_drive --impersonate EMAIL"),
            "invalid_grant" | "invalid_client" if says("not found") => error(&format!(
                "Google does not know the service account {email}: it was deleted, or disabled"
            ))
            .hint("look for it in the Google console under IAM, Service accounts"),
            "unauthorized_client" | "access_denied" => self.not_allowed(),
            "invalid_scope" => error(&format!(
                "Google gives no service account the scope {}",
                short(&self.scope)
            ))
            .hint("vertex-backup providers set google_drive --scope drive"),
            _ => error(&format!(
                "Google refuses the service account {email}: {}",
                said(refused)
            )),
        }
    }

    /// What an administrator has to enter, word for word.
    fn not_allowed(&self) -> Error {
        let Some(subject) = &self.subject else {
            return error(&format!(
                "the service account {} may not get tokens",
                self.key.email
            ))
            .hint("look for it in the Google console under IAM, Service accounts");
        };
        let client = self.key.client_id.as_deref().unwrap_or("of that account");
        error(&format!(
            "the service account {} may not act for {subject} with the scope {}",
            self.key.email, self.scope
        ))
        .hint(format!(
            "in https://admin.google.com under Security, API controls, Domain-wide delegation, add \
             the client ID {client} with the scope {}",
            self.scope
        ))
    }
}

impl Fetch for ServiceAccount {
    fn fetch(&self) -> Result<Grant> {
        let assertion = self.assertion()?;
        let grant = self
            .service
            .assert(&assertion, |refused| self.refused(refused))?;
        Ok(Grant {
            // Google gives what is asked for, or nothing.
            scope: grant.scope.or_else(|| Some(self.scope.clone())),
            ..grant
        })
    }

    fn roots(&self) -> Vec<Secret> {
        vec![self.key.root.clone()]
    }
}

fn error(detail: &str) -> Error {
    let kind = Kind::Connection(Reason::Auth);
    Error::new(ProviderKind::GoogleDrive, kind, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        let file: KeyFile = serde_json::from_str(text).unwrap();
        Key::new(file).map(|_| ()).unwrap_err()
    }

    #[test]
    fn a_file_that_is_no_key_says_what_is_missing_and_nothing_else() {
        for (text, why) in [
            ("{}", "type is missing: is it the key of a service account?"),
            (
                r#"{"type": "authorized_user"}"#,
                "type is not service_account",
            ),
            (
                r#"{"type": "service_account", "client_email": "a@b"}"#,
                "private_key is missing",
            ),
            (
                r#"{"type": "service_account", "private_key": "SECRET"}"#,
                "client_email is missing",
            ),
            (
                r#"{"type": "service_account", "client_email": "a@b", "private_key": "SECRET"}"#,
                "private_key is no key in PEM: download a new key",
            ),
        ] {
            assert_eq!(wrong(text), why, "{text}");
        }
        assert!(wrong(r#"{"installed": {}}"#).contains("--client-file"));
        let pem = "-----BEGIN PRIVATE KEY-----\\nAAAA\\n-----END PRIVATE KEY-----\\n";
        let damaged = format!(
            r#"{{"type": "service_account", "client_email": "a@b", "private_key": "{pem}"}}"#
        );
        assert!(wrong(&damaged).starts_with("private_key is damaged"));
    }
}
