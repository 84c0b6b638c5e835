use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn catalog(max_bytes: u64, session_bytes: u64) -> (Catalog<&'static str>, Instant) {
    let terms = Terms {
        max_bytes,
        session_bytes,
        time_to_live: 30 * SECOND,
    };
    (Catalog::new(terms), Instant::now())
}

fn load(catalog: &mut Catalog<&'static str>, model: &'static str, bytes: u64, now: Instant) {
    catalog.begin(model, bytes, now).unwrap();
    catalog.loaded(model, model, now);
}

#[test]
fn the_first_who_asks_loads_and_the_others_wait() {
    let (mut catalog, now) = catalog(100, 100);
    assert_eq!(catalog.find("a"), Found::Absent);
    catalog.begin("a", 10, now).unwrap();
    assert_eq!(catalog.find("a"), Found::Loading);
    assert_eq!(catalog.lease("a", 1, now), Err(NoLease::NotLoaded));
    assert_eq!(catalog.unload("a"), Unloaded::NotLoaded);
    catalog.loaded("a", "a", now);
    assert_eq!(catalog.find("a"), Found::Ready(&"a"));
    catalog.failed("a"); // too late: it is there
    assert_eq!(catalog.find("a"), Found::Ready(&"a"));
    assert_eq!(catalog.loaded("cleared", "cleared", now), Some("cleared"));
    catalog.begin("b", 10, now).unwrap();
    catalog.failed("b");
    assert_eq!(catalog.find("b"), Found::Absent);
}

#[test]
fn a_model_stays_for_its_time_after_the_last_lease() {
    let (mut catalog, now) = catalog(100, 100);
    load(&mut catalog, "a", 10, now);
    let lease = catalog.lease("a", 1, now).unwrap();
    let late = now + 3600 * SECOND;
    assert!(catalog.expired(late, Pressure::Critical).is_empty());
    assert_eq!(catalog.release(lease, late), None);
    assert_eq!(catalog.release(lease, late), None); // a second time changes nothing
    assert!(
        catalog
            .expired(late + 29 * SECOND, Pressure::Low)
            .is_empty()
    );
    let gone = catalog.expired(late + 30 * SECOND, Pressure::Normal);
    assert_eq!(gone, [(String::from("a"), "a")]);
}

#[test]
fn pressure_shortens_the_time() {
    for (pressure, seconds) in [
        (Pressure::Low, 30),
        (Pressure::Normal, 30),
        (Pressure::High, 15),
    ] {
        let (mut catalog, now) = catalog(100, 100);
        load(&mut catalog, "a", 10, now);
        let before = now + seconds * SECOND - Duration::from_millis(1);
        assert!(catalog.expired(before, pressure).is_empty(), "{pressure:?}");
        assert_eq!(catalog.expired(now + seconds * SECOND, pressure).len(), 1);
    }
    let (mut catalog, now) = catalog(100, 100);
    load(&mut catalog, "a", 10, now);
    let quarter = now + 30 * SECOND / 4;
    assert_eq!(catalog.expired(quarter, Pressure::Critical).len(), 1);
}

#[test]
fn room_is_made_by_the_least_recently_used_without_a_lease() {
    let (mut catalog, now) = catalog(100, 1000);
    load(&mut catalog, "old", 40, now);
    load(&mut catalog, "new", 40, now + SECOND);
    let lease = catalog.lease("old", 1, now + 2 * SECOND).unwrap();
    catalog.release(lease, now + 2 * SECOND); // now the more recent one
    assert_eq!(catalog.begin("third", 60, now), Ok(vec!["new"]));
    catalog.loaded("third", "third", now);
    assert_eq!(catalog.bytes(), 100);
}

#[test]
fn what_does_not_fit_is_refused_with_who_holds_and_nothing_goes_for_it() {
    let (mut catalog, now) = catalog(100, 1000);
    load(&mut catalog, "held", 50, now);
    load(&mut catalog, "idle", 30, now);
    catalog.lease("held", 7, now).unwrap();
    let shortage = catalog.begin("large", 60, now).unwrap_err();
    assert_eq!(shortage.free_bytes, 20);
    let holders = [
        (String::from("held"), 50, BTreeSet::from([7])),
        (String::from("idle"), 30, BTreeSet::new()),
    ];
    assert_eq!(shortage.holders, holders);
    assert_eq!(catalog.find("idle"), Found::Ready(&"idle"));
    assert!(catalog.begin("vast", u64::MAX, now).is_err());
}

