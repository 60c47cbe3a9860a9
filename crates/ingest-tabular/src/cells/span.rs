//! Spans: where in a batch's text a value stands, and what it is to its source.

/// What a value is to its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Text that may stand for anything.
    Text,
    /// A JSON string.
    String,
    /// A JSON string whose text could not be decoded without loss.
    InexactString,
    /// A JSON number.
    Number,
    /// `true` or `false` in JSON.
    Bool,
    /// Other JSON.
    Raw,
}

impl Form {
    const ALL: [Self; 8] = [
        Self::Text,
        Self::String,
        Self::InexactString,
        Self::Number,
        Self::Bool,
        Self::Raw,
        Self::Raw,
        Self::Raw,
    ];

    const fn bits(self) -> u32 {
        match self {
            Self::Text => 0,
            Self::String => 1,
            Self::InexactString => 2,
            Self::Number => 3,
            Self::Bool => 4,
            Self::Raw => 5,
        }
    }
}

/// Bits of the length; a record is 16 MiB at most, and decoding makes nothing longer than three times.
const LEN_BITS: u32 = 28;
const LEN_MASK: u32 = (1 << LEN_BITS) - 1;
const FORM_MASK: usize = 7;
/// Says that the value may be no UTF-8.
const UNPROVEN: u32 = 1 << 31;

/// A value of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    row: u32,
    start: u32,
    /// Length, form, and whether it may be no UTF-8.
    len: u32,
}

impl Span {
    /// Longest text that a span can be of.
    pub(crate) const LEN_MAX: usize = LEN_MASK as usize;

    #[inline]
    pub(crate) const fn new(row: u32, start: u32, len: u32, form: Form) -> Self {
        Self { row, start, len: len | form.bits() << LEN_BITS }
    }

    /// Text that is UTF-8: what nearly every value of delimited rows is.
    #[inline]
    pub(crate) const fn text(row: u32, start: u32, len: u32) -> Self {
        Self { row, start, len }
    }

    /// The same, of a record that is no UTF-8 as a whole.
    pub(crate) const fn unproven(self) -> Self {
        Self { len: self.len | UNPROVEN, ..self }
    }

    #[inline]
    pub(crate) const fn row(self) -> u32 {
        self.row
    }

    #[inline]
    pub(crate) const fn start(self) -> u32 {
        self.start
    }

    #[inline]
    pub(crate) const fn len(self) -> u32 {
        self.len & LEN_MASK
    }

    pub(crate) const fn may_be_broken(self) -> bool {
        self.len & UNPROVEN != 0
    }

    /// Whether it is plain text, or a string without anything to look after.
    #[inline]
    pub(crate) const fn is_readable(self) -> bool {
        self.len >> LEN_BITS <= Form::String.bits()
    }

    /// Whether it is text of an untyped source, and UTF-8.
    #[inline]
    pub(crate) const fn is_text(self) -> bool {
        self.len >> LEN_BITS == 0
    }

    #[inline]
    pub(crate) fn form(self) -> Form {
        let place = usize::try_from(self.len >> LEN_BITS).unwrap_or(0) & FORM_MASK;
        Form::ALL.get(place).copied().unwrap_or(Form::Raw)
    }

    /// Its bytes in the text that it is of.
    #[inline]
    pub(crate) fn of(self, text: &[u8]) -> &[u8] {
        let start = usize::try_from(self.start).unwrap_or(usize::MAX);
        let len = usize::try_from(self.len()).unwrap_or(usize::MAX);
        text.get(start..start.saturating_add(len)).unwrap_or_default()
    }
}
