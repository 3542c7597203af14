//! The hostfile: the address of each process, one a line, process 0 first.
//!
//! Blank lines and comments from `#` on are skipped. An address is `HOST:PORT`, with the host of an
//! IPv6 address in brackets: `[::1]:2101`. Addresses beyond the number of processes are ignored, so
//! that one file serves runs of any size.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The largest hostfile in bytes.
const LARGEST: u64 = 1 << 20;

/// Reads the first `processes` addresses of a hostfile.
pub(super) fn read(path: &Path, processes: usize) -> Result<Vec<String>, String> {
    let name = path.display();
    let mut text = String::new();
    let size = File::open(path)
        .and_then(|file| file.take(LARGEST + 1).read_to_string(&mut text))
        .map_err(|error| format!("hostfile {name}: {error}"))?;
    if size as u64 > LARGEST {
        return Err(format!("hostfile {name}: larger than {LARGEST} bytes"));
    }
    let lines = text.lines().enumerate().map(|(i, line)| (format!("{name}:{}", i + 1), line));
    parse(lines, processes, &format!("hostfile {name}"))
}

/// Checks addresses that a program gives.
pub(super) fn check(addresses: &[String], processes: usize) -> Result<Vec<String>, String> {
    let lines = addresses.iter().enumerate().map(|(i, a)| (format!("process {i}"), a.as_str()));
    parse(lines, processes, "the given addresses")
}

/// The first `processes` addresses among `lines`, each with the place to name in an error.
fn parse<'a>(
    lines: impl Iterator<Item = (String, &'a str)>,
    processes: usize,
    whole: &str,
) -> Result<Vec<String>, String> {
    let mut addresses: Vec<String> = Vec::new();
    for (place, line) in lines {
        let address = line.split('#').next().unwrap_or_default().trim();
        if address.is_empty() || addresses.len() == processes {
            continue;
        }
        if !is_address(address) {
            return Err(format!("{place}: expected HOST:PORT, found '{address}'"));
        }
        if let Some(other) = addresses.iter().position(|a| a == address) {
            return Err(format!("{place}: {address} is the address of process {other} already"));
        }
        addresses.push(address.into());
    }
    match addresses.len() {
        enough if enough == processes => Ok(addresses),
        few => Err(format!("{whole}: -n {processes} needs {processes} addresses, found {few}")),
    }
}

fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let host_is_good = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && !host.contains([':', '[', ']']) && !has_blank(host),
    };
    let digits_only = port.bytes().all(|b| b.is_ascii_digit());
    host_is_good && digits_only && port.parse::<u16>().is_ok_and(|port| port != 0)
}

/// Whether an address that passed the checks is on the loopback of any host, by its own words: names
/// other than `localhost` may mean anything.
pub(super) fn is_loopback(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let inner = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    host == "localhost" || inner.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn has_blank(text: &str) -> bool {
    text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn read_text(text: &[u8], processes: usize) -> Result<Vec<String>, String> {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(text).expect("room for a few bytes");
        read(file.path(), processes).map_err(|e| e.replace(&file.path().display().to_string(), "F"))
    }

    #[test]
    fn comments_blank_lines_and_ipv6() {
        let text = b"# two hosts\n\nalpha:2101  # first\r\n  [::1]:2101\nspare:9\n";
        let expected = vec!["alpha:2101".to_string(), "[::1]:2101".to_string()];
        assert_eq!(read_text(text, 2), Ok(expected));
    }

    #[test]
    fn errors_name_the_line() {
        let bad = |text: &str| read_text(text.as_bytes(), 2).expect_err(text);
        assert_eq!(bad("a:1\n\nb\n"), "F:3: expected HOST:PORT, found 'b'");
        assert_eq!(bad("a:0\n"), "F:1: expected HOST:PORT, found 'a:0'");
        assert_eq!(bad("a:+5\n"), "F:1: expected HOST:PORT, found 'a:+5'");
        assert_eq!(bad("::1:2101\n"), "F:1: expected HOST:PORT, found '::1:2101'");
        assert_eq!(bad("[zz]:1\n"), "F:1: expected HOST:PORT, found '[zz]:1'");
        assert_eq!(bad("a b:1\n"), "F:1: expected HOST:PORT, found 'a b:1'");
        assert_eq!(bad("a:1\na:1\n"), "F:2: a:1 is the address of process 0 already");
        assert_eq!(bad("a:1\n# b:2\n"), "hostfile F: -n 2 needs 2 addresses, found 1");
    }

    #[test]
    fn loopback_is_told_by_the_words_alone() {
        for address in ["localhost:1", "127.0.0.1:1", "127.9.9.9:1", "[::1]:1"] {
            assert!(is_loopback(address), "{address}");
        }
        for address in ["alpha:1", "localhost.example:1", "10.0.0.1:1", "[::2]:1", "0.0.0.0:1"] {
            assert!(!is_loopback(address), "{address}");
        }
    }

    #[test]
    fn files_that_are_no_hostfiles() {
        assert!(read(Path::new("/nonexistent/hosts"), 2).is_err());
        assert!(read_text(b"\xff\xfe", 2).is_err());
        assert!(read_text(&vec![b'#'; 2 << 20], 2).is_err());
    }
}
