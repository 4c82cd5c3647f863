//! Compressed bodies: what Java sends is read in golden.rs; here are bombs, broken bodies and several frames.

use std::borrow::Cow;
use std::io::Write;

use boxoffice_messages::{InflateError, inflate};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

const LZ4: i32 = 0x101;
const ZSTD: i32 = 0x201;
const ZLIB: i32 = 0x301;
const MIB: usize = 1024 * 1024;

fn zlib(content: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn lz4(content: &[u8]) -> Vec<u8> {
    // As Java's LZ4FrameOutputStream does, in blocks that follow each other.
    let form =
        FrameInfo::new().block_size(BlockSize::Max64KB).block_mode(BlockMode::Linked).content_checksum(true);
    let mut encoder = FrameEncoder::with_frame_info(form, Vec::new());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn zstd(content: &[u8]) -> Vec<u8> {
    compress_to_vec(content, CompressionLevel::Fastest)
}

type Compress = fn(&[u8]) -> Vec<u8>;

fn codecs() -> [(i32, Compress); 3] {
    [(LZ4, lz4), (ZSTD, zstd), (ZLIB, zlib)]
}

/// Content that compresses, but not to nothing.
fn content(size: usize) -> Vec<u8> {
    (0..size).map(|place| b"boxoffice"[(place ^ (place >> 7)) % 9]).collect()
}

#[test]
fn a_body_that_is_not_compressed_is_returned_without_a_copy() {
    // Bit 3 marks a transaction, and the codec bits mean nothing without bit 0.
    for sys_flag in [0, 0x8, 0x300] {
        assert!(matches!(inflate(b"{}", sys_flag, 0), Ok(Cow::Borrowed(b"{}"))), "{sys_flag:#x}");
    }
}

#[test]
fn every_codec_gives_back_what_went_in_up_to_the_very_limit() {
    for (sys_flag, compress) in codecs() {
        for size in [0, 1, 4096, 65_536, 65_537, 3 * MIB] {
            let content = content(size);
            let body = compress(&content);
            for sys_flag in [sys_flag, sys_flag | 0x8] {
                assert_eq!(inflate(&body, sys_flag, size).unwrap(), content, "{sys_flag:#x} {size}");
            }
        }
    }
    assert_eq!(inflate(&zlib(b"{}"), 0x1, 2).unwrap(), &b"{}"[..]);
}

#[test]
fn a_bomb_is_refused_at_the_limit() {
    for (sys_flag, compress) in codecs() {
        let bomb = compress(&vec![b'x'; 64 * MIB]);
        assert!(bomb.len() < MIB, "{sys_flag:#x}: {}", bomb.len());
        for max in [0, 1, 1000, MIB, 64 * MIB - 1] {
            match inflate(&bomb, sys_flag, max) {
                Err(InflateError::TooLarge { max: named, .. }) => assert_eq!(named, max),
                other => panic!("{sys_flag:#x} {max}: {:?}", other.map(|body| body.len())),
            }
        }
        assert_eq!(inflate(&bomb, sys_flag, 64 * MIB).unwrap().len(), 64 * MIB);
    }
}

#[test]
fn a_zstd_frame_of_a_huge_window_is_held_to_the_limit() {
    // Magic number, a descriptor without a size, a window of 64 MiB, then blocks that each repeat one byte 128 KiB times.
    let frame = |blocks: usize| {
        let mut frame = vec![0x28, 0xB5, 0x2F, 0xFD, 0x00, 16 << 3];
        for block in 1..=blocks {
            let header = ((128 * 1024) << 3) | 0b010 | u32::from(block == blocks);
            frame.extend_from_slice(&header.to_le_bytes()[..3]);
            frame.push(b'x');
        }
        frame
    };
    let limit = 256 * 1024;
    assert_eq!(inflate(&frame(2), ZSTD, limit).unwrap().len(), limit);
    // Far behind the limit stands a block of a type that does not exist: whoever inflates so far finds it.
    let mut trapped = frame(500);
    trapped[6 + 4 * 20] |= 0b110;
    assert_eq!(
        inflate(&trapped, ZSTD, limit).unwrap_err().to_string(),
        "the zstd body inflates to more than 262144 bytes"
    );
    let unlimited = inflate(&trapped, ZSTD, 64 * MIB);
    assert!(matches!(unlimited, Err(InflateError::Corrupt { .. })));
}

#[test]
fn a_body_cut_short_is_corrupt_wherever_it_is_cut() {
    for (sys_flag, compress) in codecs() {
        let body = compress(&content(200_000));
        let cuts = (0..body.len()).filter(|cut| *cut < 100 || cut % 97 == 0 || *cut + 20 > body.len());
        for cut in cuts {
            let result = inflate(&body[..cut], sys_flag, MIB);
            assert!(
                matches!(result, Err(InflateError::Corrupt { .. })),
                "{sys_flag:#x} at {cut} of {}",
                body.len()
            );
        }
    }
}

#[test]
fn an_lz4_body_cut_between_two_blocks_is_corrupt() {
    let body = lz4(&content(200_000));
    // A header of 7 bytes, then blocks: four bytes of length (the highest bit means that it is stored uncompressed) and content.
    let mut end = 7;
    let mut blocks = 0;
    loop {
        let length = u32::from_le_bytes(body[end..end + 4].try_into().unwrap()) & 0x7FFF_FFFF;
        if length == 0 {
            break;
        }
        end += 4 + usize::try_from(length).unwrap();
        blocks += 1;
        let error = inflate(&body[..end], LZ4, MIB).unwrap_err();
        assert_eq!(error.to_string(), "the LZ4 body is corrupt: it is cut short", "after block {blocks}");
    }
    assert_eq!(blocks, 4);
}

#[test]
fn what_is_no_compressed_body_is_corrupt() {
    for (sys_flag, _) in codecs() {
        for body in [&b"{\"orderNo\":\"plain\"}"[..], b"", b"\0\0\0\0\0\0\0\0"] {
            let result = inflate(body, sys_flag, MIB);
            assert!(matches!(result, Err(InflateError::Corrupt { .. })), "{sys_flag:#x} {body:?}");
        }
    }
}

#[test]
fn a_checksum_that_does_not_fit_is_corrupt() {
    for (sys_flag, compress) in [(LZ4, lz4 as Compress), (ZLIB, zlib)] {
        let mut body = compress(&content(5000));
        *body.last_mut().unwrap() ^= 1;
        let result = inflate(&body, sys_flag, MIB);
        assert!(matches!(result, Err(InflateError::Corrupt { .. })), "{sys_flag:#x}");
    }
}

#[test]
fn several_frames_are_one_body_and_the_limit_is_over_all_of_them() {
    for (sys_flag, compress) in [(LZ4, lz4 as Compress), (ZSTD, zstd)] {
        let mut body = compress(b"{\"orderNo\":");
        body.extend_from_slice(&compress(b"\"T1\"}"));
        assert_eq!(inflate(&body, sys_flag, 16).unwrap(), &b"{\"orderNo\":\"T1\"}"[..]);
        let result = inflate(&body, sys_flag, 15);
        assert!(matches!(result, Err(InflateError::TooLarge { max: 15, .. })), "{sys_flag:#x}");
    }
    let mut body = vec![0x50, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3];
    body.extend_from_slice(&zstd(b"{}"));
    assert_eq!(inflate(&body, ZSTD, 16).unwrap(), &b"{}"[..]);
    assert!(inflate(&body[..10], ZSTD, 16).is_err());
}

#[test]
fn something_behind_the_end_is_corrupt() {
    for (sys_flag, compress) in codecs() {
        let mut body = compress(b"{}");
        body.extend_from_slice(b" x");
        let result = inflate(&body, sys_flag, MIB);
        assert!(matches!(result, Err(InflateError::Corrupt { .. })), "{sys_flag:#x}");
    }
}

#[test]
fn a_codec_that_rocketmq_does_not_define_is_named() {
    for sys_flag in [0x401, 0x501, 0x601, 0x701] {
        let error = inflate(b"x", sys_flag, MIB).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the body has an unknown compression type (sysFlag {sys_flag:#x})")
        );
    }
}
