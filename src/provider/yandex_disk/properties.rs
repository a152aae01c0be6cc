//! What holds of answers of the Disk, whatever is in them.

use std::sync::OnceLock;

use super::api::{Account, Disk, Link, Resource, read};
use super::refusal::Refusal;
use super::resource::{is_final, is_same, object};
use crate::provider::error::Error;
use crate::provider::http::{Answer, origin};
use crate::provider::lenient::MANY;
use crate::provider::retry::Policy;
use crate::provider::{ObjectKind, Session};
use crate::secret::Secret;
use crate::text::acts_on_terminal;

/// All that is read of an answer, from the same bytes.
pub(crate) fn answers(bytes: &[u8]) {
    let answer = |status| Answer {
        status,
        body: bytes.to_vec(),
        ..Answer::default()
    };
    let yes = answer(200);
    if let Ok(resource) = read::<Resource>(&yes, "looking") {
        resources(resource);
    }
    if let Ok(disk) = read::<Disk>(&yes, "looking") {
        let _ = disk.quota();
        disk.check();
    }
    if let Ok(link) = read::<Link>(&yes, "looking") {
        links(&link);
    }
    let _ = Account::standing(Ok(answer(200)));
    for status in [400, 401, 403, 404, 409, 413, 423, 429, 500, 507, 599] {
        let refusal = Refusal::of(&answer(status));
        assert_harmless(&refusal.error("looking"));
        let _ = (refusal.is_missing(), Account::standing(Err(refusal)));
    }
}

fn resources(mut resource: Resource) {
    if let Some(embedded) = resource.embedded.take() {
        assert!(embedded.items.len() <= MANY);
        for item in embedded.items {
            let _ = object(item, "listing");
        }
    }
    let Ok(object) = object(resource, "looking") else {
        return;
    };
    assert!(!object.version.is_empty());
    assert!(is_same(&object, &object) == (object.kind != ObjectKind::Other));
    let session = Session {
        name: "x.db".to_owned(),
        size: object.size,
        handle: object.name.clone(),
        operation: None,
        address: None,
    };
    assert!(!is_final(&object, &session) || object.sha256.is_some());
}

/// Bytes go to nobody's own network, and the token to the API alone.
fn links(link: &Link) {
    static ACCOUNT: OnceLock<Account> = OnceLock::new();
    let account =
        ACCOUNT.get_or_init(|| Account::new(None, Secret::new("token"), Policy::default()));
    if let Ok(url) = account.transfer_url(link) {
        let url = url.expose();
        assert!(
            url.starts_with("https://") && origin(url).is_some(),
            "{url}"
        );
    }
    if let Ok(url) = account.api_url(link) {
        let (_, host, port) = origin(&url).unwrap_or_default();
        assert!(
            host.starts_with("cloud-api.yandex.") && port == 443,
            "{url}"
        );
    }
}

fn assert_harmless(error: &Error) {
    assert!(
        !error.detail.contains(acts_on_terminal),
        "{:?}",
        error.detail
    );
    // Two texts of two hundred characters, of which each may be written with ten.
    assert!(error.detail.len() < 5000, "{}", error.detail);
}
