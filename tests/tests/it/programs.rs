//! Every function as a program of its own, one after the other on one file, as a small venue might run them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use boxoffice::functions::FUNCTIONS;
use boxoffice_tests::http::{free_address, request};
use boxoffice_tests::until;
use serde_json::Value;

pub(crate) const CATALOGUE: &str = "[[show]]\nid = 1\ntitle = \"A\"\nplace = \"B\"\n[[show.session]]\nid = 11\n\
    start = 2026-12-31T19:30:00\n[[show.session.tier]]\nticket = 111\nname = \"C\"\nprice = 380.00\ntotal = 10\n";

/// A program of the project: of those that `make test` built before the tests, or, under a plain `cargo test`, built
/// now, because cargo does not build another package's programs for a test.
pub(crate) fn program(name: &str) -> PathBuf {
    static FOLDER: LazyLock<PathBuf> =
        LazyLock::new(|| std::env::var_os("BOXOFFICE_BIN_DIR").map_or_else(build, PathBuf::from));
    FOLDER.join(name)
}

/// Builds every program; where cargo puts them.
fn build() -> PathBuf {
    let mut folder = std::env::current_exe().unwrap();
    folder.pop();
    folder.pop();
    let mut cargo = Command::new(env!("CARGO"));
    // Together with the tests, or the features of all dependencies would differ, and they would be built again.
    cargo.args(["build", "--quiet", "--locked", "--workspace", "--bins", "--tests"]);
    cargo.args(folder.ends_with("release").then_some("--release"));
    cargo.env("CARGO_TARGET_DIR", folder.parent().unwrap());
    // The variables that cargo sets for this test would look like a change to build scripts that read them (ring's).
    let of_this_package = |name: &str| name.starts_with("CARGO_MANIFEST_") || name.starts_with("CARGO_PKG_");
    for (name, _) in std::env::vars().filter(|(name, _)| of_this_package(name)) {
        cargo.env_remove(name);
    }
    cargo.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    assert!(cargo.status().unwrap().success(), "the programs could not be built");
    folder
}

struct Venue {
    folder: tempfile::TempDir,
    api: SocketAddr,
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Venue {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("catalogue.toml"), CATALOGUE).unwrap();
        Self { folder, api: free_address() }
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(program(name));
        command.env_clear().env("LISTEN", self.api.to_string()).env("RECONCILE_INTERVAL", "1h");
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// What `boxoffice … --json` answers on the file.
    fn ask(&self, args: &[&str]) -> Value {
        let output = self.command("boxoffice").args(args).arg("--json").output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["value"].clone()
    }

    /// Runs a program while `meanwhile` does something, then stops it; it must end well.
    fn while_running<T>(&self, program: &str, meanwhile: impl FnOnce() -> T) -> T {
        let log = std::fs::File::create(self.folder.path().join(format!("{program}.log"))).unwrap();
        let mut running = Running(self.command(program).stderr(log).spawn().unwrap());
        let result = meanwhile();
        let stopped = Command::new("kill").args(["-TERM", &running.0.id().to_string()]).status().unwrap();
        assert!(stopped.success());
        let status = until(program, || running.0.try_wait().unwrap());
        assert!(status.success(), "{program}: {status}\n{}", self.log(program));
        result
    }

    fn log(&self, program: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(format!("{program}.log"))).unwrap()
    }

    /// Runs a program, again if need be, until nothing waits for it.
    fn handles(&self, program: &str) {
        let group = if program == "dlq-handler" {
            "dlq-handler-group".to_owned()
        } else {
            format!("{program}-consumer-group")
        };
        for _ in 0..5 {
            self.while_running(program, || {
                until(&format!("{program} starts"), || self.log(program).contains("started").then_some(()));
                self.settles();
            });
            let groups = self.ask(&["status"]);
            if !groups.as_array().unwrap().iter().any(|row| row["group"] == group && row["waiting"] != 0) {
                return;
            }
        }
        panic!("{program} leaves messages: {}", self.log(program));
    }

    /// The file is locked while a program runs, so its log shows the progress: it is idle when the log stops growing.
    fn settles(&self) {
        let size = || {
            let length =
                |name: &str| std::fs::metadata(self.folder.path().join(name)).map_or(0, |data| data.len());
            (length("boxoffice.db-wal"), length("notifications.log"))
        };
        let (mut before, mut since) = (size(), Instant::now());
        until("the program is at rest", || {
            let now = size();
            if now != before {
                (before, since) = (now, Instant::now());
            }
            (since.elapsed() > Duration::from_millis(400)).then_some(())
        });
    }

    fn request(&self, method: &str, path: &str, body: &str) -> Value {
        until(path, || serde_json::from_str(&request(self.api, method, path, body)?.body).ok())
    }
}

#[test]
fn the_programs_one_after_the_other_bring_orders_to_their_end() {
    let venue = Venue::new();
    venue.ask(&["stock", "load", "111", "10"]);
    let body = r#"{"userId":1,"showId":1,"sessionId":11,"ticketId":111,"quantity":2,"phone":"+8613800138000",
        "email":"a@example.com","deviceToken":"token-1"}"#;
    let (paid, cancelled) = venue.while_running("order-api", || {
        let order = |_| venue.request("POST", "/orders", body)["orderNo"].as_str().unwrap().to_owned();
        (order(1), order(2))
    });
    let state = |order: &str| venue.ask(&["order", "show", order])["state"].as_str().unwrap().to_owned();
    assert_eq!(state(&paid), "Created");
    venue.handles("order-process");
    assert_eq!(state(&paid), "AwaitingPayment");
    venue.while_running("order-api", || {
        let answer = venue.request("POST", &format!("/orders/{paid}/pay"), r#"{"payType":3}"#);
        assert_eq!(answer["state"], "Paid", "{answer}");
        let answer = venue.request("POST", &format!("/orders/{cancelled}/cancel"), "{}");
        assert_eq!(answer["state"], "Cancelled", "{answer}");
    });
    venue.handles("stock-reconcile");
    let ran = ["order-api", "order-process", "stock-reconcile"];
    for function in FUNCTIONS.iter().filter(|function| !ran.contains(&function.name)) {
        venue.handles(function.name);
    }
    // The two timeouts are due in 15 minutes, and stock-reconcile asked before stock-management ran.
    for group in venue.ask(&["status"]).as_array().unwrap() {
        assert_eq!(group["waiting"], 0, "{group}");
    }
    let stock = &venue.ask(&["stock", "show", "111"])[0];
    assert_eq!((&stock["sold"], &stock["locked"], &stock["available"]), (&2.into(), &0.into(), &8.into()));
    let told = std::fs::read_to_string(venue.folder.path().join("notifications.log")).unwrap();
    for channel in ["SMS", "EMAIL", "PUSH"] {
        assert_eq!(told.lines().filter(|line| line.contains(&format!(" {channel} "))).count(), 2, "{told}");
    }
    for invariant in venue.ask(&["verify"])["invariants"].as_array().unwrap() {
        assert_eq!(invariant["holds"], true, "{invariant:#}");
    }
}
