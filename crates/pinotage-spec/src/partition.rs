//! Partition functions (`org.apache.pinot.segment.spi.partition`) and their configuration.

use pinotage_common::{Error, Result};
use serde_json::Value as Json;

use crate::hash::{murmur2, murmur3_x64, murmur3_x86};

/// `columnPartitionMap` of one column: a function and a number of partitions.
#[derive(Debug, Clone, PartialEq)]
pub struct PartitionConfig {
    /// The function.
    pub function: PartitionFunction,
    /// The name as written, repeated in a segment's metadata.
    pub function_name: String,
    /// How many partitions there are; positive.
    pub num_partitions: u32,
    /// `functionConfig`, repeated in a segment's metadata.
    pub config: Vec<(String, String)>,
}

/// A partition function; values come as Pinot's text of them.
#[derive(Debug, Clone, PartialEq)]
pub enum PartitionFunction {
    /// MurmurHash2 as in Kafka's default partitioner.
    Murmur,
    /// Murmur3, the 32-bit variant for x86.
    Murmur3 {
        /// The seed.
        seed: u32,
    },
    /// The upper 32 bits of the Infinispan and Debezium variant of Murmur3.
    Murmur3X64 {
        /// The seed.
        seed: u32,
    },
    /// The value itself.
    Modulo,
    /// `String.hashCode`
    HashCode,
    /// `Arrays.hashCode` of the UTF-8 bytes.
    ByteArray,
    /// The 1-based place in a list of values, 0 for others.
    BoundedColumnValue {
        /// The values.
        values: Vec<String>,
    },
}

impl PartitionConfig {
    /// Reads an entry of `columnPartitionMap`.
    ///
    /// # Errors
    ///
    /// `invalid-config` for an unknown function or a count that is not positive.
    pub fn from_json(json: &Json) -> Result<Self> {
        let function_name = json
            .get("functionName")
            .and_then(Json::as_str)
            .ok_or_else(|| Error::invalid_config("expected the partition config to have a `functionName`"))?;
        let num_partitions = json
            .get("numPartitions")
            .and_then(|count| count.as_u64().or_else(|| count.as_str()?.parse().ok()))
            .and_then(|count| u32::try_from(count).ok())
            .filter(|count| (1..=i32::MAX as u32).contains(count))
            .ok_or_else(|| Error::invalid_config("expected `numPartitions` to be a positive number"))?;
        let config: Vec<(String, String)> = json
            .get("functionConfig")
            .and_then(Json::as_object)
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
            .collect();
        let function = PartitionFunction::parse(function_name, &config, num_partitions)?;
        Ok(Self { function, function_name: function_name.into(), num_partitions, config })
    }

    /// The partition of a value, given as Pinot's text of it.
    ///
    /// # Errors
    ///
    /// `invalid-data` when `Modulo` meets a value that is not a whole number.
    pub fn partition(&self, value: &str) -> Result<u32> {
        let n = self.num_partitions;
        let mask = |hash: u32| (hash & 0x7fff_ffff) % n;
        // `Math.abs` before the modulo, with the one value that has no absolute.
        let absolute = |hash: i32| if hash == i32::MIN { 0 } else { hash.unsigned_abs() % n };
        Ok(match &self.function {
            PartitionFunction::Murmur => kafka_partition(value.as_bytes(), n),
            PartitionFunction::Murmur3 { seed } => mask(murmur3_x86(value.as_bytes(), *seed)),
            PartitionFunction::Murmur3X64 { seed } => mask((murmur3_x64(value.as_bytes(), *seed).0 >> 32) as u32),
            PartitionFunction::Modulo => {
                let number: i64 = value.parse().map_err(|_| {
                    Error::invalid_data(format!(
                        "expected a whole number for the Modulo partition function, found `{value}`"
                    ))
                })?;
                number.rem_euclid(i64::from(n)) as u32
            }
            PartitionFunction::HashCode => absolute(
                value.encode_utf16().fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit))),
            ),
            PartitionFunction::ByteArray => absolute(
                value.bytes().fold(1i32, |hash, byte| hash.wrapping_mul(31).wrapping_add(i32::from(byte as i8))),
            ),
            PartitionFunction::BoundedColumnValue { values } => {
                values.iter().position(|known| equal_in_any_case(known, value)).map_or(0, |place| place as u32 + 1)
            }
        })
    }
}

