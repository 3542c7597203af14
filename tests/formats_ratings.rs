//! Ratings read from every usual shape of file, and refused with their place.

use strads::formats::fuzzing::{check_ratings, read_ratings};
use strads::formats::{RatingFile, RatingOptions, Separator};

/// Reads, in whole and in pieces; the same every time.
fn read(text: &str, options: &RatingOptions) -> RatingFile {
    check_ratings(text.as_bytes(), options);
    read_ratings(text.as_bytes(), options, 1 << 20).unwrap()
}

/// Each rating as `user item value weight time`.
fn lines(file: &RatingFile) -> Vec<String> {
    let ratings = file.clone().ratings(2);
    let line = |rating: strads::shard::Entry| {
        let (user, item) = (rating.user as usize, rating.item as usize);
        format!(
            "{} {} {} {} {}",
            ratings.users.get(user),
            ratings.items.get(item),
            rating.value,
            rating.weight,
            rating.time
        )
    };
    ratings.iter().map(line).collect()
}

fn usual() -> RatingOptions {
    RatingOptions::default()
}

fn named(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn usual_shapes_are_guessed() {
    let expected = ["u1 i2 4 1 30", "u2 i1 3.5 1 10", "u2 i2 1 1 20"];
    for text in [
        "u2\ti1\t3.5\t10\nu2\ti2\t1\t20\nu1\ti2\t4\t30\n",
        "u2::i1::3.5::10\nu2::i2::1::20\nu1::i2::4::30",
        "u2,i1,3.5,10\r\nu2,i2,1,20\r\n\r\nu1,i2,4,30\r\n",
        "u2;i1;3.5;10\nu2;i2;1;20\nu1;i2;4;30\n",
        "u2 i1 3.5 10\n  u2  i2 1 20  \nu1 i2 4 30\n",
        "userId,movieId,rating,timestamp\nu2,i1,3.5,10\nu2,i2,1,20\nu1,i2,4,30\n",
        "\u{feff}user_id:token\titem_id:token\trating:float\ttimestamp:float\n\
         u2\ti1\t3.5\t10\nu2\ti2\t1\t20\nu1\ti2\t4\t30\n",
        "# from somewhere\n\nitem,user,x,score,time\ni1,u2,?,3.5,10.0\ni2,u2,?,1,2e1\ni2,u1,?,4,30\n",
        "\"u2\", \"i1\", \"3.5\", \"10\"\n\"u2\",\"i2\",\"1\",\"20\"\nu1,i2,4,30\n",
    ] {
        assert_eq!(lines(&read(text, &usual())), expected, "{text:?}");
    }
}

#[test]
fn columns_are_found_as_asked() {
    let text = "n,date,who,what,stars,sure\n1,5,a,x,3,2\n2,6,a,x,4,.5\n3,7,b,\"y \"\"z\"\"\",5,0\n";
    let options = RatingOptions {
        user: named("who"),
        item: named("what"),
        rating: named("stars"),
        weight: named("sure"),
        time: named("date"),
        ..usual()
    };
    let file = read(text, &options);
    assert_eq!(lines(&file), ["a x 4 0.5 6", "b y \"z\" 5 0 7"]);
    assert_eq!(file.clone().ratings(1).duplicates, 1);
    assert_eq!(file.header.as_ref().map(Vec::len), Some(6));
    let numbered =
        RatingOptions { user: named("3"), item: named("1"), rating: named("2"), ..usual() };
    let file = read("4 5 u\n6 7 v\n", &numbered);
    assert_eq!(lines(&file), ["u 4 5 1 0", "v 6 7 1 0"]);
    // A fourth column that is no whole number is no time.
    assert_eq!(lines(&read("u i 1 x\nu j 2 3\n", &usual())), ["u i 1 1 0", "u j 2 1 0"]);
    // Blanks may be within names where they do not separate.
    let tabs = read("a b\tc,d\t2\n", &usual());
    assert_eq!(lines(&tabs), ["a b c,d 2 1 0"]);
    let forced = RatingOptions { separator: Some(Separator::Comma), ..usual() };
    assert_eq!(lines(&read("a\tb,c,2\n", &forced)), ["a\tb c 2 1 0"]);
}

#[test]
fn pairs_are_ratings_of_one_if_that_is_allowed() {
    let pairs = RatingOptions { need_rating: false, ..usual() };
    assert_eq!(lines(&read("% bip\nb x\na x\nb x\n", &pairs)), ["a x 1 1 0", "b x 1 1 0"]);
    assert_eq!(lines(&read("user,item\nb,x\n", &pairs)), ["b x 1 1 0"]);
    assert_eq!(lines(&read("b x 3\n", &pairs)), ["b x 3 1 0"]);
}

#[test]
fn names_are_in_numeric_order_whatever_the_order_of_the_lines() {
    let line = |at: usize| format!("{},{},{}\n", at * 7 % 31, at * 11 % 37, at % 5);
    let one: String = (0..200).map(line).collect();
    let other: String = (0..200).rev().map(line).collect();
    let (one, other) = (read(&one, &usual()), read(&other, &usual()));
    assert_eq!(one.users, other.users);
    assert_eq!(one.clone().ratings(1), other.ratings(1));
    assert!(one.users.iter().eq((0..31).map(|at| at.to_string())));
}

#[test]
fn what_is_no_rating_is_refused_with_its_place() {
    let refused = |text: &str, options: &RatingOptions| {
        check_ratings(text.as_bytes(), options);
        read_ratings(text.as_bytes(), options, 9).unwrap_err().to_string()
    };
    for (text, message) in [
        ("", "f:1:1: expected a rating, found the end of the file"),
        ("# only\n\n", "f:3:1: expected a rating, found the end of the file"),
        ("user,item,rating\n", "f:2:1: expected a rating, found the end of the file"),
        ("u,i\n", "f:1:1: expected a user, an item and a rating, found `u,i`"),
        ("u,i,1\nu,j,nan\n", "f:2:5: expected a finite number, found `nan`"),
        ("u,i,NaN\n", "f:1:5: expected a finite number, found `NaN`"),
        ("u,i,1\nu,j,1e39\n", "f:2:5: expected a finite number, found `1e39`"),
        ("u,i,1\nu,j,x\n", "f:2:5: expected a number, found `x`"),
        ("u,i,1\nu,j,\n", "f:2:5: expected a number, found nothing"),
        ("u,i,\n", "f:1:5: expected a number, found nothing"),
        ("u,i,1\n,j,2\n", "f:2:1: expected a user, found nothing"),
        ("u,i,1\nu,\"\",2\n", "f:2:3: expected an item, found nothing"),
        ("u,i,1\nu,j\n", "f:2:4: expected 3 fields, found 2"),
        ("u,i,1\nu,j,2,3\n", "f:2:6: expected the end of the line after 3 fields, found more"),
        ("u,i,1,5\nu,j,2,later\n", "f:2:7: expected a number, found `later`"),
        ("u,i,1\nu,\"j,2\n", "f:2:3: expected a quote that is closed, found the end of the file"),
        ("u,i,1\nu,\"j\"x,2\n", "f:2:6: expected quotes around a whole field, found `x`"),
        ("u::i::1\nu::j:2\n", "f:2:7: expected 3 fields, found 2"),
        ("u i 1\nu j 2 3\n", "f:2:7: expected the end of the line after 3 fields, found more"),
    ] {
        assert_eq!(refused(text, &usual()), message, "{text:?}");
    }
    let weighted = RatingOptions { weight: named("w"), ..usual() };
    for (text, message) in [
        ("a,b,c,w\nu,i,1,-2\n", "f:2:7: expected a finite weight >= 0, found `-2`"),
        ("a,b,c,d\nu,i,1,2\n", "f:1:1: expected a column `w`, found columns a, b, c, d"),
        ("1,2,3,4\n", "f:1:1: expected a column `w`, found `1,2,3,4`"),
    ] {
        assert_eq!(refused(text, &weighted), message, "{text:?}");
    }
    let twice = RatingOptions { user: named("1"), item: named("1"), ..usual() };
    let message = "f:1:1: expected a column of its own for each part of a rating, found `u,i,1`";
    assert_eq!(refused("u,i,1\n", &twice), message);
    let bytes = b"u,i,1\nu,\xff,2\n";
    check_ratings(bytes, &usual());
    let error = read_ratings(bytes, &usual(), 4).unwrap_err().to_string();
    assert_eq!(error, "f:2:3: expected an item in UTF-8, found other bytes");
}
