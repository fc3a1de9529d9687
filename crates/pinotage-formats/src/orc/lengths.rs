//! How many items the lists, maps and dictionaries of a stripe have, before anything is made for them; and whether the times
//! have fractions that the decoder understands.

use std::io::{BufReader, Bytes, Read};

use orc_rust::proto::column_encoding::Kind as Encoding;
use orc_rust::proto::stream::Kind;
use orc_rust::schema::DataType;
use orc_rust::stripe::Stripe;

/// A billion nanoseconds, above the three bits that count zeros.
const END_OF_FRACTIONS: u64 = 1_000_000_000 << 3;

/// The most items that one list, map or dictionary column of the stripe has, counted up to a little more than `most`.
pub(super) fn check(stripe: &Stripe, most: u64) -> Result<u64, String> {
    let mut found = 0;
    let mut columns = stripe.columns().to_vec();
    while let Some(column) = columns.pop() {
        let encoding = column.encoding().kind();
        let is_dictionary = matches!(encoding, Encoding::Dictionary | Encoding::DictionaryV2);
        let is_version_2 = matches!(encoding, Encoding::DirectV2 | Encoding::DictionaryV2);
        match column.data_type() {
            DataType::Timestamp { .. } | DataType::TimestampWithLocalTimezone { .. } => {
                let stream = stripe.stream_map().get(&column, Kind::Secondary);
                if Runs::new(stream, u64::MAX).count(is_version_2)?.largest >= END_OF_FRACTIONS {
                    return Err(
                        "a time has a fraction that is no part of a second, as Arrow's C++ writer leaves in times \
                                before 1970: write the column again as text, or the file as Parquet"
                            .to_owned(),
                    );
                }
            }
            DataType::List { .. } | DataType::Map { .. } => {
                let stream = stripe.stream_map().get(&column, Kind::Length);
                found = found.max(Runs::new(stream, most).count(is_version_2)?.total);
            }
            DataType::String { .. } | DataType::Varchar { .. } | DataType::Char { .. } if is_dictionary => {
                found = found.max(column.dictionary_size() as u64);
            }
            _ => {}
        }
        columns.extend(column.children());
    }
    Ok(found)
}

/// Runs of unsigned numbers, of which the sum is wanted.
struct Runs<R> {
    bytes: Bytes<BufReader<R>>,
    most: u64,
    total: u64,
    largest: u64,
}

const BROKEN: &str = "a run of them ends early";

impl<R: Read> Runs<R> {
    fn new(stream: R, most: u64) -> Self {
        Self { bytes: BufReader::new(stream).bytes(), most, total: 0, largest: 0 }
    }

    /// Counts all runs; it ends early where the sum is above `most`.
    fn count(mut self, is_version_2: bool) -> Result<Self, String> {
        while self.total <= self.most
            && let Some(head) = self.next()?
        {
            match is_version_2 {
                false => self.version_1(head)?,
                true => self.version_2(head)?,
            }
        }
        Ok(self)
    }

    fn next(&mut self) -> Result<Option<u8>, String> {
        self.bytes.next().transpose().map_err(|error| error.to_string())
    }

    fn byte(&mut self) -> Result<u8, String> {
        self.next()?.ok_or_else(|| BROKEN.to_owned())
    }

