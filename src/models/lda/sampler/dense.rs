//! A token of a document with a dense row.
//!
//! Order of the mass: the token's present topic; then the others, by lane (the code modulo 16) and
//! then by vector. Nothing is written unless the token moves.

use super::draw::Draw;
use super::masses::{Masses, lanes};
use super::unit::{LANES, Table, Unit, pick};

/// A count of a dense row.
pub(super) trait Count: Copy + Into<u32> {
    /// Sixteen of them as floats.
    fn floats<U: Unit>(unit: U, counts: &[Self; LANES]) -> U::Floats;
    /// Adds 1 or −1.
    fn add(&mut self, change: i8);
}

impl Count for u16 {
    #[inline(always)]
    fn floats<U: Unit>(unit: U, counts: &[u16; LANES]) -> U::Floats {
        unit.float(unit.halves(counts))
    }
    #[inline(always)]
    fn add(&mut self, change: i8) {
        *self = self.wrapping_add_signed(change.into());
    }
}

impl Count for u32 {
    #[inline(always)]
    fn floats<U: Unit>(unit: U, counts: &[u32; LANES]) -> U::Floats {
        unit.float(unit.words(counts))
    }
    #[inline(always)]
    fn add(&mut self, change: i8) {
        *self = self.wrapping_add_signed(change.into());
    }
}

/// Draws a topic for a token: `topic` is its present code, or 0 if it has none yet. The row has a
/// count for each code from 0 (never used) to `K`, in whole vectors.
#[inline(always)]
pub(super) fn token<U: Unit, C: Count>(
    unit: U,
    masses: &mut Masses,
    products: &mut Table<f32>,
    row: &mut [C],
    topic: &mut u16,
    draw: Draw,
) {
    let own = *topic;
    let (own_vector, own_lane) = (usize::from(own) / LANES, usize::from(own) % LANES);
    let vectors = masses.topics / LANES + 1;
    let (mut even, mut odd) = (unit.splat(0.0), unit.splat(0.0));
    {
        let (products, _) = products.0.as_chunks_mut::<LANES>();
        let (alpha, _) = masses.alpha.0.as_chunks::<LANES>();
        let (phi, _) = masses.phi.0.as_chunks::<LANES>();
        let (row, _) = row.as_chunks::<LANES>();
        let (products, row) = (&mut products[..vectors], &row[..vectors]);
        for at in 0..vectors {
            let document = unit.add(C::floats(unit, &row[at]), unit.floats(&alpha[at]));
            let clear = if at == own_vector { 1 << own_lane } else { 0 };
            let mass = unit.clear(clear, unit.mul(document, unit.floats(&phi[at])));
            products[at] = unit.array(mass);
            (even, odd) = (odd, unit.add(even, mass));
        }
    }
    let mass = unit.add(even, odd);
    let prefix = unit.prefix(mass);
    let others = unit.array(prefix)[LANES - 1];
    let stay = match own {
        0 => 0.0,
        _ => masses.stay(own, row[usize::from(own)].into()),
    };
    let at = draw.first() * (stay + others) - stay;
    if at < 0.0 {
        return;
    }
    let Some((lane, mut at)) = pick(unit, mass, prefix, at) else { return };
    let mut code = lane;
    for vector in 0..vectors {
        let mass = lanes(&products.0, vector * LANES)[lane];
        if mass > 0.0 {
            code = vector * LANES + lane;
            if at < mass {
                break;
            }
            at -= mass;
        }
    }
    *topic = code as u16;
    if own != 0 {
        masses.count(own, -1);
        row[usize::from(own)].add(-1);
    }
    masses.count(code as u16, 1);
    row[code].add(1);
}
