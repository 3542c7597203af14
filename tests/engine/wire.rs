//! The wire format: what is written is read back; what is damaged is never believed blindly.

use proptest::prelude::*;
use strads::container::{Assembler, CHUNK, Columns, Header, Packet};
use timely::bytes::arc::BytesMut;
use timely::dataflow::channels::ContainerBytes;

type Sample = Packet<u32, f64, u16>;

/// Where a length stands in the head of a message, in bytes.
const LENGTHS: usize = 40;
const HEAD: usize = 64;

fn written<C: ContainerBytes>(packet: &C) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.into_bytes(&mut bytes);
    assert_eq!(bytes.len(), packet.length_in_bytes());
    bytes
}

/// Reads bytes that lie `shift` bytes into their buffer.
fn read<C: ContainerBytes>(bytes: &[u8], shift: usize) -> C {
    let mut buffer = BytesMut::from([&vec![0; shift][..], bytes].concat());
    buffer.extract_to(shift);
    C::from_bytes(buffer.freeze())
}

/// What a receiver makes of the message; nothing if it refuses it, as the assembler does loudly.
fn accepted(bytes: &[u8]) -> Option<Option<Sample>> {
    let packet = read::<Sample>(bytes, 0);
    let accept = || Assembler::default().accept(packet);
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(accept)).ok()
}

fn sample() -> impl Strategy<Value = Sample> {
    let header = (any::<u32>(), any::<u32>(), any::<u64>(), any::<u32>());
    let values = prop::collection::vec(-1e9..1e9, 0..40);
    (
        header,
        prop::collection::vec(any::<u32>(), 0..40),
        values,
        prop::collection::vec(any::<u16>(), 0..40),
    )
        .prop_map(|((from, to, serial, kind), keys, values, extra)| {
            Packet::new(Header { from, to, serial, kind }, Columns { keys, values }, extra)
        })
}

fn same(a: &Sample, b: &Sample) -> bool {
    a.header == b.header
        && a.keys() == b.keys()
        && a.values() == b.values()
        && a.extra() == b.extra()
}

/// Keeps what the assembler says of damaged messages off the tests' output.
fn quiet<R>(of: impl FnOnce() -> R) -> R {
    use std::sync::Once;
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let message = panic.payload().downcast_ref::<String>();
            if !message.is_some_and(|message| message.contains("damaged in transit")) {
                before(panic);
            }
        }));
    });
    of()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn written_is_read_back(packet in sample(), shift in 0..9usize) {
        let again: Sample = read(&written(&packet), shift);
        prop_assert!(same(&packet, &again));
        prop_assert_eq!(written(&again), written(&packet));
        let accepted = Assembler::default().accept(again).expect("it is whole");
        let block = accepted.into_block();
        prop_assert_eq!(&block.columns.keys[..], packet.keys());
    }

    #[test]
    fn a_truncated_message_is_refused(packet in sample(), cut in any::<prop::sample::Index>()) {
        let bytes = written(&packet);
        let cut = &bytes[..cut.index(bytes.len())];
        prop_assert!(quiet(|| accepted(cut)).is_none());
    }

    #[test]
    fn a_flipped_bit_never_leads_astray(
        packet in sample(), at in any::<prop::sample::Index>(), bit in 0..8u32,
    ) {
        let mut bytes = written(&packet);
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Some(Some(again)) = quiet(|| accepted(&bytes)) {
            let elements = again.keys().len() + again.values().len() + again.extra().len();
            prop_assert!(elements * 2 <= bytes.len());
            prop_assert!(at >= 8, "without the magic it is no packet");
        }
    }

    #[test]
    fn any_head_is_survived(words in prop::collection::vec(any::<u64>(), 8), body in 0..40usize) {
        let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        bytes[..8].copy_from_slice(&written(&Sample::default())[..8]);
        bytes.resize(HEAD + 8 * body, 0);
        quiet(|| accepted(&bytes));
    }
}

#[test]
fn lengths_that_overflow_are_refused() {
    let packet: Sample = Packet::new(Header::default(), Columns::new(), Vec::new());
    for length in [u64::MAX, u64::MAX / 2, u64::MAX / 4 + 1, u64::MAX / 8, 1 << 61, 1 << 40] {
        for section in 0..3 {
            let mut bytes = written(&packet);
            let at = LENGTHS + 8 * section;
            bytes[at..at + 8].copy_from_slice(&length.to_le_bytes());
            assert!(quiet(|| accepted(&bytes)).is_none());
        }
    }
}

#[test]
#[should_panic(expected = "damaged in transit")]
fn a_malformed_message_ends_the_computation() {
    Assembler::default().accept(read::<Sample>(b"anything but a packet", 0));
}

/// 3.5 chunks.
fn large() -> Sample {
    let keys: Vec<u32> = (0..CHUNK as u32 / 8).collect();
    let values = keys.iter().map(|&key| f64::from(key).sqrt()).collect();
    let extra = (0..CHUNK).map(|at| at as u16).collect();
    Packet::new(Header { from: 3, to: 1, serial: 9, kind: 2 }, Columns { keys, values }, extra)
}

fn chunks() -> Vec<Vec<u8>> {
    large().chunks().map(|chunk| written(&chunk)).collect()
}

#[test]
fn large_packets_travel_in_chunks() {
    let chunks = chunks();
    assert_eq!(chunks.len(), 4);
    assert!(chunks.iter().all(|chunk| chunk.len() <= HEAD + CHUNK));
    let mut assembler = Assembler::default();
    let mut whole = None;
    for (at, chunk) in chunks.iter().enumerate() {
        assert!(whole.is_none());
        whole = assembler.accept(read::<Sample>(chunk, at % 2));
    }
    assert!(same(&whole.expect("all chunks are there"), &large()));
}

#[test]
fn chunks_out_of_order_end_the_computation() {
    for order in [[1, 2], [0, 0], [0, 2]] {
        let accept = || {
            let mut assembler = Assembler::default();
            order.map(|at| assembler.accept(read::<Sample>(&chunks()[at], 0)).is_some())
        };
        assert!(quiet(|| std::panic::catch_unwind(accept)).is_err());
    }
}

#[test]
fn chunks_that_contradict_each_other_end_the_computation() {
    let chunks = chunks();
    let (mut first, second) = (chunks[0].clone(), &chunks[1]);
    // As many keys less as values more: the same body, another division of it.
    let keys = (CHUNK as u64 / 8) - 2;
    first[LENGTHS..LENGTHS + 8].copy_from_slice(&keys.to_le_bytes());
    let accept = || {
        let mut assembler = Assembler::default();
        assembler.accept(read::<Sample>(&first, 0));
        assembler.accept(read::<Sample>(second, 0));
    };
    assert!(quiet(|| std::panic::catch_unwind(std::panic::AssertUnwindSafe(accept))).is_err());
}

#[test]
fn elements_without_size_keep_their_number() {
    let columns = Columns { keys: vec![1u32, 2, 3], values: vec![(); 3] };
    let packet: Packet<u32, (), ()> = Packet::new(Header::default(), columns, vec![(); 7]);
    let again: Packet<u32, (), ()> = read(&written(&packet), 0);
    assert_eq!((again.keys(), again.values().len(), again.extra().len()), (&[1, 2, 3][..], 3, 7));
}
