//! How much memory the process needed.

/// The most memory this process ever held resident, in bytes, if the system tells (Linux does).
pub fn peak_resident_bytes() -> Option<u64> {
    parse(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn parse(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_in_bytes() {
        assert_eq!(parse("Name:\tx\nVmHWM:\t    5216 kB\nVmRSS:\t 1 kB\n"), Some(5216 * 1024));
        assert_eq!(parse("Name:\tx\n"), None);
        assert_eq!(parse("VmHWM:\t99999999999999999999 kB\n"), None);
        assert_eq!(parse("VmHWM:\t18014398509481984 kB\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_running_process_holds_memory() {
        assert!(peak_resident_bytes().is_some_and(|bytes| bytes > 0));
    }
}