    fn varint(&mut self) -> Result<u64, String> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("one has more than 64 bits".to_owned())
    }

    fn big_endian(&mut self, bytes: u32) -> Result<u64, String> {
        (0..bytes).try_fold(0, |value, _| Ok(value << 8 | u64::from(self.byte()?)))
    }

    /// Counts a value, `times` times.
    fn add(&mut self, value: i128, times: u32) -> Result<(), String> {
        let value = u64::try_from(value).map_err(|_| "one is negative or has more than 64 bits".to_owned())?;
        self.largest = self.largest.max(value);
        self.total = self.total.saturating_add(value.saturating_mul(u64::from(times)));
        Ok(())
    }

    fn version_1(&mut self, head: u8) -> Result<(), String> {
        if head >= 0x80 {
            for _ in 0..256 - u32::from(head) {
                let value = self.varint()?;
                self.add(value.into(), 1)?;
            }
            return Ok(());
        }
        let delta = i128::from(self.byte()? as i8);
        let base = i128::from(self.varint()?);
        (0..i128::from(head) + 3).try_for_each(|at| self.add(base + at * delta, 1))
    }

    fn version_2(&mut self, head: u8) -> Result<(), String> {
        if head >> 6 == 0 {
            let value = self.big_endian(u32::from(head >> 3 & 7) + 1)?;
            return self.add(value.into(), u32::from(head & 7) + 3);
        }
        let width = width_of(head >> 1 & 0x1f);
        let count = (u32::from(head & 1) << 8 | u32::from(self.byte()?)) + 1;
        match head >> 6 {
            1 => self.packed(count, width, &mut |runs, value| runs.add(value.into(), 1)),
            2 => self.patched(count, width),
            _ => self.deltas(count, if head >> 1 & 0x1f == 0 { 0 } else { width }),
        }
    }

    fn patched(&mut self, count: u32, width: u32) -> Result<(), String> {
        let (third, fourth) = (self.byte()?, self.byte()?);
        let base_bytes = u32::from(third >> 5) + 1;
        let patch_width = width_of(third & 0x1f);
        let gap_width = u32::from(fourth >> 5) + 1;
        let base = self.big_endian(base_bytes)?;
        // The first bit is the sign: lengths have none.
        self.add(if base >> (base_bytes * 8 - 1) == 0 { base.into() } else { -1 }, count)?;
        self.packed(count, width, &mut |runs, value| runs.add(value.into(), 1))?;
        // A patch is put above the bits of a value, so it adds to it.
        let entry_width = rounded(patch_width + gap_width);
        self.packed(u32::from(fourth & 0x1f), entry_width, &mut |runs, entry| {
            let patch = entry & u64::MAX >> (64 - patch_width);
            runs.add(i128::from(patch) << width, 1)
        })
    }

    fn deltas(&mut self, count: u32, width: u32) -> Result<(), String> {
        let base = i128::from(self.varint()?);
        let first = self.varint()?;
        let first = i128::from((first >> 1) as i64 ^ -((first & 1) as i64));
        self.add(base, 1)?;
        if width == 0 {
            return (1..i128::from(count)).try_for_each(|at| self.add(base + at * first, 1));
        }
        let mut value = base + first;
        if count > 1 {
            self.add(value, 1)?;
        }
        self.packed(count.saturating_sub(2), width, &mut |runs, delta| {
            value += if first < 0 { -i128::from(delta) } else { i128::from(delta) };
            runs.add(value, 1)
        })
    }

    /// Numbers of `width` bits, the highest bit first, up to the end of a byte.
    fn packed(
        &mut self,
        count: u32,
        width: u32,
        take: &mut dyn FnMut(&mut Self, u64) -> Result<(), String>,
    ) -> Result<(), String> {
        let (mut bits, mut held) = (0u128, 0);
        for _ in 0..count {
            while held < width {
                bits = bits << 8 | u128::from(self.byte()?);
                held += 8;
            }
            held -= width;
            let value = (bits >> held) as u64 & u64::MAX >> (64 - width);
            bits &= (1 << held) - 1;
            take(self, value)?;
        }
        Ok(())
    }
}

/// Bits of a value by the five bits of a run's head.
fn width_of(code: u8) -> u32 {
    match code {
        0..=23 => u32::from(code) + 1,
        24..=27 => 26 + 2 * u32::from(code - 24),
        _ => 40 + 8 * u32::from(code.min(31) - 28),
    }
}

/// The next larger width that a run can have.
fn rounded(bits: u32) -> u32 {
    (0..32).map(width_of).find(|width| *width >= bits).unwrap_or(64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(bytes: &[u8], is_version_2: bool) -> Result<u64, String> {
        Ok(Runs::new(bytes, 1 << 40).count(is_version_2)?.total)
    }

    /// The examples of the ORC specification.
    #[test]
    fn the_runs_of_the_specification_add_up() {
        assert_eq!(total(&[0x61, 0x00, 0x07], false), Ok(700));
        assert_eq!(total(&[0x61, 0xff, 0x64], false), Ok(100 * 101 / 2));
        assert_eq!(total(&[0xfb, 0x02, 0x03, 0x06, 0x07, 0x0b], false), Ok(29));
        assert_eq!(total(&[0x0a, 0x27, 0x10], true), Ok(50_000));
        let direct = [0x5e, 0x03, 0x5c, 0xa1, 0xab, 0x1e, 0xde, 0xad, 0xbe, 0xef];
        assert_eq!(total(&direct, true), Ok(23713 + 43806 + 57005 + 48879));
        let patched = [
            0x8e, 0x13, 0x2b, 0x21, 0x07, 0xd0, 0x1e, 0x00, 0x14, 0x70, 0x28, 0x32, 0x3c, 0x46, 0x50, 0x5a, 0x64, 0x6e,
            0x78, 0x82, 0x8c, 0x96, 0xa0, 0xaa, 0xb4, 0xbe, 0xfc, 0xe8,
        ];
        let values = [2030, 2000, 2020, 1_000_000, 2040, 2050, 2060, 2070, 2080, 2090];
        let more: u64 = (0..10).map(|at| 2100 + 10 * at).sum();
        assert_eq!(total(&patched, true), Ok(values.iter().sum::<u64>() + more));
        let primes = [0xc6, 0x09, 0x02, 0x02, 0x22, 0x42, 0x42, 0x46];
        assert_eq!(total(&primes, true), Ok(2 + 3 + 5 + 7 + 11 + 13 + 17 + 19 + 23 + 29));
    }

    #[test]
    fn what_is_cut_or_negative_is_an_error() {
        assert!(total(&[0x61, 0x00], false).is_err());
        assert!(total(&[0x61, 0xff, 0x02], false).is_err());
        assert!(total(&[0x5e, 0x03, 0x5c], true).is_err());
        assert_eq!(total(&[], true), Ok(0));
    }
}
