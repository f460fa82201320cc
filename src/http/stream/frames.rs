//! The frames of a WebSocket's peer as they arrive (RFC 6455, section 5.2). The library keeps all of a frame before it looks at
//! its size, so one that is too large is found here, by its head.

/// A reader of heads.
#[derive(Default)]
pub(super) struct Frames {
    /// The part of a head that has arrived.
    head: Vec<u8>,
    /// The bytes of the payload that are to come.
    left: u64,
}

impl Frames {
    /// Reads on. False if a frame has more bytes than `most`.
    pub(super) fn are_within(&mut self, most: u64, mut bytes: &[u8]) -> bool {
        loop {
            let passed = usize::try_from(self.left).unwrap_or(usize::MAX);
            let passed = passed.min(bytes.len());
            self.left -= passed as u64;
            let Some((next, rest)) = bytes.get(passed..).and_then(<[u8]>::split_first) else {
                return true;
            };
            bytes = rest;
            self.head.push(*next);
            match length(&self.head) {
                Some(length) if length > most => return false,
                Some(length) => {
                    self.left = length;
                    self.head.clear();
                }
                None => {}
            }
        }
    }
}

/// The length of the payload, once the head is whole.
fn length(head: &[u8]) -> Option<u64> {
    let [_first, second, rest @ ..] = head else {
        return None;
    };
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    let (size, length) = match second & 0x7f {
        126 => (2, None),
        127 => (8, None),
        short => (0, Some(u64::from(short))),
    };
    let length = length.or_else(|| {
        let bytes = rest.get(..size)?.iter();
        Some(bytes.fold(0, |length, byte| (length << 8) | u64::from(*byte)))
    });
    length.filter(|_length| rest.len() >= size + mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_measured_by_its_head_however_it_arrives() {
        let masked = |length: &[u8], payload: usize| {
            let head = [&[0x81][..], length, &[1, 2, 3, 4]].concat();
            [head, vec![0xff; payload]].concat()
        };
        let good = [
            masked(&[0x80], 0),
            masked(&[0x80 | 125], 125),
            masked(&[0xfe, 0, 126], 126),
            masked(&[0xfe, 16, 0], 4_096),
            masked(&[0xff, 0, 0, 0, 0, 0, 0, 0, 1], 1),
            [vec![0x89, 1], vec![0xff]].concat(),
        ]
        .concat();
        let bad = [
            masked(&[0xfe, 16, 1], 0),
            masked(&[0xff, 0x40, 0, 0, 0, 0, 0, 0, 0], 0),
            masked(&[0xff, 0xff, 0, 0, 0, 0, 0, 0, 0], 0),
        ];

        for size in [1, 3, 7, good.len()] {
            let mut frames = Frames::default();
            assert!(good.chunks(size).all(|part| frames.are_within(4_096, part)));
            assert!(frames.head.is_empty() && frames.left == 0);
        }
        for one in bad {
            let bytes = [good.clone(), one].concat();
            assert!(!Frames::default().are_within(4_096, &bytes));
            let mut frames = Frames::default();
            assert!(!bytes.iter().all(|byte| frames.are_within(4_096, &[*byte])));
        }
    }
}
