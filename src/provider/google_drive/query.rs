//! The query language of a search, and the one place that writes text into it (§4).

/// What a search is to find; never what is in the trash.
#[derive(Clone, Debug)]
pub(super) struct Query(String);

impl Query {
    /// What is in a folder.
    pub(super) fn children(folder: &str) -> Self {
        Query(format!("{} in parents and trashed = false", quoted(folder)))
    }

    /// Of that, what the service takes to have a name: not in every case exactly it.
    pub(super) fn named(self, name: &str) -> Self {
        Query(format!("{} and name = {}", self.0, quoted(name)))
    }

    /// Of that, the folders.
    pub(super) fn folders(self) -> Self {
        Query(format!("{} and mimeType = {}", self.0, quoted(FOLDER)))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The type of a folder.
pub(super) const FOLDER: &str = "application/vnd.google-apps.folder";

/// A text in single quotes.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}

/// What a reader of the language takes a quoted text for, and what is left after it.
#[cfg(any(test, fuzzing))]
pub(super) fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('\'')?.char_indices();
    let mut plain = String::new();
    while let Some((index, c)) = rest.next() {
        match c {
            '\'' => return Some((plain, &text[index + 2..])),
            '\\' => plain.push(rest.next()?.1),
            c => plain.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        let query = Query::children("1AbC").named("O'Brien \\").folders();
        let expected = r"'1AbC' in parents and trashed = false and name = 'O\'Brien \\' and mimeType = 'application/vnd.google-apps.folder'";
        assert_eq!(query.as_str(), expected);
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_read_as_it_was(text in r"[\\'a\n🌼 ]{0,12}") {
            let quoted = quoted(&text);
            prop_assert_eq!(unquoted(&quoted), Some((text, "")));
        }
    }
}
