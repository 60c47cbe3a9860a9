//! Choices: what a target takes from the first bytes of its input, before the text.
//!
//! Never fails: where bytes are used up, every choice is the first one.

/// Choices that are left, and the text behind them.
#[derive(Debug)]
pub(crate) struct Choices<'a> {
    rest: &'a [u8],
}

impl<'a> Choices<'a> {
    pub(crate) const fn new(data: &'a [u8]) -> Self {
        Self { rest: data }
    }

    /// A number; a digit stands for its own, so that seeds can be written by hand.
    pub(crate) fn number(&mut self) -> usize {
        let Some((first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        usize::from(if first.is_ascii_digit() { first - b'0' } else { *first })
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.number() % 2 == 1
    }

    pub(crate) fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.number() % all.len()].clone()
    }

    /// Lengths of the pieces in which the text arrives.
    pub(crate) fn pieces(&mut self) -> Pieces {
        Pieces([self.number(), self.number(), self.number()])
    }

    /// What is left. A line feed right behind the choices is none of the text.
    pub(crate) fn text(self) -> &'a [u8] {
        self.rest.strip_prefix(b"\n").unwrap_or(self.rest)
    }
}

/// Lengths of pieces, over and over. Zero is all that is left.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pieces([usize; 3]);

impl Pieces {
    pub(crate) fn of(self, text: &[u8]) -> impl Iterator<Item = &[u8]> {
        let mut rest = text;
        let mut lengths = self.0.into_iter().cycle();
        std::iter::from_fn(move || {
            let length = lengths.next().filter(|length| (1..rest.len()).contains(length));
            let (piece, after) = rest.split_at(length.unwrap_or(rest.len()));
            rest = after;
            (!piece.is_empty()).then_some(piece)
        })
    }
}
