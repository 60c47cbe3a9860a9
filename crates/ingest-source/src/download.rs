//! The bulk download: a stream of raw lines, handed on as blocks of whole lines as it comes.
//!
//! Decides only where lines end, and blocks: by their text alone, so that the same stream gives the same blocks in
//! whatever pieces it arrives. The stream has no trailer and no count (API document, 2.8): whether it is whole is decided
//! by whoever compares it with the server's count.

use bytes::{Buf as _, Bytes};
use futures_util::StreamExt as _;
use ingest_core::api::ApiRequest;
use ingest_core::bounds::RequestSpan;
use ingest_core::ids::LogId;
use ingest_core::quota::Class;
use ingest_core::records::RecordBlock;
use memchr::memchr;

use crate::client::{Client, describe};
use crate::error::SourceError;
use crate::transport::HttpReply;

/// Text of a block: large enough to make its overhead small, small enough to keep several in memory.
const BLOCK_BYTES: usize = 1 << 20;
/// Records of a block: empty lines have no text, but a place each, and a stream of nothing else must not become one block.
const BLOCK_RECORDS: usize = 1 << 17;
/// Longest line. Entries are at most 64 KiB (API document, 3.3); a stream without line ends is not a download.
const LINE_MAX: usize = 64 << 20;

/// A download under way.
#[derive(Debug)]
pub struct Download {
    reply: HttpReply,
    what: String,
    block: RecordBlock,
    /// What came of the stream, but is in no block yet.
    piece: Bytes,
    /// The beginning of a line that ended with no piece so far.
    unfinished: Vec<u8>,
    ended: bool,
    open_ended: bool,
}

impl Client {
    /// Opens the download of a log's lines in a span.
    ///
    /// # Errors
    /// See [`SourceError`].
    pub async fn download(&self, log: &LogId, span: RequestSpan) -> Result<Download, SourceError> {
        let parameters = vec![("from", span.from.millis().to_string()), ("to", span.to.millis().to_string())];
        let request = ApiRequest::path(Class::Download, &["download", "logs", log.as_str()], parameters);
        let reply = self.open(&request, None).await?;
        let what = describe(&request);
        Ok(Download {
            reply,
            what,
            block: RecordBlock::of_lines(),
            piece: Bytes::new(),
            unfinished: Vec::new(),
            ended: false,
            open_ended: false,
        })
    }
}

impl Download {
    /// Whether the stream ended within a line: the server's way, or a cut that no count tells where one line was missing.
    #[must_use]
    pub const fn is_open_ended(&self) -> bool {
        self.open_ended
    }

    /// The next block of lines, `None` at the end of the stream.
    ///
    /// # Errors
    /// When the stream was cut, or holds a line beyond any entry's size. What came before is then worth nothing.
    pub async fn next(&mut self) -> Result<Option<RecordBlock>, SourceError> {
        while !self.ended && !self.is_full() {
            if !self.piece.is_empty() {
                self.take()?;
                continue;
            }
            match self.reply.body.next().await {
                Some(Ok(piece)) => self.piece = piece,
                Some(Err(cause)) => {
                    return Err(SourceError::Cut { what: self.what.clone(), cause });
                }
                None => {
                    self.ended = true;
                    if !self.unfinished.is_empty() {
                        // The last line may lack its end; where it does not, there is nothing here.
                        self.block.push(&self.unfinished);
                        self.unfinished.clear();
                        self.open_ended = true;
                    }
                }
            }
        }
        if self.block.is_empty() {
            return Ok(None);
        }
        let next = self.block.following();
        Ok(Some(std::mem::replace(&mut self.block, next)))
    }

    fn is_full(&self) -> bool {
        self.block.text().len() >= BLOCK_BYTES || self.block.len() >= BLOCK_RECORDS
    }

    /// Takes of the piece what the block has room for.
    fn take(&mut self) -> Result<(), SourceError> {
        if self.unfinished.is_empty() {
            let taken = self.block.push_lines_until(&self.piece, BLOCK_BYTES, BLOCK_RECORDS);
            self.piece.advance(taken);
            if self.is_full() {
                return Ok(());
            }
        }
        // The piece begins within a line, or has no line end any more.
        let end = memchr(b'\n', &self.piece).map(|at| at + 1);
        let part = self.piece.split_to(end.unwrap_or(self.piece.len()));
        self.unfinished.extend_from_slice(&part);
        if self.unfinished.len() > LINE_MAX {
            return Err(SourceError::TooLarge { what: self.what.clone(), limit: LINE_MAX });
        }
        if end.is_some() {
            self.block.push_lines(&self.unfinished);
            self.unfinished.clear();
        }
        Ok(())
    }
}
