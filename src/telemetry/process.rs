//! What the kernel knows of this process, under the names that all Prometheus clients use.

use std::fs;

use chrono::{DateTime, Utc};

/// Clock ticks per second in /proc/PID/stat: USER_HZ, 100 on every Linux this runs on (time(7)).
const TICKS_PER_SECOND: f64 = 100.0;

/// Age, memory, CPU time and open files in the text form of Prometheus; what cannot be read is left out. `started` is when the
/// daemon began: the kernel names it in /proc/stat only, which `ProcSubset=pid` of the unit hides.
#[must_use]
pub fn text(started: DateTime<Utc>) -> String {
    let mut out = String::new();
    let mut push = |name: &str, kind: &str, help: &str, value: Option<f64>| {
        if let Some(value) = value {
            out.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n"));
        }
    };
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    push("process_cpu_seconds_total", "counter", "CPU time used, in seconds.", cpu_seconds(&stat));
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = bytes(&status, "VmRSS:");
    push("process_resident_memory_bytes", "gauge", "Memory in use, in bytes.", resident);
    push("process_open_fds", "gauge", "Open file descriptors.", open_files());
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    push("process_max_fds", "gauge", "File descriptors that may be open at most.", most_files(&limits));
    push(
        "process_start_time_seconds",
        "gauge",
        "When the process began, in seconds since the Unix epoch.",
        u32::try_from(started.timestamp()).ok().map(f64::from),
    );
    out
}

/// User and system time: fields 14 and 15 of /proc/PID/stat, counted after the name, which may hold anything (proc(5)).
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, after_the_name) = stat.rsplit_once(')')?;
    let mut fields = after_the_name.split_ascii_whitespace().skip(11);
    let ticks = fields.next()?.parse::<f64>().ok()? + fields.next()?.parse::<f64>().ok()?;
    Some(ticks / TICKS_PER_SECOND)
}

/// The soft limit in /proc/PID/limits; none if there is no limit.
fn most_files(limits: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// A line of /proc/PID/status, which is in KiB.
fn bytes(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    Some(kilobytes * 1024.0)
}

fn open_files() -> Option<f64> {
    let count = fs::read_dir("/proc/self/fd").ok()?.count();
    u32::try_from(count).ok().map(f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let stat =
            "4711 (user) sync (d) S 1 4711 4711 0 -1 4194560 500 0 0 0 250 50 0 0 20 0 9 0 100 1000 200";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(cpu_seconds(""), None);
    }

    #[test]
    fn memory_is_in_bytes() {
        assert_eq!(bytes("VmPeak:\t  10 kB\nVmRSS:\t    2048 kB\n", "VmRSS:"), Some(2_097_152.0));
        assert_eq!(bytes("VmRSS:\t2 MB\n", "VmRSS:"), None);
    }

    #[test]
    fn the_soft_limit_counts_and_no_limit_is_none() {
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax processes  7  8  processes\n\
                      Max open files            1024                 524288               files\n";
        assert_eq!(most_files(limits), Some(1024.0));
        assert_eq!(most_files(&limits.replace("1024", "unlimited")), None);
    }

    #[test]
    fn this_process_is_seen() {
        let text = text(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        for name in ["cpu_seconds_total", "resident_memory_bytes", "open_fds"] {
            let start = format!("process_{name} ");
            assert!(text.lines().any(|line| line.starts_with(&start)), "{start}: {text}");
        }
        assert!(text.lines().any(|line| line == "process_start_time_seconds 1800000000"), "{text}");
    }
}
