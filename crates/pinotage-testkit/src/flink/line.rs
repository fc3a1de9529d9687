//! The lines of Flink that there is a jar for.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cluster::class_path;

/// A line of Flink, and the release that its tests run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// 1.20.3.
    V1_20,
    /// 2.3.0.
    V2,
}

impl Line {
    fn variable(self) -> &'static str {
        match self {
            Self::V1_20 => "PINOTAGE_FLINK_1_20_CLASSPATH",
            Self::V2 => "PINOTAGE_FLINK_2_CLASSPATH",
        }
    }

    /// The class path of its tests; none where nobody built it, which is said.
    ///
    /// # Panics
    /// Without it, when `PINOTAGE_REQUIRE_CLUSTERS` is set.
    pub fn class_path(self) -> Option<String> {
        class_path("Flink", self.variable())
    }

    /// What a cluster has to have in `lib` to read csv, parquet, avro and orc; none where nobody built it, which is said.
    ///
    /// # Panics
    /// As [`Line::class_path`].
    pub fn formats(self) -> Option<Vec<PathBuf>> {
        let variable = self.variable().replace("_CLASSPATH", "_FORMATS_CLASSPATH");
        Some(env::split_paths(&class_path("formats of Flink", &variable)?).collect())
    }

    /// The jar that users put into their job.
    pub fn jar(self) -> Option<PathBuf> {
        let name = match self {
            Self::V1_20 => "pinotage-flink-1.20-",
            Self::V2 => "pinotage-flink-2-",
        };
        self.entry(name)
    }

    /// A jar of the class path by the begin of its name.
    pub fn entry(self, name: &str) -> Option<PathBuf> {
        env::split_paths(&self.class_path()?).find(|path| is_named(path, name))
    }

    /// What an installation of Flink has in `lib`: nothing of ours.
    pub(super) fn lib(self) -> Option<Vec<PathBuf>> {
        Some(env::split_paths(&self.class_path()?).filter(|path| !is_named(path, "pinotage-")).collect())
    }

    /// Makes a jar for [`Session::upload`](super::Session::upload): the programs of `java/flink/scenarios`, and the connector's jar in its
    /// `lib` if it is to be user code of the job, with the native library in it if one is given. None without this line.
    pub fn job_jar(self, folder: &Path, connector: Connector) -> Option<PathBuf> {
        let job = folder.join("job.jar");
        fs::copy(self.entry("pinotage-flink-scenarios-")?, &job).unwrap();
        if connector == Connector::InLib {
            return Some(job);
        }
        let (lib, native) = (folder.join("lib"), folder.join("io/pinotage/native/linux-x86_64"));
        fs::create_dir_all(&lib).unwrap();
        let own = lib.join("pinotage-flink.jar");
        fs::copy(self.jar()?, &own).unwrap();
        if let Connector::InJobWith(library) = connector {
            fs::create_dir_all(&native).unwrap();
            fs::copy(library, native.join("libpinotage.so")).unwrap();
            add(&own, folder, "io");
        }
        add(&job, folder, "lib");
        Some(job)
    }
}

/// Where a job finds the connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connector<'p> {
    /// In `lib/` of Flink, see [`SessionOptions::connector_in_lib`](super::SessionOptions::connector_in_lib).
    InLib,
    /// In its own jar; the library is where the processes were told.
    InJob,
    /// In its own jar, with this library in it.
    InJobWith(&'p Path),
}

/// Adds what lies in a folder to a jar.
fn add(jar: &Path, folder: &Path, entry: &str) {
    let added = Command::new("jar").arg("-uf").arg(jar).arg("-C").arg(folder).arg(entry).status().unwrap();
    assert!(added.success(), "jar: {added}");
}

fn is_named(path: &Path, name: &str) -> bool {
    path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name))
}
