//! A part of a model that travels whole.

use std::io;

use bytemuck::Pod;

use super::{Block, Columns, Header, Packet};

/// A part of a model: two flat arrays whose meaning is the program's. It may grow and shrink.
///
/// Between threads of one process it moves as a pointer; between processes it is written as it
/// lies, in chunks.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice<C> {
    /// Counts, offsets, whatever tells where things are.
    pub head: Vec<u64>,
    /// The parameters.
    pub cells: Vec<C>,
}

// Not derived: cells need no default.
impl<C> Default for Slice<C> {
    fn default() -> Self {
        Slice { head: Vec::new(), cells: Vec::new() }
    }
}

impl<C: Pod> Slice<C> {
    /// The slice on its way.
    pub(crate) fn into_packet(self, header: Header) -> Packet<u64, C, u8> {
        Packet::new(header, Columns { keys: self.head, values: self.cells }, Vec::new())
    }

    /// The slice that arrived: a pointer move if it stayed in the process.
    pub(crate) fn from_packet(packet: Packet<u64, C, u8>) -> Self {
        let Block { columns: Columns { keys: head, values: cells }, .. } = packet.into_block();
        Slice { head, cells }
    }

    /// Writes the slice, to be read back by [`Slice::read`].
    pub fn write(&self, to: &mut dyn io::Write) -> io::Result<()> {
        let lengths = [self.head.len() as u64, self.cells.len() as u64];
        to.write_all(bytemuck::cast_slice(&lengths))?;
        to.write_all(bytemuck::cast_slice(&self.head))?;
        to.write_all(bytemuck::cast_slice(&self.cells))
    }

    /// Reads what [`Slice::write`] wrote. Memory is taken as bytes arrive, not by what the lengths
    /// claim.
    ///
    /// # Errors
    /// What the reader says; [`io::ErrorKind::UnexpectedEof`] if it ends early.
    pub fn read(from: &mut dyn io::Read) -> io::Result<Self> {
        let mut lengths = [0u64; 2];
        from.read_exact(bytemuck::cast_slice_mut(&mut lengths))?;
        Ok(Slice { head: elements(from, lengths[0])?, cells: elements(from, lengths[1])? })
    }
}

/// So many elements, a megabyte at a time.
fn elements<C: Pod>(from: &mut dyn io::Read, length: u64) -> io::Result<Vec<C>> {
    let step = (super::CHUNK / size_of::<C>().max(1)).max(1);
    let mut elements: Vec<C> = Vec::new();
    let mut missing = usize::try_from(length).map_err(|_| io::ErrorKind::InvalidData)?;
    while missing > 0 {
        let start = elements.len();
        elements.resize(start + missing.min(step), C::zeroed());
        from.read_exact(bytemuck::cast_slice_mut(&mut elements[start..]))?;
        missing -= elements.len() - start;
    }
    Ok(elements)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back() {
        for length in [0, 1, 7, 300_000] {
            let cells: Vec<f32> = (0..length).map(|at| at as f32).collect();
            let slice = Slice { head: vec![3, u64::MAX], cells };
            let mut bytes = Vec::new();
            slice.write(&mut bytes).unwrap();
            assert_eq!(Slice::read(&mut &bytes[..]).unwrap(), slice);
            let error = Slice::<f32>::read(&mut &bytes[..bytes.len() - 1]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }
    }

    #[test]
    fn lengths_are_not_believed() {
        let mut bytes = vec![0xff; 16];
        bytes.extend([0; 100]);
        assert!(Slice::<u32>::read(&mut &bytes[..]).is_err());
    }
}
