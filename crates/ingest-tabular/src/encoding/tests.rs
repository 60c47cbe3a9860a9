use proptest::prelude::*;

use super::*;

fn decode(encoding: Encoding, chunks: &[&[u8]]) -> Vec<u8> {
    let mut decoder = Decoder::new(encoding);
    let mut out = Vec::new();
    for chunk in chunks {
        out.extend_from_slice(decoder.push(chunk));
    }
    out.extend_from_slice(decoder.finish());
    out
}

#[track_caller]
fn check(bytes: &[u8], encoding: Encoding, want: &str) {
    assert_eq!(Encoding::of(bytes, true), encoding, "{bytes:x?}");
    assert_eq!(String::from_utf8_lossy(&decode(encoding, &[bytes])), want);
}

fn utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(to_bytes).collect()
}

#[test]
fn each_encoding_is_told_and_read() {
    check(b"plain,1\n", Encoding::Utf8, "plain,1\n");
    check("\u{feff}grün".as_bytes(), Encoding::Utf8, "\u{feff}grün");
    check(b"id,stra\xdfe\n1,\x80 5\n", Encoding::Windows1252, "id,straße\n1,€ 5\n");
    check(b"caf\xe9", Encoding::Windows1252, "café");
    for mark in ["\u{feff}", ""] {
        let text = format!("{mark}id,name\n1,grün €\n");
        check(&utf16(&text, u16::to_le_bytes), Encoding::Utf16Le, &text);
        check(&utf16(&text, u16::to_be_bytes), Encoding::Utf16Be, &text);
    }
    check(b"", Encoding::Utf8, "");
}

#[test]
fn stray_bytes_in_utf_8_stay_as_they_are() {
    for text in [&b"gr\xc3\xbcn, gr\xfcn\n"[..], b"a,\xff\xfe\xff\n", b"a\0b\n", b"\x01\xe4\x02\xe4\x03"] {
        assert_eq!(Encoding::of(text, true), Encoding::Utf8, "{text:x?}");
        assert_eq!(decode(Encoding::Utf8, &[text]), text);
    }
    // The prefix ends within a character.
    assert_eq!(Encoding::of(b"gr\xc3", false), Encoding::Utf8);
}

#[test]
fn half_a_pair_and_half_a_unit_are_kept() {
    let pair = utf16("😀", u16::to_le_bytes);
    assert_eq!(decode(Encoding::Utf16Le, &[&pair]), "😀".as_bytes());
    assert_eq!(decode(Encoding::Utf16Le, &[&pair[..2]]), b"\xed\xa0\xbd");
    assert_eq!(decode(Encoding::Utf16Le, &[&pair[2..]]), b"\xed\xb8\x80");
    assert_eq!(decode(Encoding::Utf16Le, &[b"a\0b"]), b"ab");
}

#[test]
fn a_text_that_begins_as_ascii_says_at_its_end_what_it_was() {
    let mut decoder = Decoder::new(Encoding::Utf8);
    decoder.push(b"plain\n");
    assert_eq!(decoder.verdict(), Encoding::Utf8);
    decoder.push(b"caf\xe9");
    decoder.finish();
    assert_eq!(decoder.verdict(), Encoding::Windows1252);
    let mut marked = Decoder::new(Encoding::Utf8);
    marked.push(b"\xef\xbb");
    marked.push(&[&b"\xbfcaf"[..], &[0xe9; 30]].concat());
    marked.finish();
    assert_eq!(marked.verdict(), Encoding::Utf8);
}

#[test]
fn names_are_read_in_their_usual_spellings() {
    for encoding in Encoding::ALL {
        assert_eq!(Encoding::named(encoding.name()), Some(encoding));
    }
    assert_eq!(Encoding::named("ISO-8859-1"), Some(Encoding::Latin1));
    assert_eq!(Encoding::named("ebcdic"), None);
}

proptest! {
    #[test]
    fn chunks_do_not_matter(
        bytes in prop::collection::vec(prop::sample::select(
            &[0_u8, b'a', b'\n', 0x3d, 0x80, 0xa4, 0xbc, 0xc3, 0xd8, 0xdc, 0xe2, 0xf0, 0xff][..]), 0..60),
        cuts in prop::collection::vec(0_usize..60, 0..8),
    ) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        for encoding in Encoding::ALL {
            prop_assert_eq!(decode(encoding, &chunks), decode(encoding, &[&bytes]));
        }
        let mut whole = Decoder::new(Encoding::Utf8);
        whole.push(&bytes);
        whole.finish();
        let mut cut = Decoder::new(Encoding::Utf8);
        chunks.iter().for_each(|chunk| { cut.push(chunk); });
        cut.finish();
        prop_assert_eq!(cut.verdict(), whole.verdict());
    }

    #[test]
    fn text_comes_back_from_utf_16(text in "\\PC{0,40}") {
        prop_assert_eq!(decode(Encoding::Utf16Le, &[&utf16(&text, u16::to_le_bytes)]), text.as_bytes());
        prop_assert_eq!(decode(Encoding::Utf16Be, &[&utf16(&text, u16::to_be_bytes)]), text.as_bytes());
    }
}
