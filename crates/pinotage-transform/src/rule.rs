//! The names of what can be wrong with a value, and of what is changed in one. They never change.
//!
//! A bad row has one of [`BAD`]. A change of a good row is counted under one of [`CHANGES`]; with `strict` it makes a bad
//! row of the same name instead.

/// The text or value is not of the column's type.
pub const WRONG_TYPE: &str = "wrong-type";
/// The number does not fit the column's type.
pub const OUT_OF_RANGE: &str = "out-of-range";
/// The number or time cannot be held exactly by the column's type or format.
pub const NOT_EXACT: &str = "not-exact";
/// The value is longer than `maxLength` and the column's strategy is ERROR.
pub const TOO_LONG: &str = "too-long";
/// The text holds a NUL and the column's strategy is ERROR.
pub const HAS_NUL: &str = "has-nul";
/// The time column is null: Pinot would store the time of ingestion, which differs from run to run.
pub const NULL_TIME: &str = "null-time";
/// The time lies outside of 1971 to 2071, or does not follow the column's format; a controller refuses such segments.
pub const TIME_OUT_OF_RANGE: &str = "time-out-of-range";

/// An expression of the table failed for the row.
pub const TRANSFORM_FAILED: &str = "transform-failed";

/// Changed: NaN became null.
pub const NAN_TO_NULL: &str = "nan-to-null";
/// Changed: -0.0 became 0.0.
pub const NEGATIVE_ZERO: &str = "negative-zero";
/// Changed: a multi-value without a value became null.
pub const EMPTY_TO_NULL: &str = "empty-multi-value-to-null";
/// Changed: a null inside of a multi-value was dropped.
pub const NULL_ITEMS: &str = "null-items-dropped";
/// Changed: a text was cut at its first NUL.
pub const CUT_AT_NUL: &str = "cut-at-nul";
/// Changed: a value was cut at `maxLength`.
pub const TRIMMED: &str = "trimmed";
/// Changed: a value longer than `maxLength`, or with a NUL, became the default null value.
pub const SUBSTITUTED: &str = "substituted-by-default";
/// Changed: JSON text was written again in Pinot's form.
pub const JSON_REWRITTEN: &str = "json-rewritten";
/// Changed: trailing zeros of a decimal's text were stripped.
pub const ZEROS_STRIPPED: &str = "trailing-zeros-stripped";
/// Changed: micro- or nanoseconds were dropped.
pub const TIMESTAMP_FLOORED: &str = "timestamp-floored";

/// Changed: an expression failed, its column is null (`ingestionConfig.continueOnError`).
pub const TRANSFORM_FAILED_TO_NULL: &str = "transform-failed-to-null";

/// The rules that only bad rows break.
pub const BAD: [&str; 8] =
    [WRONG_TYPE, OUT_OF_RANGE, NOT_EXACT, TOO_LONG, HAS_NUL, NULL_TIME, TIME_OUT_OF_RANGE, TRANSFORM_FAILED];

/// The rules of counted changes.
pub const CHANGES: [&str; 11] = [
    NAN_TO_NULL,
    NEGATIVE_ZERO,
    EMPTY_TO_NULL,
    NULL_ITEMS,
    CUT_AT_NUL,
    TRIMMED,
    SUBSTITUTED,
    JSON_REWRITTEN,
    ZEROS_STRIPPED,
    TIMESTAMP_FLOORED,
    TRANSFORM_FAILED_TO_NULL,
];

/// Every rule.
pub const ALL: [&str; 19] = [
    WRONG_TYPE,
    OUT_OF_RANGE,
    NOT_EXACT,
    TOO_LONG,
    HAS_NUL,
    NULL_TIME,
    TIME_OUT_OF_RANGE,
    TRANSFORM_FAILED,
    NAN_TO_NULL,
    NEGATIVE_ZERO,
    EMPTY_TO_NULL,
    NULL_ITEMS,
    CUT_AT_NUL,
    TRIMMED,
    SUBSTITUTED,
    JSON_REWRITTEN,
    ZEROS_STRIPPED,
    TIMESTAMP_FLOORED,
    TRANSFORM_FAILED_TO_NULL,
];
