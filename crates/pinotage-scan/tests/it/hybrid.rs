//! Tables of two halves: every row once, and the same rows that the broker answers from.

use pinotage_client::TableType;
use pinotage_scan::{Aggregate, AggregateRequest, OrderKey, Reader, ScanRequest};
use pinotage_spec::{CompareOp, Predicate, Schema, TableConfig, Value};
use pinotage_testkit::cluster::{Cluster, Topic, eventually};
use pinotage_testkit::fake::{Gate, Side};
use serde_json::{Value as Json, json};

use crate::support::{Place, broker_ids, build, by, ids, scanner, scanner_at};
use crate::{aggregates, top};

const FIRST_DAY: i64 = 19_723;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// The ids of REALTIME rows begin here.
const REALTIME: u64 = 1_000_000;

/// How a table writes its times.
#[derive(Debug, Clone, Copy)]
struct Time {
    name: &'static str,
    data_type: &'static str,
    format: &'static str,
    hourly: bool,
    /// The unit of its times, in milliseconds.
    unit: i64,
    /// A time in the column's own form.
    write: fn(i64) -> Json,
}

const TIMES: [Time; 7] = [
    Time {
        name: "days",
        data_type: "INT",
        format: "1:DAYS:EPOCH",
        hourly: false,
        unit: DAY,
        write: |millis| json!(millis / DAY),
    },
    // Whole days stay a day apart.
    Time {
        name: "hourly_days",
        data_type: "INT",
        format: "1:DAYS:EPOCH",
        hourly: true,
        unit: DAY,
        write: |millis| json!(millis / DAY),
    },
    Time {
        name: "millis",
        data_type: "LONG",
        format: "1:MILLISECONDS:EPOCH",
        hourly: false,
        unit: 1,
        write: |millis| json!(millis),
    },
    Time {
        name: "hourly",
        data_type: "LONG",
        format: "1:MILLISECONDS:EPOCH",
        hourly: true,
        unit: 1,
        write: |millis| json!(millis),
    },
    Time {
        name: "timestamp",
        data_type: "TIMESTAMP",
        format: "1:MILLISECONDS:TIMESTAMP",
        hourly: false,
        unit: 1,
        write: |millis| json!(millis),
    },
    Time {
        name: "text",
        data_type: "STRING",
        format: "1:DAYS:SIMPLE_DATE_FORMAT:yyyy-MM-dd",
        hourly: false,
        unit: DAY,
        write: |millis| json!(chrono::DateTime::from_timestamp_millis(millis).unwrap().format("%Y-%m-%d").to_string()),
    },
    Time {
        name: "hourly_timestamp",
        data_type: "TIMESTAMP",
        format: "1:MILLISECONDS:TIMESTAMP",
        hourly: true,
        unit: 1,
        write: |millis| json!(millis),
    },
];

impl Time {
    fn schema(&self, table: &str) -> Json {
        json!({
            "schemaName": table,
            "dimensionFieldSpecs": [{"name": "id", "dataType": "LONG"}],
            "dateTimeFieldSpecs": [
                {"name": "at", "dataType": self.data_type, "format": self.format, "granularity": "1:DAYS"},
            ],
        })
    }

    fn config(&self, table: &str, half: TableType) -> Json {
        json!({
            "tableName": table, "tableType": half.name(), "tenants": {}, "metadata": {},
            "segmentsConfig": {
                "schemaName": table, "replication": "1", "replicasPerPartition": "1", "timeColumnName": "at",
                "segmentPushType": "APPEND", "segmentPushFrequency": if self.hourly { "HOURLY" } else { "DAILY" },
            },
            "tableIndexConfig": {"loadMode": "MMAP"},
        })
    }

    /// A row every six hours, the first one at the beginning of a day.
    fn row(&self, number: u64, id: u64) -> (i64, Json) {
        let millis = FIRST_DAY * DAY + number as i64 * 6 * HOUR;
        (millis / self.unit * self.unit, json!({"id": id, "at": (self.write)(millis)}))
    }
}

