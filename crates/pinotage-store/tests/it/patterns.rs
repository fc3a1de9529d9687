//! Patterns against Java's answers.

use pinotage_store::Pattern;

/// Made by `FileSystems.getDefault().getPathMatcher` of Java 17 on Linux: the paths, then for each pattern those that it
/// matches, or that it was refused.
const JAVA: &str = include_str!("patterns.tsv");

#[test]
fn match_what_java_matches() {
    let mut lines = JAVA.lines();
    let paths: Vec<&str> = lines.next().unwrap().split('\t').skip(1).collect();
    let mut patterns = 0;
    for line in lines {
        let mut fields = line.split('\t');
        let text = fields.next().unwrap();
        let expected: Vec<&str> = fields.collect();
        let pattern = match (text.parse::<Pattern>(), expected.as_slice()) {
            (Err(_), ["REFUSED"]) => continue,
            (Ok(pattern), expected) if expected != ["REFUSED"] => pattern,
            (parsed, _) => panic!("{text}: {parsed:?}, but Java {expected:?}"),
        };
        let found: Vec<&str> = paths.iter().copied().filter(|path| pattern.matches(path)).collect();
        assert_eq!(found, expected, "{text}");
        patterns += 1;
    }
    assert!(patterns > 40, "{patterns}");
}

#[test]
fn a_pattern_without_a_prefix_is_a_glob() {
    let pattern: Pattern = "**/*.csv".parse().unwrap();
    assert!(pattern.matches("/a/b.csv") && !pattern.matches("/a/b.tsv"));
}

#[test]
fn what_takes_more_than_linear_time_or_much_memory_is_refused() {
    for text in ["regex:(a)\\1", "regex:(?=a)b", "regex:((a{1000}){1000}){1000}"] {
        let error = text.parse::<Pattern>().unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
    }
}
