//! Many cases on all cores.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::case;
use super::product::Clients;
use super::tally::Tally;

/// From so many cases on, everything must have been seen.
const ENOUGH: u64 = 250;
/// After so many failures a batch stops.
const MOST_FAILURES: usize = 3;

fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")),
        Err(_) => default,
    }
}

/// The cases of these seeds, with the stories of those that failed.
fn play(first: u64, count: u64) -> (Tally, Vec<String>) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (next, tally, failures) = (AtomicU64::new(0), Mutex::new(Tally::default()), Mutex::new(Vec::new()));
    let work = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let clients = Clients::new();
        let mut mine = Tally::default();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= count || failures.lock().unwrap().len() >= MOST_FAILURES {
                break;
            }
            let seed = first + at;
            let case = AssertUnwindSafe(|| runtime.block_on(case::run(seed, &clients, &mut mine)));
            let outcome = catch_unwind(case).unwrap_or_else(|_| Err(format!("seed {seed} panicked")));
            failures.lock().unwrap().extend(outcome.err());
        }
        tally.lock().unwrap().add(mine);
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    (tally.into_inner().unwrap(), failures.into_inner().unwrap())
}

#[test]
fn no_removal_without_proof_and_none_beyond_the_limits() {
    let (first, count) = match number("USERSYNCD_PROOF_SEED", 0) {
        0 => (number("USERSYNCD_PROOF_FROM", 1), number("USERSYNCD_PROOF_CASES", ENOUGH)),
        seed => (seed, 1),
    };
    let (tally, failures) = play(first, count);
    tally.print();
    assert!(failures.is_empty(), "{} cases failed:\n\n{}", failures.len(), failures.join("\n\n"));
    if count >= ENOUGH {
        tally.assert_seen();
    }
}