impl PartitionFunction {
    fn parse(name: &str, config: &[(String, String)], num_partitions: u32) -> Result<Self> {
        let option = |key: &str| config.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
        let bad = |message: String| Error::invalid_config(message).with("option", "functionConfig");
        Ok(match name.to_ascii_lowercase().as_str() {
            "murmur" | "murmur2" => Self::Murmur,
            "murmur3" => {
                if option("useRawBytes").is_some_and(|raw| raw.eq_ignore_ascii_case("true")) {
                    return Err(Error::unsupported("`useRawBytes` of the Murmur3 partition function is not supported")
                        .action("partition by a STRING column"));
                }
                let seed = match option("seed").filter(|seed| !seed.is_empty()) {
                    None => 0,
                    Some(seed) => seed.parse::<i32>().map_err(|_| bad(format!("`{seed}` is not a seed")))? as u32,
                };
                match option("variant").unwrap_or("x86_32") {
                    "x86_32" | "" => Self::Murmur3 { seed },
                    "x64_32" => Self::Murmur3X64 { seed },
                    other => return Err(bad(format!("`{other}` is not a variant of Murmur3; use x86_32 or x64_32"))),
                }
            }
            "modulo" => Self::Modulo,
            "hashcode" => Self::HashCode,
            "bytearray" => Self::ByteArray,
            "boundedcolumnvalue" => {
                let delimiter =
                    option("columnValuesDelimiter").ok_or_else(|| bad("expected `columnValuesDelimiter`".into()))?;
                // `StringUtils.split`: each character parts values, and there are no empty ones.
                let parts = |c: char| delimiter.contains(c) || (delimiter.is_empty() && c.is_whitespace());
                let values = option("columnValues").ok_or_else(|| bad("expected `columnValues`".into()))?;
                let values: Vec<String> =
                    values.split(parts).filter(|value| !value.is_empty()).map(str::to_owned).collect();
                if values.len() + 1 != num_partitions as usize {
                    return Err(bad(format!(
                        "expected `numPartitions` to be {} (the values and one for all others), found {num_partitions}",
                        values.len() + 1
                    )));
                }
                Self::BoundedColumnValue { values }
            }
            _ => {
                return Err(Error::invalid_config(format!("`{name}` is not a partition function of Pinot 1.5"))
                    .action("use Murmur, Murmur3, Modulo, HashCode, ByteArray or BoundedColumnValue"));
            }
        })
    }
}

/// The partition of a topic that Kafka's default partitioner gives a record with this key, as it is serialised.
///
/// # Panics
///
/// When there are no partitions.
///
/// # Pinot equivalent
///
/// None: it is `BuiltInPartitioner.partitionForKey` of the Kafka client. `MurmurPartitionFunction` does the same with the text
/// of a value.
pub fn kafka_partition(key: &[u8], partitions: u32) -> u32 {
    (murmur2(key) & 0x7fff_ffff) % partitions
}

/// `String.equalsIgnoreCase`: characters are equal when their capitals are, or the small letters of these.
fn equal_in_any_case(a: &str, b: &str) -> bool {
    let upper = |c: char| {
        let mut upper = c.to_uppercase();
        // `Character.toUpperCase` has no capitals of several letters.
        upper.next().filter(|_| upper.next().is_none()).unwrap_or(c)
    };
    let lower = |c: char| {
        let mut lower = c.to_lowercase();
        lower.next().filter(|small| lower.next().is_none() || c == '\u{130}' && *small == 'i').unwrap_or(c)
    };
    // Beyond the first plane Java compares halves of characters, which have no case.
    let same = |a: char, b: char| {
        a == b
            || a.len_utf16() == 1 && b.len_utf16() == 1 && (upper(a) == upper(b) || lower(upper(a)) == lower(upper(b)))
    };
    a.chars().count() == b.chars().count() && a.chars().zip(b.chars()).all(|(a, b)| same(a, b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(name: &str, n: u32, options: &str) -> PartitionConfig {
        let json = format!(r#"{{"functionName": "{name}", "numPartitions": {n}, "functionConfig": {{{options}}}}}"#);
        PartitionConfig::from_json(&serde_json::from_str(&json).unwrap()).unwrap()
    }

    /// Pinot's own answers with seven partitions.
    #[test]
    fn known_answers() {
        let functions = [
            config("Murmur", 7, ""),
            config("Murmur3", 7, ""),
            config("Murmur3", 7, r#""seed": "9001""#),
            config("Murmur3", 7, r#""variant": "x64_32""#),
            config("HashCode", 7, ""),
            config("ByteArray", 7, ""),
        ];
        for (value, expected) in [
            ("", [2, 0, 6, 0, 0, 1]),
            ("a", [5, 4, 3, 6, 6, 2]),
            ("apple", [1, 3, 5, 6, 1, 6]),
            ("pear", [1, 0, 1, 1, 5, 2]),
            ("null", [5, 1, 5, 1, 3, 0]),
            ("0", [3, 6, 6, 6, 6, 2]),
            ("-1", [6, 4, 0, 1, 2, 4]),
            ("12345", [3, 4, 3, 5, 2, 0]),
            ("1700000000000", [0, 0, 2, 0, 2, 4]),
            ("3.14", [2, 4, 6, 4, 2, 6]),
            ("é", [4, 3, 1, 4, 2, 2]),
            ("😀", [0, 2, 2, 1, 2, 2]),
            ("\u{FFFD}", [0, 5, 1, 6, 6, 4]),
            ("Hello, World", [1, 0, 6, 5, 2, 4]),
            ("550e8400-e29b-41d4-a716-446655440000", [6, 3, 6, 0, 2, 5]),
            ("polygenelubricants", [3, 3, 0, 6, 0, 4]),
        ] {
            let found: Vec<u32> = functions.iter().map(|function| function.partition(value).unwrap()).collect();
            assert_eq!(found, expected, "{value}");
        }
    }

    #[test]
    fn modulo_and_bounded_values() {
        let modulo = config("Modulo", 7, "");
        assert_eq!(modulo.partition("-1").unwrap(), 6);
        assert_eq!(modulo.partition("1700000000000").unwrap(), 1);
        assert!(modulo.partition("x").is_err());
        let bounded =
            config("BoundedColumnValue", 4, r#""columnValues": "Apple|pear|1", "columnValuesDelimiter": "|""#);
        let found: Vec<u32> = ["apple", "pear", "1", "plum"].iter().map(|v| bounded.partition(v).unwrap()).collect();
        assert_eq!(found, [1, 2, 3, 0]);
    }
}
