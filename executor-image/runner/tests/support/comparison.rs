//! Many cases compared at once.

use std::sync::Mutex;

/// Compares every case on so many threads; fails the test with all differences that `difference` returns.
pub fn assert_same<Case: Send>(
    cases: Vec<Case>,
    threads: usize,
    difference: impl Fn(Case) -> Option<String> + Sync,
) {
    let queue = Mutex::new(cases);
    let differences = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let Some(case) = queue.lock().unwrap().pop() else {
                        return;
                    };
                    if let Some(difference) = difference(case) {
                        differences.lock().unwrap().push(difference);
                    }
                }
            });
        }
    });
    let differences = differences.into_inner().unwrap();
    assert!(
        differences.is_empty(),
        "{} differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
}
