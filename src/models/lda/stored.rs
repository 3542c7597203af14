//! What a checkpoint of a batch run holds of a shard: the topics of its tokens, the counts of its
//! documents and totals as they lie, α and β; and the slices at home there.
//!
//! Counts could be summed up from the topics. But the order in which a row came to hold its topics
//! decides which one a draw takes, so that only counts as they lie give the same draws again. Takes
//! 2 bytes a token, and what rows and slices take in memory.

use std::collections::BTreeMap;
use std::io;
use std::slice::{from_mut, from_ref};

use super::local::Local;
use super::samples::Samples;
use super::shard::Shard;
use super::slice;
use crate::container::{Slice, plain};

/// Slices, and their sums over states of the sampler, by number.
pub(super) type Homes = (BTreeMap<usize, Slice<u32>>, BTreeMap<usize, Samples>);

impl<I> Local<I> {
    /// Writes the shard and the slices at home there.
    pub fn write(
        &self,
        slices: &[(usize, Slice<u32>)],
        samples: &BTreeMap<usize, Samples>,
        to: &mut dyn io::Write,
    ) -> io::Result<()> {
        self.shard.write(to)?;
        plain::write(&self.hyper.alpha, to)?;
        plain::write(from_ref(&self.hyper.beta), to)?;
        for (index, slice) in slices {
            slice.write(to)?;
            samples.get(index).map_or_else(Slice::default, Samples::stored).write(to)?;
        }
        Ok(())
    }

    /// Reads the shard, whose documents are there, and the slices `home`.
    pub fn read(
        &mut self,
        home: impl Iterator<Item = usize>,
        (slices, samples): &mut Homes,
        from: &mut dyn io::Read,
    ) -> io::Result<()> {
        self.shard.read(from)?;
        plain::read(&mut self.hyper.alpha, from)?;
        plain::read(from_mut(&mut self.hyper.beta), from)?;
        for index in home {
            let slice = Slice::read(from)?;
            if !slice::is_whole(&slice, self.hyper.alpha.len()) {
                return Err(plain::invalid(format!("slice {index}: expected rows of topics")));
            }
            slices.insert(index, slice);
            let stored = Slice::read(from)?;
            if !stored.head.is_empty() {
                samples.insert(index, Samples::from_stored(&stored));
            }
        }
        Ok(())
    }
}

impl Shard {
    fn write(&self, to: &mut dyn io::Write) -> io::Result<()> {
        self.tiles.iter().try_for_each(|tile| plain::write(&tile.topics, to))?;
        self.rows.lines.iter().try_for_each(|lines| plain::write(lines, to))?;
        plain::write(&self.totals, to)?;
        plain::write(&self.told, to)
    }

    fn read(&mut self, from: &mut dyn io::Read) -> io::Result<()> {
        let topics = self.totals.len();
        for tile in &mut self.tiles {
            plain::read(&mut tile.topics, from)?;
            if !tile.topics.iter().all(|code| (1..=topics).contains(&usize::from(*code))) {
                return Err(plain::invalid(format!("expected topics 1 to {topics}, found others")));
            }
        }
        self.fresh.fill(false);
        self.rows.lines.iter_mut().try_for_each(|lines| plain::read(lines, from))?;
        plain::read(&mut self.totals, from)?;
        plain::read(&mut self.told, from)
    }
}
