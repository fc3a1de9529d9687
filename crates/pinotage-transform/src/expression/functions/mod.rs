//! Pinot's scalar functions, by group. Each stands once, with what it takes, gives and says of itself.

pub(super) mod bytes;
pub(super) mod condition;
pub(super) mod epoch;
pub(super) mod hash;
pub(super) mod json;
pub(super) mod list;
pub(super) mod number;
pub(super) mod place;
pub(super) mod text;
pub(super) mod time;
mod uri;
pub(super) mod url;

use super::column::Kind;
use super::function::{Answer, Function, Row, Want};

/// Functions of Pinot that are refused by name: why, and which.
pub(super) const REFUSED: &[(&str, &[&str])] = &[
    ("its rows would differ from run to run", &["now", "ago", "rand", "agoMV"]),
    ("it does nothing", &["sleep"]),
    ("Pinot has it in queries only", &["in"]),
    (
        "Pinot has it in queries only; write `jsonPathString`, `jsonPathLong` or `jsonPathDouble`",
        &["jsonExtractScalar"],
    ),
    (
        "it says something of a query, and there is none",
        &["brokerId", "cid", "endTime", "queryEngine", "reqId", "stageId", "startTime", "workerId"],
    ),
    (
        "the order of its keys is that of Jayway's library, or of a hash map",
        &["jsonExtractKey", "jsonKeyValueArrayToMap"],
    ),
    (
        "its last digits depend on the machine, in Pinot as well",
        &[
            "exp", "ln", "log", "log2", "log10", "power", "pow", "acos", "asin", "atan", "atan2", "cos", "cosh", "cot",
            "hypot", "sin", "sinh", "tan", "tanh",
        ],
    ),
    (
        "it gives a list of numbers, of which Pinot's ingestion makes no column",
        &[
            "arrayConcatFloat",
            "arrayPushBackFloat",
            "arrayPushFrontFloat",
            "arrayIndexesOfInt",
            "arrayIndexesOfLong",
            "arrayIndexesOfFloat",
            "arrayIndexesOfDouble",
            "arrayIndexesOfString",
            "intersectIndices",
            "generateIntArray",
            "generateLongArray",
            "generateFloatArray",
            "generateDoubleArray",
            "decodeGeoHash",
            "array",
            "arrayValueConstructor",
            "gridDisk",
        ],
    ),
    (
        "it gives a list of times, of which Pinot's ingestion makes no column",
        &[
            "dateAddMV",
            "dateDiffMV",
            "dateDiffMVReverse",
            "dateTruncMV",
            "dayMV",
            "dayOfMonthMV",
            "dayOfWeekMV",
            "dayOfYearMV",
            "dowMV",
            "doyMV",
            "fromDateTimeMV",
            "fromEpochDaysBucketMV",
            "fromEpochDaysMV",
            "fromEpochHoursBucketMV",
            "fromEpochHoursMV",
            "fromEpochMinutesBucketMV",
            "fromEpochMinutesMV",
            "fromEpochSecondsBucketMV",
            "fromEpochSecondsMV",
            "fromIso8601MV",
            "fromTimestampMV",
            "hourMV",
            "millisecondMV",
            "minuteMV",
            "monthMV",
            "monthOfYearMV",
            "quarterMV",
            "roundMV",
            "secondMV",
            "timestampAddMV",
            "timestampDiffMV",
            "timestampDiffMVReverse",
            "timezoneHourMV",
            "timezoneMinuteMV",
            "toDateTimeMV",
            "toEpochDaysBucketMV",
            "toEpochDaysMV",
            "toEpochDaysRoundedMV",
            "toEpochHoursBucketMV",
            "toEpochHoursMV",
            "toEpochHoursRoundedMV",
            "toEpochMinutesBucketMV",
            "toEpochMinutesMV",
            "toEpochMinutesRoundedMV",
            "toEpochSecondsBucketMV",
            "toEpochSecondsMV",
            "toEpochSecondsRoundedMV",
            "toIso8601MV",
            "toTimestampMV",
            "weekMV",
            "weekOfYearMV",
            "yearMV",
            "yearOfWeekMV",
            "yowMV",
        ],
    ),
    ("Pinot compares without case by rules of Unicode", &["like", "likeVar"]),
    (
        "its pattern differs from row to row; write the one without `Var`",
        &["regexpExtractVar", "regexpLikeVar", "regexpReplaceVar"],
    ),
    ("forms of Unicode are not written yet", &["normalize"]),
    ("it is SHA3-224 in Pinot", &["sha224"]),
    ("no library of ours has this digest or hash code", &["md2", "cityHash32", "cityHash64", "cityHash128"]),
    (
        "shapes beyond points are neither read nor written yet",
        &[
            "stAsBinary",
            "stAsGeoJson",
            "stAsText",
            "stContains",
            "stDistance",
            "stEquals",
            "stGeogFromGeoJson",
            "stGeogFromText",
            "stGeogFromWKB",
            "stGeometryType",
            "stGeomFromGeoJson",
            "stGeomFromText",
            "stGeomFromWKB",
            "stWithin",
        ],
    ),
    ("cells of H3 are not computed yet; servers build the index of a column of points", &["geoToH3", "gridDistance"]),
    ("IP addresses are not read yet", &["ipPrefix", "ipSubnetMax", "ipSubnetMin", "isSubnetOf"]),
    (
        "vectors are lists of numbers, which functions here do not take yet",
        &[
            "cosineDistance",
            "dotProduct",
            "euclideanDistance",
            "innerProduct",
            "l1Distance",
            "l2Distance",
            "vectorDims",
            "vectorNorm",
            "arrayElementAtFloat",
            "arraysOverlap",
        ],
    ),
    (
        "sketches are not computed yet; for DISTINCTCOUNTHLL see `aggregationConfigs`",
        &[
            "avgReduce",
            "cpcSketchToString",
            "cpcSketchUnion",
            "fromULL",
            "getCpcSketchEstimate",
            "getIntTupleSketchEstimate",
            "getThetaSketchEstimate",
            "intMaxTupleSketchIntersect",
            "intMaxTupleSketchUnion",
            "intMinTupleSketchIntersect",
            "intMinTupleSketchUnion",
            "intSumTupleSketchDiff",
            "intSumTupleSketchIntersect",
            "intSumTupleSketchUnion",
            "thetaSketchDiff",
            "thetaSketchIntersect",
            "thetaSketchToString",
            "thetaSketchUnion",
            "toCpcSketch",
            "toHLL",
            "toIntegerSumTupleSketch",
            "toThetaSketch",
            "toULL",
        ],
    ),
    ("not there yet; a `CASE` says the same", &["isDistinctFrom", "isNotDistinctFrom"]),
    ("not there yet; `dateTrunc` and `round` make steps of time", &["dateBin"]),
    ("not there yet; BIG_DECIMAL columns take the number itself", &["bigDecimalToBytes", "bytesToBigDecimal"]),
    ("it depends on the name of a type that differs from row to row", &["fromBytes", "toBytes"]),
];

const fn value(kind: Kind) -> Want {
    Want::Value(kind)
}

const INT: Want = value(Kind::Int);
const LONG: Want = value(Kind::Long);
const DOUBLE: Want = value(Kind::Double);
const STRING: Want = value(Kind::String);
const BYTES: Want = value(Kind::Bytes);
const STRINGS: Want = value(Kind::Strings);
const ANY: Want = value(Kind::Any);

/// A function that gives null where an argument is null.
const fn plain(
    names: &'static [&'static str],
    wants: &'static [Want],
    gives: Kind,
    about: &'static str,
    kernel: for<'a> fn(Row<'a>) -> Answer<'a>,
) -> Function {
    Function { names, wants, gives, nullable: false, kernel, about }
}

/// A function that takes nulls.
const fn nullable(
    names: &'static [&'static str],
    wants: &'static [Want],
    gives: Kind,
    about: &'static str,
    kernel: for<'a> fn(Row<'a>) -> Answer<'a>,
) -> Function {
    Function { names, wants, gives, nullable: true, kernel, about }
}
