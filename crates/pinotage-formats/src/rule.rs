//! The names of what can be wrong with one row. They never change: quarantine tables are queried by them.

/// A CSV record whose quotes are wrong: text after a closing quote, or a quote still open at the end of the file.
pub const MALFORMED_CSV: &str = "malformed-csv";
/// A CSV record with more or fewer fields than the header.
pub const ROW_WIDTH: &str = "row-width";
/// Text that is not JSON, or nested deeper than 128 levels.
pub const MALFORMED_JSON: &str = "malformed-json";
/// A JSON value in a row's place that is not an object.
pub const NOT_AN_OBJECT: &str = "not-an-object";
/// A value that is not of the column's type: `1.5` or `abc` where an integer is expected.
pub const WRONG_TYPE: &str = "wrong-type";
/// A number of the right kind that the column's type cannot hold: `5000000000` for Int32, `1e999` for Float64.
pub const OUT_OF_RANGE: &str = "out-of-range";
/// A JSON key that the schema does not have.
pub const UNKNOWN_COLUMN: &str = "unknown-column";
/// Bytes that are not UTF-8 in a column of text.
pub const INVALID_UTF8: &str = "invalid-utf8";
/// A JSON key that stands twice in one object.
pub const DUPLICATE_KEY: &str = "duplicate-key";

/// Every rule, in the order of the documentation.
pub const ALL: [&str; 9] = [
    MALFORMED_CSV,
    ROW_WIDTH,
    MALFORMED_JSON,
    NOT_AN_OBJECT,
    WRONG_TYPE,
    OUT_OF_RANGE,
    UNKNOWN_COLUMN,
    INVALID_UTF8,
    DUPLICATE_KEY,
];
