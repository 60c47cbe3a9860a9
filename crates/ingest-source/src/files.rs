//! Local files and standard input as a source: plain, gzip or zstd, recognised by their first bytes.
//!
//! Opens and decompresses. Never looks at the text.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// Bytes of a compressed file read at once; whoever reads plain text in larger pieces goes past the buffer.
const READ_BYTES: usize = 64 << 10;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Opens a file for reading its text.
///
/// # Errors
/// When it cannot be opened or read.
pub fn open(path: &Path) -> io::Result<Box<dyn Read + Send>> {
    decompress(File::open(path)?)
}

/// Wraps a stream so that its text is read, whatever it is compressed with. Members that follow each other, as
/// rotated logs that were joined, are read as one text.
///
/// # Errors
/// When its first bytes cannot be read.
pub fn decompress(stream: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
    let mut stream = BufReader::with_capacity(READ_BYTES, stream);
    let start = stream.fill_buf()?;
    if start.starts_with(&GZIP_MAGIC) {
        return Ok(Box::new(flate2::bufread::MultiGzDecoder::new(stream)));
    }
    if start.starts_with(&ZSTD_MAGIC) {
        return Ok(Box::new(zstd::Decoder::with_buffer(stream)?));
    }
    Ok(Box::new(stream))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[track_caller]
    fn check(stored: Vec<u8>, want: &str) {
        let mut text = String::new();
        decompress(io::Cursor::new(stored)).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, want);
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(text.as_bytes()).unwrap();
        out.finish().unwrap()
    }

    #[test]
    fn each_compression_is_recognised_and_members_are_joined() {
        check(b"plain".to_vec(), "plain");
        check(Vec::new(), "");
        check([gzip("a\n"), gzip("b\n")].concat(), "a\nb\n");
        let zstd = |text: &str| zstd::encode_all(text.as_bytes(), 1).unwrap();
        check([zstd("a\n"), zstd("b\n")].concat(), "a\nb\n");
    }

    #[test]
    fn a_cut_archive_is_an_error() {
        let mut cut = gzip("some text that is long enough to be cut somewhere in the middle of it");
        cut.truncate(cut.len() - 10);
        let mut text = String::new();
        assert!(decompress(io::Cursor::new(cut)).unwrap().read_to_string(&mut text).is_err());
    }
}
