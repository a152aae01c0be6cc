//! What holds of answers of an OAuth service, whatever is in them.

use super::service::Asked;
use super::{Client, Codes, Endpoints, Granted, OAuth, Refused, Service};
use crate::provider::http::Answer;
use crate::provider::retry::Policy;
use crate::text::acts_on_terminal;

/// All that is read of an answer, from the same bytes.
pub(crate) fn answers(bytes: &[u8]) {
    for service in [Service::Yandex, Service::Google] {
        let oauth = service_of(service);
        let answer = |status| Answer {
            status,
            body: bytes.to_vec(),
            ..Answer::default()
        };
        let _ = oauth
            .read::<Codes>(&mut answer(200))
            .map(OAuth::to_be_typed);
        let _ = oauth
            .read::<Granted>(&mut answer(200))
            .map(|granted| oauth.granted(granted));
        for status in [400, 401, 429, 500] {
            let errors = match oauth.word(&mut answer(status)) {
                Ok(refused) => refusals(oauth, &refused),
                Err(error) => vec![error.detail],
            };
            for told in errors {
                assert!(!told.contains(acts_on_terminal), "{told:?}");
                assert!(told.len() < 5000, "{told}");
            }
        }
    }
}

fn refusals(oauth: &OAuth, refused: &Refused) -> Vec<String> {
    let asked = [
        Asked::DeviceCode,
        Asked::Consent,
        Asked::Code,
        Asked::Refresh,
    ];
    let errors = asked.map(|asked| oauth.refused(asked, refused));
    let errors = errors.into_iter().chain([oauth.denied(&refused.error)]);
    errors.map(|error| error.detail).collect()
}

fn service_of(service: Service) -> &'static OAuth {
    static SERVICES: std::sync::OnceLock<[OAuth; 2]> = std::sync::OnceLock::new();
    let services = SERVICES.get_or_init(|| {
        [Service::Yandex, Service::Google].map(|service| {
            let client = Client {
                id: "client".to_owned(),
                secret: None,
            };
            OAuth::new(
                service,
                Endpoints::below("https://oauth.test"),
                client,
                Policy::default(),
            )
        })
    });
    match service {
        Service::Yandex => &services[0],
        Service::Google => &services[1],
    }
}
