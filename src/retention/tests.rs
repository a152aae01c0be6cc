//! What retention promises, by example and for any input.

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Zoned {
    let civil: jiff::civil::DateTime = text.parse().unwrap();
    civil.to_zoned(TimeZone::UTC).unwrap()
}

fn now() -> Zoned {
    at("2025-02-01T12:00:00")
}

/// A whole, unverified database backup of that name and time.
fn set(name: &str, made: &str) -> Candidate {
    Candidate {
        name: name.to_owned(),
        backup_type: BackupType::Database,
        made: Some(at(made)),
        incomplete: None,
        verified: false,
        pinned: false,
        under_way: false,
        halves: Vec::new(),
    }
}

fn verified(name: &str, made: &str) -> Candidate {
    Candidate {
        verified: true,
        ..set(name, made)
    }
}

fn broken(name: &str, made: &str) -> Candidate {
    Candidate {
        incomplete: Some("part002 missing".into()),
        ..set(name, made)
    }
}

fn full(name: &str, made: &str, halves: &[&str]) -> Candidate {
    Candidate {
        backup_type: BackupType::Full,
        halves: halves.iter().map(|half| (*half).to_owned()).collect(),
        ..set(name, made)
    }
}

fn rules(policy: Policy) -> Rules {
    let policies = BackupType::ALL.map(|kind| (kind, policy));
    Rules {
        policies: policies.into(),
        only: None,
        ..Rules::default()
    }
}

fn for_type(kind: BackupType, policy: Policy) -> Rules {
    Rules {
        policies: [(kind, policy)].into(),
        only: None,
        ..Rules::default()
    }
}

fn last(count: u32) -> Policy {
    Policy {
        keep_last: count,
        ..Policy::default()
    }
}

fn within(text: &str) -> Policy {
    Policy {
        keep_within: Some(duration::parse(text).unwrap()),
        ..Policy::default()
    }
}

/// `name: keep|remove reasons`, sorted by name.
fn told(sets: &[Candidate], rules: &Rules) -> Vec<String> {
    let decisions = decide(sets, rules, &now());
    let mut told: Vec<String> = sets
        .iter()
        .zip(decisions)
        .map(|(set, decision)| {
            let action = if decision.keep { "keep" } else { "remove" };
            format!("{}: {action} {}", set.name, decision.reasons.join("; "))
        })
        .collect();
    told.sort();
    told
}

fn kept(sets: &[Candidate], rules: &Rules) -> Vec<String> {
    let decisions = decide(sets, rules, &now());
    let kept = sets
        .iter()
        .zip(decisions)
        .filter(|(_, decision)| decision.keep);
    let mut names: Vec<String> = kept.map(|(set, _)| set.name.clone()).collect();
    names.sort();
    names
}

#[test]
fn the_newest_are_counted_whole_and_for_each_type() {
    let mut sets = vec![
        verified("a", "2025-01-31T04:00:00"),
        broken("b", "2025-01-30T04:00:00"),
        set("c", "2025-01-29T04:00:00"),
        set("d", "2025-01-28T04:00:00"),
    ];
    sets.push(full("f", "2025-01-01T04:00:00", &[]));
    assert_eq!(
        told(&sets, &rules(last(2))),
        [
            "a: keep newest verified database backup; last 2",
            "b: keep incomplete: part002 missing; last 2",
            "c: keep last 2",
            "d: remove no rule keeps it",
            "f: keep newest full backup, none is verified; last 2",
        ]
    );
}

