//! Values of the format that can never change; the test spells them once more.

/// Begins every entry of `columns.psf`.
pub const ENTRY_MAGIC: [u8; 8] = [0xDE, 0xAD, 0xBE, 0xEF, 0xDE, 0xAF, 0xBE, 0xAD];
/// Begins a dictionary of variable-length values.
pub const VAR_LENGTH_MAGIC: [u8; 4] = *b".vl;";
/// Where the offsets of such a dictionary start.
pub const VAR_LENGTH_HEADER: usize = 16;
/// The header of a raw forward index of fixed-width values, and of versions 2 and 3 of any.
pub const RAW_HEADER: usize = 28;
/// The header of a raw forward index of variable-width values from version 4 on.
pub const RAW_V4_HEADER: usize = 16;
/// Marks a chunk of a single row that does not fit the chunk size.
pub const HUGE_CHUNK_FLAG: u32 = 1 << 31;
/// A multi-value forward index aims at this many values a chunk.
pub const MULTI_VALUE_CHUNK: usize = 2048;
/// A forward index of distinct multi-value entries begins with this word.
pub const ENTRY_DICTIONARY_MAGIC: u32 = 0xFFAB_CDEF;
/// The bits of a range index begin with this word.
pub const RANGE_COOKIE: u16 = 0xF00D;
/// So many docs of a range index lie together.
pub const RANGE_BLOCK: usize = 1 << 16;
/// From this slice of a range index on, few docs may be a list.
pub const RUN_SLICES: usize = 5;
/// The longest bound or default that `metadata.properties` holds, in UTF-16 units.
pub const MAX_PROPERTY_UTF16: usize = 512;

/// The files of a segment, below `v3/`.
pub const V3_FOLDER: &str = "v3";
/// All index bytes.
pub const COLUMNS_FILE: &str = "columns.psf";
/// Where each index lies in `columns.psf`.
pub const INDEX_MAP_FILE: &str = "index_map";
/// What the segment and its columns are.
pub const METADATA_FILE: &str = "metadata.properties";
/// Checksum and creation time.
pub const CREATION_META_FILE: &str = "creation.meta";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn these_values_never_change() {
        assert_eq!(u64::from_be_bytes(ENTRY_MAGIC), 0xDEAD_BEEF_DEAF_BEAD);
        assert_eq!(VAR_LENGTH_MAGIC, [0x2e, 0x76, 0x6c, 0x3b]);
        assert_eq!((RAW_HEADER, RAW_V4_HEADER, HUGE_CHUNK_FLAG), (28, 16, 0x8000_0000));
        assert_eq!((MULTI_VALUE_CHUNK, MAX_PROPERTY_UTF16), (2048, 512));
        assert_eq!((RANGE_COOKIE, RANGE_BLOCK, RUN_SLICES), (61453, 65_536, 5));
        assert_eq!(ENTRY_DICTIONARY_MAGIC as i32, -5_517_841);
    }
}