/// A hybrid table whose halves overlap, and the times of their rows by id.
struct Hybrid {
    cluster: &'static Cluster,
    name: String,
    time: Time,
    topic: Topic,
    offline: Vec<(i64, u64)>,
    /// Those of OFFLINE segments that do not tell their time.
    untold: Vec<(i64, u64)>,
    realtime: Vec<(i64, u64)>,
    /// Where the halves meet, when somebody has said it.
    said: Option<i64>,
}

impl Hybrid {
    /// Both halves, without a row.
    fn new(place: Place, time: Time, name: &str) -> Option<Self> {
        let table = Self::offline(place, time, name, &time.config(name, TableType::Offline))?;
        table.add_realtime();
        Some(table)
    }

    /// The OFFLINE half.
    fn offline(place: Place, time: Time, name: &str, config: &Json) -> Option<Self> {
        let cluster = place.cluster()?;
        let topic = cluster.create_topic(name, 2);
        cluster.create_table(&time.schema(name), config);
        let (offline, untold, realtime) = (Vec::new(), Vec::new(), Vec::new());
        Some(Self { cluster, name: name.to_owned(), time, topic, offline, untold, realtime, said: None })
    }

    fn add_realtime(&self) {
        let mut config = self.time.config(&self.name, TableType::Realtime);
        config["tableIndexConfig"]["streamConfigs"] = self.topic.stream_configs(8);
        self.cluster.create_table(&self.time.schema(&self.name), &config);
    }

    /// Uploads the rows of a day.
    fn upload(&mut self, day: u64) {
        let rows = self.upload_with(day, self.time.config(&self.name, TableType::Offline));
        self.offline.extend(rows);
    }

    /// Uploads the rows of a day in a segment without its time.
    fn upload_untold(&mut self, day: u64) {
        let rows = self.upload_with(day, Self::timeless(self.time, &self.name));
        self.untold.extend(rows);
    }

    /// The OFFLINE half without a time column, as it may have been once.
    fn timeless(time: Time, name: &str) -> Json {
        let mut config = time.config(name, TableType::Offline);
        config["segmentsConfig"].as_object_mut().unwrap().remove("timeColumnName");
        config
    }

    /// Times and ids of what is uploaded.
    fn upload_with(&self, day: u64, config: Json) -> Vec<(i64, u64)> {
        let rows: Vec<(i64, Json)> = (day * 4..day * 4 + 4).map(|number| self.time.row(number, number)).collect();
        let times = rows.iter().map(|(at, row)| (*at, row["id"].as_u64().unwrap())).collect();
        let schema = Schema::from_document(self.time.schema(&self.name)).unwrap();
        let config = TableConfig::from_document(config).unwrap();
        let (folder, rows): (_, Vec<Json>) =
            (tempfile::tempdir().unwrap(), rows.into_iter().map(|(_, row)| row).collect());
        let segment = build(&schema, &config, &format!("{}_{day}", self.name), &rows, folder.path());
        self.cluster.upload(&self.name, &segment);
        times
    }

    /// Publishes the rows of some days.
    fn publish(&mut self, days: std::ops::Range<u64>) {
        for number in days.start * 4..days.end * 4 {
            let (at, row) = self.time.row(number, REALTIME + number);
            self.realtime.push((at, REALTIME + number));
            self.topic.publish((number % 2) as u32, [row]);
        }
    }

    /// The ids of the rows that count, by Pinot's rule.
    fn expected(&self) -> Vec<i64> {
        let latest = self.offline.iter().map(|(at, _)| *at).max();
        let step = if self.time.hourly && self.time.unit < DAY { HOUR } else { DAY };
        let boundary = self.said.or(latest.map(|latest| latest - step)).unwrap_or(i64::MIN);
        let offline = self.offline.iter().chain(&self.untold).filter(|(at, _)| *at <= boundary);
        let realtime = self.realtime.iter().filter(|(at, _)| *at > boundary);
        let mut ids: Vec<i64> = offline.chain(realtime).map(|(_, id)| *id as i64).collect();
        ids.sort_unstable();
        ids
    }

