//! Bodies that are compressed, or none at all.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Arc;

use boxoffice_domain::ports::Outgoing;
use boxoffice_runtime::Outcome;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use lz4_flex::frame::FrameEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::{Backend, created, json, order};
use crate::support::{Log, engine, eventually};

fn plain(content: &[u8]) -> Vec<u8> {
    content.to_vec()
}

fn zlib(content: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn lz4(content: &[u8]) -> Vec<u8> {
    let mut encoder = FrameEncoder::new(Vec::new());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn zstd(content: &[u8]) -> Vec<u8> {
    compress_to_vec(content, CompressionLevel::Fastest)
}

type Compress = fn(&[u8]) -> Vec<u8>;

/// System flags, and how a body that carries them is made.
const CODECS: [(i32, Compress); 5] = [(0, plain), (0x301, zlib), (0x001, zlib), (0x101, lz4), (0x201, zstd)];

/// A body with something to compress in it.
fn long_json(order_no: &str) -> Vec<u8> {
    let mut body = json(order_no);
    body.pop();
    body.extend_from_slice(format!(",\"extData\":{{\"note\":\"{}\"}}}}", "seat ".repeat(200)).as_bytes());
    body
}

/// Plain and compressed bodies of every kind come in any mixture, and each is read.
pub async fn compressed_and_plain_bodies_mix_and_none_is_lost(backend: &dyn Backend) {
    let wanted: BTreeSet<String> = (0..40).map(|number| format!("T{number:02}")).collect();
    let messages = wanted.iter().zip(CODECS.iter().cycle()).map(|(key, (sys_flag, compress))| Outgoing {
        sys_flag: *sys_flag,
        body: compress(&long_json(key)).into(),
        ..order(key)
    });
    backend.send_all(messages.collect()).await;
    let handled = Log::new();
    let log = handled.clone();
    let running = backend.run(Arc::new(engine(created(), move |order, _| {
        log.push(order.order_no.unwrap_or_default());
        async { Outcome::Done }
    })));
    eventually("all are handled", || handled.count() >= wanted.len()).await;
    running.stop().await;
    assert_eq!((handled.items().into_iter().collect::<BTreeSet<_>>(), handled.count()), (wanted, 40));
    backend.nothing_is_left(created()).await;
}

/// Bodies that are cut short, or no JSON, are dead letters at once; their neighbours are handled.
pub async fn a_corrupt_body_is_poison_and_its_neighbours_are_handled(backend: &dyn Backend) {
    let mut messages = Vec::new();
    for (number, (sys_flag, compress)) in CODECS.iter().enumerate() {
        let whole = compress(&long_json(&format!("good-{number}")));
        let cut = whole[..whole.len() / 2].to_vec();
        messages.push(Outgoing { sys_flag: *sys_flag, body: cut.into(), ..order(&format!("bad-{number}")) });
        messages.push(Outgoing {
            sys_flag: *sys_flag,
            body: whole.into(),
            ..order(&format!("good-{number}"))
        });
    }
    if backend.takes_empty_bodies() {
        messages.push(Outgoing { body: Vec::new().into(), ..order("bad-empty") });
    }
    messages.push(Outgoing { sys_flag: 0x701, body: json("x").into(), ..order("bad-unknown") });
    let bad = messages.len() - CODECS.len();
    backend.send_all(messages).await;
    let (handled, letters) = (Log::new(), backend.letters());
    let log = handled.clone();
    let running = backend.run(Arc::new(engine(created(), move |order, _| {
        log.push(order.order_no.unwrap_or_default());
        async { Outcome::Done }
    })));
    let letters = letters.wait_for(bad).await;
    eventually("the good ones are handled", || handled.count() >= 5).await;
    running.stop().await;
    for letter in letters {
        assert!(letter.key.as_deref().is_some_and(|key| key.starts_with("bad-")), "{letter:?}");
        assert_eq!(letter.attempts, 1, "poison burns no retries");
        assert!(letter.error.starts_with("the body cannot be "), "{}", letter.error);
    }
    let mut handled = handled.items();
    handled.sort();
    assert_eq!(handled, ["good-0", "good-1", "good-2", "good-3", "good-4"]);
}
