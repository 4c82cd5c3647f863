use std::time::Duration;

use boxoffice_domain::ports::{Notice, NotificationProvider, ProviderError};
use boxoffice_notify::{SetupError, SmtpProvider, SmtpSettings};

use crate::mail_server::{MailServer, Manners};
use crate::support::{clock, notice, soon};

const FROM: &str = "Venue Tickets <tickets@venue.example>";
const BUYER: &str = "lin.wei@example.com";

fn provider(url: &str) -> SmtpProvider {
    SmtpProvider::new(SmtpSettings::new(url, FROM), clock()).unwrap()
}

/// What one e-mail to a server of these manners ends with.
async fn delivery_to(manners: Manners) -> Result<(), ProviderError> {
    let server = MailServer::start(manners).await;
    soon(provider(&server.url()).deliver(&notice("T1/ORDER_PAID/EMAIL", BUYER))).await
}

/// The value of a header of an e-mail.
fn header<'a>(text: &'a str, name: &str) -> &'a str {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("no {name} in {text}"))
}

#[tokio::test]
async fn an_email_arrives_with_sender_subject_and_text() {
    let mut server = MailServer::start(Manners::FRIENDLY).await;
    assert_eq!(soon(provider(&server.url()).deliver(&notice("T1", BUYER))).await, Ok(()));
    let mail = server.next().await;
    assert_eq!(mail.recipient, BUYER);
    assert!(header(&mail.text, "From").contains("tickets@venue.example"), "{}", mail.text);
    assert_eq!(header(&mail.text, "To"), BUYER);
    assert!(header(&mail.text, "Subject").starts_with("=?utf-8?b?"), "{}", mail.text);
    assert_eq!(header(&mail.text, "Date"), "Sun, 22 Nov 2026 10:15:30 +0000");
    assert!(mail.text.contains("Your order T1 is paid.\r\nSee you there."), "{}", mail.text);
}

#[tokio::test]
async fn every_repeat_of_a_notice_carries_the_same_message_id_and_no_other_notice_does() {
    let mut server = MailServer::start(Manners::FRIENDLY).await;
    let mut ids = Vec::new();
    for key in ["T1/ORDER_PAID/EMAIL", "T1/ORDER_PAID/EMAIL", "T2/ORDER_PAID/EMAIL"] {
        soon(provider(&server.url()).deliver(&notice(key, BUYER))).await.unwrap();
        ids.push(header(&server.next().await.text, "Message-ID").to_owned());
    }
    assert!(ids[0].starts_with('<') && ids[0].ends_with("@venue.example>"), "{}", ids[0]);
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[0], ids[2]);
}

#[tokio::test]
async fn a_title_cannot_smuggle_in_a_header() {
    let mut server = MailServer::start(Manners::FRIENDLY).await;
    let sly = Notice { title: "Hello\r\nBcc: everybody@example.com".to_owned(), ..notice("T1", BUYER) };
    soon(provider(&server.url()).deliver(&sly)).await.unwrap();
    let mail = server.next().await;
    assert!(!mail.text.lines().any(|line| line.starts_with("Bcc")), "{}", mail.text);
    assert!(header(&mail.text, "Subject").starts_with("Hello"), "{}", mail.text);
}

#[tokio::test]
async fn a_recipient_that_does_not_exist_is_refused_without_naming_it() {
    let unknown = Manners { recipient: "550 5.1.1 lin.wei@example.com is unknown here", ..Manners::FRIENDLY };
    let answer = delivery_to(unknown).await;
    let Err(ProviderError::Refused(because)) = answer else { panic!("{answer:?}") };
    assert!(because.contains("550") && because.contains("*** is unknown here"), "{because}");
    assert!(!because.contains(BUYER), "{because}");
}

#[tokio::test]
async fn a_text_that_the_server_will_never_take_is_refused() {
    let answer = delivery_to(Manners { text: "554 5.6.0 refused", ..Manners::FRIENDLY }).await;
    assert!(matches!(answer, Err(ProviderError::Refused(_))), "{answer:?}");
}

