//! What precedes an entry of a tar: its long name, link and size.
//!
//! Such records say how long they are, and a hostile one says anything. None is
//! read beyond [`MAX_RECORD`], and none may contradict another: programs differ
//! in whom they believe, and a name that is checked must be the one that is used.

/// More than any name a system takes.
pub(super) const MAX_RECORD: u64 = 1024 * 1024;

/// What the records before an entry say of it.
#[derive(Clone, Default)]
pub(super) struct Told {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
}

impl Told {
    /// A record of GNU tar, which ends with a NUL.
    pub(super) fn gnu_path(&mut self, record: &[u8]) -> Result<(), &'static str> {
        set(&mut self.path, until_nul(record).to_vec())
    }

    /// As [`Told::gnu_path`], for where a link leads.
    pub(super) fn gnu_link(&mut self, record: &[u8]) -> Result<(), &'static str> {
        set(&mut self.link, until_nul(record).to_vec())
    }

    /// A POSIX record: lines of `LENGTH KEY=VALUE`, the length that of the whole line.
    pub(super) fn pax(&mut self, mut record: &[u8]) -> Result<(), &'static str> {
        const MALFORMED: &str = "has a malformed extension record before it";
        while !record.is_empty() {
            let space = record.iter().position(|byte| *byte == b' ');
            let length = space.and_then(|space| number(&record[..space]));
            let (Some(space), Some(length)) = (space, length) else {
                return Err(MALFORMED);
            };
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            let Some((line, rest)) = record.split_at_checked(length) else {
                return Err(MALFORMED);
            };
            let line = line
                .get(space + 1..)
                .and_then(|line| line.strip_suffix(b"\n"));
            let Some(line) = line else {
                return Err(MALFORMED);
            };
            let Some(equals) = line.iter().position(|byte| *byte == b'=') else {
                return Err(MALFORMED);
            };
            let (key, value) = (&line[..equals], &line[equals + 1..]);
            match key {
                b"path" | b"GNU.sparse.name" => set(&mut self.path, value.to_vec())?,
                b"linkpath" => set(&mut self.link, value.to_vec())?,
                b"size" => set(&mut self.size, number(value).ok_or(MALFORMED)?)?,
                _ => {}
            }
            record = rest;
        }
        Ok(())
    }

    /// What is said of one entry, before what is said of all.
    pub(super) fn or(self, all: &Told) -> Told {
        Told {
            path: self.path.or_else(|| all.path.clone()),
            link: self.link.or_else(|| all.link.clone()),
            size: self.size.or(all.size),
        }
    }
}

fn set<T: PartialEq>(slot: &mut Option<T>, value: T) -> Result<(), &'static str> {
    match slot {
        Some(told) if *told != value => Err("has two different names or sizes"),
        _ => {
            *slot = Some(value);
            Ok(())
        }
    }
}

fn until_nul(record: &[u8]) -> &[u8] {
    record.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Decimal digits and nothing else.
fn number(digits: &[u8]) -> Option<u64> {
    let text = str::from_utf8(digits).ok()?;
    let only_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    only_digits.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_keys_that_matter_are_taken() {
        let mut told = Told::default();
        told.pax(b"21 path=storage/a\nbc\n16 mtime=1234.5\n11 size=17\n")
            .unwrap();
        assert_eq!(told.path.as_deref(), Some(&b"storage/a\nbc"[..]));
        assert_eq!((told.size, told.link), (Some(17), None));
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let mut told = Told::default();
        told.gnu_path(b"a\0").unwrap();
        told.pax(b"9 path=a\n").unwrap();
        assert!(told.pax(b"9 path=b\n").is_err());
        for record in [
            &b"5"[..],
            b"99 path=a\n",
            b"0 path=a\n",
            b"9 path-a\n",
            b"-9 path=a\n",
            b"9 path=ab",
            b"11 size=1x\n" as &[u8],
            b"99999999999999999999 path=a\n",
        ] {
            assert!(Told::default().pax(record).is_err(), "{record:?}");
        }
    }

    proptest! {
        #[test]
        fn no_record_makes_it_panic(record in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Told::default().pax(&record);
            let _ = Told::default().gnu_path(&record);
        }
    }
}
