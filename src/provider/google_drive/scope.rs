//! What a login may allow: the scopes of Drive, by their short names and as Google has them.

/// What all scopes of Google begin with.
const PREFIX: &str = "https://www.googleapis.com/auth/";

/// Only what this OAuth client made: enough for backups, and the least.
pub const DRIVE_FILE: &str = "https://www.googleapis.com/auth/drive.file";

/// All of a Drive.
pub const DRIVE: &str = "https://www.googleapis.com/auth/drive";

/// All of a Drive, but nothing can be changed.
pub const DRIVE_READONLY: &str = "https://www.googleapis.com/auth/drive.readonly";

/// Scopes as Google has them, from short names or full ones; `None` when one is neither.
pub fn full(text: &str) -> Option<String> {
    let scopes = text.split_whitespace().map(|word| match word {
        "drive" | "drive.file" | "drive.readonly" => Some(format!("{PREFIX}{word}")),
        _ => word.starts_with(PREFIX).then(|| word.to_owned()),
    });
    let scopes: Vec<String> = scopes.collect::<Option<_>>()?;
    (!scopes.is_empty()).then(|| scopes.join(" "))
}

/// As people read them.
pub fn short(scopes: &str) -> String {
    let words = scopes.split_whitespace();
    let words: Vec<&str> = words
        .map(|word| word.strip_prefix(PREFIX).unwrap_or(word))
        .collect();
    words.join(" ")
}

/// Whether all that was asked for is among what was granted; the whole Drive includes each part.
pub fn covers(granted: &str, asked: &str) -> bool {
    let granted: Vec<&str> = granted.split_whitespace().collect();
    let mut asked = asked.split_whitespace();
    asked.all(|scope| granted.contains(&scope) || granted.contains(&DRIVE))
}

/// Why a login cannot store anything, and what mends that; `None` where it can.
pub fn shortfall(granted: &str) -> Option<(&'static str, &'static str)> {
    if covers(granted, DRIVE_FILE) {
        return None;
    }
    // Consent can be given to who one is alone, with the box of the files left empty.
    let mut granted = granted.split_whitespace();
    Some(if granted.any(|scope| scope.starts_with(DRIVE)) {
        (
            "the login may only read",
            "log in again: vertex-backup providers login google_drive --scope drive.file",
        )
    } else {
        (
            "the login may do nothing with Google Drive: its box was not ticked on Google's page",
            "log in again, and tick the box of Google Drive: vertex-backup providers login google_drive",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_and_full_ones_are_the_same() {
        assert_eq!(full("drive.file").as_deref(), Some(DRIVE_FILE));
        assert_eq!(full(DRIVE).as_deref(), Some(DRIVE));
        let both = full("drive.readonly drive.file").unwrap();
        assert_eq!(both, format!("{DRIVE_READONLY} {DRIVE_FILE}"));
        assert_eq!(short(&both), "drive.readonly drive.file");
        for wrong in ["", "drive.everything", "https://evil.example/drive"] {
            assert_eq!(full(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_was_unticked_is_noticed() {
        assert!(covers(&format!("openid {DRIVE_FILE}"), DRIVE_FILE));
        assert!(covers(DRIVE, DRIVE_FILE));
        assert!(!covers(DRIVE_FILE, DRIVE));
        assert!(!covers("", DRIVE_FILE));
    }

    #[test]
    fn a_login_for_no_part_of_a_drive_is_not_one_for_reading() {
        let why = |granted: &str| shortfall(granted).map(|(why, _)| why);
        for enough in [DRIVE, DRIVE_FILE, &format!("openid {DRIVE_FILE}")] {
            assert_eq!(why(enough), None, "{enough}");
        }
        assert_eq!(why(DRIVE_READONLY), Some("the login may only read"));
        for nothing in ["openid email", &format!("{PREFIX}userinfo.email"), ""] {
            let (why, hint) = shortfall(nothing).unwrap();
            assert!(
                why.starts_with("the login may do nothing with Google Drive"),
                "{why}"
            );
            assert!(
                hint.ends_with(": vertex-backup providers login google_drive"),
                "{hint}"
            );
        }
    }
}
