//! What a star-tree can hold of a column.

use crate::{DataType, FieldSpec, PinotVersion, StoredType};

/// A function that a star-tree holds the values of; ordered as Pinot orders the metrics of one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StarTreeFunction {
    /// Rows; its column is `*`.
    Count,
    /// The least number.
    Min,
    /// The greatest number.
    Max,
    /// The sum, as a double.
    Sum,
    /// Sum and count.
    Avg,
    /// The least and the greatest number.
    MinMaxRange,
    /// A bitmap of the values' hash codes.
    DistinctCountBitmap,
    /// A HyperLogLog of the values.
    DistinctCountHll,
    /// Values of a multi-value column.
    CountMv,
    /// Their sum.
    SumMv,
    /// Their sum and count.
    AvgMv,
}

impl StarTreeFunction {
    /// Every function that is written.
    pub const ALL: [Self; 11] = [
        Self::Count,
        Self::Min,
        Self::Max,
        Self::Sum,
        Self::Avg,
        Self::MinMaxRange,
        Self::DistinctCountBitmap,
        Self::DistinctCountHll,
        Self::CountMv,
        Self::SumMv,
        Self::AvgMv,
    ];

    /// Pinot's name, as it stands in a segment.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Min => "min",
            Self::Max => "max",
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::MinMaxRange => "minMaxRange",
            Self::DistinctCountBitmap => "distinctCountBitmap",
            Self::DistinctCountHll => "distinctCountHLL",
            Self::CountMv => "countMV",
            Self::SumMv => "sumMV",
            Self::AvgMv => "avgMV",
        }
    }

    /// Reads a name in any case and with any underscores; functions that are stored as another one are that one.
    pub fn parse(name: &str) -> Option<Self> {
        let name = normalized(name);
        let stored = match name.as_str() {
            "DISTINCTCOUNTRAWHLL" => "DISTINCTCOUNTHLL",
            "MINLONG" => "MIN",
            "MAXLONG" => "MAX",
            "SUMLONG" | "SUMINT" => "SUM",
            name => name,
        };
        Self::ALL.into_iter().find(|function| function.name().eq_ignore_ascii_case(stored))
    }

    /// How its values are stored: LONG, DOUBLE or BYTES (`ValueAggregatorFactory.getAggregatedValueType`).
    pub const fn stored(self) -> DataType {
        match self {
            Self::Count | Self::CountMv => DataType::Long,
            Self::Min | Self::Max | Self::Sum | Self::SumMv => DataType::Double,
            Self::Avg | Self::AvgMv | Self::MinMaxRange | Self::DistinctCountBitmap | Self::DistinctCountHll => {
                DataType::Bytes
            }
        }
    }

    /// Servers of a release load star-trees with it.
    pub fn is_loaded_by(self, version: PinotVersion) -> bool {
        !matches!(self, Self::CountMv | Self::SumMv | Self::AvgMv) || version.loads_star_tree_lists()
    }

    /// Its values can be made of such a column; Pinot also takes numbers in text, and values that were aggregated before.
    pub fn accepts(self, field: &FieldSpec) -> bool {
        match (self, field.data_type.stored()) {
            (Self::Count | Self::CountMv, _) | (_, StoredType::Int | StoredType::Long) => true,
            (_, StoredType::Float | StoredType::Double) => true,
            (Self::DistinctCountBitmap | Self::DistinctCountHll, stored) => stored == StoredType::String,
            (_, stored) => stored == StoredType::BigDecimal && field.single_value,
        }
    }
}

/// Functions that Pinot aggregates in star-trees and that are not written: their sketches are those of Java libraries.
const LEFT_TO_SERVER: [&str; 17] = [
    "SUMPRECISION",
    "DISTINCTCOUNTHLLPLUS",
    "DISTINCTCOUNTRAWHLLPLUS",
    "DISTINCTCOUNTULL",
    "DISTINCTCOUNTRAWULL",
    "DISTINCTCOUNTTHETASKETCH",
    "DISTINCTCOUNTRAWTHETASKETCH",
    "DISTINCTCOUNTTUPLESKETCH",
    "DISTINCTCOUNTRAWINTEGERSUMTUPLESKETCH",
    "AVGVALUEINTEGERSUMTUPLESKETCH",
    "SUMVALUESINTEGERSUMTUPLESKETCH",
    "DISTINCTCOUNTCPCSKETCH",
    "DISTINCTCOUNTRAWCPCSKETCH",
    "PERCENTILEEST",
    "PERCENTILERAWEST",
    "PERCENTILETDIGEST",
    "PERCENTILERAWTDIGEST",
];

/// Pinot holds this function, whose name is normalized, in star-trees, and we do not write it. A percentile may stand behind the name.
pub(super) fn is_left_to_server(name: &str) -> bool {
    let name = if name.starts_with("PERCENTILE") { name.trim_end_matches(|c: char| c.is_ascii_digit()) } else { name };
    LEFT_TO_SERVER.contains(&name)
}

/// `AggregationFunctionType.getNormalizedAggregationFunctionName`
pub(super) fn normalized(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '$')).collect::<String>().to_ascii_uppercase()
}
