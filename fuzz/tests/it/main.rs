//! What was found once, and a short look for more.

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use fastrand::Rng;
use pinotage_fuzz::Target;

/// Memory is counted for the whole process.
static ALONE: Mutex<()> = Mutex::new(());

/// Inputs of each target that a run tries.
fn tries() -> usize {
    if std::env::var("PINOTAGE_TEST_SIZE").is_ok_and(|size| size == "full") { 100_000 } else { 250 }
}

#[test]
fn intact_inputs_are_read() {
    let _alone = ALONE.lock();
    for target in Target::ALL {
        let seeds = target.seeds();
        assert!(seeds.len() >= 8, "{} has {} seeds", target.name(), seeds.len());
        seeds.iter().for_each(|seed| target.run(seed));
    }
}

#[test]
fn what_was_found_once_is_refused() {
    let _alone = ALONE.lock();
    for target in Target::ALL {
        for path in target.regressions() {
            eprintln!("{}", path.display());
            target.run(&fs::read(path).unwrap());
        }
    }
}

#[test]
fn spoilt_inputs_break_no_promise() {
    let _alone = ALONE.lock();
    let seed = std::env::var("PINOTAGE_FUZZ_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    eprintln!("PINOTAGE_FUZZ_SEED={seed}");
    let last = Path::new(env!("CARGO_TARGET_TMPDIR")).join("last-input");
    for target in Target::ALL {
        let mut rng = Rng::with_seed(seed);
        let seeds = target.seeds();
        let start = Instant::now();
        for _ in 0..tries() {
            let mut input = rng.choice(&seeds).unwrap().clone();
            for _ in 0..rng.u8(1..5) {
                target.mutate(&mut input, &mut rng);
            }
            // Read by who looks for the cause, when nothing else is left of this process.
            fs::write(&last, &input).unwrap();
            target.run(&input);
        }
        eprintln!("{}: {} inputs in {:?}", target.name(), tries(), start.elapsed());
    }
}
