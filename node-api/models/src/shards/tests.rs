use super::*;

/// The same numbers every time: SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Of any order of magnitude, up to `most`.
    fn length(&mut self, most: u64) -> u64 {
        let bits = self.below(u64::from(most.ilog2()) + 1);
        (self.next() >> (63 - bits)).min(most)
    }
}

/// What must hold of every plan.
fn check(tensors: &[u64], limits: &ShardLimits) -> Vec<Shard> {
    let shards = plan(tensors, limits).unwrap();
    let order = shards
        .iter()
        .flat_map(|shard| &shard.tensors)
        .map(|placed| placed.tensor);
    assert!(order.eq(0..tensors.len()), "every tensor once, in order");
    let most = limits.shard_bytes.min(limits.slot_bytes);
    for shard in &shards {
        assert!(!shard.tensors.is_empty());
        let with_bytes = shard
            .tensors
            .iter()
            .filter(|placed| tensors[placed.tensor] > 0);
        let mut end = 0;
        for &Placed { tensor, offset } in with_bytes.clone() {
            let bytes = tensors[tensor];
            assert!(offset >= end, "no overlap");
            assert!(offset.is_multiple_of(if bytes < 8192 { 64 } else { 256 }));
            let padding = offset - end;
            assert!(
                padding < 64 || padding * 32 < bytes,
                "{padding} for {bytes}"
            );
            end = offset + bytes;
        }
        assert_eq!(shard.bytes, end);
        assert!(end <= most || (with_bytes.count() == 1 && end <= limits.slot_bytes));
        let empty = shard
            .tensors
            .iter()
            .filter(|placed| tensors[placed.tensor] == 0);
        assert!(empty.clone().all(|placed| placed.offset == 0));
    }
    for pair in shards.windows(2) {
        let next = pair[1]
            .tensors
            .iter()
            .find(|placed| tensors[placed.tensor] > 0)
            .unwrap();
        let bytes = tensors[next.tensor];
        let place = pair[0]
            .bytes
            .next_multiple_of(if bytes < 8192 { 64 } else { 256 });
        assert!(
            place + bytes > most,
            "a shard is ended only where the next tensor has no room"
        );
    }
    shards
}

#[test]
fn any_tensors_are_placed_once_in_order_apart_and_aligned() {
    let mut random = Random(1);
    for _ in 0..3_000 {
        let limits = ShardLimits {
            shard_bytes: random.length(1 << 32) + 1,
            slot_bytes: random.length(1 << 33) + 1,
        };
        let most = limits.slot_bytes;
        let count = random.below(200);
        let tensors: Vec<u64> = (0..count)
            .map(|_| {
                if random.below(8) == 0 {
                    0
                } else {
                    random.length(most)
                }
            })
            .collect();
        check(&tensors, &limits);
    }
}

#[test]
fn a_model_far_over_four_gibibytes_is_cut() {
    let mut random = Random(2);
    let tensors: Vec<u64> = (0..20_000)
        .map(|_| random.length((4 << 30) - 4096))
        .collect();
    let total: u64 = tensors.iter().sum();
    assert!(total > 1 << 40);
    let shards = check(&tensors, &ShardLimits::default());
    let placed: u64 = shards.iter().map(|shard| shard.bytes).sum();
    assert!(placed - total < total / 100);
}

/// Shapes of a transformer with 16-bit elements, of a small convolutional network, and of a quantised one whose every
/// matrix has a scale and a zero point.
#[test]
fn alignment_costs_a_usual_model_less_than_a_twentieth() {
    let transformer = [
        4096 * 4096 * 2,
        1024 * 4096 * 2,
        14336 * 4096 * 2,
        4096 * 2,
        4096 * 2,
    ]
    .repeat(32);
    let network: Vec<u64> = (1..40)
        .flat_map(|n| [n * n * 9 * 64 * 4, n * 64 * 4, n * 64 * 4, 4])
        .collect();
    let quantised = [768 * 768, 768 * 4, 768, 768 * 4].repeat(48);
    for tensors in [transformer, network, quantised] {
        let total: u64 = tensors.iter().sum();
        let shards = check(&tensors, &ShardLimits::default());
        let placed: u64 = shards.iter().map(|shard| shard.bytes).sum();
        assert!((placed - total) * 20 < total, "{placed} for {total}");
    }
}

#[test]
fn only_a_small_tensor_begins_at_a_cache_line() {
    let second = |bytes| plan(&[1, bytes], &ShardLimits::default()).unwrap()[0].tensors[1].offset;
    assert_eq!((second(1), second(8191)), (64, 64));
    assert_eq!((second(8192), second(1 << 20)), (256, 256));
}

#[test]
fn a_tensor_larger_than_a_slot_is_named() {
    let limits = ShardLimits::default();
    let slot_bytes = limits.slot_bytes;
    let tensors = [1, slot_bytes, slot_bytes + 1, u64::MAX];
    let bytes = slot_bytes + 1;
    assert_eq!(
        plan(&tensors, &limits),
        Err(ShardError::TooLarge {
            tensor: 2,
            bytes,
            slot_bytes
        })
    );
    assert_eq!(check(&tensors[..2], &limits).len(), 2);
}

#[test]
fn a_slot_without_bounds_does_not_overflow() {
    let limits = ShardLimits {
        shard_bytes: u64::MAX,
        slot_bytes: u64::MAX,
    };
    let shards = plan(&[u64::MAX, 1, u64::MAX - 10, 300, 1], &limits).unwrap();
    assert_eq!(shards.len(), 4);
}

#[test]
fn tensors_without_bytes_have_a_place_and_no_shard_of_their_own() {
    assert_eq!(plan(&[], &ShardLimits::default()), Ok(Vec::new()));
    let all_empty = check(&[0, 0, 0], &ShardLimits::default());
    assert_eq!((all_empty.len(), all_empty[0].bytes), (1, 0));
    let limits = ShardLimits {
        shard_bytes: 100,
        ..ShardLimits::default()
    };
    assert_eq!(check(&[0, 300, 0, 50, 0], &limits).len(), 2);
}
