use std::borrow::Cow;
use std::io::{self, Read};

use flate2::{Decompress, FlushDecompress, Status};
use lz4_flex::frame::FrameDecoder as Lz4Decoder;
use ruzstd::decoding::StreamingDecoder as ZstdDecoder;

/// Four times the default limit of a RocketMQ producer (4 MiB, counted before compression): room for a producer with a
/// higher limit, and still small enough for a small machine.
pub const DEFAULT_MAX_INFLATED_BYTES: usize = 4 * 4 * 1024 * 1024;

/// The body is compressed. Other bits of sysFlag are about transactions, so only this bit counts.
const COMPRESSED: i32 = 0x1;
const CODEC: i32 = 0x700;
const LZ4: i32 = 0x100;
const ZSTD: i32 = 0x200;
const ZLIB: i32 = 0x300;
/// Clients of RocketMQ 4 support zlib only and set no type bit.
const UNNAMED: i32 = 0;

const STEP: usize = 16 * 1024;

/// Why a compressed body cannot be inflated. It never can be, so the message is poison.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InflateError {
    /// The inflated body would exceed the limit; inflating stopped there.
    #[error("the {codec} body inflates to more than {max} bytes")]
    TooLarge {
        /// Name of the codec.
        codec: &'static str,
        /// The limit in bytes.
        max: usize,
    },
    /// The body is invalid for its codec, is cut short, or has trailing data.
    #[error("the {codec} body is corrupt: {reason}")]
    Corrupt {
        /// Name of the codec.
        codec: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The body has a compression type that RocketMQ does not define.
    #[error("the body has an unknown compression type (sysFlag {sys_flag:#x})")]
    UnknownCodec {
        /// The flags as they came.
        sys_flag: i32,
    },
}

/// Gives the inflated body. One that is not compressed is returned as it is, whatever its size.
///
/// `sys_flag` is RocketMQ's: bit 0 says compressed, bits 0x700 say how (0x100 LZ4 frames, 0x200 zstd, 0x300 or none
/// zlib). Several LZ4 or zstd frames in a row are one body; anything else behind the end is an error. No more than
/// `max_inflated_bytes` and one working buffer of the codec (at most 12 MiB, or twice the limit if that is more) are ever held.
pub fn inflate(body: &[u8], sys_flag: i32, max_inflated_bytes: usize) -> Result<Cow<'_, [u8]>, InflateError> {
    if sys_flag & COMPRESSED == 0 {
        return Ok(Cow::Borrowed(body));
    }
    let inflated = match sys_flag & CODEC {
        LZ4 => inflate_lz4(body, max_inflated_bytes),
        ZSTD => inflate_zstd(body, max_inflated_bytes),
        ZLIB | UNNAMED => inflate_zlib(body, max_inflated_bytes),
        _ => Err(InflateError::UnknownCodec { sys_flag }),
    };
    inflated.map(Cow::Owned)
}

/// What has been inflated so far; refuses to grow over its limit.
struct Capped {
    codec: &'static str,
    max: usize,
    bytes: Vec<u8>,
}

impl Capped {
    fn new(codec: &'static str, max: usize, compressed_size: usize) -> Self {
        Self {
            codec,
            max,
            bytes: Vec::with_capacity(compressed_size.saturating_mul(4).clamp(256, STEP).min(max)),
        }
    }

    fn push(&mut self, more: &[u8]) -> Result<(), InflateError> {
        if more.len() > self.max - self.bytes.len() {
            return Err(InflateError::TooLarge { codec: self.codec, max: self.max });
        }
        self.bytes.extend_from_slice(more);
        Ok(())
    }

    /// Takes all that a decoder of one frame gives.
    fn push_all(&mut self, mut decoder: impl Read) -> Result<(), InflateError> {
        let mut step = [0; STEP];
        loop {
            match decoder.read(&mut step) {
                Ok(0) => return Ok(()),
                Ok(count) => self.push(&step[..count])?,
                Err(error) => return Err(self.corrupt(&error)),
            }
        }
    }

    fn corrupt(&self, reason: &impl ToString) -> InflateError {
        InflateError::Corrupt { codec: self.codec, reason: reason.to_string() }
    }
}

