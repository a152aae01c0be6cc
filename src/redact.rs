//! The one redaction: all that is printed or stored passes through it.
//!
//! What is known to be a secret is left out wherever it stands: each [`Secret`] that is made is
//! entered here, as it is and as it looks in JSON and in addresses, until the process ends. What
//! others say may hold secrets that nobody here knows: [`said`] leaves out what looks like one.
//!
//! The terminal (`cli/ui.rs`), the history and the lock files are the places that ask [`known`];
//! whoever quotes a provider or a program asks [`said`]; whatever cuts a text short asks before it cuts.
//!
//! [`Secret`]: crate::secret::Secret

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

use zeroize::Zeroizing;

use crate::text::{encoded, printable};

/// What stands in place of a known secret.
const REDACTED: &str = "[redacted]";

/// What is shorter is no secret, but stands in ordinary words.
const SHORTEST: usize = 8;

/// Of a secret of several lines each is one; shorter ones are not worth it.
const SHORTEST_LINE: usize = 16;

/// An address that is shorter has no signature in it; it may be all that addresses have in common.
const SHORTEST_ADDRESS: usize = 24;

/// So many secrets that last are known: more than any configuration has, and a year of renewals.
const MOST_LASTING: usize = 512;

/// So many addresses of transfers are known: each is of use for one file only.
const MOST_PASSING: usize = 64;

/// How long a secret is one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lasting {
    /// As long as the process runs: credentials.
    Always,
    /// For one transfer: the address of it.
    Passing,
}

/// Enters a secret, in every form in which it may show.
pub(crate) fn enter(text: &str, lasting: Lasting) {
    let shortest = match lasting {
        Lasting::Passing => SHORTEST_ADDRESS,
        Lasting::Always if text.trim().contains('\n') => SHORTEST_LINE,
        Lasting::Always => SHORTEST,
    };
    // The lines around a key in PEM are no secret.
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| line.len() >= shortest && !line.starts_with("-----"));
    let mut register = register();
    for line in lines {
        register.enter(line, lasting);
        if lasting == Lasting::Passing
            && let Some(path) = path_of(line)
        {
            register.enter(path, lasting);
        }
    }
    IS_EMPTY.store(register.forms().next().is_none(), Ordering::Release);
}

/// Forgets all secrets, and leaves nothing of them in memory.
pub(crate) fn forget() {
    *register() = Register::EMPTY;
    IS_EMPTY.store(true, Ordering::Release);
}

/// A text without the secrets that are known. One without any is borrowed as it is.
pub fn known(text: &str) -> Cow<'_, str> {
    if IS_EMPTY.load(Ordering::Acquire) {
        return Cow::Borrowed(text);
    }
    let register = REGISTER.read().unwrap_or_else(PoisonError::into_inner);
    register.clean(text)
}

/// As [`known`], of a text that is not needed any more.
pub fn known_owned(text: String) -> String {
    match known(&text) {
        Cow::Owned(cleaned) => cleaned,
        Cow::Borrowed(_) => text,
    }
}

/// Of what somebody says, no more is shown.
const SHOWN: usize = 200;

/// No word of a message is longer, unless it is a token, or the address of a transfer.
const LONGEST_WORD: usize = 48;

/// An address may be signed.
const ADDRESS: &str = "://";

/// What stands in secrets alone: in signed addresses, at the beginning of tokens and keys, and
/// before their values.
const MARKS: [&str; 14] = [
    ADDRESS,
    "upload_id",
    "token=",
    "token\"",
    "secret=",
    "secret\"",
    "signature=",
    "ya29.",
    "1//",
    "y0_",
    "GOCSPX-",
    "eyJ",
    "AGE-SECRET-KEY-",
    "-----BEGIN",
];

/// Whether a word, which is no address, begins or names what may be a secret.
pub(crate) fn is_marked(word: &str) -> bool {
    let mut marks = MARKS.iter().filter(|mark| **mark != ADDRESS);
    marks.any(|mark| word.contains(mark))
}

