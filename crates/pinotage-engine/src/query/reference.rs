//! The reference page of the options of a scan, made from their own declarations.

use pinotage_job::option_table;
use pinotage_scan::ScanOptions;

/// Every option of a scan, as Markdown.
pub fn scan_reference() -> String {
    let text = "# Options of a scan\n\nMade from the options' declarations in `pinotage-scan`. They stand behind `?` in a table's URL: \
                `pinot://host:9000/flights?reader=direct&batchRows=65536`. `connection=FILE` there names a file that says how the \
                cluster is reached (`sink.connection` of [the job file](job.md)): `pinot:///flights?connection=prod.yaml`.\n\n";
    text.to_owned() + &option_table::<ScanOptions>()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_published_page_is_current() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/scan.md");
        if std::env::var_os("PINOTAGE_UPDATE_DOCS").is_some() {
            std::fs::write(&path, scan_reference()).unwrap();
        }
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            published == scan_reference(),
            "docs/reference/scan.md is old: run the test with PINOTAGE_UPDATE_DOCS=1"
        );
    }
}
