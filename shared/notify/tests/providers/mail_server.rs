//! The smallest mail server that a client believes, on 127.0.0.1.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What the server does.
#[derive(Clone, Copy)]
pub struct Manners {
    /// Sent at once; nothing at all when empty.
    pub greeting: &'static str,
    /// The answer to AUTH.
    pub auth: &'static str,
    /// The answer to RCPT.
    pub recipient: &'static str,
    /// The answer to the end of the text.
    pub text: &'static str,
}

impl Manners {
    pub const FRIENDLY: Self = Self {
        greeting: "220 mail.example ready",
        auth: "235 welcome",
        recipient: "250 ok",
        text: "250 queued",
    };
}

/// An e-mail that the server was handed, whether it took it or not.
#[derive(Debug)]
pub struct Mail {
    pub recipient: String,
    pub text: String,
}

pub struct MailServer {
    pub address: SocketAddr,
    mails: UnboundedReceiver<Mail>,
}

impl MailServer {
    pub async fn start(manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, mails) = unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that hangs up in the middle is the client's business.
                let sender = sender.clone();
                tokio::spawn(async move { serve(stream, manners, sender).await });
            }
        });
        Self { address, mails }
    }

    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    pub async fn next(&mut self) -> Mail {
        super::support::soon(self.mails.recv()).await.unwrap()
    }
}

async fn serve(stream: TcpStream, manners: Manners, mails: UnboundedSender<Mail>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    if manners.greeting.is_empty() {
        std::future::pending::<()>().await;
    }
    say(&mut stream, manners.greeting).await?;
    let mut recipient = String::new();
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let answer = match line.split([' ', ':', '\r']).next().unwrap_or_default() {
            "EHLO" => "250-mail.example\r\n250-8BITMIME\r\n250 AUTH PLAIN",
            "AUTH" => manners.auth,
            "RCPT" => {
                recipient = line.trim().trim_start_matches("RCPT TO:").trim_matches(['<', '>']).to_owned();
                manners.recipient
            }
            "DATA" => {
                say(&mut stream, "354 go on").await?;
                let mut text = String::new();
                while !text.ends_with("\r\n.\r\n") {
                    stream.read_line(&mut text).await?;
                }
                mails.send(Mail { recipient: recipient.clone(), text }).unwrap();
                manners.text
            }
            "QUIT" => return say(&mut stream, "221 bye").await,
            _ => "250 ok",
        };
        say(&mut stream, answer).await?;
    }
}

async fn say(stream: &mut BufReader<TcpStream>, line: &str) -> std::io::Result<()> {
    stream.write_all(format!("{line}\r\n").as_bytes()).await
}
