//! RocketMQ's protocol without its client: requests of a test's own, and a broker that answers as the test says.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// The codes of requests.
pub(crate) const CREATE_TOPIC: i64 = 17;
pub(crate) const ROUTE: i64 = 105;
const CLUSTER: i64 = 106;
const SEND: [i64; 2] = [10, 310];

/// Sends one request of RocketMQ's protocol; the answer's code and body.
pub(crate) fn ask(address: &str, code: i64, fields: &Value) -> (i64, Value) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let header = json!({
        "code": code, "flag": 0, "language": "OTHER", "opaque": 1, "serializeTypeCurrentRPC": "JSON", "version": 453,
        "extFields": fields,
    });
    write_frame(&mut stream, &header, b"").unwrap();
    let (header, body) = read_frame(&mut stream).unwrap();
    (header["code"].as_i64().unwrap(), serde_json::from_slice(&body).unwrap_or_default())
}

/// A frame: length of the rest, length of the header, header in JSON, body.
fn write_frame(stream: &mut TcpStream, header: &Value, body: &[u8]) -> std::io::Result<()> {
    let header = serde_json::to_vec(header)?;
    let length = |length: usize| u32::try_from(length).unwrap().to_be_bytes();
    let mut frame = Vec::new();
    frame.extend(length(4 + header.len() + body.len()));
    frame.extend(length(header.len()));
    frame.extend(header);
    frame.extend(body);
    stream.write_all(&frame)
}

fn read_frame(stream: &mut TcpStream) -> std::io::Result<(Value, Vec<u8>)> {
    let mut word = [0; 4];
    stream.read_exact(&mut word)?;
    let mut frame = vec![0; u32::from_be_bytes(word) as usize];
    stream.read_exact(&mut frame)?;
    let header = u32::from_be_bytes(frame[..4].try_into().unwrap()) as usize;
    assert!(header < 1 << 24, "the header is not in JSON");
    Ok((serde_json::from_slice(&frame[4..4 + header])?, frame[4 + header..].to_vec()))
}

/// A name server and a broker in one that answers sends as the test says.
pub(crate) struct FakeBroker {
    pub(crate) address: SocketAddr,
    told: Arc<Told>,
}

/// What a [`FakeBroker`] answers to a send, and how often it did.
#[derive(Default)]
struct Told {
    answer: AtomicI32,
    sends: AtomicU32,
}

impl FakeBroker {
    pub(crate) const OK: i32 = 0;
    pub(crate) const BUSY: i32 = 2;
    pub(crate) const FLUSH_DISK_TIMEOUT: i32 = 10;
    pub(crate) const SLAVE_NOT_AVAILABLE: i32 = 11;
    pub(crate) const FLUSH_SLAVE_TIMEOUT: i32 = 12;
    pub(crate) const ILLEGAL: i32 = 13;
    pub(crate) const DISK_FULL: i32 = 14;
    pub(crate) const NO_PERMISSION: i32 = 16;

    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, told) = (listener.local_addr().unwrap(), Arc::new(Told::default()));
        let served = told.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let told = served.clone();
                std::thread::spawn(move || Self::serve(stream, address, &told));
            }
        });
        Self { address, told }
    }

    fn serve(mut stream: TcpStream, address: SocketAddr, told: &Told) {
        let broker = json!({
            "brokerAddrs": { "0": address.to_string() }, "brokerName": "broker-a", "cluster": "DefaultCluster",
            "enableActingMaster": false,
        });
        while let Ok((request, _)) = read_frame(&mut stream) {
            let (mut code, mut body) = (Self::OK, Value::Null);
            match request["code"].as_i64() {
                Some(CLUSTER) => {
                    body = json!({
                        "brokerAddrTable": { "broker-a": broker },
                        "clusterAddrTable": { "DefaultCluster": ["broker-a"] },
                    });
                }
                Some(ROUTE) => {
                    let queues = json!({
                        "brokerName": "broker-a", "perm": 6, "readQueueNums": 4, "writeQueueNums": 4, "topicSysFlag": 0,
                    });
                    body =
                        json!({ "brokerDatas": [broker], "queueDatas": [queues], "filterServerTable": {} });
                }
                Some(send) if SEND.contains(&send) => {
                    code = told.answer.load(Ordering::SeqCst);
                    told.sends.fetch_add(1, Ordering::SeqCst);
                }
                _ => {}
            }
            let header = json!({
                "code": code, "flag": 1, "language": "JAVA", "opaque": request["opaque"],
                "serializeTypeCurrentRPC": "JSON", "version": 453,
                "remark": "the broker's words",
                "extFields": { "msgId": "7F0000010000", "queueId": "0", "queueOffset": "1" },
            });
            let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
            if request["flag"].as_i64().unwrap_or(0) & 2 == 0
                && write_frame(&mut stream, &header, &body).is_err()
            {
                return;
            }
        }
    }

    pub(crate) fn answer(&self, code: i32) {
        self.told.answer.store(code, Ordering::SeqCst);
    }

    pub(crate) fn sends(&self) -> u32 {
        self.told.sends.load(Ordering::SeqCst)
    }
}
