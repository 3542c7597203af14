//! Feeds of Kafka topics, and the command on them, against a broker inside this process that only
//! the loopback reaches.

#[path = "feeds_kafka/command.rs"]
mod command;
mod support;

use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use serde::Deserialize;
use strads::feeds::{
    Change, Epoch, Feed, FeedError, KafkaPartition, Next, Options, Position, Source,
};
use support::LIMIT;

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Put {
    id: u64,
}

const COMMIT: &str = "{\"op\":\"commit\"}";

/// Time for a broker that answers, and for one that does not.
const PATIENCE: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(1500);

/// A broker that keeps the last 5 MiB of each partition.
struct Broker {
    cluster: MockCluster<'static, DefaultProducerContext>,
    producer: BaseProducer,
}

impl Broker {
    fn new(topics: &[(&str, i32)]) -> Broker {
        let cluster = MockCluster::new(1).expect("a cluster");
        for (topic, partitions) in topics {
            cluster.create_topic(topic, *partitions, 1).expect("a topic");
        }
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", cluster.bootstrap_servers());
        let producer = config.create().expect("a producer");
        Broker { cluster, producer }
    }

    fn address(&self, topic: &str) -> String {
        format!("{}/{topic}", self.cluster.bootstrap_servers())
    }

    fn send<'a>(&self, topic: &str, lines: impl IntoIterator<Item = &'a str>) {
        for line in lines {
            let mut record = BaseRecord::<(), str>::to(topic).payload(line).partition(0);
            while let Err((error, same)) = self.producer.send(record) {
                assert!(error.to_string().contains("Queue full"), "{error}");
                self.producer.poll(Duration::from_millis(10));
                record = same;
            }
        }
        self.producer.flush(LIMIT).expect("the broker takes it");
    }
}

fn open(address: &str, patience: Duration) -> Result<Source, FeedError> {
    let address = address.parse().expect("an address");
    KafkaPartition::open(&address, patience).map(Source::Kafka)
}

struct Run {
    feed: Feed<Put, Put>,
    notes: Arc<Mutex<Vec<String>>>,
}

fn start(address: &str, options: Options) -> Result<Run, FeedError> {
    let source = open(address, PATIENCE)?;
    let notes = Arc::new(Mutex::new(Vec::new()));
    let to = Arc::clone(&notes);
    let note = move |note| to.lock().expect("no panic").push(note);
    let feed = Feed::start(source, options, thread::current(), note)?;
    Ok(Run { feed, notes })
}

impl Run {
    /// The next epoch; none at the end.
    fn next(&self) -> Result<Option<Epoch<Put, Put>>, FeedError> {
        let begin = Instant::now();
        loop {
            match self.feed.poll()? {
                Next::Epoch(epoch) => return Ok(Some(epoch)),
                Next::End => return Ok(None),
                Next::Wait => thread::park_timeout(LIMIT),
            }
            assert!(begin.elapsed() < LIMIT, "nothing came: {:?}", self.notes());
        }
    }

    fn epoch(&self) -> Epoch<Put, Put> {
        self.next().expect("no error").expect("an epoch")
    }

    fn notes(&self) -> Vec<String> {
        self.notes.lock().expect("no panic").clone()
    }
}

fn ids(epoch: &Epoch<Put, Put>) -> Vec<u64> {
    let id = |change: &Change<Put, Put>| match change {
        Change::Put(put) | Change::Delete(put) => put.id,
    };
    epoch.changes.iter().map(|(_, change)| id(change)).collect()
}

fn puts(ids: impl IntoIterator<Item = u64>) -> Vec<String> {
    ids.into_iter().map(|id| format!("{{\"op\":\"put\",\"id\":{id}}}")).collect()
}

fn texts(lines: &[String]) -> impl Iterator<Item = &str> {
    lines.iter().map(String::as_str)
}

