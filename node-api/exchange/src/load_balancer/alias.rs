//! Weighted picks in constant time: the alias method (Vose, "A linear algorithm for generating random numbers with a
//! given distribution", 1991).
//!
//! Each of the 64 columns has a share of 1/64. It is split between its own server, `probability`, and one other,
//! `alias`, so that every server has its weight's share in all.

use bytemuck::{Pod, Zeroable};

use super::observation::SERVERS;

/// One column of the table: its own server with this probability, else the other one.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct AliasColumn {
    /// From 0 to 1.
    pub probability: f32,
    /// The other server.
    pub alias: u32,
}

/// The table of weights that are finite, not negative, and not all 0.
pub(super) fn table_of(weights: &[f32; SERVERS]) -> [AliasColumn; SERVERS] {
    let total: f64 = weights.iter().copied().map(f64::from).sum();
    let mut left = weights.map(|weight| f64::from(weight) * SERVERS as f64 / total);
    let mut table: [AliasColumn; SERVERS] = std::array::from_fn(|column| AliasColumn {
        probability: 1.0,
        alias: column as u32,
    });
    let (mut small, mut large): (Vec<_>, Vec<_>) =
        (0..SERVERS).partition(|column| left[*column] < 1.0);
    while let (Some(poor), Some(rich)) = (small.pop(), large.last().copied()) {
        table[poor] = AliasColumn {
            probability: left[poor] as f32,
            alias: rich as u32,
        };
        left[rich] -= 1.0 - left[poor];
        if left[rich] < 1.0 {
            large.pop();
            small.push(rich);
        }
        if large.is_empty() {
            break;
        }
    }
    // Rounding can leave columns over that are all but full. One without weight is nobody's share but the heaviest's.
    let heaviest = (0..SERVERS).max_by(|a, b| weights[*a].total_cmp(&weights[*b]));
    for column in small {
        if weights[column] == 0.0 {
            table[column] = AliasColumn {
                probability: 0.0,
                alias: heaviest.unwrap_or(column) as u32,
            };
        }
    }
    table
}

/// The share of each server that a table gives.
pub(super) fn shares_of(table: &[AliasColumn; SERVERS]) -> [f64; SERVERS] {
    let mut shares = [0.0; SERVERS];
    for (column, entry) in table.iter().enumerate() {
        let own = f64::from(entry.probability);
        shares[column] += own / SERVERS as f64;
        if let Some(share) = shares.get_mut(entry.alias as usize) {
            *share += (1.0 - own) / SERVERS as f64;
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(of: &[f32]) -> [f32; SERVERS] {
        std::array::from_fn(|server| of.get(server).copied().unwrap_or(0.0))
    }

    #[test]
    fn a_table_gives_each_server_the_share_of_its_weight() {
        let cases: [&[f32]; 9] = [
            &[1.0],
            &[0.0, 1.0],
            &[1.0, 1.0, 1.0, 1.0],
            &[1.0, 1.5, 2.0, 1.2],
            &[0.0, 0.0, 3.0, 0.0, 1.0],
            &[1.0; SERVERS],
            &[1e-30, 1.0, 1e30],
            &[f32::MAX, f32::MAX, f32::MIN_POSITIVE],
            &[0.1; 63],
        ];
        for case in cases {
            let weights = weights(case);
            let total: f64 = weights.iter().copied().map(f64::from).sum();
            let table = table_of(&weights);
            for (server, share) in shares_of(&table).into_iter().enumerate() {
                let wanted = f64::from(weights[server]) / total;
                assert!(
                    (share - wanted).abs() < 1e-6,
                    "{case:?}: {server}: {share}, not {wanted}"
                );
            }
            for (column, entry) in table.iter().enumerate() {
                assert!(
                    (0.0..=1.0).contains(&entry.probability),
                    "{case:?}: {entry:?}"
                );
                let own_is_nothing = entry.probability == 0.0;
                assert!(
                    weights[column] > 0.0 || own_is_nothing,
                    "{case:?}: {column} {entry:?}"
                );
                let alias_is_something = weights[entry.alias as usize] > 0.0;
                assert!(
                    entry.probability == 1.0 || alias_is_something,
                    "{case:?}: {entry:?}"
                );
            }
        }
    }
}
