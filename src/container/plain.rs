//! Plain numbers as they lie, in states that are stored.

use std::io;

use bytemuck::Pod;

/// Writes numbers, to be read back by [`read`].
pub(crate) fn write<T: Pod>(numbers: &[T], to: &mut dyn io::Write) -> io::Result<()> {
    to.write_all(&(numbers.len() as u64).to_le_bytes())?;
    to.write_all(bytemuck::cast_slice(numbers))
}

/// Reads as many numbers as there are places for.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] if another number of them was written; what the reader says.
pub(crate) fn read<T: Pod>(numbers: &mut [T], from: &mut dyn io::Read) -> io::Result<()> {
    let mut length = [0; 8];
    from.read_exact(&mut length)?;
    let (found, expected) = (u64::from_le_bytes(length), numbers.len() as u64);
    if found != expected {
        return Err(invalid(format!("expected {expected} numbers, found {found}")));
    }
    from.read_exact(bytemuck::cast_slice_mut(numbers))
}

/// What was stored is not what it should be.
pub(crate) fn invalid(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_back_and_only_as_many_as_were_written() {
        let mut bytes = Vec::new();
        write(&[1.5f32, -0.0, f32::NAN], &mut bytes).expect("a vector has room");
        let mut back = [0.0f32; 3];
        read(&mut back, &mut &bytes[..]).expect("it was written");
        assert_eq!(back.map(f32::to_bits), [1.5f32, -0.0, f32::NAN].map(f32::to_bits));
        let kind = |error: io::Result<()>| error.expect_err("it differs").kind();
        assert_eq!(kind(read(&mut [0.0f32; 2], &mut &bytes[..])), io::ErrorKind::InvalidData);
        let short = &bytes[..bytes.len() - 1];
        assert_eq!(kind(read(&mut back, &mut &short[..])), io::ErrorKind::UnexpectedEof);
    }
}
