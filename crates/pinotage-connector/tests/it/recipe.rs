//! The code of the recipe is code that runs: each block of `docs/contributing/connector.md` stands in a file beside this one.

#[test]
fn its_code_is_that_of_the_example() {
    let recipe = include_str!("../../../../docs/contributing/connector.md");
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let example = squeezed(&[include_str!("countdown.rs"), include_str!("json_lines.rs")].concat());
    let blocks: Vec<&str> = recipe.split("```rust\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 3, "{} blocks of code", blocks.len());
    for block in blocks {
        // What a reader need not see is left out as `…`, on a line of its own.
        for part in block.split("…") {
            assert!(example.contains(&squeezed(part)), "no file of the example has\n{part}");
        }
    }
}