fn inflate_zlib(body: &[u8], max: usize) -> Result<Vec<u8>, InflateError> {
    let mut inflated = Capped::new("zlib", max, body.len());
    let mut decoder = Decompress::new(true);
    let mut step = [0; STEP];
    let mut rest = body;
    loop {
        let (read_before, written_before) = (decoder.total_in(), decoder.total_out());
        let status = decoder
            .decompress(rest, &mut step, FlushDecompress::None)
            .map_err(|error| inflated.corrupt(&error))?;
        let read = usize::try_from(decoder.total_in() - read_before).unwrap_or(rest.len());
        let written = usize::try_from(decoder.total_out() - written_before).unwrap_or(STEP);
        inflated.push(&step[..written])?;
        rest = &rest[read..];
        if status == Status::StreamEnd {
            break;
        }
        if read == 0 && written == 0 {
            return Err(inflated.corrupt(&"it is cut short"));
        }
    }
    if rest.is_empty() { Ok(inflated.bytes) } else { Err(inflated.corrupt(&"trailing data")) }
}

fn inflate_lz4(body: &[u8], max: usize) -> Result<Vec<u8>, InflateError> {
    let mut inflated = Capped::new("LZ4", max, body.len());
    let mut source = WatchedEnd { rest: body, read_past_end: false };
    loop {
        inflated.push_all(Lz4Decoder::new(&mut source))?;
        // The decoder mistakes an end between two blocks for the end of the frame.
        if source.read_past_end {
            return Err(inflated.corrupt(&"it is cut short"));
        }
        if source.rest.is_empty() {
            return Ok(inflated.bytes);
        }
    }
}

/// A reader that remembers whether more was asked of it than it had.
struct WatchedEnd<'a> {
    rest: &'a [u8],
    read_past_end: bool,
}

impl Read for WatchedEnd<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.rest.read(buffer)?;
        self.read_past_end |= count < buffer.len();
        Ok(count)
    }
}

fn inflate_zstd(body: &[u8], max: usize) -> Result<Vec<u8>, InflateError> {
    let mut inflated = Capped::new("zstd", max, body.len());
    let mut rest = body;
    loop {
        if let Some(length) = skippable_length(rest) {
            rest = rest.get(length..).ok_or_else(|| inflated.corrupt(&"it is cut short"))?;
        } else {
            let (header, after) = rest.split_at(rest.len().min(WINDOW_BYTE + 1));
            let header = with_limited_window(header, max);
            let mut source = header.as_slice().chain(after);
            let decoder = ZstdDecoder::new(&mut source).map_err(|error| inflated.corrupt(&error))?;
            if decoder.decoder.content_size() > u64::try_from(max - inflated.bytes.len()).unwrap_or(u64::MAX)
            {
                return Err(InflateError::TooLarge { codec: inflated.codec, max });
            }
            inflated.push_all(decoder)?;
            rest = source.into_inner().1;
        }
        if rest.is_empty() {
            return Ok(inflated.bytes);
        }
    }
}

/// Length of a zstd frame that holds no content, if one stands here.
fn skippable_length(bytes: &[u8]) -> Option<usize> {
    let (magic, length) = (bytes.first_chunk::<4>()?, bytes.get(4..)?.first_chunk::<4>()?);
    let skippable = u32::from_le_bytes(*magic) & 0xFFFF_FFF0 == 0x184D_2A50;
    skippable.then(|| usize::try_from(u32::from_le_bytes(*length)).ok()?.checked_add(8)).flatten()
}

/// Where the window stands in a frame: behind the magic number and the descriptor.
const WINDOW_BYTE: usize = 5;

/// A zstd decoder holds back a window of what it decoded before it gives anything, so a window of 100 MiB would make
/// it inflate as much unseen. Content below the limit never refers further back than the limit, so that a smaller window
/// decodes it just as well.
fn with_limited_window(header: &[u8], max: usize) -> Vec<u8> {
    const SINGLE_SEGMENT: u8 = 0x20;
    const LEAST_WINDOW: usize = 128 * 1024;
    let mut header = header.to_vec();
    if let [.., descriptor, window] = header.as_mut_slice()
        && *descriptor & SINGLE_SEGMENT == 0
    {
        let needed =
            max.max(LEAST_WINDOW).checked_next_power_of_two().map_or(u32::MAX, usize::trailing_zeros);
        let exponent = u8::try_from(needed - 10).unwrap_or(u8::MAX).min(31);
        *window = (*window).min(exponent << 3);
    }
    header
}
