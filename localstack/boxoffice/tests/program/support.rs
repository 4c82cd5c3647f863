//! Starts the real program on a scratch folder and talks to it.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use boxoffice::admin::AdminEndpoint;
use boxoffice_tests::until;
use serde_json::Value;
use tempfile::TempDir;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder with a database of its own, and the settings of every program that runs on it.
pub struct Place {
    folder: TempDir,
    settings: Vec<(String, String)>,
}

impl Place {
    pub fn new(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name).display().to_string();
        let log = format!("log:{}", file("notifications.log"));
        let mut all: Vec<(String, String)> = [
            ("BUS", format!("embedded:{}", file("boxoffice.db"))),
            ("ADMIN_FILE", file("server.admin")),
            ("LISTEN", "127.0.0.1:0".to_owned()),
            ("SMS_PROVIDER", log.clone()),
            ("EMAIL_PROVIDER", log.clone()),
            ("PUSH_PROVIDER", log),
            ("RELAY_INTERVAL", "1s".to_owned()),
            ("LOG_FILTER", "warn".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        for (name, value) in settings {
            all.retain(|(known, _)| known != name);
            all.push(((*name).to_owned(), (*value).to_owned()));
        }
        Self { folder, settings: all }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn database(&self) -> PathBuf {
        self.path("boxoffice.db")
    }

    /// Where a server writes how operators reach it.
    pub fn admin_file(&self) -> PathBuf {
        self.path("server.admin")
    }

    /// The program with these settings and no others.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_boxoffice"));
        command.args(args).env_clear().envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, args: &[&str]) -> Ended {
        Ended::of(&self.command(args).output().unwrap())
    }

    /// Runs the program with something on its standard input.
    pub fn run_with_input(&self, args: &[&str], input: &[u8]) -> Ended {
        let mut child = self
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        Ended::of(&child.wait_with_output().unwrap())
    }

    /// Runs the program, which must succeed, with `--json`; the value of its answer.
    pub fn json(&self, args: &[&str]) -> Value {
        let mut all = args.to_vec();
        all.push("--json");
        let ended = self.run(&all);
        assert_eq!(ended.status, Some(0), "{args:?}: {}", ended.stderr);
        let answer: Value = serde_json::from_str(&ended.stdout).unwrap();
        answer["value"].clone()
    }

    /// Starts the server and waits until it is ready.
    pub fn serve(&self) -> Server<'_> {
        let stderr =
            std::fs::OpenOptions::new().create(true).append(true).open(self.path("serve.log")).unwrap();
        let child = self.command(&["serve"]).stdout(Stdio::null()).stderr(stderr).spawn().unwrap();
        let mut server = Server { _place: self, child, api: SocketAddr::from(([127, 0, 0, 1], 0)) };
        let pid = server.child.id();
        let endpoint = until("the server publishes its address", || {
            if let Some(status) = server.child.try_wait().unwrap() {
                panic!("the server ended with {status}: {}", self.log());
            }
            AdminEndpoint::read(&self.admin_file()).ok().flatten().filter(|endpoint| endpoint.pid == pid)
        });
        server.api = endpoint.api;
        until("the server is ready", || (server.get("/readyz").0 == 200).then_some(()));
        server
    }

    /// What servers wrote to standard error.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("serve.log")).unwrap_or_default()
    }

    /// Waits until nothing is due or in flight, then checks every invariant.
    pub fn all_invariants_hold(&self) {
        let verification = until("everything is handled", || {
            let ended = self.run(&["verify", "--json"]);
            let answer: Value = serde_json::from_str(&ended.stdout).ok()?;
            let value = answer["value"].clone();
            (value["quiet"] == true).then_some(value)
        });
        let invariants = verification["invariants"].as_array().unwrap();
        assert_eq!(invariants.len(), 8, "{verification:#}");
        for invariant in invariants {
            assert_eq!(invariant["holds"], true, "{invariant:#}");
        }
    }
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    pub fn of(output: &Output) -> Self {
        Self {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout.clone()).unwrap(),
            stderr: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }
}

/// A running server; killed when dropped, which is before its folder goes.
pub struct Server<'a> {
    _place: &'a Place,
    child: Child,
    pub api: SocketAddr,
}

impl Server<'_> {
    /// kill -9.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// An orderly stop; its exit status.
    pub fn stop(mut self) -> Option<i32> {
        terminate(&self.child);
        let status = until("the server stops", || self.child.try_wait().unwrap());
        status.code()
    }

    pub fn get(&self, path: &str) -> (u16, Value) {
        self.request("GET", path, &[], b"")
    }

    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> (u16, Value) {
        self.request("POST", path, headers, body.to_string().as_bytes())
    }

    /// One request to the API; the status and the body, null if it is not JSON.
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, Value) {
        request_to(self.api, method, path, headers, body)
    }

    /// Orders `quantity` seats of the catalogue's first tier.
    pub fn order(&self, user: i64, quantity: i64) -> String {
        let (status, answer) = self.post("/orders", &[], &order_body(user, quantity));
        assert_eq!(status, 201, "{answer}");
        answer["orderNo"].as_str().unwrap().to_owned()
    }

    /// Waits until an order is in a state.
    pub fn reaches(&self, order_no: &str, state: &str) {
        until(&format!("order {order_no} is {state}"), || {
            let (_, order) = self.get(&format!("/orders/{order_no}"));
            (order["state"] == state).then_some(())
        });
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn order_body(user: i64, quantity: i64) -> Value {
    serde_json::json!({
        "userId": user, "showId": 3001, "sessionId": 30011, "ticketId": 300_111, "quantity": quantity,
        "phone": "+8613800138000",
    })
}

/// SIGTERM.
pub fn terminate(child: &Child) {
    let status = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// A text file.
pub fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

/// One request over a connection of its own.
pub fn request_to(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> (u16, Value) {
    let (method, url) = (method.parse().unwrap(), format!("http://{address}{path}"));
    let (headers, body) = (headers.to_vec(), body.to_vec());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let mut request = client.request(method, url).header("content-type", "application/json").body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        match request.send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                let body = response.bytes().await.unwrap_or_default();
                (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
            }
            Err(_) => (0, Value::Null),
        }
    })
}
