//! The chunks a stream comes in (RFC 9112, 7.1). A server that has several events to send may end a chunk anywhere, in a stamp as well.

/// The position of a reader in the chunks of one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunks {
    /// In the size of one, this much so far.
    Size(usize),
    /// In the rest of a size's line.
    Extension(usize),
    /// In a chunk; so many bytes are left.
    Data(usize),
    /// In the end of its line.
    End,
}

impl Chunks {
    /// Moves what the chunks hold to the start of `bytes`; answers how much that is.
    pub(super) fn decode(&mut self, bytes: &mut [u8]) -> usize {
        let (mut read, mut written) = (0, 0);
        while let Some(byte) = bytes.get(read).copied() {
            match *self {
                Self::Data(left) => {
                    let length = left.min(bytes.len() - read);
                    bytes.copy_within(read..read + length, written);
                    written += length;
                    read += length;
                    *self = match left - length {
                        0 => Self::End,
                        left => Self::Data(left),
                    };
                    continue;
                }
                Self::Size(size) => {
                    *self = match char::from(byte).to_digit(16) {
                        Some(digit) => Self::Size(size.saturating_mul(16) + digit as usize),
                        None => Self::after(size, byte),
                    };
                }
                Self::Extension(size) => *self = Self::after(size, byte),
                Self::End if byte == b'\n' => *self = Self::Size(0),
                Self::End => {}
            }
            read += 1;
        }
        written
    }

    fn after(size: usize, byte: u8) -> Self {
        match (byte, size) {
            (b'\n', 0) => Self::Size(0),
            (b'\n', _) => Self::Data(size),
            _ => Self::Extension(size),
        }
    }
}

impl Default for Chunks {
    fn default() -> Self {
        Self::Size(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODED: &[u8] = b"6\r\n: hi\n\n\r\n3;a=ff\r\ndat\r\nC\r\na: 1234567\n\n\r\n0\r\n\r\n";
    const PLAIN: &[u8] = b": hi\n\ndata: 1234567\n\n";

    #[test]
    fn what_chunks_hold_is_put_together_wherever_reads_and_chunks_end() {
        for cut in 0..CODED.len() {
            let mut chunks = Chunks::default();
            let (mut first, mut second) = (CODED[..cut].to_vec(), CODED[cut..].to_vec());

            let length = chunks.decode(&mut first);
            first.truncate(length);
            let length = chunks.decode(&mut second);
            first.extend_from_slice(&second[..length]);

            assert_eq!(first, PLAIN, "cut at {cut}");
        }
    }
}
