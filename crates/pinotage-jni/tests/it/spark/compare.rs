//! Random queries of a table of Pinot and of the same rows in Parquet give the same.

use pinotage_testkit::cluster::Cluster;
use serde_json::json;

use super::lines::Line;
use super::ok;
use crate::tables::{Fixture, Place, WORDS, noise, seed};

/// Queries of a run; a run in the large size has more.
const QUERIES: u64 = 16;
const MANY_QUERIES: u64 = 200;

/// A stream of numbers that look random.
struct Random {
    seed: u64,
    drawn: u64,
}

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.drawn += 1;
        noise(self.seed.wrapping_add(self.drawn), 77) % limit
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    /// A text of the table as a literal of SQL.
    fn word(&mut self) -> String {
        let word = self.one(&WORDS);
        let word = if self.below(4) == 0 { word.chars().take(2).collect() } else { word.to_owned() };
        let hex: String = word.bytes().map(|byte| format!("{byte:02X}")).collect();
        format!("CAST(X'{hex}' AS STRING)")
    }

    fn condition(&mut self, depth: u32) -> String {
        match self.below(if depth == 0 { 4 } else { 8 }) {
            0..4 => self.leaf(),
            4 | 5 => format!("({} AND {})", self.condition(depth - 1), self.condition(depth - 1)),
            6 => format!("({} OR {})", self.condition(depth - 1), self.condition(depth - 1)),
            _ => format!("NOT ({})", self.condition(depth - 1)),
        }
    }

    fn leaf(&mut self) -> String {
        let op = self.one(&["=", "<>", "<", "<=", ">", ">=", "<=>"]);
        let small = self.below(24) as i64 - 12;
        match self.below(18) {
            0 => format!("i {op} {small}"),
            1 => format!("l {op} {}L", small * 2 * 1_000_000_007),
            2 => format!("f {op} CAST({} AS FLOAT)", small as f64 / 4.0),
            3 => format!("d {op} {}D", small as f64 / 8.0),
            4 => self.one(&["b", "NOT b", "b = true", "b <=> false"]).to_owned(),
            5 => format!("s {op} {}", self.word()),
            6 => format!("s IN ({}, {})", self.word(), self.word()),
            7 => format!("{}(r, {})", self.one(&["startswith", "endswith", "contains"]), self.word()),
            8 => format!("x {op} X'{:04X}'", self.below(9)),
            9 => format!("t {op} timestamp_millis({}L)", 1_700_000_000_000 + small * 500),
            10 => format!("day {op} {}", 19_000 + self.below(4)),
            11 => format!("n {op} '{small}.5'"),
            12 => format!("{} IS {}NULL", self.one(&["i", "s", "f", "t", "mi", "n", "id"]), self.one(&["", "NOT "])),
            13 => format!("i IN ({small}, {}, {}{})", small + 3, small + 5, self.one(&["", ", NULL"])),
            14 => format!("mi[0] {op} {small}"),
            15 => format!("array_contains(ms, {})", self.word()),
            16 => format!("id BETWEEN {} AND {}", self.below(900), self.below(900)),
            _ => format!("length(r) {op} {}", small.abs()),
        }
    }

    fn query(&mut self) -> String {
        let condition = match self.below(5) {
            0 => String::new(),
            _ => format!(" WHERE {}", self.condition(3)),
        };
        match self.below(6) {
            0 | 1 => {
                let aggregates = [
                    "COUNT(*)",
                    "COUNT(s)",
                    "SUM(i)",
                    "SUM(id)",
                    "MIN(t)",
                    "MAX(l)",
                    "MIN(i)",
                    "AVG(i)",
                    "AVG(l)",
                    "MAX(s)",
                    "SUM(d)",
                    "COUNT(DISTINCT i)",
                    "MIN(day)",
                    "COUNT(mi)",
                ];
                let chosen: Vec<&str> = (0..1 + self.below(4)).map(|_| self.one(&aggregates)).collect();
                let keys = self.one(&["", "s", "i", "day", "b, x", "t", "mi", "n", "f"]);
                match keys {
                    "" => format!("SELECT {} FROM {{t}}{condition}", chosen.join(", ")),
                    keys => format!("SELECT {keys}, {} FROM {{t}}{condition} GROUP BY {keys}", chosen.join(", ")),
                }
            }
            2 => {
                let order = self.one(&["l DESC NULLS LAST", "i", "t DESC", "x NULLS LAST", "s", "d DESC"]);
                format!("SELECT id, i, s FROM {{t}}{condition} ORDER BY {order}, id LIMIT {}", 1 + self.below(30))
            }
            3 => format!("SELECT * FROM {{t}}{condition}"),
            _ => {
                let columns = self.one(&["id", "id, i, t", "id, s, mi, ms", "id, f, d, x, j, n", "id, l, b, day"]);
                format!("SELECT {columns} FROM {{t}}{condition}")
            }
        }
    }
}

fn compare(line: Line, nulls: bool) {
    if line.class_path().is_none() {
        return;
    }
    let name = format!("spark_compare_{nulls}_{line:?}").to_lowercase();
    let Some(fixture) = Fixture::new(Place::Modern, &name, 3, 300, nulls, json!({})) else { return };
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("queries");
    let mut random = Random { seed: seed(), drawn: 0 };
    let view = |reader: &str| {
        let Cluster { controller, .. } = fixture.cluster;
        format!("VIEW t ('controller' = '{controller}', 'table' = '{name}', 'reader' = '{reader}', 'batchRows' = '64')")
    };
    let mut lines = vec![view("direct"), view("server")];
    let queries = if pinotage_testkit::is_full() { MANY_QUERIES } else { QUERIES };
    lines.extend((0..queries).map(|_| random.query()));
    std::fs::write(&script, lines.join("\n")).unwrap();
    let compared = ok(line, "compare", &[("script", script.display().to_string())]).unwrap();
    assert!(compared.parse::<u64>().unwrap() > queries, "{compared}");
}

#[test]
fn random_queries_give_what_parquet_gives_on_4() {
    compare(Line::V4, true);
}

#[test]
fn random_queries_give_what_parquet_gives_on_3_5() {
    compare(Line::V3_5Scala2_13, false);
}
