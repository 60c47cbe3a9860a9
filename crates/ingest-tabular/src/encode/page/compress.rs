//! Compression of pages, with the codecs' state kept from page to page.

use std::io::{self, Write as _};

use crate::encode::options::Codec;

/// Brotli's level: about the size of its default at several times the speed.
const BROTLI_LEVEL: u32 = 4;
/// Brotli's window, in powers of two; the usual one.
const BROTLI_WINDOW: u32 = 22;
/// Bytes that Brotli is given at once.
const BROTLI_BUFFER: usize = 64 << 10;
/// Gzip's usual level.
const GZIP_LEVEL: u32 = 6;
/// Bytes of a page that tell whether Snappy makes it smaller at all, and the share of them that is left, in percent,
/// above which it is kept as it is: readers copy it then instead of putting it together.
const SAMPLE_BYTES: usize = 32 << 10;
const LITERAL_PERCENT: usize = 95;
/// Zstandard's usual level.
const ZSTD_LEVEL: i32 = 3;

/// Compresses pages with one codec, and keeps the room in which they are put together.
pub(crate) struct Compressor {
    codec: State,
    /// For the page at hand; lent to whoever writes it.
    pub(super) raw: Vec<u8>,
    out: Vec<u8>,
}

enum State {
    Snappy(Box<snap::raw::Encoder>),
    Gzip,
    Brotli,
    Zstd(Box<zstd::bulk::Compressor<'static>>),
    Lz4,
    None,
}

impl std::fmt::Debug for Compressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Compressor")
    }
}

impl Compressor {
    pub(crate) fn new(codec: Codec) -> io::Result<Self> {
        let codec = match codec {
            Codec::Snappy => State::Snappy(Box::new(snap::raw::Encoder::new())),
            Codec::Gzip => State::Gzip,
            Codec::Brotli => State::Brotli,
            Codec::Zstd => State::Zstd(Box::new(zstd::bulk::Compressor::new(ZSTD_LEVEL)?)),
            Codec::Lz4 => State::Lz4,
            Codec::None => State::None,
        };
        Ok(Self { codec, raw: Vec::new(), out: Vec::new() })
    }

    /// The compressed form of a page.
    pub(crate) fn compress<'a>(&'a mut self, page: &'a [u8]) -> io::Result<&'a [u8]> {
        let out = &mut self.out;
        let len = match &mut self.codec {
            State::Snappy(encoder) => snappy(encoder, page, out)?,
            State::Gzip => {
                out.clear();
                let level = flate2::Compression::new(GZIP_LEVEL);
                let mut encoder = flate2::write::GzEncoder::new(&mut *out, level);
                encoder.write_all(page)?;
                encoder.finish()?;
                out.len()
            }
            State::Brotli => {
                out.clear();
                let mut encoder =
                    brotli::CompressorWriter::new(&mut *out, BROTLI_BUFFER, BROTLI_LEVEL, BROTLI_WINDOW);
                encoder.write_all(page)?;
                encoder.flush()?;
                drop(encoder);
                out.len()
            }
            State::Zstd(encoder) => {
                make_room(out, zstd::zstd_safe::compress_bound(page.len()));
                encoder.compress_to_buffer(page, out.as_mut_slice())?
            }
            State::Lz4 => {
                make_room(out, lz4_flex::block::get_maximum_output_size(page.len()));
                lz4_flex::block::compress_into(page, out).map_err(io::Error::other)?
            }
            State::None => return Ok(page),
        };
        Ok(self.out.get(..len).unwrap_or_default())
    }
}

fn snappy(encoder: &mut snap::raw::Encoder, page: &[u8], out: &mut Vec<u8>) -> io::Result<usize> {
    make_room(out, snap::raw::max_compress_len(page.len()));
    if let Some(sample) = page.get(..SAMPLE_BYTES).filter(|_| page.len() > 2 * SAMPLE_BYTES) {
        let len = encoder.compress(sample, out).map_err(io::Error::other)?;
        if len * 100 > SAMPLE_BYTES * LITERAL_PERCENT {
            out.clear();
            write_literal(page, out);
            return Ok(out.len());
        }
    }
    encoder.compress(page, out).map_err(io::Error::other)
}

/// Makes `out` at least so long; it only grows, so that nothing is filled with zeros twice.
fn make_room(out: &mut Vec<u8>, len: usize) {
    if out.len() < len {
        out.resize(len, 0);
    }
}

/// Appends a page to an empty `out` as Snappy's one long literal. Source: Snappy's format_description.txt.
fn write_literal(page: &[u8], out: &mut Vec<u8>) {
    /// Says that the literal's length less one follows in four bytes.
    const LITERAL_OF_FOUR: u8 = 63 << 2;
    super::header::varint(page.len() as u64, out);
    out.push(LITERAL_OF_FOUR);
    let len = u32::try_from(page.len().saturating_sub(1)).unwrap_or(u32::MAX);
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(page);
}
