//! The receivers that the documentation shows: a real Alertmanager tells them, and what arrives has all that a reader needs.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::alertmanager::{Manager, said};

const PATIENCE: Duration = Duration::from_secs(60);
/// What the rules say of a proxy that was taken off a network; and a name that would be mark-up.
const ANNOTATIONS: [(&str, &str); 5] = [
    ("summary", "proxy-not-attached: coolify-proxy/traefik on shop"),
    (
        "description",
        "proxy coolify-proxy/traefik on shop: The proxy is not on the network.\nRun first: docker network connect <b>shop</b> coolify-proxy",
    ),
    ("diagnostics_url", "https://server-1.example.com/diagnostics/shop#proxy-not-attached"),
    ("runbook_url", "https://server-1.example.com/runbooks/proxy-not-attached"),
    ("dashboard_url", "https://grafana.example.com/d/destination-destination"),
];

/// The example's routes with the documentation's receivers, led to the two sinks.
fn configuration(mail: &TcpListener, telegram: &TcpListener, folder: &Path) -> String {
    let example = fs::read_to_string(super::folder().join("alertmanager.example.yml")).expect("the example");
    let (routes, _) = example.split_once("\nreceivers:").expect("receivers");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/alerts.md");
    let page = fs::read_to_string(page).expect("the page");
    let (_, page) = page.split_once("<!-- receivers -->\n\n```yaml\n").expect("the receivers' block");
    let (receivers, _) = page.split_once("```").expect("its end");
    let template = super::folder().join("notification.tmpl");
    let told = [
        ("[notification.tmpl]".to_owned(), format!("[{}]", template.display())),
        ("group_wait: 30s".to_owned(), "group_wait: 1s".to_owned()),
        ("group_interval: 5m".to_owned(), "group_interval: 1s".to_owned()),
        ("group_interval: 1m".to_owned(), "group_interval: 1s".to_owned()),
        (
            "bot_token_file: /etc/alertmanager/secrets/telegram".to_owned(),
            format!("bot_token: token\n        api_url: http://{}", telegram.local_addr().expect("bound")),
        ),
        (
            "smarthost: mail.example.com:587".to_owned(),
            format!(
                "smarthost: {}\n        require_tls: false\n        hello: here",
                mail.local_addr().expect("bound")
            ),
        ),
        // A sink asks for no password.
        ("auth_username: alerts@example.com".to_owned(), String::new()),
        ("auth_password_file: /etc/alertmanager/secrets/mail".to_owned(), String::new()),
    ];
    let mut text = format!("{routes}\n{receivers}");
    for (from, to) in told {
        assert!(text.contains(&from), "the documentation has no {from:?} any more");
        text = text.replace(&from, &to);
    }
    let file = folder.join("alertmanager.yml");
    fs::write(&file, text).expect("a folder");
    file.display().to_string()
}

#[test]
fn a_page_and_a_ticket_arrive_with_cause_command_and_links() {
    let folder = tempfile::tempdir().expect("a folder");
    let mail = TcpListener::bind("127.0.0.1:0").expect("a port");
    let telegram = TcpListener::bind("127.0.0.1:0").expect("a port");
    let file = configuration(&mail, &telegram, folder.path());
    let (mails, messages) = (received(mail, take_mail), received(telegram, take_message));
    let manager = Manager::start(&file);
    for severity in ["critical", "warning"] {
        tell(&manager, severity, &[]);
    }
    let next = || {
        let body = messages.recv_timeout(PATIENCE).expect("a message");
        let message: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(message["chat_id"].to_string().trim_matches('"'), "123456789", "{message}");
        message["text"].as_str().expect("a text").to_owned()
    };
    let message = next();
    let mail = mails.recv_timeout(PATIENCE).expect("a mail");
    let mail = mail.replace("=\r\n", "").replace("=3D", "=").replace("\r\n", "\n");
    for (text, word) in [(&message, "PAGE"), (&mail, "TICKET")] {
        let title = format!("{word}: proxy-not-attached: coolify-proxy/traefik on shop [server-1]");
        assert!(text.contains(&title), "{text}");
        for (_, said) in ANNOTATIONS {
            assert!(text.contains(said), "{said:?} is not in\n{text}");
        }
        assert!(text.contains("since      20"), "{text}");
    }
    assert!(mail.contains(&format!("Subject: TICKET: {} [server-1]", ANNOTATIONS[0].1)), "{mail}");
    assert!(mail.contains("text/plain") && !mail.contains("text/html"), "{mail}");
    // A second one there, and both are over.
    tell(&manager, "critical", &["subject=another"]);
    let message = next();
    assert!(
        message.starts_with("PAGE: ") && message.contains(" and others (2 in all) [server-1]"),
        "{message}"
    );
    for own in [&["--end=2026-01-01T00:00:00Z"][..], &["subject=another", "--end=2026-01-01T00:00:00Z"]] {
        tell(&manager, "critical", own);
    }
    let last =
        std::iter::repeat_with(next).find(|message| message.starts_with("RESOLVED: ")).expect("at last");
    assert!(last.contains("RESOLVED at 20") && !last.contains("Run first"), "{last}");
}

/// An alert as Prometheus gives it to Alertmanager.
fn tell(manager: &Manager, severity: &str, own: &[&str]) {
    let mut command = Command::new("amtool");
    command.args(["alert", "add", "DestinationFault", "scope=destination", "job=destination-exporter"]);
    command.args(["instance=server-1", "destination=shop", &manager.url]).args(own);
    command.arg(format!("severity={severity}"));
    for (name, text) in ANNOTATIONS {
        command.arg(format!("--annotation={name}={text:?}"));
    }
    said(&mut command).expect("taken");
}

/// What comes to a sink, piece by piece.
fn received(
    sink: TcpListener,
    take: fn(TcpStream, &Sender<String>) -> std::io::Result<()>,
) -> Receiver<String> {
    let (to, from) = channel();
    std::thread::spawn(move || {
        for stream in sink.incoming().flatten() {
            stream.set_read_timeout(Some(PATIENCE)).ok();
            take(stream, &to).ok();
        }
    });
    from
}

/// As much of RFC 5321 as one who sends needs.
fn take_mail(mut stream: TcpStream, to: &Sender<String>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?);
    stream.write_all(b"220 sink\r\n")?;
    let mut line = String::new();
    while lines.read_line(&mut line)? > 0 {
        let word = line.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        line.clear();
        match &*word {
            "DATA" => {
                stream.write_all(b"354 go on\r\n")?;
                let mut mail = String::new();
                while !mail.ends_with("\r\n.\r\n") && lines.read_line(&mut mail)? > 0 {}
                to.send(mail).ok();
                stream.write_all(b"250 taken\r\n")?;
            }
            "QUIT" => return stream.write_all(b"221 bye\r\n"),
            _ => stream.write_all(b"250 sink\r\n")?,
        }
    }
    Ok(())
}

/// One request, answered as Telegram's server does.
fn take_message(mut stream: TcpStream, to: &Sender<String>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?);
    let (mut line, mut length) = (String::new(), 0);
    while lines.read_line(&mut line)? > 2 {
        let header = line.to_ascii_lowercase();
        if let Some(stated) = header.strip_prefix("content-length:") {
            length = stated.trim().parse().unwrap_or(0);
        }
        line.clear();
    }
    let mut body = String::new();
    lines.take(length).read_to_string(&mut body)?;
    if !body.is_empty() {
        to.send(body).ok();
    }
    let answer = r#"{"ok":true,"result":{"message_id":1,"date":1,"chat":{"id":123456789,"type":"private"},"text":""}}"#;
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{answer}",
        answer.len()
    )
}