/// The beginning of a text of somebody else's: short, printable, and without what may be a secret.
pub fn said(text: &str) -> String {
    let mut is_credential = false;
    let text = known(text);
    let words = text.split_whitespace().map(|word| {
        let is_marked = MARKS.iter().any(|mark| word.contains(mark));
        let is_secret = is_credential || is_marked || word.chars().count() > LONGEST_WORD;
        // A scheme, or a name: what is secret comes after it.
        let scheme = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        is_credential = matches!(scheme, "Bearer" | "bearer" | "OAuth" | "Basic")
            || (is_marked && word.ends_with([':', '=']));
        if is_secret { "…" } else { word }
    });
    let words: Vec<_> = words.collect();
    let short: String = words.join(" ").chars().take(SHOWN).collect();
    printable(&short).into_owned()
}

static REGISTER: RwLock<Register> = RwLock::new(Register::EMPTY);

/// Most commands know no secret: they need not even look at the register.
static IS_EMPTY: AtomicBool = AtomicBool::new(true);

fn register() -> RwLockWriteGuard<'static, Register> {
    REGISTER.write().unwrap_or_else(PoisonError::into_inner)
}

/// One secret as it may show: in itself, in JSON, in an address.
type Forms = Vec<Zeroizing<String>>;

/// The secrets that are known.
struct Register {
    lasting: VecDeque<Forms>,
    passing: VecDeque<Forms>,
    /// One bit for each two bytes that a form begins with: most of a text is passed over by it.
    beginnings: Vec<u64>,
}

impl Register {
    const EMPTY: Register = Register {
        lasting: VecDeque::new(),
        passing: VecDeque::new(),
        beginnings: Vec::new(),
    };

    fn forms(&self) -> impl Iterator<Item = &Zeroizing<String>> {
        self.lasting.iter().chain(&self.passing).flatten()
    }

    fn enter(&mut self, secret: &str, lasting: Lasting) {
        let forms = forms_of(secret);
        let (known, most) = match lasting {
            Lasting::Always => (&mut self.lasting, MOST_LASTING),
            Lasting::Passing => (&mut self.passing, MOST_PASSING),
        };
        if known.contains(&forms) {
            return;
        }
        known.push_back(forms);
        while known.len() > most {
            known.pop_front();
        }
        let mut beginnings = vec![0; 1 << 10];
        for form in self.forms() {
            let (word, bit) = place(form.as_bytes());
            beginnings[word] |= bit;
        }
        self.beginnings = beginnings;
    }

    fn clean<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let bytes = text.as_bytes();
        let (mut cleaned, mut copied, mut at) = (String::new(), 0, 0);
        while at + SHORTEST <= bytes.len() {
            let (word, bit) = place(&bytes[at..]);
            let may_begin = self
                .beginnings
                .get(word)
                .is_some_and(|bits| bits & bit != 0);
            match may_begin.then(|| self.longest_at(&bytes[at..])).flatten() {
                Some(length) => {
                    // A form begins with a whole character, and so does what it is found in.
                    cleaned.push_str(&text[copied..at]);
                    cleaned.push_str(REDACTED);
                    at += length;
                    copied = at;
                }
                None => at += 1,
            }
        }
        if copied == 0 {
            return Cow::Borrowed(text);
        }
        cleaned.push_str(&text[copied..]);
        Cow::Owned(cleaned)
    }

    fn longest_at(&self, bytes: &[u8]) -> Option<usize> {
        let found = self
            .forms()
            .filter(|form| bytes.starts_with(form.as_bytes()));
        found.map(|form| form.len()).max()
    }
}

/// Where the bit of the first two bytes is.
fn place(bytes: &[u8]) -> (usize, u64) {
    let pair = usize::from(bytes[0]) << 8 | usize::from(bytes[1]);
    (pair >> 6, 1 << (pair & 63))
}

fn forms_of(secret: &str) -> Forms {
    let mut forms = vec![Zeroizing::new(secret.to_owned())];
    let json = serde_json::to_string(secret).map(Zeroizing::new);
    let json = json.iter().filter_map(|json| json.get(1..json.len() - 1));
    forms.extend(json.map(|json| Zeroizing::new(json.to_owned())));
    forms.push(Zeroizing::new(encoded(secret)));
    forms.sort_by(|a, b| a.as_str().cmp(b));
    forms.dedup();
    forms
}

