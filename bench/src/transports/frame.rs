//! As much of WebSocket (RFC 6455, section 5.2) as a client needs that only listens: frames of the server, and the answer to its pings.

/// A frame at the start of what was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) kind: Kind,
    pub(super) payload: &'a [u8],
    /// Bytes of the whole frame.
    pub(super) length: usize,
}

/// The purpose of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Close,
    Ping,
    Other,
}

/// The frame at the start of `bytes`, once it is all there. A server's frames are never masked.
pub(super) fn first(bytes: &[u8]) -> Option<Frame<'_>> {
    let [first, second, rest @ ..] = bytes else {
        return None;
    };
    let (size, rest) = match second & 0x7F {
        126 => {
            let (size, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*size)), rest)
        }
        127 => {
            let (size, rest) = rest.split_first_chunk()?;
            (usize::try_from(u64::from_be_bytes(*size)).ok()?, rest)
        }
        small => (usize::from(small), rest),
    };
    let kind = match first & 0x0F {
        0x1 => Kind::Text,
        0x8 => Kind::Close,
        0x9 => Kind::Ping,
        _ => Kind::Other,
    };
    Some(Frame {
        kind,
        payload: rest.get(..size)?,
        length: bytes.len() - rest.len() + size,
    })
}

/// The answer to a ping: what it carries, masked, as everything a client sends. A mask of zeros is as good as any where no proxy reads along.
pub(super) fn pong(payload: &[u8]) -> Vec<u8> {
    // A control frame carries at most 125 bytes.
    let size = u8::try_from(payload.len().min(125)).unwrap_or(125);
    let mut frame = vec![0x8A, 0x80 | size, 0, 0, 0, 0];
    frame.extend_from_slice(payload.get(..usize::from(size)).unwrap_or_default());
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_every_length_are_read_once_they_are_whole() {
        for size in [0, 125, 126, 65_535, 65_536] {
            let head = match size {
                0..=125 => vec![0x81, size as u8],
                126..=65_535 => [&[0x81, 126], &(size as u16).to_be_bytes()[..]].concat(),
                _ => [&[0x81, 127], &(size as u64).to_be_bytes()[..]].concat(),
            };
            let bytes = [head.clone(), vec![b'x'; size], b"next".to_vec()].concat();

            let frame = first(&bytes).unwrap();

            assert_eq!((frame.kind, frame.payload.len()), (Kind::Text, size));
            assert_eq!(frame.length, head.len() + size);
            assert_eq!(first(&bytes[..frame.length.saturating_sub(1)]), None);
        }
    }

    #[test]
    fn a_ping_is_told_from_a_close_and_answered_with_what_it_carries() {
        assert_eq!(first(b"\x89\x02hi").unwrap().kind, Kind::Ping);
        assert_eq!(first(b"\x88\x00").unwrap().kind, Kind::Close);
        assert_eq!(pong(b"hi"), b"\x8A\x82\0\0\0\0hi");
    }
}
