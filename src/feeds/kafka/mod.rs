//! A partition of a Kafka topic, each message a line whose number is its offset.
//!
//! Only a partition has an order, so a feed is one partition. How far it has been read is the
//! feed's to know, with the model it belongs to: nothing is committed at the brokers, and no group
//! of consumers shares the partition.

mod address;
mod remarks;

use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset, TopicPartitionList};

pub use address::Address;
use remarks::Remarks;

use super::error::FeedError;
use super::line::{Line, Place, Position};
use super::lines::{LONGEST, TOO_LONG};

/// How often to look whether the feed is to stop.
const POLL: Duration = Duration::from_millis(50);

/// How often brokers that do not answer are asked again.
const ASK: Duration = Duration::from_secs(1);

/// What the client does. It fetches ahead of a slow model no more than 8 MiB, and one fetch of
/// 1 MiB or a single longer message; and it makes neither topics nor offsets at the brokers.
const SETTINGS: [(&str, &str); 10] = [
    // Nothing is assigned without a group, though nothing is asked of it.
    ("group.id", "strads"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("auto.offset.reset", "error"),
    ("allow.auto.create.topics", "false"),
    ("isolation.level", "read_committed"),
    ("queued.max.messages.kbytes", "8192"),
    ("fetch.message.max.bytes", "1048576"),
    ("fetch.queue.backoff.ms", "20"),
    ("log.thread.name", "false"),
];

/// A partition that is there, at brokers that answer.
pub struct Partition {
    consumer: BaseConsumer<Remarks>,
    topic: String,
    number: i32,
    name: Arc<str>,
    patience: Duration,
}

impl fmt::Debug for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Partition").field(&self.name).finish()
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Partition {
    /// Finds a partition; brokers have so much time to answer, here and when the feed starts.
    ///
    /// # Errors
    /// If no broker answers, the topic or partition is not there, or a topic has several partitions
    /// and none is named.
    pub fn open(address: &Address, patience: Duration) -> Result<Partition, FeedError> {
        let name: Arc<str> = address.to_string().into();
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &address.brokers).set("client.id", "strads");
        for (key, value) in SETTINGS {
            config.set(key, value);
        }
        config.set_log_level(RDKafkaLogLevel::Warning);
        let consumer: BaseConsumer<Remarks> = config
            .create_with_context(Remarks::default())
            .map_err(|error| source(&name, ErrorKind::Other, error))?;
        let topic = address.topic.clone();
        let mut partition = Partition { consumer, topic, number: 0, name, patience };
        partition.number = partition.find(address.partition)?;
        partition.name =
            format!("{}/{}/{}", address.brokers, address.topic, partition.number).into();
        Ok(partition)
    }

    /// The number of the partition that is asked for, or of the only one.
    fn find(&self, asked: Option<i32>) -> Result<i32, FeedError> {
        let count = self.ask(|| self.count())?;
        let absent = |what: String| source(&self.name, ErrorKind::NotFound, what);
        match (count, asked) {
            (0, _) => Err(absent("there is no such topic".into())),
            (_, Some(number)) if number < count => Ok(number),
            (_, Some(_)) => Err(absent(format!("the topic's partitions are 0 to {}", count - 1))),
            (1, None) => Ok(0),
            (_, None) => Err(FeedError::Usage(format!(
                "{0}: expected a topic of one partition, found one of {count}: name one of them, \
                 from {0}/0 to {0}/{1}",
                self.name,
                count - 1
            ))),
        }
    }

    /// How many partitions the topic has; 0 if there is no such topic.
    fn count(&self) -> Result<i32, KafkaError> {
        let metadata = self.consumer.fetch_metadata(Some(&self.topic), ASK.min(self.patience))?;
        let Some(topic) = metadata.topics().first() else { return Ok(0) };
        match topic.error().map(Code::from) {
            Some(Code::UnknownTopicOrPartition | Code::UnknownTopic) => Ok(0),
            Some(code) => Err(KafkaError::MetadataFetch(code)),
            None => Ok(i32::try_from(topic.partitions().len()).unwrap_or(i32::MAX)),
        }
    }

    /// Asks until there is an answer, as long as patience lasts.
    fn ask<T>(&self, question: impl Fn() -> Result<T, KafkaError>) -> Result<T, FeedError> {
        let (begun, mut why) = (Instant::now(), None);
        loop {
            let error = match question() {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            // Remarks come by polling; nothing is assigned that could come as well.
            while self.consumer.poll(Duration::ZERO).is_some() {}
            why = self.consumer.context().take().pop().map(|remark| remark.text).or(why);
            if begun.elapsed() >= self.patience {
                let why = why.unwrap_or_else(|| error.to_string());
                return Err(FeedError::Unreachable { name: self.name.to_string(), why });
            }
            std::thread::sleep(POLL);
        }
    }

    /// Gets ready to read on from a position. `note` hears if that is the beginning, and the
    /// beginning is not kept any more.
    pub(super) fn begin(&self, from: &Position, note: impl Fn(String)) -> Result<(), FeedError> {
        let wait = ASK.min(self.patience);
        let kept = self.ask(|| self.consumer.fetch_watermarks(&self.topic, self.number, wait))?;
        let kept = (natural(kept.0), natural(kept.1));
        let (name, next) = (self.name.to_string(), from.end);
        let first = match next {
            0 => {
                if kept.0 > 0 {
                    note(format!("{name}: begins with offset {}, what was before is gone", kept.0));
                }
                Offset::Beginning
            }
            _ if next < kept.0 || next > kept.1 => {
                let why = format!("expected offset {next}, found {} to {}", kept.0, kept.1);
                return Err(FeedError::Other { name, why });
            }
            // The last line that was read is read again, to know the partition by it.
            _ => Offset::Offset(i64::try_from(from.line.max(kept.0)).unwrap_or(i64::MAX)),
        };
        let mut wanted = TopicPartitionList::new();
        wanted
            .add_partition_offset(&self.topic, self.number, first)
            .and_then(|()| self.consumer.assign(&wanted))
            .map_err(|error| source(&self.name, ErrorKind::Other, error))
    }

    /// Reads messages for ever, until `give` returns false. `note` hears of lost connections.
    pub(super) fn read(
        self,
        from: Position,
        note: impl Fn(String),
        mut give: impl FnMut(Line) -> bool,
        stop: impl Fn() -> bool,
    ) -> Result<(), FeedError> {
        // What was said already since the last message.
        let mut said: Vec<String> = Vec::new();
        while !stop() {
            match self.consumer.poll(POLL) {
                None => {}
                Some(Err(error)) if passes(&error) => {}
                Some(Err(error)) => return Err(self.failed(error)),
                Some(Ok(message)) => {
                    said.clear();
                    let line = self.line(&message);
                    if line.place.end <= from.end {
                        self.recognise(&line.place, &from)?;
                    } else if !give(line) {
                        return Ok(());
                    }
                }
            }
            for remark in self.consumer.context().take() {
                if !said.contains(&remark.about) {
                    note(format!("{}: {}", self.name, remark.text));
                    said.push(remark.about);
                }
            }
        }
        Ok(())
    }

    fn line(&self, message: &BorrowedMessage<'_>) -> Line {
        // What is no line is no JSON either, and is refused as such with its number.
        let text = match message.payload() {
            None => b"a message without a value",
            Some(text) if text.len() > LONGEST => TOO_LONG,
            Some(text) => text,
        };
        let (line, sum) = (natural(message.offset()), crc32fast::hash(text));
        let place = Place { source: Arc::clone(&self.name), line, end: line + 1, sum };
        Line { place, text: text.to_vec() }
    }

    /// Checks that what was read last another time is still what it was.
    fn recognise(&self, place: &Place, from: &Position) -> Result<(), FeedError> {
        if place.sum == from.sum {
            return Ok(());
        }
        let why = format!("expected at offset {} the message that was read before", place.line);
        Err(FeedError::Other { name: self.name.to_string(), why: why + ", found another" })
    }

    fn failed(&self, error: KafkaError) -> FeedError {
        match error.rdkafka_error_code() {
            Some(Code::AutoOffsetReset | Code::OffsetOutOfRange) => {
                let why = "what comes next is not kept any more";
                source(&self.name, ErrorKind::NotFound, why)
            }
            _ => source(&self.name, ErrorKind::Other, error),
        }
    }
}

/// Whether the client gets over it by itself: what connects brokers and knows groups.
fn passes(error: &KafkaError) -> bool {
    use Code::*;
    matches!(
        error.rdkafka_error_code(),
        Some(
            AllBrokersDown
                | BrokerTransportFailure
                | Resolve
                | OperationTimedOut
                | BrokerNotAvailable
                | CoordinatorNotAvailable
                | NotCoordinator
                | CoordinatorLoadInProgress
                | GroupAuthorizationFailed
        )
    )
}

/// An offset, of which none is negative.
fn natural(offset: i64) -> u64 {
    u64::try_from(offset).unwrap_or(0)
}

fn source(
    name: &str,
    kind: ErrorKind,
    why: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> FeedError {
    FeedError::Source { name: name.into(), error: io::Error::new(kind, why) }
}
