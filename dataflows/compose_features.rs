//! Two live models, one of the other's output: the topic mixtures of documents are the features of
//! a regression, and documents that it does not explain are told of.
//! Run it with `-w 2`, or in two processes with `-n 2 -p 0` and `-n 2 -p 1`.
use differential_dataflow::input::Input;
use ordered_float::OrderedFloat;
use strads::models::lasso::{Lambda, LiveLasso, Options as LassoOptions, Row};
use strads::models::lda::{Alpha, Bag, LiveOptions, Options, TopicsOf};
use strads::prelude::{Flags, execute};
use timely::dataflow::ProbeHandle;

/// A review with its number: its words, and the stars that were given.
type Review = (u64, (Bag, OrderedFloat<f64>));

/// A review of praise and blame, in one proportion or another; the stars follow the praise, but
/// for those that were given by mistake.
fn review(number: u64, mistake: f64) -> Review {
    let praise = 10 * (number % 5) as u32;
    let words = |first: u32, tokens: u32| (0..4).map(move |word| (first + word, tokens / 4 + 1));
    let bag = words(0, praise).chain(words(4, 40 - praise)).collect();
    (number, (bag, OrderedFloat(1.0 + f64::from(praise) / 10.0 + mistake)))
}

fn main() {
    let done = execute(&Flags::from_args(), b"", |worker| {
        let probe = ProbeHandle::new();
        let mut reviews = worker.dataflow::<u64, _, _>(|scope| {
            let (input, reviews) = scope.new_collection::<Review, isize>();
            let texts = reviews.clone().map(|(number, (bag, _))| (number, bag));
            let stars = reviews.map(|(number, (_, stars))| (number, stars));
            let options = Options {
                topics: 2,
                alpha: Some(Alpha::Symmetric(0.1)),
                document_topics: true,
                shards: 2,
                ..Options::default()
            };
            let live = LiveOptions { options, vocabulary: 8, passes: 3, upkeep: 50, begun: 0 };
            let topics = texts.topics(live).expect("options in range");
            let rows = topics.mixtures().join_map(stars.clone(), |&number, mixture, stars| {
                let features = mixture.iter().map(|(topic, share)| (u32::from(*topic), share.0));
                (number, Row::new(stars.0, features.collect()).expect("finite numbers"))
            });
            let options = LassoOptions { lambda: Lambda::Value(0.01), ..LassoOptions::default() };
            let regression = rows.clone().lasso(options, 2).expect("options in range");
            regression
                .predictions(rows)
                .join_map(stars, |&number, foreseen, stars| {
                    (number, (foreseen.0 - stars.0).abs() > 1.5)
                })
                .filter(|(_, far)| *far)
                .consolidate()
                .inspect(|((number, _), epoch, change)| match change {
                    1 => println!("epoch {epoch}: review {number} is not what its words say"),
                    _ => println!("epoch {epoch}: review {number} is as it should be, or gone"),
                })
                .probe_with(&probe);
            input
        });
        // A correction is a retraction and an insertion.
        let epochs: [Vec<(u64, f64, isize)>; 4] = [
            (0..200).map(|number| (number, 0.0, 1)).collect(),
            vec![(200, 3.0, 1), (201, 0.0, 1)],
            vec![(7, 0.0, -1), (7, 4.0, 1), (200, 3.0, -1), (200, 0.0, 1)],
            vec![(7, 4.0, -1)],
        ];
        for (epoch, changes) in (1..).zip(epochs) {
            for (number, mistake, change) in changes {
                if number as usize % worker.peers() == worker.index() {
                    reviews.update(review(number, mistake), change);
                }
            }
            reviews.advance_to(epoch);
            reviews.flush();
            worker.step_or_park_while(None, || probe.less_than(&epoch));
        }
    });
    done.unwrap_or_else(|error| strads::cluster::fail::stop(error.code(), error));
}