#[test]
fn what_a_prune_left_half_removed_goes_and_what_may_be_new_stays() {
    let mut sets = vec![
        broken("a", "2025-01-31T04:00:00"),
        verified("b", "2025-01-30T04:00:00"),
        set("c", "2025-01-29T04:00:00"),
        broken("d", "2025-01-28T04:00:00"),
        broken("e", "2025-01-27T04:00:00"),
    ];
    sets[4].under_way = true;
    assert_eq!(
        told(&sets, &rules(last(1))),
        [
            "a: keep incomplete: part002 missing; no whole database backup is newer; last 1",
            "b: keep newest verified database backup; last 1",
            "c: remove no rule keeps it",
            "d: remove incomplete: part002 missing; no rule keeps it",
            "e: keep incomplete: part002 missing; its upload is under way",
        ]
    );
    // Nothing whole is left to fall back on.
    assert_eq!(
        kept(&[broken("a", "2020-01-01T00:00:00")], &rules(last(1))),
        ["a"]
    );
}

#[test]
fn the_newest_verified_stays_and_so_does_the_newest() {
    let sets = [
        set("a", "2024-01-03T00:00:00"),
        verified("b", "2024-01-02T00:00:00"),
        verified("c", "2024-01-01T00:00:00"),
    ];
    assert_eq!(
        told(&sets, &rules(within("1d"))),
        [
            "a: keep newest database backup, not verified",
            "b: keep newest verified database backup",
            "c: remove no rule keeps it",
        ]
    );
}

#[test]
fn the_future_and_the_unknown_are_kept_and_never_the_newest() {
    let mut sets = vec![
        verified("a", "2025-02-01T12:00:01"),
        verified("b", "2025-02-01T12:00:00"),
        verified("c", "2025-01-01T00:00:00"),
        verified("d", "2025-01-01T00:00:00"),
    ];
    sets[3].made = None;
    assert_eq!(
        told(&sets, &rules(last(1))),
        [
            "a: keep from the future",
            "b: keep newest verified database backup; last 1",
            "c: remove no rule keeps it",
            "d: keep age unknown",
        ]
    );
}

#[test]
fn an_age_at_the_border_is_within() {
    let sets = [
        verified("a", "2025-02-01T00:00:00"),
        set("b", "2025-01-02T12:00:00"),
        set("c", "2025-01-02T11:59:59"),
    ];
    assert_eq!(
        told(&sets, &rules(within("30d")))[1..],
        ["b: keep within 30d", "c: remove no rule keeps it"]
    );
}

#[test]
fn days_weeks_and_months_end_where_the_calendar_says() {
    let daily = |count| Policy {
        keep_daily: count,
        ..Policy::default()
    };
    let sets = [
        set("a", "2025-01-31T00:00:00"),
        set("b", "2025-01-30T23:59:59"),
        set("c", "2025-01-30T00:00:00"),
        // Days without a backup do not count.
        set("d", "2025-01-20T00:00:00"),
    ];
    assert_eq!(
        told(&sets, &rules(daily(2))),
        [
            "a: keep newest database backup, none is verified; daily 2025-01-31",
            "b: keep daily 2025-01-30",
            "c: remove no rule keeps it",
            "d: remove no rule keeps it",
        ]
    );
    assert_eq!(kept(&sets, &rules(daily(3))), ["a", "b", "d"]);

    // 2024-12-30 is the Monday of the first week of 2025.
    let weekly = Policy {
        keep_weekly: 2,
        ..Policy::default()
    };
    let sets = [
        set("a", "2025-01-05T23:59:59"),
        set("b", "2024-12-30T00:00:00"),
        set("c", "2024-12-29T23:59:59"),
        set("d", "2024-12-22T00:00:00"),
    ];
    assert_eq!(
        told(&sets, &rules(weekly)),
        [
            "a: keep newest database backup, none is verified; weekly 2025-W01",
            "b: remove no rule keeps it",
            "c: keep weekly 2024-W52",
            "d: remove no rule keeps it",
        ]
    );

    let monthly = Policy {
        keep_monthly: 2,
        ..Policy::default()
    };
    let sets = [
        set("a", "2025-01-01T00:00:00"),
        set("b", "2024-12-31T23:59:59"),
        set("c", "2024-12-01T00:00:00"),
        set("d", "2024-11-30T23:59:59"),
    ];
    assert_eq!(
        told(&sets, &rules(monthly)),
        [
            "a: keep newest database backup, none is verified; monthly 2025-01",
            "b: keep monthly 2024-12",
            "c: remove no rule keeps it",
            "d: remove no rule keeps it",
        ]
    );
}

