use super::*;

#[test]
fn numbers_are_told_as_ranges() {
    let top = u64::MAX;
    for (numbers, text) in [
        (vec![], ""),
        (vec![3], "3"),
        (vec![5, 4, 3, 3], "3-5"),
        (vec![9, 1, 3, 8, 0], "0-1, 3, 8-9"),
        (
            vec![top, top - 1],
            "18446744073709551614-18446744073709551615",
        ),
    ] {
        let ranges = ranges(numbers.clone());
        assert_eq!(ranges.to_string(), text);
        let distinct: std::collections::BTreeSet<u64> = numbers.into_iter().collect();
        assert_eq!(ranges.count(), distinct.len() as u64);
        assert!(ranges.numbers().eq(distinct));
    }
}

#[test]
fn gaps_and_parts_are_what_a_set_would_give() {
    for bits in 0..256_u64 {
        let these = ranges((0..8).filter(|number| bits >> number & 1 == 1));
        for count in 0..10 {
            let gaps = (0..count).filter(|number| bits >> number & 1 == 0);
            assert_eq!(these.gaps(count), ranges(gaps), "{these} below {count}");
            let (below, beyond) = these.split(count);
            assert_eq!(
                below,
                ranges(these.numbers().filter(|number| *number < count))
            );
            assert_eq!(
                beyond,
                ranges(these.numbers().filter(|number| *number >= count))
            );
        }
    }
    assert_eq!(
        ranges([u64::MAX]).gaps(u64::MAX).to_string(),
        "0-18446744073709551614"
    );
}
