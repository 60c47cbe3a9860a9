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
/// Zstandard's usual level.
const ZSTD_LEVEL: i32 = 3;

/// Compresses pages with one codec.
pub(crate) enum Compressor {
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
        Ok(match codec {
            Codec::Snappy => Self::Snappy(Box::new(snap::raw::Encoder::new())),
            Codec::Gzip => Self::Gzip,
            Codec::Brotli => Self::Brotli,
            Codec::Zstd => Self::Zstd(Box::new(zstd::bulk::Compressor::new(ZSTD_LEVEL)?)),
            Codec::Lz4 => Self::Lz4,
            Codec::None => Self::None,
        })
    }

    /// Replaces what `out` holds by the compressed form of `page`.
    pub(crate) fn compress(&mut self, page: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        out.clear();
        match self {
            Self::Snappy(encoder) => {
                out.resize(snap::raw::max_compress_len(page.len()), 0);
                let len = encoder.compress(page, out).map_err(io::Error::other)?;
                out.truncate(len);
            }
            Self::Gzip => {
                let level = flate2::Compression::new(GZIP_LEVEL);
                let mut encoder = flate2::write::GzEncoder::new(out, level);
                encoder.write_all(page)?;
                encoder.finish()?;
            }
            Self::Brotli => {
                let mut encoder =
                    brotli::CompressorWriter::new(out, BROTLI_BUFFER, BROTLI_LEVEL, BROTLI_WINDOW);
                encoder.write_all(page)?;
                encoder.flush()?;
            }
            Self::Zstd(encoder) => {
                out.reserve(zstd::zstd_safe::compress_bound(page.len()));
                encoder.compress_to_buffer(page, out)?;
            }
            Self::Lz4 => {
                out.resize(lz4_flex::block::get_maximum_output_size(page.len()), 0);
                let len = lz4_flex::block::compress_into(page, out).map_err(io::Error::other)?;
                out.truncate(len);
            }
            Self::None => out.extend_from_slice(page),
        }
        Ok(())
    }
}