    /// Waits until the broker answers from all rows that count, and gives their ids.
    fn await_broker(&self) -> Vec<i64> {
        let expected = self.expected();
        self.cluster.await_count(&format!("{}_REALTIME", self.name), self.realtime.len() as u64);
        eventually(&format!("the broker sees all rows of {}", self.name), || {
            let found = broker_ids(self.cluster, &format!("SELECT id FROM {} LIMIT 100000", self.name));
            if found == expected { Ok(()) } else { Err(format!("{found:?} instead of {expected:?}")) }
        });
        expected
    }

    /// Waits until the broker answers from all rows, and compares all readers with it.
    async fn compare(&self) {
        let expected = self.await_broker();
        for reader in [Reader::Server, Reader::Direct, Reader::Auto] {
            let scanner = scanner(self.cluster, &self.name, by(reader)).await.unwrap();
            let (plan, found) = ids(&scanner, None).await.unwrap();
            assert_eq!(found, expected, "{}, {reader:?}: {plan}", self.time.name);
            assert!(plan.exact, "{plan}");
            // The number of rows is not what the cluster's records say.
            assert_eq!(plan.exact_rows, None);
            let some = Predicate::Compare { column: "id".into(), op: CompareOp::Gt, value: Value::Long(7) };
            let (_, found) = ids(&scanner, Some(&some)).await.unwrap();
            assert_eq!(found, expected.iter().copied().filter(|id| *id > 7).collect::<Vec<_>>());
        }
        self.compare_numbers().await;
        // Halves by themselves are read whole.
        let offline = [self.offline.as_slice(), &self.untold].concat();
        for (half, rows) in [(TableType::Offline, &offline), (TableType::Realtime, &self.realtime)] {
            let scanner = scanner(self.cluster, &half.of(&self.name), by(Reader::Auto)).await.unwrap();
            let (_, found) = ids(&scanner, None).await.unwrap();
            let mut all: Vec<i64> = rows.iter().map(|(_, id)| *id as i64).collect();
            all.sort_unstable();
            assert_eq!(found, all, "{half}");
        }
    }
}

impl Hybrid {
    /// What servers aggregate and order of both halves.
    async fn compare_numbers(&self) {
        let server = scanner(self.cluster, &self.name, by(Reader::Server)).await.unwrap();
        let direct = scanner(self.cluster, &self.name, by(Reader::Direct)).await.unwrap();
        let (id, at) = (|| "id".to_owned(), || "at".to_owned());
        let request = |group_by: Vec<String>, aggregates| AggregateRequest { group_by, aggregates };
        let some = Predicate::Compare { column: id(), op: CompareOp::Gt, value: Value::Long(7) };
        for predicate in [None, Some(some)] {
            let rows = ScanRequest { predicate, ..ScanRequest::default() };
            for counts in [request(vec![], vec![Aggregate::Rows]), request(vec![at()], vec![Aggregate::Rows])] {
                assert!(aggregates::same(self.cluster, [&server, &direct], &rows, &counts).await, "{counts:?}");
            }
            // Servers of the oldest release do these for INT alone, nobody orders texts.
            let numbers = vec![Aggregate::Min(id()), Aggregate::Max(id()), Aggregate::Sum(id())];
            let times = vec![Aggregate::Min(at()), Aggregate::Max(at())];
            for numbers in [numbers, times] {
                aggregates::same(self.cluster, [&server, &direct], &rows, &request(vec![], numbers)).await;
            }
            for descending in [false, true] {
                let key = |column| OrderKey { column, descending, nulls_first: false };
                assert!(top::same(&server, &direct, &rows, &[key(id())], 7).await);
                let asked = top::same(&server, &direct, &rows, &[key(at()), key(id())], 7).await;
                assert_eq!(asked, self.time.data_type != "STRING");
            }
        }
    }
}

