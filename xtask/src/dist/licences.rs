//! The licences of everything that is linked in.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use spdx::Expression;

use super::tree::Crate;

/// What files with the words of a licence, or with names that have to be told, are called.
const NAMES: [&str; 5] = ["LICENSE", "LICENCE", "NOTICE", "COPYRIGHT", "COPYING"];

/// One text: who is in it, then each text once with those that it is from. A crate that ships none gets that of SPDX.
pub(super) fn of(crates: &[Crate]) -> Result<String, String> {
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for one in crates {
        // The sources of C that a crate brings along lie below it.
        let depth = if one.name.ends_with("-sys") { 3 } else { 0 };
        let mut own = BTreeSet::new();
        shipped(&one.folder, depth, &mut own).map_err(|error| format!("{}: {error}", one.folder.display()))?;
        if own.is_empty() {
            own = of_spdx(one)?;
        }
        for text in own {
            texts.entry(text).or_default().push(format!("{} {}", one.name, one.version));
        }
    }
    let mut page = String::from("Pinotage contains these crates, each under its own licence.\n\n");
    for one in crates {
        let _ = writeln!(page, "{} {}: {}", one.name, one.version, one.licence);
    }
    // Those of many crates first.
    let mut texts: Vec<_> = texts.into_iter().collect();
    texts.sort_by_key(|(_, names)| std::cmp::Reverse(names.len()));
    for (text, names) in texts {
        let _ = write!(page, "\n{}\n{}\n\n{text}\n", "=".repeat(80), names.join(", "));
    }
    Ok(page)
}

/// The texts in a folder, and in those so deep below it.
fn shipped(folder: &Path, depth: usize, texts: &mut BTreeSet<String>) -> std::io::Result<()> {
    // Beside it, zstd's COPYING is the other one of two licences to choose from.
    let has_licence = folder.join("LICENSE").exists();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        if path.is_dir() && depth > 0 {
            shipped(&path, depth - 1, texts)?;
        } else if path.is_file()
            && !(has_licence && name == "COPYING")
            && NAMES.iter().any(|start| name.starts_with(start))
        {
            texts.insert(String::from_utf8_lossy(&fs::read(&path)?).trim().replace("\r\n", "\n"));
        }
    }
    Ok(())
}

/// The texts of every licence that the crate's expression names.
fn of_spdx(one: &Crate) -> Result<BTreeSet<String>, String> {
    let expression = Expression::parse_mode(&one.licence, spdx::ParseMode::LAX)
        .map_err(|error| format!("{} {}: {error}", one.name, one.version))?;
    let ids = expression.requirements().filter_map(|wanted| wanted.req.license.id());
    Ok(ids.map(|id| format!("{}\n\n{}", id.full_name, id.text().trim())).collect())
}
