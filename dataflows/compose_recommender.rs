//! A live recommender: ratings come, change and go, and each user's best items, joined with a
//! catalogue, leave when they change. Run it with `-w 2`, or in two processes with `-n 2 -p 0` and
//! `-n 2 -p 1`.
use differential_dataflow::input::Input;
use strads::models::mf::Options;
use strads::models::mf::ccd::{LiveFactorisation, Rating};
use strads::prelude::{Flags, execute};
use timely::dataflow::ProbeHandle;

const USERS: u32 = 24;
const ITEMS: u32 = 16;
const GENRES: [&str; 4] = ["crime", "drama", "comedy", "western"];

/// Takes a rating that comes (1) or goes (−1).
type Say<'a> = &'a mut dyn FnMut(Rating, isize);

/// A taste: every user likes the items of one of four genres.
fn rating(user: u32, item: u32) -> Rating {
    let likes = user % 4 == item % 4;
    let stars = if likes { 5.0 } else { 1.0 } + 0.1 * ((user * 7 + item * 5) % 6) as f32;
    Rating::new(user, item, stars).expect("a finite rating")
}

/// Which of the ratings are known: two of three.
fn known() -> impl Iterator<Item = Rating> {
    let pairs = (0..USERS).flat_map(|user| (0..ITEMS).map(move |item| (user, item)));
    pairs
        .filter(|(user, item)| (user / 4 + item / 4) % 3 != 0)
        .map(|(user, item)| rating(user, item))
}

fn main() {
    let done = execute(&Flags::from_args(), b"", |worker| {
        let probe = ProbeHandle::new();
        let (mut ratings, mut catalogue) = worker.dataflow::<u64, _, _>(|scope| {
            let (input, ratings) = scope.new_collection::<Rating, isize>();
            let (titles, catalogue) = scope.new_collection::<(u32, String), isize>();
            let options = Options {
                rank: 4,
                lambda: Some(0.05),
                weighted_lambda: true,
                ..Options::default()
            };
            let model = ratings.clone().factorise(options, 4).expect("options in range");
            let everyone = ratings.clone().map(|rating| rating.user());
            model
                .recommendations(ratings, everyone, 10)
                // The best one of each list, by its title.
                .flat_map(|(user, items)| items.first().map(|&item| (item, user)))
                .join_map(catalogue, |_, &user, title: &String| (user, title.clone()))
                .consolidate()
                .inspect(|((user, title), epoch, change)| {
                    let verb = if *change > 0 { "should see" } else { "no longer needs" };
                    println!("epoch {epoch}: user {user} {verb} {title}");
                })
                .probe_with(&probe);
            (input, titles)
        });
        // Ratings and titles come in anywhere: each worker has a part of them.
        let (peers, index) = (worker.peers(), worker.index());
        let mine = |id: u32| id as usize % peers == index;
        for item in (0..ITEMS).filter(|&item| mine(item)) {
            catalogue.insert((item, format!("{} {}", GENRES[item as usize % 4], item / 4)));
        }
        known().filter(|rating| mine(rating.user())).for_each(|rating| ratings.insert(rating));
        let mut run = |epoch: u64, change: &dyn Fn(Say<'_>)| {
            change(&mut |rating, diff| {
                if mine(rating.user()) {
                    ratings.update(rating, diff);
                }
            });
            ratings.advance_to(epoch);
            catalogue.advance_to(epoch);
            ratings.flush();
            catalogue.flush();
            worker.step_or_park_while(None, || probe.less_than(&epoch));
        };
        run(1, &|_| {});
        // User 1 sees what was recommended; nothing comes of a rating that goes at once.
        run(2, &|change| change(rating(1, 1), 1));
        run(3, &|change| [1, -1].iter().for_each(|&diff| change(rating(2, 2), diff)));
        // User 3 comes to like what user 2 likes, and says so.
        run(4, &|change| {
            for old in known().filter(|rating| rating.user() == 3) {
                let new = rating(2, old.item()).value();
                change(old, -1);
                change(Rating::new(3, old.item(), new).expect("a finite rating"), 1);
            }
        });
    });
    done.unwrap_or_else(|error| strads::cluster::fail::stop(error.code(), error));
}