#[test]
fn five_models_that_do_not_fit_together_come_and_go() {
    let (mut catalog, mut now) = catalog(100, 1000);
    let names = ["a", "b", "c", "d", "e"];
    for round in 0..100 {
        now += SECOND;
        let name = names[round * 7 % 5];
        if catalog.find(name) == Found::Absent {
            load(&mut catalog, name, 40, now);
        }
        let lease = catalog.lease(name, 1, now).unwrap();
        assert!(catalog.bytes() <= 100);
        catalog.release(lease, now);
    }
}

#[test]
fn unloaded_while_leased_it_goes_with_the_last_lease_and_can_be_loaded_beside() {
    let (mut catalog, now) = catalog(100, 1000);
    load(&mut catalog, "a", 40, now);
    let (first, second) = (
        catalog.lease("a", 1, now).unwrap(),
        catalog.lease("a", 2, now).unwrap(),
    );
    assert_eq!(catalog.unload("a"), Unloaded::Leaving(2));
    assert_eq!(catalog.find("a"), Found::Absent);
    catalog.begin("a", 40, now).unwrap();
    catalog.loaded("a", "anew", now);
    assert_eq!(catalog.bytes(), 80);
    assert_eq!(catalog.release(first, now), None);
    assert_eq!(catalog.release(second, now), Some("a"));
    assert_eq!(catalog.unload("a"), Unloaded::Gone("anew"));
    assert_eq!(
        (catalog.bytes(), catalog.unload("a")),
        (0, Unloaded::NotLoaded)
    );
}

#[test]
fn a_quota_counts_each_model_of_a_session_once() {
    let (mut catalog, now) = catalog(1000, 100);
    for (name, bytes) in [("a", 60), ("b", 30), ("c", 20)] {
        load(&mut catalog, name, bytes, now);
    }
    let lease = catalog.lease("a", 1, now).unwrap();
    catalog.lease("a", 1, now).unwrap();
    catalog.lease("b", 1, now).unwrap();
    let over = NoLease::OverQuota {
        leased_bytes: 90,
        needed_bytes: 20,
    };
    assert_eq!(catalog.lease("c", 1, now), Err(over));
    assert!(catalog.lease("c", 2, now).is_ok(), "another session");
    // What is leaving counts as long as it is held.
    catalog.unload("a");
    assert_eq!(catalog.lease("c", 1, now), Err(over));
    catalog.release(lease, now);
    assert_eq!(
        catalog.lease("c", 1, now),
        Err(over),
        "it has another lease"
    );
}

#[test]
fn whatever_happens_the_bound_and_the_leases_hold() {
    for seed in 0..200u64 {
        let (mut catalog, mut now) = catalog(100, 1000);
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = |below: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % below
        };
        let names = ["a", "b", "c", "d"];
        let mut leases: Vec<(LeaseNumber, &str)> = Vec::new();
        let mut held: BTreeMap<&str, usize> = BTreeMap::new();
        for _ in 0..300 {
            now += Duration::from_secs(next(20));
            let name = names[next(4) as usize];
            match next(6) {
                0 if catalog.find(name) == Found::Absent => {
                    let _ = catalog.begin(name, 10 + next(50), now);
                }
                1 if catalog.find(name) == Found::Loading => {
                    assert_eq!(catalog.loaded(name, name, now), None);
                }
                2 => catalog.failed(name),
                3 => {
                    if let Ok(lease) = catalog.lease(name, next(3) as u32, now) {
                        leases.push((lease, name));
                        *held.entry(name).or_default() += 1;
                    }
                }
                4 if !leases.is_empty() => {
                    let (lease, name) = leases.swap_remove(next(leases.len() as u64) as usize);
                    catalog.release(lease, now);
                    *held.entry(name).or_default() -= 1;
                }
                5 => drop(catalog.unload(name)),
                _ => {
                    for (gone, _) in catalog.expired(now, Pressure::Low) {
                        let leasing = catalog.list(now).into_iter();
                        let leasing = leasing.filter(|entry| entry.phase == ModelPhase::Leaving);
                        let leaving: usize = leasing
                            .filter(|entry| entry.model == gone)
                            .map(|entry| entry.leases)
                            .sum();
                        assert_eq!(held.get(&*gone).copied().unwrap_or(0), leaving);
                    }
                }
            }
            assert!(catalog.bytes() <= 100, "seed {seed}");
            let counted: usize = catalog.list(now).iter().map(|entry| entry.leases).sum();
            assert_eq!(counted, leases.len(), "seed {seed}: no lease is lost");
        }
    }
}
