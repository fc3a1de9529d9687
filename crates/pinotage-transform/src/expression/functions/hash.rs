//! Hash codes and checksums.

use pinotage_spec::hash::{murmur2, murmur2_64, murmur3_128, murmur3_x64, murmur3_x86};

use super::super::column::{Cell, Kind};
use super::super::function::{Function, Row};
use super::{BYTES, INT, STRING, plain};

/// A table of CRCs of bytes, for a polynomial with its bits in reverse.
const fn crc_table(polynomial: u32) -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut crc, mut bit) = (byte as u32, 0);
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ polynomial } else { crc >> 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
}

static CRC32: [u32; 256] = crc_table(0xedb8_8320);
static CRC32C: [u32; 256] = crc_table(0x82f6_3b78);

fn crc(table: &[u32; 256], bytes: &[u8]) -> i32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| (crc >> 8) ^ table[((crc ^ u32::from(*byte)) & 0xff) as usize]) as i32
}

fn adler32(bytes: &[u8]) -> i32 {
    let (a, b) = bytes.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (a + b) % 65_521)
    });
    (b << 16 | a) as i32
}

fn seed(row: &Row<'_>) -> u32 {
    row.int(1) as u32
}

fn joined<'a>(parts: [[u8; 8]; 2]) -> Cell<'a> {
    Cell::Bytes(parts.concat().into())
}

pub(crate) const ALL: &[Function] = &[
    plain(&["murmurHash2"], &[BYTES], Kind::Int, "as Kafka's partitioner", |row| {
        Ok(Cell::Int(murmur2(row.bytes(0)) as i32))
    }),
    plain(&["murmurHash2UTF8"], &[STRING], Kind::Int, "", |row| Ok(Cell::Int(murmur2(row.text(0).as_bytes()) as i32))),
    plain(&["murmurHash2Bit64"], &[BYTES], Kind::Long, "", |row| {
        Ok(Cell::Long(murmur2_64(row.bytes(0), 0xe17a_1465) as i64))
    }),
    plain(&["murmurHash2Bit64"], &[BYTES, INT], Kind::Long, "with a seed", |row| {
        Ok(Cell::Long(murmur2_64(row.bytes(0), seed(&row)) as i64))
    }),
    plain(&["murmurHash3Bit32"], &[BYTES, INT], Kind::Int, "with a seed, as all below", |row| {
        Ok(Cell::Int(murmur3_x86(row.bytes(0), seed(&row)) as i32))
    }),
    plain(&["murmurHash3Bit64"], &[BYTES, INT], Kind::Long, "", |row| {
        Ok(Cell::Long(murmur3_128(row.bytes(0), seed(&row)).0 as i64))
    }),
    plain(&["murmurHash3Bit128"], &[BYTES, INT], Kind::Bytes, "", |row| {
        let (low, high) = murmur3_128(row.bytes(0), seed(&row));
        Ok(joined([low.to_le_bytes(), high.to_le_bytes()]))
    }),
    plain(&["murmurHash3X64Bit32"], &[BYTES, INT], Kind::Int, "", |row| {
        Ok(Cell::Int((murmur3_x64(row.bytes(0), seed(&row)).0 >> 32) as i32))
    }),
    plain(&["murmurHash3X64Bit64"], &[BYTES, INT], Kind::Long, "of 32 bits, as in Pinot", |row| {
        Ok(Cell::Long(i64::from((murmur3_x64(row.bytes(0), seed(&row)).0 >> 32) as i32)))
    }),
    plain(&["murmurHash3X64Bit128"], &[BYTES, INT], Kind::Bytes, "", |row| {
        let (high, low) = murmur3_x64(row.bytes(0), seed(&row));
        Ok(joined([high.to_be_bytes(), low.to_be_bytes()]))
    }),
    plain(&["adler32"], &[BYTES], Kind::Int, "", |row| Ok(Cell::Int(adler32(row.bytes(0))))),
    plain(&["crc32"], &[BYTES], Kind::Int, "", |row| Ok(Cell::Int(crc(&CRC32, row.bytes(0))))),
    plain(&["crc32c"], &[BYTES], Kind::Int, "", |row| Ok(Cell::Int(crc(&CRC32C, row.bytes(0))))),
];
