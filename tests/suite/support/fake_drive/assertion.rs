//! The service account: its key, and the check of what it signs.

use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use ring::rsa::KeyPair;
use ring::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};

use super::FakeDrive;
use super::oauth::{Refused, SCOPE};
use crate::support::fake::content::unbase64;

/// The grant an assertion asks for.
pub const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// The address of the service account.
pub const SERVICE_ACCOUNT: &str = "robot@fake-project.iam.gserviceaccount.com";
/// The user for whom it may act.
pub const USER: &str = "operator@example.com";

const KEY_ID: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00112233f";
const PEM: &str = include_str!("../../../fixtures/service_account.pem");

/// The public half of the key.
static PUBLIC: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let body: String = PEM.lines().filter(|line| !line.starts_with('-')).collect();
    let pair = KeyPair::from_pkcs8(&unbase64(&body).unwrap()).unwrap();
    pair.public_key().as_ref().to_vec()
});

/// Where Google's own client libraries say an assertion goes.
const AUDIENCE: &str = "https://oauth2.googleapis.com/token";

impl FakeDrive {
    /// The key file of the service account, as it is downloaded; it asks this fake for tokens.
    pub fn service_account_key(&self) -> String {
        let key = json!({
            "type": "service_account",
            "project_id": "fake-project",
            "private_key_id": KEY_ID,
            "private_key": PEM,
            "client_email": SERVICE_ACCOUNT,
            "client_id": "110022003300440055006",
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": self.token_uri(),
            "universe_domain": "googleapis.com",
        });
        format!("{key:#}\n")
    }
}

/// Whom a signed assertion speaks for, if for somebody else; or why it is refused.
pub fn check(
    assertion: &str,
    token_uri: &str,
    skew: SignedDuration,
) -> Result<Option<String>, Refused> {
    let malformed = (400, "invalid_grant", "Invalid JWT: malformed.");
    let (signed, signature) = assertion.rsplit_once('.').ok_or(malformed)?;
    let (header, claims) = signed.split_once('.').ok_or(malformed)?;
    let padded = assertion.contains(['=', '+', '/', '\n']);
    if padded {
        return Err(malformed);
    }
    let read = |part: &str| -> Option<Value> { serde_json::from_slice(&unbase64(part)?).ok() };
    let (header, claims) = (
        read(header).ok_or(malformed)?,
        read(claims).ok_or(malformed)?,
    );
    let signature = unbase64(signature).ok_or(malformed)?;
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, PUBLIC.as_slice());
    let valid = public.verify(signed.as_bytes(), &signature).is_ok();
    if !valid || header["alg"] != "RS256" || header["typ"] != "JWT" || header["kid"] != KEY_ID {
        return Err((400, "invalid_grant", "Invalid JWT Signature."));
    }
    if claims["iss"] != SERVICE_ACCOUNT {
        return Err((400, "invalid_grant", "Invalid grant: account not found"));
    }
    if claims["aud"] != AUDIENCE && claims["aud"] != token_uri {
        return Err((400, "invalid_grant", "Invalid JWT: Failed audience check."));
    }
    let (iat, exp) = (claims["iat"].as_i64(), claims["exp"].as_i64());
    let (iat, exp) = iat.zip(exp).ok_or(malformed)?;
    let now = (Timestamp::now() + skew).as_second();
    if exp - iat > 3600 || exp <= now || iat > now + 300 || iat < now - 3600 {
        let text = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a \
                    reasonable timeframe. Check your iat and exp values in the JWT claim.";
        return Err((400, "invalid_grant", text));
    }
    let scopes = claims["scope"].as_str().unwrap_or_default();
    if !scopes.split(' ').all(|scope| scope.starts_with(SCOPE)) {
        let text = "Invalid OAuth scope or ID token audience provided.";
        return Err((400, "invalid_scope", text));
    }
    match claims.get("sub") {
        None => Ok(None),
        Some(sub) if sub == USER => Ok(Some(USER.to_owned())),
        Some(_) => {
            let text = "Client is unauthorized to retrieve access tokens using this method, or \
                        client not authorized for any of the scopes requested.";
            Err((401, "unauthorized_client", text))
        }
    }
}
