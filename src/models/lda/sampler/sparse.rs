//! A token of a document with a sparse row.
//!
//! Order of the mass: the token's present topic; then the document's other topics, by lane and then
//! by line; then `α φ` of all other topics. Nothing is written unless the token moves, so that
//! tokens overlap in the processor.

use super::draw::Draw;
use super::masses::{Masses, lanes};
use super::unit::{LANES, Line, Table, Unit, pick};

/// What a look at a row gives.
struct Look<U: Unit> {
    /// Mass of the document's other topics: sums over the lines, by lane.
    mass: U::Floats,
    /// Where the present topic stands in the row (0: nowhere).
    own: usize,
    /// Lines that the row fills.
    lines: usize,
}

/// Draws a topic for a token: `topic` is its present code, or 0 if it has none yet.
#[inline(always)]
pub(super) fn token<U: Unit>(
    unit: U,
    masses: &mut Masses,
    products: &mut Table<f32>,
    row: &mut [Line],
    topic: &mut u16,
    draw: Draw,
) {
    let own = *topic;
    let look = look(unit, masses, products, row, own);
    let prefix = unit.prefix(look.mass);
    let document = unit.array(prefix)[LANES - 1];
    let others = masses.others(own);
    let stay = match own {
        0 => 0.0,
        _ => masses.stay(own, lane(row, look.own) & 0xffff),
    };
    let at = draw.first() * (stay + document + others) - stay;
    if at < 0.0 {
        return;
    }
    let (code, place) = if at < document {
        let Some((lane, at)) = pick(unit, look.mass, prefix, at) else { return };
        let place = down(products, look.lines, lane, at);
        (self::lane(row, place) >> 16, place)
    } else {
        let drawn = masses.draw(unit, own, draw.second() * others);
        // Rounding may leave nothing: then the token stays, or takes any topic.
        let Some(code) = drawn.or((own == 0).then(|| draw.any(masses.topics))) else { return };
        (u32::from(code), find(unit, row, look.lines, u32::from(code)))
    };
    *topic = code as u16;
    if own != 0 {
        masses.count(own, -1);
    }
    masses.count(code as u16, 1);
    shift(row, code, place, look.own);
}

#[inline(always)]
fn look<U: Unit>(
    unit: U,
    masses: &Masses,
    products: &mut Table<f32>,
    row: &[Line],
    own: u16,
) -> Look<U> {
    let lines = (row[0].0[0] >> 4) as usize + 1;
    let (same, mut mass) = part(unit, masses, &row[0], own);
    let mut place = match own {
        0 => 0,
        _ => same.trailing_zeros() as usize & (LANES - 1),
    };
    if lines > 1 {
        let (products, _) = products.0.as_chunks_mut::<LANES>();
        products[0] = unit.array(mass);
        for at in 1..lines {
            let (same, more) = part(unit, masses, &row[at], own);
            products[at] = unit.array(more);
            mass = unit.add(mass, more);
            if same != 0 && own != 0 {
                place = at * LANES + same.trailing_zeros() as usize;
            }
        }
    }
    Look { mass, own: place, lines }
}

/// Where a line has the topic, and the mass of its others.
#[inline(always)]
fn part<U: Unit>(unit: U, masses: &Masses, line: &Line, own: u16) -> (u16, U::Floats) {
    let words = unit.words(&line.0);
    let codes = unit.high(words);
    let same = unit.equal(codes, u32::from(own));
    let mass = unit.mul(unit.gather(&masses.phi, words), unit.low(words));
    (same, unit.clear(same, mass))
}

/// The place in a lane's column in which the running sum passes `at`; only places with mass.
#[inline(always)]
fn down(products: &Table<f32>, lines: usize, lane: usize, mut at: f32) -> usize {
    if lines == 1 {
        return lane;
    }
    let mut place = lane;
    for line in 0..lines {
        let mass = lanes(&products.0, line * LANES)[lane];
        if mass > 0.0 {
            place = line * LANES + lane;
            if at < mass {
                break;
            }
            at -= mass;
        }
    }
    place
}

/// Where a topic stands in the row (0: nowhere).
#[inline(always)]
fn find<U: Unit>(unit: U, row: &[Line], lines: usize, code: u32) -> usize {
    for (at, line) in row[..lines].iter().enumerate() {
        let same = unit.equal(unit.high(unit.words(&line.0)), code);
        if same != 0 {
            return at * LANES + same.trailing_zeros() as usize;
        }
    }
    0
}

/// Moves a count from place `own` (0: from nowhere) to the topic at `place` (0: not in the row yet).
#[inline(always)]
fn shift(row: &mut [Line], code: u32, place: usize, own: usize) {
    let entries = row[0].0[0] as usize;
    if place != 0 {
        *lane_mut(row, place) += 1;
    }
    let emptied = own != 0 && {
        let own = lane_mut(row, own);
        *own -= 1;
        *own & 0xffff == 0
    };
    match (emptied, place) {
        (true, 0) => *lane_mut(row, own) = code << 16 | 1,
        (true, _) => {
            *lane_mut(row, own) = lane(row, entries);
            *lane_mut(row, entries) = 0;
            row[0].0[0] -= 1;
        }
        (false, 0) => {
            *lane_mut(row, entries + 1) = code << 16 | 1;
            row[0].0[0] += 1;
        }
        (false, _) => {}
    }
}

#[inline(always)]
fn lane(row: &[Line], place: usize) -> u32 {
    row[place / LANES].0[place % LANES]
}

#[inline(always)]
fn lane_mut(row: &mut [Line], place: usize) -> &mut u32 {
    &mut row[place / LANES].0[place % LANES]
}
