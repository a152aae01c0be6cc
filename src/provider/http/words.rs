//! What others say, fit to be shown: short, printable, and without what may be a secret.

use crate::text::printable;

/// Of what somebody says, no more is shown.
const SHOWN: usize = 200;

/// No word of a message is longer, unless it is a token, or the address of a transfer.
const LONGEST_WORD: usize = 48;

/// What stands in secrets alone: in signed addresses, and at the beginning of tokens.
const MARKS: [&str; 6] = ["://", "upload_id", "token=", "ya29.", "1//", "y0_"];

/// The beginning of a text of somebody else's.
pub fn said(text: &str) -> String {
    let mut is_credential = false;
    let words = text.split_whitespace().map(|word| {
        let is_secret = is_credential
            || word.chars().count() > LONGEST_WORD
            || MARKS.iter().any(|mark| word.contains(mark));
        is_credential = matches!(word, "Bearer" | "OAuth");
        if is_secret { "…" } else { word }
    });
    let words: Vec<_> = words.collect();
    let short: String = words.join(" ").chars().take(SHOWN).collect();
    printable(&short).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_secret_is_left_out() {
        for (text, shown) in [
            ("Bad\n  Gateway\u{1b}[2J", "Bad Gateway\\u{1b}[2J"),
            ("see https://uploader/SIGNED now", "see … now"),
            ("PUT /upload/x?upload_id=ADPy failed", "PUT … failed"),
            ("token Bearer abc is old", "token Bearer … is old"),
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
