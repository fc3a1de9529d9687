//! The page of all functions, out of the registry.

use std::fmt::Write as _;

use super::function::{GROUPS, SPECIAL};
use super::functions::REFUSED;

/// The table of functions as Markdown: `docs/reference/functions.md`.
pub fn function_reference() -> String {
    let mut out = String::from(include_str!("reference.md"));
    for (group, lists) in GROUPS {
        let _ = write!(out, "\n## {group}\n\n| function | gives | |\n| --- | --- | --- |\n");
        for function in lists.iter().flat_map(|list| list.iter()) {
            let wants: Vec<&str> = function.wants.iter().map(|want| want.name()).collect();
            let [name, others @ ..] = function.names else { continue };
            let also = if others.is_empty() { String::new() } else { format!("also `{}`", others.join("`, `")) };
            let about =
                [function.about, &also].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ");
            let _ = writeln!(
                out,
                "| `{name}({})` | {} | {} |",
                wants.join(", "),
                function.gives.name(),
                about.replace('|', "\\|")
            );
        }
    }
    let _ = write!(out, "\n## Of any type\n\n| function | |\n| --- | --- |\n");
    for (_, usage, about) in SPECIAL {
        let _ = writeln!(out, "| `{usage}` | {about} |");
    }
    let _ = write!(out, "\n## Refused by name\n\n| functions | why |\n| --- | --- |\n");
    for (why, names) in REFUSED {
        let _ = writeln!(out, "| `{}` | {why} |", names.join("`, `"));
    }
    out
}
