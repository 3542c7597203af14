//! Topics of the last three days of a stream of messages: what is older is retracted, and what the
//! topics are about is a collection that changes where they do.
//! Run it with `-w 2`, or in two processes with `-n 2 -p 0` and `-n 2 -p 1`.
use differential_dataflow::input::Input;
use strads::models::lda::{Alpha, Bag, LiveOptions, Options, TopicsOf};
use strads::prelude::{Flags, execute};
use timely::dataflow::ProbeHandle;

const WORDS: [&str; 9] =
    ["apple", "pear", "plum", "bolt", "nut", "screw", "flute", "harp", "viola"];
/// How many days a message counts.
const WINDOW: u64 = 3;

/// The messages of a day with their numbers: of fruit and hardware, and then of fruit and music.
fn messages(day: u64) -> Vec<(u64, Bag)> {
    let themes = if day < 3 { [0, 1] } else { [0, 2] };
    let message = |at: u64| {
        let first = 3 * themes[at as usize % 2];
        (1000 * day + at, vec![(first, 5), (first + 1, 3), (first + 2, 2)])
    };
    (0..60).map(message).collect()
}

fn main() {
    let done = execute(&Flags::from_args(), b"", |worker| {
        let probe = ProbeHandle::new();
        let mut window = worker.dataflow::<u64, _, _>(|scope| {
            let (input, messages) = scope.new_collection::<(u64, Bag), isize>();
            let alpha = Some(Alpha::Symmetric(0.1));
            let options = Options { topics: 3, alpha, shards: 2, ..Options::default() };
            let live =
                LiveOptions { options, vocabulary: WORDS.len(), passes: 3, upkeep: 50, begun: 0 };
            let topics = messages.topics(live).expect("options in range");
            topics
                .counts
                .map(|((word, topic), count)| (topic, (count, word)))
                .reduce(|_, words, about| {
                    // The three most frequent words, if they are of some weight.
                    let heaviest = words.iter().rev().filter(|((count, _), _)| *count > 50);
                    let three: Vec<u32> = heaviest.take(3).map(|((_, word), _)| *word).collect();
                    if three.len() == 3 {
                        about.push((three, 1));
                    }
                })
                .map(|(_, about)| about)
                .distinct()
                .inspect(|(about, day, change)| {
                    let words: Vec<&str> = about.iter().map(|word| WORDS[*word as usize]).collect();
                    let change = if *change > 0 { "talk" } else { "no talk any more" };
                    println!("day {day}: {change} of {}", words.join(", "));
                })
                .probe_with(&probe);
            input
        });
        for day in 0..7_u64 {
            let gone = day.checked_sub(WINDOW).map(messages).unwrap_or_default();
            let changes = messages(day).into_iter().map(|message| (message, 1));
            for (message, change) in changes.chain(gone.into_iter().map(|message| (message, -1))) {
                if message.0 as usize % worker.peers() == worker.index() {
                    window.update(message, change);
                }
            }
            window.advance_to(day + 1);
            window.flush();
            worker.step_or_park_while(None, || probe.less_than(&(day + 1)));
        }
    });
    done.unwrap_or_else(|error| strads::cluster::fail::stop(error.code(), error));
}
