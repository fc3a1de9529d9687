//! The long run: libFuzzer over the target that `PINOTAGE_FUZZ_TARGET` names, from intact inputs that are put into the folder
//! `PINOTAGE_FUZZ_CORPUS`. `cargo xtask fuzz` starts it.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use fastrand::Rng;
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use pinotage_fuzz::Target;

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("PINOTAGE_FUZZ_TARGET").unwrap_or_default();
    Target::ALL.into_iter().find(|target| target.name() == name).expect("PINOTAGE_FUZZ_TARGET names a target")
});

fn write_seeds() {
    let corpus = PathBuf::from(std::env::var_os("PINOTAGE_FUZZ_CORPUS").expect("PINOTAGE_FUZZ_CORPUS names a folder"));
    for (number, seed) in TARGET.seeds().iter().enumerate() {
        fs::write(corpus.join(format!("seed-{number}")), seed).expect("the folder of the corpus can be written");
    }
}

fuzz_target!(init: write_seeds(), |input: &[u8]| TARGET.run(input));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut rng = Rng::with_seed(seed.into());
    // Its own mutations find what ours do not think of.
    if rng.u8(..4) == 0 {
        return fuzzer_mutate(data, size, max_size);
    }
    let mut input = data[..size].to_vec();
    for _ in 0..rng.u8(1..4) {
        TARGET.mutate(&mut input, &mut rng);
    }
    let size = input.len().min(max_size);
    data[..size].copy_from_slice(&input[..size]);
    size
});
