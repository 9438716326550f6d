//! Every input on which a fuzzer found a mistake, and those that it begins with, once more and without a fuzzer.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "../../fuzz/src/lib.rs"]
mod targets;

use std::path::Path;

type Target = fn(&[u8]);

#[test]
fn what_fuzzers_found_does_no_harm_any_more() {
    let targets: [(&str, Target); 5] = [
        ("frames", targets::frames),
        ("inventory", targets::inventory),
        ("template", targets::template),
        ("vault", targets::vault),
        ("yaml", targets::yaml),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    for (name, run) in targets {
        let inputs: Vec<_> = ["seeds", "regressions"]
            .iter()
            .filter_map(|kind| std::fs::read_dir(folder.join(kind).join(name)).ok())
            .flatten()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert!(!inputs.is_empty(), "{name} has no inputs");
        for input in inputs {
            let data = std::fs::read(&input).unwrap();
            // Seen with --nocapture where one ends the process.
            println!("{}", input.display());
            // The stack of a thread that carries out tasks; what does not fit it ends the process.
            let done = std::thread::Builder::new()
                .stack_size(2 << 20)
                .spawn(move || run(&data))
                .unwrap()
                .join();
            assert!(done.is_ok(), "{}", input.display());
        }
    }
}
