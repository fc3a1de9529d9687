//! What crosses, and what does not.

use std::fs;

use serde_json::{Value as Json, json};

use crate::java::{check, library, run};

/// A sink as tasks get it.
fn description(staging: &str, columns: &Json, partitions: &Json) -> String {
    let options = json!({
        "name": "j",
        "sink": {"kind": "pinot", "table": "t", "controller": "127.0.0.1:9"},
        "staging": staging,
    });
    json!({
        "form": 1,
        "options": options.to_string(),
        "schema": {"schemaName": "t", "dimensionFieldSpecs": columns},
        "table": {
            "tableName": "t_OFFLINE", "tableType": "OFFLINE",
            "tableIndexConfig": {"nullHandlingEnabled": true, "segmentPartitionConfig": {"columnPartitionMap": partitions}},
        },
        "pinot": "1.5",
    })
    .to_string()
}

#[test]
fn all_types_go_across_and_back() {
    check(&["-Xcheck:jni"], &["types"]);
}

#[test]
fn memory_stays_bounded() {
    check(&["-Xmx64m"], &["leaks", "10000"]);
}

#[test]
fn errors_and_panics_are_typed_exceptions() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("description");
    let columns = json!([{"name": "id", "dataType": "LONG"}]);
    let staging = folder.path().join("staging");
    fs::write(&file, description(staging.to_str().unwrap(), &columns, &json!({}))).unwrap();
    check(&["-Xcheck:jni"], &["errors", file.to_str().unwrap()]);
}

#[test]
fn old_bytes_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("description");
    let columns = json!([{"name": "id", "dataType": "LONG"}]);
    let staging = folder.path().join("staging");
    fs::write(&file, description(staging.to_str().unwrap(), &columns, &json!({}))).unwrap();
    check(&[], &["old-bytes", file.to_str().unwrap()]);
}

#[test]
fn threads_end_with_the_last_handle() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("description");
    let columns = json!([{"name": "id", "dataType": "LONG"}]);
    fs::write(&file, description(folder.path().to_str().unwrap(), &columns, &json!({}))).unwrap();
    check(&[], &["threads", file.to_str().unwrap()]);
}

/// Each function over each type that it takes.
#[test]
fn java_spreads_rows_as_the_library_does() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = Vec::new();
    for data_type in ["STRING", "INT", "LONG", "BOOLEAN", "TIMESTAMP", "BYTES"] {
        for (name, config) in [
            ("Murmur", json!({})),
            ("Murmur3", json!({"seed": "9001"})),
            ("Murmur3", json!({"variant": "x64_32", "seed": "-7"})),
            ("HashCode", json!({})),
            ("ByteArray", json!({})),
            ("Modulo", json!({})),
            ("BoundedColumnValue", json!({"columnValues": "0|1|7|12", "columnValuesDelimiter": "|"})),
        ] {
            let is_whole = matches!(data_type, "INT" | "LONG" | "BOOLEAN" | "TIMESTAMP");
            if name == "Modulo" && !is_whole {
                continue;
            }
            let count = if name == "BoundedColumnValue" { 5 } else { 11 };
            let partitions = json!({"key": {"functionName": name, "numPartitions": count, "functionConfig": config}});
            let columns = json!([{"name": "key", "dataType": data_type, "maxLength": 1000}]);
            all.push(description(folder.path().to_str().unwrap(), &columns, &partitions));
        }
    }
    let file = folder.path().join("descriptions");
    fs::write(&file, all.join("\n")).unwrap();
    check(&[], &["partitions", file.to_str().unwrap(), "2000"]);
}

/// Out of the jar, into class loaders that come and go: one file, mapped once, and gone with the process.
#[test]
fn class_loaders_share_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let resources = folder.path().join("io/pinotage/native/linux-x86_64");
    fs::create_dir_all(&resources).unwrap();
    fs::copy(library(), resources.join("libpinotage.so")).unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let option = format!("-Djava.io.tmpdir={}", temporary.path().display());
    // Cargo names its own folders in LD_LIBRARY_PATH.
    let nowhere = "-Djava.library.path=";
    run(&[&option, nowhere], &[folder.path()], &["loaders", "6", temporary.path().to_str().unwrap()]);
    let left: Vec<_> = fs::read_dir(temporary.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// A library of another version, as far as Java looks at it.
#[test]
fn another_interface_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (source, file) = (folder.path().join("other.rs"), folder.path().join("libpinotage.so"));
    let name = "Java_io_pinotage_jni_NativeLibrary_interfaceVersion";
    fs::write(
        &source,
        format!("#[unsafe(no_mangle)] pub extern \"system\" fn {name}(_: usize, _: usize) -> i32 {{ 99 }}"),
    )
    .unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = std::process::Command::new(rustc);
    command.args(["--edition", "2024", "--crate-type", "cdylib", "-C", "panic=abort", "-o"]).arg(&file).arg(&source);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let option = format!("-Dpinotage.library={}", file.display());
    run(&[&option], &[], &["unloadable", "unsupported", ", found 99"]);
}

#[test]
fn a_library_that_is_none_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("libpinotage.so");
    fs::write(&file, "no library").unwrap();
    let option = format!("-Dpinotage.library={}", file.display());
    run(&[&option], &[], &["unloadable", "unsupported", file.to_str().unwrap()]);
    let nowhere = folder.path().join("nowhere.so");
    let option = format!("-Dpinotage.library={}", nowhere.display());
    run(&[&option], &[], &["unloadable", "unsupported", nowhere.to_str().unwrap()]);
    run(&["-Djava.library.path="], &[], &["unloadable", "not-found", "linux-x86_64"]);
}
