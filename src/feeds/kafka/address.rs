//! How a partition is named.

use std::fmt;
use std::str::FromStr;

/// The longest name of a topic that brokers allow.
const LONGEST: usize = 249;

/// A topic at its brokers, as `BROKERS/TOPIC` or `BROKERS/TOPIC/PARTITION`; `BROKERS` is
/// `HOST:PORT`, or several of them separated by commas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub(super) brokers: String,
    pub(super) topic: String,
    /// If none is named, the topic must have but one.
    pub(super) partition: Option<i32>,
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Address, String> {
        let wrong =
            || format!("expected HOST:PORT/TOPIC or HOST:PORT/TOPIC/PARTITION, found {text}");
        let mut parts = text.split('/');
        let (Some(brokers), Some(topic)) = (parts.next(), parts.next()) else {
            return Err(wrong());
        };
        let partition = match parts.next() {
            Some(number) => Some(number.parse().ok().filter(|n| *n >= 0).ok_or_else(wrong)?),
            None => None,
        };
        let are_brokers = brokers.split(',').all(is_broker);
        if !are_brokers || !is_topic(topic) || parts.next().is_some() {
            return Err(wrong());
        }
        Ok(Address { brokers: brokers.into(), topic: topic.into(), partition })
    }
}

fn is_broker(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_graphic();
    text.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && host.chars().all(plain) && port.parse::<u16>().is_ok()
    })
}

fn is_topic(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    (1..=LONGEST).contains(&text.len()) && text.chars().all(allowed)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.brokers, self.topic)?;
        self.partition.map_or(Ok(()), |number| write!(f, "/{number}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn partitions_are_named_or_the_only_one() {
        for text in ["h:9092/t", "h:9092/t/3", "h:9092,g.example:9093/t.a_b-c/0", "[::1]:9092/t"] {
            assert_eq!(text.parse::<Address>().expect(text).to_string(), text);
        }
        for text in ["", "h", "h:9092", "h:9092/", "h/t", "h:9092,/t", ":1/t", "h:x/t", "h:99999/t"]
        {
            text.parse::<Address>().expect_err(text);
        }
        for text in ["h:1/t/", "h:1/t/-1", "h:1/t/x", "h:1/t/0/0", "h:1/t t", "h:1/t/4294967296"] {
            text.parse::<Address>().expect_err(text);
        }
    }

    proptest! {
        #[test]
        fn what_is_understood_is_said_alike(text in "[a-c0-9:/,.\\[\\]-]{0,24}") {
            if let Ok(address) = text.parse::<Address>() {
                prop_assert_eq!(address.to_string().parse(), Ok(address));
            }
        }
    }
}
