//! Spoils bytes where it hurts: lengths, offsets, counts, types.

use fastrand::Rng;

const NUMBERS: [i64; 16] = [
    -1,
    0,
    1,
    2,
    3,
    7,
    31,
    32,
    255,
    65_536,
    0x00ff_ffff,
    i32::MAX as i64,
    i32::MIN as i64,
    u32::MAX as i64,
    i64::MAX,
    i64::MIN,
];

/// What stands in `metadata.properties`, at its place or another.
const WORDS: [&str; 21] = [
    "true",
    "false",
    "INT",
    "LONG",
    "FLOAT",
    "DOUBLE",
    "BOOLEAN",
    "TIMESTAMP",
    "STRING",
    "JSON",
    "BYTES",
    "BIG_DECIMAL",
    "MAP",
    "RAW",
    "DICTIONARY",
    "METRIC",
    "DATE_TIME",
    "NaN",
    "",
    "\\u0000",
    "[0 1048576]",
];

/// A number near another one, or a number that is often forgotten.
fn number(before: i64, rng: &mut Rng) -> i64 {
    match rng.u8(..6) {
        0 => before.wrapping_add(1),
        1 => before.wrapping_sub(1),
        2 => before.wrapping_mul(2),
        3 => before / 2,
        4 => before ^ (1 << rng.u32(..63)),
        _ => rng.choice(NUMBERS).unwrap_or_default(),
    }
}

/// Changes one line of a text of `key = value`.
pub(crate) fn text(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if lines.is_empty() || rng.u8(..16) == 0 {
        return words(bytes, 0, rng);
    }
    let (at, other) = (rng.usize(..lines.len()), rng.usize(..lines.len()));
    let split = |line: &str| line.split_once(" = ").map(|(key, value)| (key.to_owned(), value.to_owned()));
    let ((key, value), (_, foreign)) =
        (split(&lines[at]).unwrap_or_default(), split(&lines[other]).unwrap_or_default());
    match rng.u8(..8) {
        0 => drop(lines.remove(at)),
        1 => lines.push(format!("{key} = {foreign}")),
        2 => lines[at] = format!("{key} = {foreign}"),
        _ => {
            let value = match value.parse() {
                Ok(before) => number(before, rng).to_string(),
                Err(_) => rng.choice(WORDS).unwrap_or_default().to_owned(),
            };
            lines[at] = format!("{key} = {value}");
        }
    }
    *bytes = lines.join("\n").into_bytes();
    bytes.push(b'\n');
}

/// Changes bytes from `start` on: more often among the first ones, where headers are.
pub(crate) fn words(bytes: &mut Vec<u8>, start: usize, rng: &mut Rng) {
    if bytes.len() <= start {
        return bytes.push(rng.u8(..));
    }
    let end = if rng.bool() { bytes.len() } else { bytes.len().min(start + 64) };
    let at = rng.usize(start..end);
    let at = if rng.u8(..4) == 0 { at } else { start + ((at - start) & !3) };
    match rng.u8(..9) {
        0 | 1 => word::<4>(bytes, at, rng, |word| i32::from_be_bytes(word).into(), |it| (it as i32).to_be_bytes()),
        2 => word::<4>(bytes, at, rng, |word| i32::from_le_bytes(word).into(), |it| (it as i32).to_le_bytes()),
        3 => word::<8>(bytes, at, rng, i64::from_be_bytes, i64::to_be_bytes),
        4 => bytes[at] = rng.u8(..),
        5 => bytes[at] ^= 1 << rng.u8(..8),
        6 => {
            let from = rng.usize(..bytes.len());
            let len = rng.usize(..=16).min(bytes.len() - from.max(at));
            bytes.copy_within(from..from + len, at);
        }
        7 => drop(bytes.drain(at..(at + rng.usize(1..=16)).min(bytes.len()))),
        _ => {
            let more: Vec<u8> = std::iter::repeat_with(|| rng.u8(..)).take(1 + at % 8).collect();
            bytes.splice(at..at, more);
        }
    }
}

fn word<const N: usize>(
    bytes: &mut [u8],
    at: usize,
    rng: &mut Rng,
    read: impl Fn([u8; N]) -> i64,
    write: impl Fn(i64) -> [u8; N],
) {
    if let Some(place) = bytes.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<N>) {
        *place = write(number(read(*place), rng));
    }
}
