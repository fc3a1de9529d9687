//! `pinotFSSpecs`

use pinotage_common::{Error, Result};

use super::notes::Notes;
use super::spec::PinotFsSpec;
use crate::nearest::nearest;

/// Pinot's own file systems.
const CLASSES: [&str; 6] = [
    "org.apache.pinot.spi.filesystem.LocalPinotFS",
    "org.apache.pinot.plugin.filesystem.S3PinotFS",
    "org.apache.pinot.plugin.filesystem.GcsPinotFS",
    "org.apache.pinot.plugin.filesystem.ADLSGen2PinotFS",
    "org.apache.pinot.plugin.filesystem.AzurePinotFS",
    "org.apache.pinot.plugin.filesystem.HadoopPinotFS",
];

/// Accepts file systems that are known by name; files are read by the scheme of their URI.
pub(super) fn check(specs: &[PinotFsSpec], notes: &mut Notes) -> Result<()> {
    for spec in specs {
        let scheme = spec.scheme.as_deref().unwrap_or_default();
        let class = spec.class_name.as_deref().unwrap_or_default();
        if !CLASSES.contains(&class) {
            let nearest = nearest(class, CLASSES).unwrap_or_default();
            return Err(Error::unsupported(format!("`{class}` is no file system that is known here"))
                .with("option", format!("pinotFSSpecs[{scheme}].className"))
                .action(format!("write `{nearest}`, or copy the files to a disk of this machine")));
        }
        let given = spec
            .configs
            .iter()
            .flatten()
            .any(|(_, value)| value.as_ref().is_some_and(|value| !value.expose().is_empty()));
        if given && scheme == "file" {
            notes.no_effect("pinotFSSpecs[file].configs", "files of this machine need none");
        }
    }
    Ok(())
}
