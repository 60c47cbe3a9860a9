//! Page headers, in Thrift's compact protocol.
//!
//! Writes the two headers that files of ours have: dictionary pages and data pages of version 1, each with the checksum
//! of its bytes as stored. Source: parquet.thrift, thrift-compact-protocol.md.

use parquet::basic::Encoding;

const STRUCT_END: u8 = 0;
const TYPE_I32: u8 = 5;
const TYPE_STRUCT: u8 = 12;
const DATA_PAGE: i32 = 0;
const DICTIONARY_PAGE: i32 = 2;

/// What a header says of its page.
#[derive(Debug, Clone, Copy)]
pub(super) struct PageHeader {
    pub(super) dictionary: bool,
    pub(super) uncompressed: usize,
    pub(super) values: usize,
    pub(super) encoding: Encoding,
}

impl PageHeader {
    /// Appends the header of a page whose stored bytes are these.
    pub(super) fn write(self, stored: &[u8], out: &mut Vec<u8>) {
        let mut fields = Fields { out, last: 0 };
        fields.i32(1, if self.dictionary { DICTIONARY_PAGE } else { DATA_PAGE });
        fields.i32(2, narrow(self.uncompressed));
        fields.i32(3, narrow(stored.len()));
        fields.i32(4, crc32fast::hash(stored).cast_signed());
        fields.head(if self.dictionary { 7 } else { 5 }, TYPE_STRUCT);
        let mut inner = Fields { out: fields.out, last: 0 };
        inner.i32(1, narrow(self.values));
        inner.i32(2, number(self.encoding));
        if !self.dictionary {
            inner.i32(3, number(Encoding::RLE));
            inner.i32(4, number(Encoding::RLE));
        }
        inner.out.push(STRUCT_END);
        inner.out.push(STRUCT_END);
    }
}

struct Fields<'a> {
    out: &'a mut Vec<u8>,
    last: u8,
}

impl Fields<'_> {
    fn head(&mut self, id: u8, kind: u8) {
        self.out.push((id - self.last) << 4 | kind);
        self.last = id;
    }

    fn i32(&mut self, id: u8, value: i32) {
        self.head(id, TYPE_I32);
        varint(zigzag(i64::from(value)), self.out);
    }
}

/// Signed as unsigned, small values small.
pub(super) const fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}

/// Seven bits a byte, low ones first.
pub(super) fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(low_byte(value) | 0x80);
        value >>= 7;
    }
    out.push(low_byte(value));
}

/// The lowest eight bits.
pub(super) const fn low_byte(value: u64) -> u8 {
    value.to_le_bytes()[0]
}

/// Pages are a few MiB at most, far below `i32::MAX`.
fn narrow(len: usize) -> i32 {
    i32::try_from(len).unwrap_or(i32::MAX)
}

/// The number of an encoding in parquet.thrift.
const fn number(encoding: Encoding) -> i32 {
    match encoding {
        Encoding::PLAIN => 0,
        Encoding::RLE => 3,
        Encoding::DELTA_BINARY_PACKED => 5,
        Encoding::DELTA_LENGTH_BYTE_ARRAY => 6,
        Encoding::DELTA_BYTE_ARRAY => 7,
        Encoding::RLE_DICTIONARY => 8,
        Encoding::PLAIN_DICTIONARY => 2,
        Encoding::BYTE_STREAM_SPLIT => 9,
        #[expect(deprecated, reason = "a number of its own all the same")]
        Encoding::BIT_PACKED => 4,
    }
}
