//! Streams for REALTIME tables, in files instead of a broker (`FileTopic` of `java/cluster-common`).

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;

use serde_json::{Value as Json, json};

use super::Cluster;

/// A stream with numbered partitions. The offset of a row is its number in its partition, from 0.
pub struct Topic {
    name: String,
    partitions: u32,
    folder: PathBuf,
}

impl Cluster {
    /// Makes an empty topic under a name that no other topic of the cluster has.
    pub fn create_topic(&self, name: &str, partitions: u32) -> Topic {
        let folder = self.folder.path().join("streams").join(name);
        fs::create_dir_all(&folder).unwrap();
        for partition in 0..partitions {
            File::create_new(folder.join(partition.to_string())).unwrap();
        }
        Topic { name: name.to_owned(), partitions, folder }
    }
}

impl Topic {
    /// Appends rows, which are JSON objects with the columns' names.
    pub fn publish(&self, partition: u32, rows: impl IntoIterator<Item = Json>) {
        let lines: String = rows.into_iter().map(|row| format!("{row}\n")).collect();
        let file = File::options().append(true).open(self.folder.join(partition.to_string()));
        file.unwrap().write_all(lines.as_bytes()).unwrap();
    }

    /// The `streamConfigs` of a table that consumes the topic from its start, in segments of these many rows if each of its
    /// servers has all partitions.
    pub fn stream_configs(&self, rows_per_segment: u64) -> Json {
        // Pinot divides the number by that of a server's partitions.
        let rows = rows_per_segment * u64::from(self.partitions);
        json!({
            "streamType": "file",
            "stream.file.topic.name": self.name,
            "stream.file.folder": self.folder,
            "stream.file.consumer.type": "lowlevel",
            "stream.file.consumer.factory.class.name": "io.pinotage.cluster.FileStream",
            "stream.file.decoder.class.name": "io.pinotage.cluster.FileDecoder",
            "stream.file.consumer.prop.auto.offset.reset": "smallest",
            "realtime.segment.flush.threshold.rows": rows.to_string(),
            "realtime.segment.flush.threshold.time": "24h",
        })
    }
}
