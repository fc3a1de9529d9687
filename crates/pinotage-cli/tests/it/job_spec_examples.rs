//! The job specs that Pinot ships as examples (`examples/batch` of `pinot-tools` 0.11.0), as they are, into real clusters.
//!
//! Each one runs, or is refused by name: a spec that is neither listed here nor there fails the test.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use arrow::array::AsArray as _;
use arrow::compute::{cast, sum};
use arrow::csv::ReaderBuilder;
use arrow::csv::reader::Format;
use arrow::datatypes::{DataType, Int64Type};
use pinotage_testkit::cluster::{Cluster, Options, Version, eventually};
use serde_json::Value as Json;
use tempfile::TempDir;

use super::{ok, pinotage};

/// What must become of a spec.
#[derive(Clone, Copy)]
enum Expected {
    /// All rows of its input are in the table.
    Runs,
    /// All rows of its inputs, that many files, are in the table, and Pinot's own function says the same of each of them.
    Computes { files: usize, rows: u64, condition: &'static str },
    /// The first line of the error, and the option that is named.
    Refused(&'static str, &'static str),
}

use Expected::{Computes, Refused, Runs};

const FLIGHTS: Expected =
    Computes { files: 31, rows: 9746, condition: "ts = fromEpochDays(DaysSinceEpoch) AND tsRaw = ts" };
const EVENTS: Expected = Computes {
    files: 1,
    rows: 10_000,
    condition: "created_at_timestamp = fromDateTime(created_at, 'yyyy-MM-dd''T''HH:mm:ss''Z''')",
};
/// A row for each commit of its 9,996 events, and one for each event without any. Two commits have no address.
const COMMITS: Expected = Computes {
    files: 1,
    rows: 12_422,
    condition: "created_at_timestamp = fromDateTime(created_at, 'yyyy-MM-dd''T''HH:mm:ss''Z''') \
        AND (\"payload.commits.url\" = 'null' OR strpos(\"payload.commits.url\", \"payload.commits.sha\", 1) > 0)",
};
/// Its pattern is one of CSV files, and there are none.
const NO_INPUT: Expected = Refused("not-found: no input file", "inputDirURI");
const GEOGRAPHY: Expected =
    Computes { files: 1, rows: 6443, condition: "ST_GEOMETRY_TYPE(location_st_point) = 'Point'" };

/// Every spec of the jar, below `examples/batch`.
const SPECS: [(&str, Expected); 10] = [
    ("airlineStats/hadoopIngestionJobSpec.yaml", FLIGHTS),
    ("airlineStats/ingestionJobSpec.yaml", FLIGHTS),
    ("airlineStats/sparkIngestionJobSpec.yaml", FLIGHTS),
    ("baseballStats/ingestionJobSpec.yaml", Runs),
    ("baseballStats/sparkIngestionJobSpec.yaml", Runs),
    ("dimBaseballTeams/ingestionJobSpec.yaml", Runs),
    ("githubComplexTypeEvents/ingestionJobSpec.yaml", COMMITS),
    ("githubEvents/ingestionJobSpec.yaml", EVENTS),
    ("githubEvents/sparkIngestionJobSpec.yaml", NO_INPUT),
    ("starbucksStores/ingestionJobSpec.yaml", GEOGRAPHY),
];

#[test]
fn every_example_of_pinot_runs_as_it_is_or_is_refused_by_name() {
    for version in [Version::V0_11, Version::V1_5] {
        let Some(cluster) = Cluster::start(&Options { version, ..Options::default() }) else { return };
        let jar = Version::V0_11.jar("pinot-tools").unwrap();
        let names = specs(unpacked(&jar).path());
        assert_eq!(names, SPECS.map(|(name, _)| name), "the specs of {}", jar.display());
        for (name, expected) in SPECS {
            // A place and a table of its own for each: nothing is there because another form of the spec has brought it.
            let folder = unpacked(&jar);
            let example = Example::new(&cluster, folder.path(), name);
            example.create();
            let became = match expected {
                Runs => example.runs(),
                Computes { files, rows, condition } => example.computes(files, rows, condition),
                Refused(error, option) => example.is_refused(error, option),
            };
            println!("{version:?} {name:45} {became}");
            example.delete();
        }
    }
}

/// A folder with `examples/batch` as it is in the jar.
fn unpacked(jar: &Path) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let status = Command::new("jar").arg("xf").arg(jar).arg("examples/batch").current_dir(&folder).status().unwrap();
    assert!(status.success(), "jar ended with {status}");
    folder
}

/// The YAML files below `examples/batch`; all of them are job specs.
fn specs(folder: &Path) -> Vec<String> {
    let batch = folder.join("examples/batch");
    let mut names: Vec<String> = files(&batch, "yaml")
        .iter()
        .map(|file| file.strip_prefix(&batch).unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path, extension)),
            false if path.extension().is_some_and(|it| it == extension) => found.push(path),
            false => {}
        }
    }
    found
}

