//! The end of every file of a checkpoint: format, length, checksum.

/// How a footer begins.
const MAGIC: [u8; 8] = *b"STRADSCP";

/// The format of everything in a checkpoint.
const FORMAT: u32 = 1;

/// The bytes of a footer: magic, format, length, checksum of all before it.
pub(super) const BYTES: usize = 8 + 4 + 8 + 4;

/// The footer of a file with this content.
pub(super) fn of(content: &[u8]) -> [u8; BYTES] {
    let mut footer = [0; BYTES];
    let fields: [&[u8]; 3] = [&MAGIC, &FORMAT.to_le_bytes(), &(content.len() as u64).to_le_bytes()];
    footer.iter_mut().zip(fields.into_iter().flatten()).for_each(|(to, from)| *to = *from);
    let sum = checksum(content, &footer[..BYTES - 4]);
    footer[BYTES - 4..].copy_from_slice(&sum.to_le_bytes());
    footer
}

/// The content of a file, or how it shows that the file is not as it was written.
pub(super) fn strip(mut file: Vec<u8>) -> Result<Vec<u8>, String> {
    let length = file.len().checked_sub(BYTES).ok_or("expected a footer, found too few bytes")?;
    let footer = file.split_off(length);
    let (magic, rest) = footer.split_at(8);
    if magic != MAGIC {
        return Err("expected a footer, found other bytes".into());
    }
    if rest[..4] != FORMAT.to_le_bytes() {
        return Err(format!("expected format {FORMAT}, found another"));
    }
    if rest[4..12] != (length as u64).to_le_bytes() {
        return Err(format!("expected another length than {length} bytes"));
    }
    if rest[12..] != checksum(&file, &footer[..BYTES - 4]).to_le_bytes() {
        return Err("its checksum differs".into());
    }
    Ok(file)
}

/// The content's checksum, and of the footer but for itself.
fn checksum(content: &[u8], footer: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(content);
    sum.update(footer);
    sum.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_truncation_and_every_flipped_bit_is_noticed() {
        let content: Vec<u8> = (0..100).collect();
        let file = [&content[..], &of(&content)].concat();
        assert_eq!(strip(file.clone()), Ok(content));
        for length in 0..file.len() {
            assert!(strip(file[..length].to_vec()).is_err(), "{length} bytes");
        }
        for bit in 0..file.len() * 8 {
            let mut damaged = file.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(strip(damaged).is_err(), "bit {bit}");
        }
    }
}
