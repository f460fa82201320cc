//! The mark every published alarm carries: who sent it, which one it is, and when. Of fixed width, so that it is written into a ready
//! request and found in a stream without parsing either.

use memchr::memmem::Finder;

/// The identity of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// The measurement it belongs to: a straggler of the one before is told apart.
    pub(crate) phase: u32,
    /// Its publisher.
    pub(crate) lane: u32,
    /// The number of the alarm among those of its publisher, from 1.
    pub(crate) lane_sequence: u32,
    /// The number of the alarm among those from that publisher to this reader, from 1 and without a gap.
    pub(crate) sequence: u32,
    /// The time at which it was due to be sent, in nanoseconds of the bench's clock.
    pub(crate) sent: u64,
}

/// Bytes of a stamp.
pub(crate) const WIDTH: usize = 3 + 4 + 9 + 9 + 16;

/// The bytes before a stamp in the JSON of an alarm.
const MARK: &[u8] = b"\"q\":\"";

impl Stamp {
    /// Writes it over `place`, which has `WIDTH` bytes.
    pub(crate) fn write(&self, place: &mut [u8]) {
        let fields = [
            (u64::from(self.phase), 3),
            (u64::from(self.lane), 4),
            (u64::from(self.lane_sequence), 9),
            (u64::from(self.sequence), 9),
            (self.sent, 16),
        ];
        let mut rest = place;
        for (value, width) in fields {
            let Some((field, after)) = rest.split_at_mut_checked(width) else {
                return;
            };
            write_digits(field, value);
            rest = after;
        }
    }

    /// Reads the digits at the start of `bytes`.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let mut field = |width| {
            let (digits, after) = rest.split_at_checked(width)?;
            rest = after;
            number(digits)
        };
        Some(Self {
            phase: u32::try_from(field(3)?).ok()?,
            lane: u32::try_from(field(4)?).ok()?,
            lane_sequence: u32::try_from(field(9)?).ok()?,
            sequence: u32::try_from(field(9)?).ok()?,
            sent: field(16)?,
        })
    }
}

/// Decimal digits, filled with zeros from the left.
pub(crate) fn write_digits(place: &mut [u8], value: u64) {
    let mut rest = value;
    for byte in place.iter_mut().rev() {
        *byte = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |sum, byte| {
        byte.is_ascii_digit()
            .then(|| sum * 10 + u64::from(byte - b'0'))
    })
}

/// Finds the stamps in what a stream says.
#[derive(Debug)]
pub(crate) struct Scanner(Finder<'static>);

impl Scanner {
    pub(crate) fn new() -> Self {
        Self(Finder::new(MARK))
    }

    /// Tells every stamp to `found`.
    pub(crate) fn scan(&self, bytes: &[u8], mut found: impl FnMut(Stamp)) -> Scanned {
        let mut at = 0;
        while let Some(offset) = self.0.find(bytes.get(at..).unwrap_or_default()) {
            let start = at + offset + MARK.len();
            let Some(digits) = bytes.get(start..start + WIDTH) else {
                return Scanned {
                    tail: at,
                    unread: at + offset,
                };
            };
            at = start;
            if let Some(stamp) = Stamp::parse(digits) {
                at += WIDTH;
                found(stamp);
            }
        }
        Scanned {
            tail: at,
            unread: at.max(beginning_of_mark(bytes)),
        }
    }
}

/// The result of a scan.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scanned {
    /// After the last stamp.
    pub(crate) tail: usize,
    /// The start of the bytes that must be scanned again together with the bytes after them.
    pub(crate) unread: usize,
}

/// The position from which the last bytes may be the beginning of a mark, or their end if they are not.
fn beginning_of_mark(bytes: &[u8]) -> usize {
    let longest = (MARK.len() - 1).min(bytes.len());
    let begun = (1..=longest)
        .rev()
        .find(|length| bytes.ends_with(MARK.get(..*length).unwrap_or_default()));
    bytes.len() - begun.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(sequence: u32) -> Stamp {
        Stamp {
            phase: 7,
            lane: 255,
            lane_sequence: 1_234,
            sequence,
            sent: 987_654_321_012,
        }
    }

    fn event(stamp: &Stamp) -> Vec<u8> {
        let mut place = [0; WIDTH];
        stamp.write(&mut place);
        let mut event = b"event: alarm\nid: 9\ndata: {\"data\":{\"q\":\"".to_vec();
        event.extend_from_slice(&place);
        event.extend_from_slice(b"\"}}\n\n");
        event
    }

    fn scan(bytes: &[u8]) -> (Vec<Stamp>, usize) {
        let mut stamps = Vec::new();
        let scanned = Scanner::new().scan(bytes, |stamp| stamps.push(stamp));
        (stamps, scanned.unread)
    }

    #[test]
    fn what_was_written_is_found() {
        let events = [event(&stamp(1)), event(&stamp(2))].concat();

        let (stamps, rest) = scan(&events);

        assert_eq!(stamps, [stamp(1), stamp(2)]);
        assert_eq!(rest, events.len());
    }

    #[test]
    fn an_event_cut_anywhere_is_found_once_in_two_reads() {
        let events = [event(&stamp(1)), event(&stamp(2))].concat();

        for cut in 0..events.len() {
            let (mut stamps, rest) = scan(&events[..cut]);
            let (later, end) = scan(&events[rest..]);
            stamps.extend(later);

            assert_eq!(stamps, [stamp(1), stamp(2)], "cut at {cut}");
            assert_eq!(rest + end, events.len(), "cut at {cut}");
        }
    }

    #[test]
    fn a_mark_without_a_stamp_is_passed_over() {
        let mut bytes =
            b"data: {\"q\":\"a user's own words, longer than a stamp would be\"}\n\n".to_vec();
        bytes.extend(event(&stamp(3)));

        assert_eq!(scan(&bytes).0, [stamp(3)]);
    }
}