#[test]
fn a_day_is_one_of_the_zone() {
    let daily = Policy {
        keep_daily: 1,
        ..Policy::default()
    };
    let zone = TimeZone::fixed(jiff::tz::offset(5));
    let mut sets = [
        set("a", "2025-01-31T19:30:00"),
        set("b", "2025-01-31T18:30:00"),
    ];
    for set in &mut sets {
        set.made = set
            .made
            .take()
            .map(|made| made.with_time_zone(zone.clone()));
    }
    let why = &decide(&sets, &rules(daily), &now())[0].reasons;
    // 00:30 of the next day there.
    assert!(why.contains(&"daily 2025-02-01".to_owned()), "{why:?}");
}

#[test]
fn of_two_made_at_one_time_one_counts_and_it_is_the_verified_one() {
    let sets = [
        set("b", "2025-01-31T04:00:00"),
        verified("a", "2025-01-31T04:00:00"),
        set("c", "2025-01-30T04:00:00"),
    ];
    assert_eq!(kept(&sets, &rules(last(1))), ["a"]);
    assert_eq!(kept(&sets, &rules(last(2))), ["a", "b"]);
}

#[test]
fn halves_share_the_fate_of_their_full_backup_where_no_policy_is_theirs() {
    let half = |name: &str, kind, made| Candidate {
        backup_type: kind,
        ..verified(name, made)
    };
    let (new, old) = ("2025-01-31T04:00:00", "2025-01-01T04:00:00");
    let (database, storage) = (BackupType::Database, BackupType::Storage);
    let mut sets = vec![
        half("d1", database, new),
        half("s1", storage, new),
        half("d2", database, old),
        half("s2", storage, old),
        half("d3", database, old),
        full("f1", new, &["d1", "s1"]),
        full("f2", old, &["d2", "s2", "gone"]),
    ];
    let rules = for_type(BackupType::Full, last(1));
    assert_eq!(
        told(&sets, &rules),
        [
            "d1: keep newest verified database backup; half of f1",
            "d2: remove half of f2, which goes",
            "d3: keep no policy for database backups",
            "f1: keep newest full backup, none is verified; last 1",
            "f2: remove no rule keeps it",
            "s1: keep newest verified storage backup; half of f1",
            "s2: remove half of f2, which goes",
        ]
    );
    // Pinned, needed elsewhere, or with a policy of their own, they stay.
    sets[2].pinned = true;
    sets[5].halves.push("s2".into());
    assert_eq!(
        told(&sets, &rules)[1..7],
        [
            "d2: keep pinned",
            "d3: keep no policy for database backups",
            "f1: keep newest full backup, none is verified; last 1",
            "f2: remove no rule keeps it",
            "s1: keep newest verified storage backup; half of f1",
            "s2: keep half of f1",
        ]
    );
    let mut both = rules.clone();
    both.policies.insert(database, last(9));
    sets[2].pinned = false;
    assert_eq!(told(&sets, &both)[1], "d2: keep last 9");
    both.only = Some(BackupType::Full);
    assert_eq!(
        told(&sets, &both)[1],
        "d2: keep database backups were not asked for"
    );
    // A full backup that stays holds its halves against their own policy.
    let own = for_type(database, last(1));
    assert_eq!(told(&sets, &own)[1], "d2: keep half of f2");
    assert_eq!(told(&sets, &own)[2], "d3: remove no rule keeps it");
}

