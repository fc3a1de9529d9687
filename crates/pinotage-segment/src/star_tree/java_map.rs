//! The order in which Java's `HashMap<Integer, …>` gives its keys.

/// The smallest table.
const SMALLEST: usize = 16;
/// A bucket with more keys makes the table grow, as long as it is small.
const MOST: usize = 8;
/// A table of this size keeps a crowded bucket.
const LARGE: usize = 64;

/// The places of keys in the order of a hash map's table, for keys put in one after the other.
///
/// Pinot numbers the docs of a star-tree in this order, though any order would do. From the ninth key of a bucket of a
/// large table on Java keeps a tree, whose order is not imitated here: such a star-tree is as right, with docs in another
/// order than Pinot's.
pub(super) fn order(keys: &[i32]) -> Vec<usize> {
    let mut table = vec![Vec::new(); SMALLEST];
    for (place, key) in keys.iter().enumerate() {
        let bucket = bucket(*key, table.len());
        table[bucket].push(place);
        if table[bucket].len() > MOST && table.len() < LARGE {
            table = grown(table, keys);
        }
        if place + 1 > table.len() / 4 * 3 {
            table = grown(table, keys);
        }
    }
    table.into_iter().flatten().collect()
}

fn bucket(key: i32, len: usize) -> usize {
    let hash = key as u32;
    (hash ^ (hash >> 16)) as usize & (len - 1)
}

/// Keys of a bucket stay in the order in which they came.
fn grown(table: Vec<Vec<usize>>, keys: &[i32]) -> Vec<Vec<usize>> {
    let mut grown = vec![Vec::new(); 2 * table.len()];
    let len = grown.len();
    table.into_iter().flatten().for_each(|place| grown[bucket(keys[place], len)].push(place));
    grown
}

#[cfg(test)]
mod tests {
    #[test]
    fn keys_come_as_java_gives_them() {
        let keys = |keys: &[i32]| -> Vec<i32> { super::order(keys).into_iter().map(|place| keys[place]).collect() };
        // The hash of -1 ends in sixteen zeros.
        assert_eq!(keys(&[0, 1, 2, -1]), [0, -1, 1, 2]);
        assert_eq!(keys(&[3, 16, 17, 19, -1]), [16, -1, 17, 3, 19]);
        // Twelve keys fit a table of sixteen, thirteen do not.
        let many: Vec<i32> = (0..12).map(|key| key * 16).collect();
        assert_eq!(keys(&many[..8]), &many[..8]);
        assert_eq!(keys(&many[..9]), [0, 32, 64, 96, 128, 16, 48, 80, 112]);
    }
}
