//! A stream gives the same files in whatever pieces it arrives.

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use ingest_core::bounds::Bounds;

use super::*;

/// Lines of the text: several blocks of them.
const LINES: u64 = 30_000;

/// Answers everything with one body, in these pieces.
#[derive(Debug)]
struct Stream(Vec<Bytes>);

impl Transport for Stream {
    fn send(&self, _request: HttpRequest) -> BoxFuture<'_, Result<HttpReply, TransportError>> {
        let body = stream::iter(self.0.clone().into_iter().map(Ok)).boxed();
        async { Ok(HttpReply { status: 200, headers: BTreeMap::new(), body }) }.boxed()
    }
}

/// The text in pieces of these lengths, over and over.
fn split(text: &Bytes, lens: &[usize]) -> Vec<Bytes> {
    let mut rest = text.clone();
    let lens =
        lens.iter().cycle().map_while(|len| (!rest.is_empty()).then(|| rest.split_to(rest.len().min(*len))));
    lens.collect()
}

/// The files of a download, made while it came, and afterwards; none where the guess did not stand.
fn files(pieces: Vec<Bytes>) -> Vec<Option<Content>> {
    let (_folder, context) = place_with(Arc::new(Stream(pieces)));
    let state = LogState::new(LogId::new("L"), "log");
    let mut spool = context.table.spool(1 << 20);
    let mut attempt = Attempt::new(&context, &state.id, window(), None, None);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let span = Bounds::Unknown.cover(window());
        let mut download = context.client.download(&state.id, span).await.unwrap();
        while let Some(block) = download.next().await.unwrap() {
            let block = Arc::new(block);
            attempt.push(&block).unwrap();
            spool.push(block).unwrap();
        }
    });
    let mut fetched = FetchedWindow::new(&context, window(), spool, Some(LINES));
    fetched.ahead = Some(attempt);
    // The first of them uses up what was made while it came.
    let mut once = || at_once(&context, &state, false, &mut fetched).unwrap().as_ref().map(content);
    vec![once(), once()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]
    #[test]
    fn the_pieces_of_a_stream_show_in_no_file(
        form in 0_u64..3, kinds in proptest::collection::vec(0_u64..9, 4..6), open_ended: bool,
        lens in proptest::collection::vec(prop_oneof![40_usize..400, 1_000_usize..3_000_000], 1..6),
    ) {
        let lines = (0..LINES).map(|n| record(form, &kinds, n, 60 + usize::try_from(n % 7).unwrap()));
        let mut text: Vec<u8> = lines.flat_map(|line| [line, b"\n".to_vec()].concat()).collect();
        text.truncate(text.len() - usize::from(open_ended));
        let text = Bytes::from(text);
        let want = files(vec![text.clone()]);
        prop_assert_eq!(&want[0], &want[1]);
        prop_assert_eq!(files(split(&text, &lens)), want);
    }
}