async fn halves_meet(place: Place) {
    let mut tables = Vec::new();
    for time in TIMES {
        let Some(mut table) = Hybrid::new(place, time, &format!("hybrid_{}", time.name)) else { return };
        table.publish(2..9);
        tables.push(table);
    }
    for table in &mut tables {
        // Without OFFLINE segments, all rows are REALTIME.
        table.compare().await;
        (0..5).for_each(|day| table.upload(day));
    }
    for table in &mut tables {
        table.compare().await;
        // The halves meet a day later.
        table.upload(5);
    }
    for table in &tables {
        table.compare().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn halves_meet_where_the_broker_says() {
    halves_meet(Place::Modern).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn halves_meet_where_the_oldest_broker_says() {
    halves_meet(Place::Oldest).await;
}

/// Of them alone no time is known where the halves could meet; beside others they count up to that time.
async fn untold_times(place: Place) {
    let (name, time) = ("hybrid_untold", TIMES[2]);
    let Some(mut table) = Hybrid::offline(place, time, name, &Hybrid::timeless(time, name)) else { return };
    // The controller takes them only as long as the table has no time column.
    table.upload_untold(0);
    table.upload_untold(5);
    let url = format!("{}/tables/{name}", table.cluster.controller);
    table.cluster.http.put_json(&url, &time.config(name, TableType::Offline)).unwrap();
    table.add_realtime();
    table.publish(2..9);
    table.compare().await;
    let scanner = scanner(table.cluster, name, by(Reader::Auto)).await.unwrap();
    let (plan, _) = ids(&scanner, None).await.unwrap();
    assert!(plan.warnings.iter().any(|warning| warning.contains("2 segments of hybrid_untold_OFFLINE")), "{plan:?}");
    table.upload(1);
    table.upload(4);
    table.compare().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn segments_without_a_time_count_up_to_the_time_of_others() {
    untold_times(Place::Modern).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn segments_of_the_oldest_release_without_a_time_count_up_to_the_time_of_others() {
    untold_times(Place::Oldest).await;
}

/// The controller keeps the latest time as where the halves meet, not a day before it.
#[tokio::test(flavor = "multi_thread")]
async fn halves_meet_where_somebody_said() {
    let mut tables = Vec::new();
    for (at, name) in
        [(0, "said_days"), (2, "said_millis"), (4, "said_timestamp"), (5, "said_text"), (6, "said_hourly_timestamp")]
    {
        let Some(mut table) = Hybrid::new(Place::Modern, TIMES[at], name) else { return };
        table.publish(2..9);
        (0..5).for_each(|day| table.upload(day));
        tables.push(table);
    }
    for table in &mut tables {
        table.compare().await;
        let url = format!("{}/tables/{}/timeBoundary", table.cluster.controller, table.name);
        table.cluster.post_json(&url, &json!({}));
        table.said = table.offline.iter().map(|(at, _)| *at).max();
        table.compare().await;
        // It stays although there are later rows, until it is taken back.
        table.upload(6);
        table.cluster.await_online(&format!("{}_OFFLINE", table.name), 6);
        table.compare().await;
        table.cluster.delete(&url);
        table.said = None;
        table.compare().await;
    }
}

/// OFFLINE segments come between the look at the OFFLINE half and the answer of the broker: their rows are in neither half
/// when both are believed.
async fn halves_move(place: Place) {
    let Some(mut table) = Hybrid::new(place, TIMES[0], "hybrid_moves") else { return };
    table.publish(0..12);
    (0..3).for_each(|day| table.upload(day));
    table.await_broker();
    let gate = Gate::new(&table.cluster.controller);
    let scanner = scanner_at(&gate.url(), &table.name, by(Reader::Server)).await.unwrap();
    let hold = gate.hold(Side::Before, |request| request.path.contains("brokers/tables/"));
    let expected = tokio::task::spawn_blocking(move || {
        hold.await_own_call();
        (3..9).for_each(|day| table.upload(day));
        let expected = table.await_broker();
        hold.release();
        expected
    });
    let (plan, found) = ids(&scanner, None).await.unwrap();
    let expected = expected.await.unwrap();
    assert_eq!(found, expected, "{plan}");
}

#[tokio::test(flavor = "multi_thread")]
async fn halves_that_move_while_they_are_looked_at_lose_nothing() {
    halves_move(Place::Modern).await;
}
