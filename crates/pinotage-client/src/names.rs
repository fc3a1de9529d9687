//! The names of Pinot's tables.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which half of a table.
///
/// # Pinot equivalent
///
/// `org.apache.pinot.spi.config.table.TableType`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TableType {
    /// Segments are pushed.
    Offline,
    /// Segments come from a stream; some may be pushed too.
    Realtime,
}

impl TableType {
    /// Pinot's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Offline => "OFFLINE",
            Self::Realtime => "REALTIME",
        }
    }

    /// The name of this half of a table, such as `sales_OFFLINE`.
    pub fn of(self, table: &str) -> String {
        format!("{table}_{self}")
    }
}

impl fmt::Display for TableType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
