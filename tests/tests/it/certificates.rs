//! Certificates of tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A certificate authority, made by openssl.
pub(crate) struct Authority {
    folder: PathBuf,
    pub(crate) certificate: PathBuf,
    key: PathBuf,
}

impl Authority {
    pub(crate) fn new(folder: &Path, name: &str) -> Self {
        let file = |kind| folder.join(format!("{name}.{kind}"));
        let (certificate, key) = (file("pem"), file("key"));
        let subject = format!("/CN={name}");
        openssl(&[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            &subject,
            "-addext",
            "keyUsage=critical,keyCertSign",
            "-keyout",
            path(&key),
            "-out",
            path(&certificate),
        ]);
        Self { folder: folder.to_owned(), certificate, key }
    }

    /// The certificate and the key (PKCS#8) of a server on this machine.
    pub(crate) fn sign(&self, name: &str) -> (PathBuf, PathBuf) {
        let file = |kind| self.folder.join(format!("{name}.{kind}"));
        let (certificate, key, request, extensions) = (file("pem"), file("key"), file("csr"), file("ext"));
        fs::write(&extensions, "basicConstraints=CA:FALSE\nsubjectAltName=IP:127.0.0.1,DNS:localhost\n")
            .unwrap();
        openssl(&[
            "req",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=localhost",
            "-keyout",
            path(&key),
            "-out",
            path(&request),
        ]);
        openssl(&[
            "x509",
            "-req",
            "-in",
            path(&request),
            "-CA",
            path(&self.certificate),
            "-CAkey",
            path(&self.key),
            "-CAcreateserial",
            "-days",
            "2",
            "-extfile",
            path(&extensions),
            "-out",
            path(&certificate),
        ]);
        (certificate, key)
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn openssl(arguments: &[&str]) {
    let made = Command::new("openssl").args(arguments).output().expect("openssl is installed");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}