#[test]
fn a_policy_that_keeps_nothing_is_refused_and_an_unknown_rule_too() {
    for policy in [Policy::default(), within("0")] {
        assert_eq!(policy.check().unwrap_err().code(), Code::Usage);
    }
    let policy = Policy {
        keep_monthly: 1,
        ..within("36h")
    };
    let text = serde_json::to_string(&policy.check().unwrap()).unwrap();
    assert_eq!(serde_json::from_str::<Policy>(&text).unwrap(), policy);
    assert_eq!(policy.to_string(), "within 1d12h, monthly 1");
    assert!(serde_json::from_str::<Policy>(r#"{"keep_yearly": 3}"#).is_err());
}

fn a_policy() -> impl Strategy<Value = Policy> {
    let count = || 0u32..5;
    let within = prop::option::of((0u64..40).prop_map(|days| Duration::from_secs(days * 86_400)));
    (count(), within, count(), count(), count()).prop_map(
        |(keep_last, keep_within, keep_daily, keep_weekly, keep_monthly)| Policy {
            keep_last,
            keep_within,
            keep_daily,
            keep_weekly,
            keep_monthly,
        },
    )
}

fn some_rules() -> impl Strategy<Value = Rules> {
    let policies = prop::collection::btree_map(a_type(), a_policy(), 0..4);
    (policies, prop::option::of(a_type())).prop_map(|(policies, only)| Rules {
        policies,
        only,
        ..Rules::default()
    })
}

fn a_type() -> impl Strategy<Value = BackupType> {
    prop::sample::select(BackupType::ALL.to_vec())
}

/// Sets over a few weeks, some at one time, a few ahead of the clock; manifests name any of them.
fn some_sets() -> impl Strategy<Value = Vec<Candidate>> {
    let made = prop::option::weighted(0.9, -90i64 * 4..4);
    let facts = (
        prop::bool::weighted(0.2),
        any::<bool>(),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
    );
    let halves = prop::collection::vec(0usize..16, 0..3);
    let one = (a_type(), made, facts, halves);
    prop::collection::vec(one, 0..16).prop_map(|sets| {
        let candidate = |(number, (kind, made, facts, halves)): (usize, _)| {
            let (broken, verified, pinned, under_way) = facts;
            let hours = |quarters: i64| jiff::Span::new().hours(quarters * 6);
            let made: Option<i64> = made;
            let halves: Vec<usize> = halves;
            Candidate {
                name: format!("set{number}"),
                backup_type: kind,
                made: made.map(|made| now().checked_add(hours(made)).unwrap()),
                incomplete: Some("part001 missing".to_owned()).filter(|_| broken),
                verified,
                pinned,
                under_way,
                halves: if kind == BackupType::Full {
                    halves.iter().map(|half| format!("set{half}")).collect()
                } else {
                    Vec::new()
                },
            }
        };
        sets.into_iter().enumerate().map(candidate).collect()
    })
}

/// Those of a type that count, newest first, found in the plainest way.
fn counted(sets: &[Candidate], kind: BackupType) -> Vec<&Candidate> {
    let mut found: Vec<&Candidate> = sets
        .iter()
        .filter(|set| set.backup_type == kind && set.incomplete.is_none())
        .filter(|set| set.made.as_ref().is_some_and(|made| *made <= now()))
        .collect();
    found.sort_by_key(|set| {
        (
            set.made.as_ref().unwrap().timestamp(),
            set.verified,
            &set.name,
        )
    });
    found.reverse();
    found
}

proptest! {
    #[test]
    fn what_must_stay_stays(sets in some_sets(), rules in some_rules()) {
        let kept = kept(&sets, &rules);
        for set in &sets {
            let is_future = set.made.as_ref().is_none_or(|made| *made > now());
            if set.pinned || set.under_way || is_future {
                prop_assert!(kept.contains(&set.name), "{}", set.name);
            }
            if kept.contains(&set.name) {
                let there = set.halves.iter().filter(|half| sets.iter().any(|set| set.name == **half));
                for half in there {
                    prop_assert!(kept.contains(half), "{half} of {}", set.name);
                }
            }
        }
        for kind in BackupType::ALL {
            let counted = counted(&sets, kind);
            let newest = counted.iter().find(|set| set.verified).or(counted.first());
            prop_assert!(newest.is_none_or(|set| kept.contains(&set.name)));
            prop_assert!(counted.first().is_none_or(|set| kept.contains(&set.name)));
        }
    }

    #[test]
    fn each_decision_has_its_reasons_whatever_the_order(
        sets in some_sets(),
        rules in some_rules(),
        seed in any::<u64>(),
    ) {
        for decision in decide(&sets, &rules, &now()) {
            prop_assert!(!decision.reasons.is_empty());
        }
        let mut turned = sets.clone();
        turned.sort_by_key(|set| crate::hash::Sha256::of(format!("{seed}{}", set.name).as_bytes()).to_string());
        prop_assert_eq!(told(&sets, &rules), told(&turned, &rules));
    }

    #[test]
    fn a_stricter_policy_keeps_no_more(sets in some_sets(), rules in some_rules(), cut in a_policy()) {
        let mut stricter = rules.clone();
        for policy in stricter.policies.values_mut() {
            *policy = Policy {
                keep_last: policy.keep_last.min(cut.keep_last),
                keep_within: policy.keep_within.zip(cut.keep_within).map(|(a, b)| a.min(b)),
                keep_daily: policy.keep_daily.min(cut.keep_daily),
                keep_weekly: policy.keep_weekly.min(cut.keep_weekly),
                keep_monthly: policy.keep_monthly.min(cut.keep_monthly),
            };
        }
        let (more, less) = (kept(&sets, &rules), kept(&sets, &stricter));
        prop_assert!(less.iter().all(|name| more.contains(name)), "{less:?} of {more:?}");
    }

    /// The counts, as a plain loop over the calendar finds them.
    #[test]
    fn the_counts_are_exact(sets in some_sets(), policy in a_policy()) {
        let decisions = decide(&sets, &rules(policy), &now());
        let by_rule = |word: &str| -> BTreeSet<&str> {
            let said = |decision: &Decision| decision.reasons.iter().any(|why| why.starts_with(word));
            let of = sets.iter().zip(&decisions).filter(|(set, decision)| set.incomplete.is_none() && said(decision));
            of.map(|(set, _)| set.name.as_str()).collect()
        };
        let (mut last, mut within) = (BTreeSet::new(), BTreeSet::new());
        let mut calendar: [BTreeSet<&str>; 3] = Default::default();
        for kind in BackupType::ALL {
            let counted = counted(&sets, kind);
            last.extend(counted.iter().take(policy.keep_last as usize).map(|set| set.name.as_str()));
            let formats = [("%Y-%m-%d", policy.keep_daily), ("%G-%V", policy.keep_weekly), ("%Y-%m", policy.keep_monthly)];
            for (index, (format, count)) in formats.into_iter().enumerate() {
                let mut seen: Vec<String> = Vec::new();
                for set in &counted {
                    let label = set.made.as_ref().unwrap().strftime(format).to_string();
                    if seen.len() < count as usize && !seen.contains(&label) {
                        seen.push(label);
                        calendar[index].insert(&set.name);
                    }
                }
            }
            let limit = policy.keep_within.unwrap_or_default();
            let young = counted.iter().filter(|set| {
                let age = now().timestamp().duration_since(set.made.as_ref().unwrap().timestamp());
                !limit.is_zero() && age.unsigned_abs() <= limit
            });
            within.extend(young.map(|set| set.name.as_str()));
        }
        prop_assert_eq!(by_rule("last "), last);
        prop_assert_eq!(by_rule("within "), within);
        for (word, expected) in ["daily ", "weekly ", "monthly "].iter().zip(calendar) {
            prop_assert_eq!(by_rule(word), expected, "{}", word);
        }
    }
}
