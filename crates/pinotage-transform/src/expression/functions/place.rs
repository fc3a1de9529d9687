//! Places: geohashes, and points as Pinot's geospatial columns hold them.

use super::super::column::{Cell, Kind};
use super::super::function::{Answer, Function};
use super::{ANY, BYTES, DOUBLE, INT, STRING, plain};

const BASE32: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";

/// Halves the range that a value lies in, or that a bit says.
fn halve(range: &mut (f64, f64), upper: impl FnOnce(f64) -> bool) -> bool {
    let middle = (range.0 + range.1) / 2.0;
    let upper = upper(middle);
    if upper {
        range.0 = middle
    } else {
        range.1 = middle
    }
    upper
}

const WORLD: ((f64, f64), (f64, f64)) = ((-90.0, 90.0), (-180.0, 180.0));

fn encode(latitude: f64, longitude: f64, length: i32) -> Answer<'static> {
    if !(1..=12).contains(&length) {
        return Err(format!("the length {length}, which is not 1 to 12"));
    }
    let (mut latitudes, mut longitudes) = WORLD;
    let mut text = String::new();
    for digit in 0..length {
        let mut value = 0;
        for bit in 0..5 {
            let upper = match (digit * 5 + bit) % 2 {
                0 => halve(&mut longitudes, |middle| longitude >= middle),
                _ => halve(&mut latitudes, |middle| latitude >= middle),
            };
            value = value << 1 | usize::from(upper);
        }
        text.push(char::from(BASE32[value]));
    }
    Ok(Cell::text(text))
}

/// The middle of a geohash. A sign that is none counts as the last one, as in Pinot.
fn decode(text: &str) -> (f64, f64) {
    let (mut latitudes, mut longitudes) = WORLD;
    let mut is_longitude = true;
    for unit in text.encode_utf16() {
        let value = BASE32.iter().position(|digit| u16::from(*digit) == unit).unwrap_or(31);
        for bit in (0..5).rev() {
            let range = if is_longitude { &mut longitudes } else { &mut latitudes };
            halve(range, |_| value >> bit & 1 == 1);
            is_longitude = !is_longitude;
        }
    }
    ((latitudes.0 + latitudes.1) / 2.0, (longitudes.0 + longitudes.1) / 2.0)
}

/// The bit of shapes on the earth.
const GEOGRAPHY: u8 = 0x80;

/// `GeometrySerializer.serialize` of a point.
fn point<'a>(x: f64, y: f64, geography: bool) -> Cell<'a> {
    // Java writes every NaN in one way.
    let number = |value: f64| if value.is_nan() { f64::NAN } else { value }.to_be_bytes();
    let kind = if geography { GEOGRAPHY } else { 0 };
    Cell::Bytes([&[kind][..], &number(x), &number(y)].concat().into())
}

/// The shape as one of the plane, or of the earth.
fn shape(bytes: &[u8], geography: bool) -> Answer<'static> {
    match bytes {
        [kind, rest @ ..] if kind & !GEOGRAPHY == 0 && rest.len() >= 16 => {
            let number = |at: usize| rest[at..at + 8].try_into().map(f64::from_be_bytes).unwrap_or(f64::NAN);
            Ok(match (number(0), number(8)) {
                // A point without a place.
                (x, y) if x.is_nan() || y.is_nan() => point(f64::NAN, f64::NAN, geography),
                (x, y) => point(x, y, geography),
            })
        }
        _ => Err("another shape than a point, or none".into()),
    }
}

pub(crate) const ALL: &[Function] = &[
    plain(&["encodeGeoHash"], &[DOUBLE, DOUBLE, INT], Kind::String, "of latitude and longitude, so long", |row| {
        encode(row.double(0), row.double(1), row.int(2))
    }),
    plain(&["decodeGeoHashLatitude", "decodeGeoHashLat"], &[STRING], Kind::Double, "of its middle", |row| {
        Ok(Cell::Double(decode(row.text(0)).0))
    }),
    plain(&["decodeGeoHashLongitude", "decodeGeoHashLon"], &[STRING], Kind::Double, "of its middle", |row| {
        Ok(Cell::Double(decode(row.text(0)).1))
    }),
    plain(&["stPoint"], &[DOUBLE, DOUBLE], Kind::Bytes, "a point in the plane; longitude first", |row| {
        Ok(point(row.double(0), row.double(1), false))
    }),
    plain(&["stPoint"], &[DOUBLE, DOUBLE, ANY], Kind::Bytes, "on the earth where the third is true or 1", |row| {
        let cell = row.value(2);
        let text = cell.as_str().map_or_else(|| cell.to_string(), str::to_owned);
        let number = text.parse::<f64>().ok().filter(|_| cell.is_number());
        let geography = number.map_or(text.eq_ignore_ascii_case("true") || text == "1", |number| number as i32 == 1);
        Ok(point(row.double(0), row.double(1), geography))
    }),
    plain(&["toSphericalGeography"], &[BYTES], Kind::Bytes, "a point on the earth", |row| shape(row.bytes(0), true)),
    plain(&["toGeometry"], &[BYTES], Kind::Bytes, "a point in the plane", |row| shape(row.bytes(0), false)),
];
