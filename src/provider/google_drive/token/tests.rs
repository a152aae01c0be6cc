//! When a token is got, and how often.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Gives `t1`, `t2` and so on, each for so long, or what it is told to fail with.
struct Source {
    asked: Arc<AtomicUsize>,
    lasts: Duration,
    error: Option<fn() -> Error>,
}

impl Fetch for Source {
    fn fetch(&self) -> Result<Grant> {
        let nth = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(error) = self.error
            && nth > 1
        {
            return Err(error());
        }
        Ok(Grant {
            token: Secret::new(&format!("t{nth}")),
            refresh_token: None,
            expires_at: None,
            lasts: Some(self.lasts),
            scope: Some("drive".to_owned()),
            refresh_token_expires_at: None,
        })
    }

    fn roots(&self) -> Vec<Secret> {
        Vec::new()
    }
}

fn login(lasts: u64, error: Option<fn() -> Error>) -> (Credentials, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let source = Source {
        asked: Arc::clone(&asked),
        lasts: Duration::from_secs(lasts),
        error,
    };
    let credentials = Credentials::refresh_token(Arc::new(source), "id".to_owned(), None);
    (credentials, asked)
}

fn shown(token: Result<Secret>) -> String {
    token.unwrap().expose().to_owned()
}

#[test]
fn one_token_serves_until_it_is_about_to_end() {
    let (credentials, asked) = login(3600, None);
    assert_eq!(credentials.scope(), None);
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    for _ in 0..3 {
        assert_eq!(shown(credentials.now()), "t1");
    }
    assert_eq!(credentials.scope().as_deref(), Some("drive"));
    let five_minutes_before = |credentials: &Credentials| {
        let in_use = credentials.in_use();
        let token = in_use.token.as_ref().unwrap();
        (token.ends_at.unwrap() - token.renewed_at.unwrap()).as_secs()
    };
    assert_eq!(five_minutes_before(&credentials), 300);
    credentials.in_use().token.as_mut().unwrap().renewed_at = Some(Instant::now());
    assert_eq!(shown(credentials.now()), "t2");
    // One that is given for less, or for nothing, is not asked for anew each time.
    for (lasts, used) in [(200, 100), (60, 30), (2, 30), (0, 30)] {
        let (credentials, asked) = login(lasts, None);
        let before = Instant::now();
        assert_eq!(shown(credentials.now()), "t1");
        let renewed_at = credentials.in_use().token.as_ref().unwrap().renewed_at;
        let renewed_after = renewed_at.unwrap() - before;
        assert!(
            renewed_after.as_secs() >= used,
            "{lasts}: {renewed_after:?}"
        );
        credentials.in_use().token.as_mut().unwrap().renewed_at = Some(before);
        assert_eq!(shown(credentials.now()), "t2");
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }
}

#[test]
fn a_refused_token_is_replaced_any_number_of_times_and_once_for_all_who_were_refused() {
    let (credentials, asked) = login(3600, None);
    for round in 1..=3 {
        let token = credentials.now().unwrap();
        assert_eq!(token.expose(), format!("t{round}"));
        let next = format!("t{}", round + 1);
        for _ in 0..4 {
            let after = credentials.after(&token).unwrap().unwrap();
            assert_eq!(after.expose(), next);
        }
    }
    assert_eq!(asked.load(Ordering::Relaxed), 4);
}

#[test]
fn threads_that_need_a_token_at_once_fetch_one() {
    let (credentials, asked) = login(3600, None);
    std::thread::scope(|threads| {
        for _ in 0..8 {
            threads.spawn(|| credentials.now().unwrap());
        }
    });
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[test]
fn what_was_refused_for_good_is_not_asked_again() {
    let dead = || refused("it is dead").hint("log in");
    let (credentials, asked) = login(3600, Some(dead));
    let token = credentials.now().unwrap();
    for _ in 0..3 {
        let error = credentials.after(&token).unwrap_err();
        assert_eq!(error.detail, "it is dead");
        assert_eq!(error.hint.as_deref(), Some("log in"));
        assert!(credentials.now().is_err());
    }
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[test]
fn a_token_that_is_still_good_serves_while_the_service_is_busy() {
    let busy = || {
        let kind = Kind::Connection(Reason::Network);
        Error::new(ProviderKind::GoogleDrive, kind, "busy").repeat(Repeat::Soon)
    };
    let (credentials, asked) = login(3600, Some(busy));
    credentials.now().unwrap();
    credentials.in_use().token.as_mut().unwrap().renewed_at = Some(Instant::now());
    assert_eq!(shown(credentials.now()), "t1");
    credentials.in_use().token.as_mut().unwrap().ends_at = Some(Instant::now());
    assert_eq!(credentials.now().unwrap_err().detail, "busy");
    assert_eq!(asked.load(Ordering::Relaxed), 3);
}

#[test]
fn what_may_have_been_a_slip_is_asked_again() {
    let slip = || refused("a file was being written").repeat(Repeat::Once);
    let (credentials, asked) = login(3600, Some(slip));
    let token = credentials.now().unwrap();
    assert!(credentials.after(&token).is_err());
    assert!(credentials.now().is_err());
    assert_eq!(asked.load(Ordering::Relaxed), 3);
}

#[test]
fn a_bare_token_has_no_successor() {
    let end: Timestamp = "2027-01-01T00:00:00Z".parse().unwrap();
    let credentials = Credentials::access_token(Secret::new("bare"), Some(end));
    let token = credentials.now().unwrap();
    assert_eq!(token.expose(), "bare");
    assert!(credentials.after(&token).unwrap().is_none());
    assert_eq!(credentials.expires_at(), Some(end));
    assert_eq!(credentials.kind().to_string(), "access_token");
    assert_ne!(credentials.kind(), CredentialKind::ServiceAccount);
}