/// A spec with the schema and the table config beside it.
struct Example<'a> {
    cluster: &'a Cluster,
    folder: &'a Path,
    spec: PathBuf,
    table: String,
}

impl<'a> Example<'a> {
    fn new(cluster: &'a Cluster, folder: &'a Path, name: &str) -> Self {
        let spec = Path::new("examples/batch").join(name);
        let table = name.split('/').next().unwrap().to_owned();
        Self { cluster, folder, spec, table }
    }

    fn document(&self, kind: &str) -> Json {
        let file = self.folder.join("examples/batch").join(&self.table).join(format!("{}_{kind}.json", self.table));
        serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
    }

    fn create(&self) {
        self.cluster.create_table(&self.document("schema"), &self.document("offline_table_config"));
    }

    /// So that the next spec of the same table finds none.
    fn delete(&self) {
        let Cluster { controller, .. } = self.cluster;
        self.cluster.delete(&format!("{controller}/tables/{}?type=offline", self.table));
        self.cluster.delete(&format!("{controller}/schemas/{}", self.table));
        let view = format!("{controller}/tables/{}/externalview?tableType=OFFLINE", self.table);
        eventually(&format!("no view of {}", self.table), || match self.cluster.http.get(&view) {
            Err(_) => Ok(()),
            Ok(body) => match serde_json::from_slice::<Json>(&body).unwrap()["OFFLINE"].is_null() {
                true => Ok(()),
                false => Err(String::from_utf8(body).unwrap()),
            },
        });
    }

    /// The arguments that run it with the files in the folder and the controller of the test, whose port is no fixed one.
    fn args(&self) -> [&str; 4] {
        ["run", self.spec.to_str().unwrap(), "--controller", &self.cluster.controller]
    }

    fn runs(&self) -> String {
        let text = ok(self.folder, &self.args());
        assert!(text.contains("pushed 1 segments"), "{text}");
        let (rows, sums) = self.input();
        self.cluster.await_count(&self.table, rows);
        for (column, sum) in &sums {
            let answer = self.cluster.query(&format!("SELECT SUM({column}) FROM {}", self.table));
            assert_eq!(answer["resultTable"]["rows"][0][0].as_f64(), Some(*sum), "{column}: {answer}");
        }
        assert!(ok(self.folder, &self.args()).contains("nothing to do"));
        format!("ran: {rows} rows, {} sums are those of the input", sums.len())
    }

    fn computes(&self, files: usize, rows: u64, condition: &str) -> String {
        let text = ok(self.folder, &self.args());
        assert!(text.contains(&format!("pushed {files} segments")), "{text}");
        self.cluster.await_count(&self.table, rows);
        let answer = self.cluster.query(&format!("SELECT COUNT(*) FROM {} WHERE {condition}", self.table));
        assert_eq!(answer["resultTable"]["rows"][0][0].as_u64(), Some(rows), "{condition}: {answer}");
        assert!(ok(self.folder, &self.args()).contains("nothing to do"));
        format!("ran: {rows} rows for which {condition}")
    }

    /// The rows of the input, and the sums of its INT columns, as Arrow's own reader finds them.
    fn input(&self) -> (u64, BTreeMap<String, f64>) {
        let (mut rows, mut sums) = (0, BTreeMap::new());
        let schema = self.document("schema");
        let fields = ["dimensionFieldSpecs", "metricFieldSpecs"].map(|list| schema[list].as_array().cloned());
        let numbers: Vec<Json> = fields.into_iter().flatten().flatten().filter(|it| it["dataType"] == "INT").collect();
        for file in files(&self.folder.join("examples/batch").join(&self.table).join("rawdata"), "csv") {
            let format = Format::default().with_header(true);
            let (columns, _) = format.infer_schema(File::open(&file).unwrap(), None).unwrap();
            let reader = ReaderBuilder::new(columns.into()).with_format(format).build(File::open(&file).unwrap());
            for batch in reader.unwrap() {
                let batch = batch.unwrap();
                rows += batch.num_rows() as u64;
                for name in numbers.iter().map(|field| field["name"].as_str().unwrap()) {
                    let values = cast(batch.column_by_name(name).unwrap(), &DataType::Int64).unwrap();
                    *sums.entry(name.to_owned()).or_default() +=
                        sum(values.as_primitive::<Int64Type>()).unwrap_or_default() as f64;
                }
            }
        }
        (rows, sums)
    }

    fn is_refused(&self, error: &str, option: &str) -> String {
        let output = pinotage(self.folder, &self.args());
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && output.stdout.is_empty(), "{text}");
        assert!(text.contains(error) && text.contains(option) && text.contains("what to do: "), "{text}");
        let url = format!("{}/segments/{}?type=OFFLINE", self.cluster.controller, self.table);
        assert_eq!(self.cluster.get_json(&url)[0]["OFFLINE"], serde_json::json!([]), "segments of {}", self.table);
        format!("refused: {}", error.trim_start_matches("unsupported: "))
    }
}