/// An error of opening a source or starting its feed.
fn refused(address: &str, from: Position) -> String {
    match start(address, Options { from, ..Options::default() }) {
        Ok(_) => panic!("{address} was read"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn messages_are_lines_in_their_order_and_gone_on_with() {
    let broker = Broker::new(&[("one", 1), ("three", 3)]);
    broker.send("one", texts(&puts(0..500)).chain([COMMIT]));
    let run = start(&broker.address("one"), Options::default()).expect("a topic");
    let first = run.epoch();
    assert_eq!(ids(&first), (0..500).collect::<Vec<_>>());
    assert_eq!((first.position.line, first.position.end), (500, 501));
    // What comes later, a line that is none with its offset as its number, and the end when asked.
    broker.send("one", ["nonsense", "", "{\"op\":\"put\",\"id\":7}\n", COMMIT]);
    let second = run.epoch();
    assert_eq!((ids(&second), second.skipped, second.position.end), (vec![7], 1, 505));
    let place = format!("{}/0:501:", broker.address("one"));
    assert!(run.notes().iter().any(|note| note.starts_with(&place)), "{:?}", run.notes());
    run.feed.stop();
    assert!(run.next().expect("no error").is_none());

    let again = Options { from: first.position, ..Options::default() };
    let run = start(&broker.address("one/0"), again).expect("it is kept");
    let epoch = run.epoch();
    assert_eq!((ids(&epoch), epoch.position), (vec![7], second.position));
    let last = Options { from: second.position, ..Options::default() };
    let run = start(&broker.address("one"), last).expect("its end");
    broker.send("one", ["{\"op\":\"put\",\"id\":8}", COMMIT]);
    assert_eq!(ids(&run.epoch()), [8]);

    // Of several partitions each has an order of its own.
    broker.send("three", texts(&puts(0..3)).chain([COMMIT]));
    let run = start(&broker.address("three/0"), Options::default()).expect("a partition");
    assert_eq!(ids(&run.epoch()), [0, 1, 2]);
    let several = refused(&broker.address("three"), Position::default());
    assert!(several.contains("expected a topic of one partition, found one of 3"), "{several}");
    let absent = refused(&broker.address("three/3"), Position::default());
    assert!(absent.ends_with("the topic's partitions are 0 to 2"), "{absent}");
}

#[test]
fn a_strict_feed_ends_at_a_bad_line() {
    let broker = Broker::new(&[("one", 1)]);
    broker.send("one", ["{\"op\":\"put\",\"id\":1}", COMMIT, "{\"op\":\"put\",\"id\":2}", "bad"]);
    let strict = Options { strict: true, ..Options::default() };
    let run = start(&broker.address("one"), strict).expect("a topic");
    assert_eq!(ids(&run.epoch()), [1]);
    match run.next().expect_err("the message of offset 3 is bad") {
        FeedError::Line(bad) => assert_eq!(bad.place.line, 3, "{bad}"),
        other => panic!("{other}"),
    }
}

#[test]
fn a_feed_waits_at_the_broker_for_a_slow_model() {
    // Much more than the broker keeps, or the feed fetches ahead.
    let broker = Broker::new(&[("one", 1)]);
    let blanks = " ".repeat(10_000);
    let lines =
        |ids| -> Vec<String> { puts(ids).iter().map(|put| put.clone() + &blanks).collect() };
    broker.send("one", texts(&lines(0..10)));
    let bounded = Options { max_pending: 10, ..Options::default() };
    let run = start(&broker.address("one"), bounded).expect("a topic");
    assert_eq!(ids(&run.epoch()), (0..10).collect::<Vec<_>>());
    for begin in (10..6000).step_by(100) {
        broker.send("one", texts(&lines(begin..begin + 100)));
    }
    // Nothing was asked for meanwhile: most of it the broker gave up before the feed took it.
    let mut seen = 10;
    let error = loop {
        match run.next() {
            Ok(Some(epoch)) => {
                assert!(epoch.changes.len() <= 10);
                for id in ids(&epoch) {
                    assert_eq!(id, seen, "none is left out");
                    seen += 1;
                }
            }
            Ok(None) => panic!("no end"),
            Err(error) => break error.to_string(),
        }
    };
    assert!(seen < 4000, "{seen} messages of 10 kB were taken");
    assert!(error.ends_with("what comes next is not kept any more"), "{error}");

    // A position that is not kept any more is no place to go on from; the beginning is, with a word.
    let gone = refused(&broker.address("one"), Position { line: 99, end: 100, sum: 0 });
    assert!(gone.contains("expected offset 100, found "), "{gone}");
    let run = start(&broker.address("one"), bounded).expect("what is kept");
    assert!(ids(&run.epoch())[0] > 4000);
    assert!(run.notes()[0].contains("/one/0: begins with offset "), "{:?}", run.notes());
}

#[test]
fn another_topic_of_that_name_is_not_gone_on_with() {
    let broker = Broker::new(&[("one", 1)]);
    broker.send("one", texts(&puts(0..5)).chain([COMMIT]));
    let beyond = refused(&broker.address("one"), Position { line: 6, end: 7, sum: 0 });
    assert!(beyond.ends_with("expected offset 7, found 0 to 6"), "{beyond}");
    let from = Position { line: 3, end: 4, sum: crc32fast::hash(b"another") };
    let options = Options { from, ..Options::default() };
    let run = start(&broker.address("one"), options).expect("it is long enough");
    match run.next().expect_err("another message") {
        FeedError::Other { why, .. } => assert!(why.contains("at offset 3"), "{why}"),
        other => panic!("{other}"),
    }
}

#[test]
fn what_is_not_there_is_told() {
    let broker = Broker::new(&[("one", 1)]);
    let absent = refused(&broker.address("none"), Position::default());
    assert_eq!(absent, format!("{}: there is no such topic", broker.address("none")));
    let port = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let silent = format!("{}/one", port.local_addr().expect("it is bound"));
    drop(port);
    match open(&silent, SHORT).expect_err("nobody is there") {
        FeedError::Unreachable { name, .. } => assert_eq!(name, silent),
        other => panic!("{other}"),
    }
}

#[test]
fn a_lost_broker_is_waited_for() {
    let broker = Broker::new(&[("one", 1)]);
    broker.send("one", ["{\"op\":\"put\",\"id\":1}", COMMIT]);
    let run = start(&broker.address("one"), Options::default()).expect("a topic");
    assert_eq!(ids(&run.epoch()), [1]);
    broker.cluster.broker_down(-1).expect("it was up");
    let begin = Instant::now();
    while run.notes().is_empty() {
        assert!(begin.elapsed() < LIMIT, "nobody says so");
        thread::sleep(Duration::from_millis(5));
    }
    broker.cluster.broker_up(-1).expect("it was down");
    broker.send("one", ["{\"op\":\"put\",\"id\":2}", COMMIT]);
    assert_eq!(ids(&run.epoch()), [2]);
}