/// What an address is without its host, where that is enough of it.
fn path_of(address: &str) -> Option<&str> {
    let (_, rest) = address.split_once("://")?;
    let path = &rest[rest.find('/')?..];
    (path.len() >= SHORTEST_LINE).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knowing(secrets: &[&str]) -> Register {
        let mut register = Register::EMPTY;
        for secret in secrets {
            register.enter(secret, Lasting::Always);
        }
        register
    }

    #[test]
    fn a_known_secret_is_left_out_in_every_form() {
        let register = knowing(&["1//0g-Ab\"c", "1//0g-Ab\"cdefg", "ключ-ключ"]);
        for (text, shown) in [
            ("a 1//0g-Ab\"c.", "a [redacted]."),
            (r#"{"x":"1//0g-Ab\"c"}"#, r#"{"x":"[redacted]"}"#),
            ("?t=1%2F%2F0g-Ab%22c&u", "?t=[redacted]&u"),
            // The longer of two that begin alike; one right behind the other.
            ("1//0g-Ab\"cdefg1//0g-Ab\"c", "[redacted][redacted]"),
            ("«ключ-ключ»", "«[redacted]»"),
        ] {
            assert_eq!(register.clean(text), shown);
        }
        for harmless in ["", "1", "1//0g-Ab", "ключ", "/vertex-ar/acme-corp/backups"] {
            assert!(matches!(register.clean(harmless), Cow::Borrowed(_)));
        }
        assert!(matches!(
            Register::EMPTY.clean("1//0g-Ab"),
            Cow::Borrowed(_)
        ));
    }

    #[test]
    fn addresses_pass_and_credentials_stay() {
        let mut register = knowing(&["credential"]);
        for number in 0..1000 {
            register.enter(
                &format!("https://u/{number:04}?upload_id=x"),
                Lasting::Passing,
            );
        }
        assert_eq!(register.passing.len(), MOST_PASSING);
        assert_eq!(register.clean("credential"), REDACTED);
        assert_eq!(register.clean("https://u/0999?upload_id=x"), REDACTED);
        for number in 0..1000 {
            register.enter(&format!("another {number}"), Lasting::Always);
        }
        assert_eq!(register.lasting.len(), MOST_LASTING);
    }

    #[test]
    fn a_key_is_known_by_each_of_its_lines() {
        let line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC-only-in-this-test";
        let key = format!("-----BEGIN PRIVATE KEY-----\n{line}\nQ==\n-----END PRIVATE KEY-----\n");
        enter(&key, Lasting::Always);
        assert_eq!(known(&format!("at {line}")), "at [redacted]");
        assert_eq!(
            known("-----BEGIN PRIVATE KEY-----"),
            "-----BEGIN PRIVATE KEY-----"
        );
        let address = "https://upload-host.test/only/in/this/test?upload_id=ADPy";
        enter(address, Lasting::Passing);
        assert_eq!(
            known("PUT /only/in/this/test?upload_id=ADPy"),
            "PUT [redacted]"
        );
    }

    #[test]
    fn what_may_be_a_secret_is_left_out() {
        for (text, shown) in [
            ("Bad\n  Gateway\u{1b}[2J", "Bad Gateway\\u{1b}[2J"),
            ("see https://uploader/SIGNED now", "see … now"),
            ("PUT /upload/x?upload_id=ADPy failed", "PUT … failed"),
            ("token Bearer abc is old", "token Bearer … is old"),
            ("Authorization: \"bearer abc\"", "Authorization: \"bearer …"),
            (r#"{"access_token": "abc", "a": 1}"#, r#"… … "a": 1}"#),
            ("ya29.a0 or 1//0g", "… or …"),
            (
                "File not found: 1AbCdEfGhIjKlMnOpQrStUvWxYz012345.",
                "File not found: 1AbCdEfGhIjKlMnOpQrStUvWxYz012345.",
            ),
        ] {
            assert_eq!(said(text), shown);
        }
        assert_eq!(said(&"x".repeat(49)), "…");
        assert_eq!(said(&"ab ".repeat(500)).len(), SHOWN);
    }
}
