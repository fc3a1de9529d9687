//! Bytes: digests, and their forms as text.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use md5::Digest as _;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};
use pinotage_spec::{parse_hex, to_hex};

use super::super::column::{Cell, Kind};
use super::super::function::{Answer, Function};
use super::{BYTES, LONG, STRING, plain};

/// `Base64.getDecoder`
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What `URLEncoder` leaves as it is, beside letters and digits; a blank becomes `+`.
const URL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'*').remove(b'_').remove(b' ');

fn bytes<'a>(bytes: Vec<u8>) -> Cell<'a> {
    Cell::Bytes(Cow::Owned(bytes))
}

fn decode_base64(text: &[u8]) -> Answer<'static> {
    BASE64.decode(text).map(bytes).map_err(|_| format!("`{}`, which is no Base64", String::from_utf8_lossy(text)))
}

fn encode_url(text: &str) -> String {
    utf8_percent_encode(text, URL).to_string().replace(' ', "+")
}

/// `URLDecoder.decode`; `None` for a `%` without two digits.
pub(super) fn decode_url(text: &str) -> Option<String> {
    let broken = text.match_indices('%').any(|(at, _)| {
        let digits = text.as_bytes().get(at + 1..at + 3);
        !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    let plain = text.replace('+', " ");
    (!broken).then(|| String::from_utf8_lossy(&percent_decode(plain.as_bytes()).collect::<Vec<u8>>()).into_owned())
}

/// `UUID.fromString`, which takes parts with fewer digits too.
fn uuid(text: &str) -> Option<Vec<u8>> {
    let parts: Vec<&str> = text.split('-').collect();
    let [a, b, c, d, e] = parts.as_slice() else { return None };
    if text.len() > 36 {
        return None;
    }
    let part = |text: &str| i64::from_str_radix(text, 16).ok().filter(|_| !text.starts_with(['+', '-']));
    let (a, b, c, d, e) = (part(a)?, part(b)?, part(c)?, part(d)?, part(e)?);
    let high = (a as u64 & 0xffff_ffff) << 32 | (b as u64 & 0xffff) << 16 | (c as u64 & 0xffff);
    let low = (d as u64 & 0xffff) << 48 | (e as u64 & 0xffff_ffff_ffff);
    Some([high.to_be_bytes(), low.to_be_bytes()].concat())
}

pub(crate) const ALL: &[Function] = &[
    plain(&["md5"], &[BYTES], Kind::String, "in hexadecimal digits, as all digests", |row| {
        Ok(Cell::text(to_hex(&md5::Md5::digest(row.bytes(0)))))
    }),
    plain(&["sha"], &[BYTES], Kind::String, "SHA-1", |row| Ok(Cell::text(to_hex(&sha1::Sha1::digest(row.bytes(0)))))),
    plain(&["sha256"], &[BYTES], Kind::String, "", |row| Ok(Cell::text(to_hex(&sha2::Sha256::digest(row.bytes(0)))))),
    plain(&["sha512"], &[BYTES], Kind::String, "", |row| Ok(Cell::text(to_hex(&sha2::Sha512::digest(row.bytes(0)))))),
    plain(&["toUtf8"], &[STRING], Kind::Bytes, "", |row| Ok(Cell::Bytes(row.text(0).as_bytes().into()))),
    plain(&["fromUtf8"], &[BYTES], Kind::String, "", |row| Ok(Cell::Text(String::from_utf8_lossy(row.bytes(0))))),
    plain(&["toAscii"], &[STRING], Kind::Bytes, "other characters are `?`", |row| {
        Ok(bytes(row.text(0).chars().map(|c| if c.is_ascii() { c as u8 } else { b'?' }).collect()))
    }),
    plain(&["fromAscii"], &[BYTES], Kind::String, "other bytes are U+FFFD", |row| {
        let decoded = row.bytes(0).iter().map(|byte| if byte.is_ascii() { char::from(*byte) } else { '\u{fffd}' });
        Ok(Cell::text(decoded.collect::<String>()))
    }),
    plain(&["hexToBytes"], &[STRING], Kind::Bytes, "", |row| {
        parse_hex(row.text(0)).map(bytes).ok_or_else(|| format!("`{}`, which is not hexadecimal", row.text(0)))
    }),
    plain(&["bytesToHex"], &[BYTES], Kind::String, "", |row| Ok(Cell::text(to_hex(row.bytes(0))))),
    plain(&["toBase64"], &[BYTES], Kind::String, "", |row| Ok(Cell::text(BASE64.encode(row.bytes(0))))),
    plain(&["fromBase64"], &[STRING], Kind::Bytes, "", |row| decode_base64(row.text(0).as_bytes())),
    plain(&["base64Encode"], &[BYTES], Kind::Bytes, "", |row| Ok(bytes(BASE64.encode(row.bytes(0)).into_bytes()))),
    plain(&["base64Decode"], &[BYTES], Kind::Bytes, "", |row| decode_base64(row.bytes(0))),
    plain(&["toUUIDBytes"], &[STRING], Kind::Bytes, "null for what is no UUID", |row| {
        Ok(Cell::perhaps(uuid(row.text(0)), bytes))
    }),
    plain(&["fromUUIDBytes"], &[BYTES], Kind::String, "", |row| {
        let hex = row.bytes(0).get(..16).map(to_hex).ok_or("fewer than 16 bytes")?;
        Ok(Cell::text([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")))
    }),
    plain(&["encodeUrl"], &[STRING], Kind::String, "", |row| Ok(Cell::text(encode_url(row.text(0))))),
    plain(&["decodeUrl"], &[STRING], Kind::String, "", |row| {
        decode_url(row.text(0)).map(Cell::text).ok_or_else(|| format!("`{}`, which is not encoded so", row.text(0)))
    }),
    plain(&["urlEncode", "urlEncodeFormComponent"], &[STRING], Kind::String, "", |row| {
        Ok(Cell::text(encode_url(row.text(0))))
    }),
    plain(&["urlDecode"], &[STRING], Kind::String, "null for what is not encoded so", |row| {
        Ok(Cell::perhaps(decode_url(row.text(0)), Cell::text))
    }),
    plain(&["urlDecodeFormComponent"], &[STRING], Kind::String, "with `+` for a blank", |row| {
        Ok(Cell::perhaps(decode_url(&row.text(0).replace('+', "%20")), Cell::text))
    }),
    plain(&["hexDecimalToLong"], &[STRING], Kind::Long, "of `ff` or `0xff`", |row| {
        let text = row.text(0);
        let digits = text.strip_prefix("0x").unwrap_or(text);
        i64::from_str_radix(digits, 16).map(Cell::Long).map_err(|_| format!("`{text}`, which is no hexadecimal number"))
    }),
    plain(&["longToHexDecimal"], &[LONG], Kind::String, "", |row| Ok(Cell::text(format!("{:x}", row.long(0))))),
];
