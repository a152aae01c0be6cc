//! What holds of answers of the Drive, and of what is asked of it, whatever is in them.

use super::api::{About, Ids, read};
use super::file::{File, id_of};
use super::home::SharedDrive;
use super::query::{Query, unquoted};
use super::refusal::Refusal;
use super::scope;
use super::search::Page;
use super::session::taken;
use crate::provider::http::Answer;
use crate::provider::lenient::MANY;
use crate::text::acts_on_terminal;

/// All that is read of an answer, from the same bytes.
pub(crate) fn answers(bytes: &[u8]) {
    let answer = |status| Answer {
        status,
        body: bytes.to_vec(),
        ..Answer::default()
    };
    let yes = answer(200);
    if let Ok(file) = read::<File>(&yes, "looking") {
        files(&[file]);
    }
    if let Ok(page) = read::<Page>(&yes, "listing") {
        assert!(page.files.len() <= MANY && page.next_page_token.as_deref() != Some(""));
        files(&page.files);
    }
    if let Ok(ids) = read::<Ids>(&yes, "asking for ids") {
        assert!(ids.ids.len() <= MANY);
    }
    if let Ok(about) = read::<About>(&yes, "asking for the account") {
        about.check();
    }
    let _ = read::<SharedDrive>(&yes, "looking at the shared drive");
    for status in [308, 400, 401, 403, 404, 408, 410, 413, 429, 499, 500, 503] {
        let error = Refusal::of(&answer(status)).error("looking");
        assert!(
            !error.detail.contains(acts_on_terminal),
            "{:?}",
            error.detail
        );
        // Two texts of two hundred characters, of which each may be written with ten.
        assert!(error.detail.len() < 5000, "{}", error.detail);
    }
}

fn files(files: &[File]) {
    for file in files {
        assert!(file.precedence() == file.precedence() && file.age() == file.age());
        if let Ok(object) = file.object() {
            assert_eq!(id_of(&object.version), file.id);
            assert!(!file.id.is_empty());
        }
    }
}

/// How much a session has: never more than its range says, and nothing of what has a gap.
pub(crate) fn range(text: &str) {
    if let Some(bytes) = taken(text) {
        assert!(bytes > 0);
        assert_eq!(taken(&format!("bytes=0-{}", bytes - 1)), Some(bytes));
    }
}

/// A name in a search stays in its quotes, and a scope is read as it is written.
pub(crate) fn query(text: &str) {
    let (folder, name) = text.split_once('\n').unwrap_or((text, text));
    let query = Query::children(folder).named(name).folders();
    let (read, rest) = unquoted(query.as_str()).unwrap_or_default();
    assert_eq!(read, folder);
    let rest = rest.strip_prefix(" in parents and trashed = false and name = ");
    let (read, rest) = rest.and_then(unquoted).unwrap_or_default();
    assert_eq!(read, name);
    assert_eq!(rest, " and mimeType = 'application/vnd.google-apps.folder'");
    if let Some(full) = scope::full(text) {
        assert!(scope::covers(&full, &full));
    }
    let _ = scope::shortfall(text);
}