#[tokio::test]
async fn a_server_that_is_busy_for_now_is_tried_later() {
    let greylisting = Manners { recipient: "451 4.7.1 try again", ..Manners::FRIENDLY };
    let full = Manners { text: "452 4.3.1 disk full", ..Manners::FRIENDLY };
    let closing = Manners { greeting: "421 shutting down", ..Manners::FRIENDLY };
    for manners in [greylisting, full, closing] {
        let answer = delivery_to(manners).await;
        assert!(matches!(answer, Err(ProviderError::TryLater { after: None, .. })), "{answer:?}");
    }
}

#[tokio::test]
async fn a_rejected_login_is_tried_later_because_an_operator_can_fix_it() {
    let server = MailServer::start(Manners { auth: "535 5.7.8 wrong password", ..Manners::FRIENDLY }).await;
    let url = format!("smtp://boxoffice:hunter2@{}", server.address);
    let answer = soon(provider(&url).deliver(&notice("T1", BUYER))).await;
    let Err(ProviderError::TryLater { because, after: None }) = answer else { panic!("{answer:?}") };
    assert!(because.contains("535"), "{because}");
    assert!(!because.contains("hunter2"), "{because}");
}

#[tokio::test]
async fn a_password_is_offered_to_a_server_that_asks_for_one() {
    let mut server = MailServer::start(Manners::FRIENDLY).await;
    let url = format!("smtp://boxoffice:hunter2@{}", server.address);
    assert_eq!(soon(provider(&url).deliver(&notice("T1", BUYER))).await, Ok(()));
    server.next().await;
}

#[tokio::test]
async fn a_server_that_never_speaks_is_tried_later() {
    let server = MailServer::start(Manners { greeting: "", ..Manners::FRIENDLY }).await;
    let hasty = SmtpSettings { timeout: Duration::from_millis(50), ..SmtpSettings::new(server.url(), FROM) };
    let provider = SmtpProvider::new(hasty, clock()).unwrap();
    let answer = soon(provider.deliver(&notice("T1", BUYER))).await;
    assert!(matches!(answer, Err(ProviderError::TryLater { after: None, .. })), "{answer:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_tried_later() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    drop(listener);
    let answer = soon(provider(&url).deliver(&notice("T1", BUYER))).await;
    assert!(matches!(answer, Err(ProviderError::TryLater { after: None, .. })), "{answer:?}");
}

#[tokio::test]
async fn an_invalid_address_never_reaches_the_server() {
    let mut server = MailServer::start(Manners::FRIENDLY).await;
    let provider = provider(&server.url());
    for address in
        ["", "lin.wei", "lin wei@example.com", "@example.com", "a@b@c", "<x>\r\nRCPT TO:<y@example.com>"]
    {
        let answer = soon(provider.deliver(&notice("T1", address))).await;
        let Err(ProviderError::Refused(because)) = answer else { panic!("{address}: {answer:?}") };
        assert!(address.is_empty() || !because.contains(address), "{because}");
    }
    // The first e-mail the server sees is this one.
    soon(provider.deliver(&notice("T1", BUYER))).await.unwrap();
    assert_eq!(server.next().await.recipient, BUYER);
}

#[tokio::test]
async fn an_address_in_letters_that_the_server_cannot_write_is_refused() {
    let server = MailServer::start(Manners::FRIENDLY).await;
    let answer = soon(provider(&server.url()).deliver(&notice("T1", "林@example.com"))).await;
    assert!(matches!(answer, Err(ProviderError::Refused(_))), "{answer:?}");
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_without_showing_the_password() {
    for url in
        ["", "mail.example", "http://user:hunter2@mail.example", "smtp://user:hunter2@mail.example?tls=maybe"]
    {
        let error = SmtpProvider::new(SmtpSettings::new(url, FROM), clock()).unwrap_err();
        assert!(matches!(error, SetupError::SmtpUrl(_)), "{url}: {error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    let url = "smtps://user:hunter2@mail.example";
    let error = SmtpProvider::new(SmtpSettings::new(url, "nobody"), clock()).unwrap_err();
    assert!(matches!(error, SetupError::Sender(_)), "{error}");
    let none = SmtpSettings { max_connections: 0, ..SmtpSettings::new(url, FROM) };
    assert!(SmtpProvider::new(none, clock()).is_err());
    let shown = format!("{:?}", SmtpProvider::new(SmtpSettings::new(url, FROM), clock()).unwrap());
    assert!(!shown.contains("hunter2"), "{shown}");
}
