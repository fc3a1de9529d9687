//! `docs/reference/functions.md` is what the registry says.

use pinotage_transform::function_reference;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/functions.md");

/// With `PINOTAGE_UPDATE_DOCS` set the page is written.
#[test]
fn the_page_of_functions_is_that_of_the_registry() {
    let expected = function_reference();
    if std::env::var_os("PINOTAGE_UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, &expected).unwrap();
    }
    let page = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(page == expected, "the page is an old one: run this test with PINOTAGE_UPDATE_DOCS=1");
}
