//! From facts to verdicts: which of them are faults for the visitors of a host, in words.

use std::time::SystemTime;

use super::{Certificate, Distrust, Facts, Host, Link, Moment, Paper, Read, Settings, Trust, facts};

/// A kind of fault, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// The server has no certificate for the host and presents one of its own making.
    Default,
    /// Its time is over.
    Expired,
    /// Clients do not believe it: nobody known signed it, it cannot be read, it is none for servers, or its time is
    /// still to come.
    Untrusted,
    /// It is for other hosts.
    NameMismatch,
    /// Its time is over soon: renewal is overdue.
    Expiring,
}

impl Fault {
    /// Every fault, the worst first.
    pub const ALL: [Self; 5] =
        [Self::Default, Self::Expired, Self::Untrusted, Self::NameMismatch, Self::Expiring];

    /// The code of the finding.
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Default => "certificate-default",
            Self::Expired => "certificate-expired",
            Self::Untrusted => "certificate-untrusted",
            Self::NameMismatch => "certificate-name-mismatch",
            Self::Expiring => "certificate-expiring",
        }
    }
}

/// One fault of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Which.
    pub fault: Fault,
    /// One sentence, without a full stop. Printable and bounded, as all the words here.
    pub summary: String,
    /// What was seen; at least one line.
    pub evidence: Vec<Line>,
}

/// One thing that was seen, and what should have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Seen.
    pub observed: String,
    /// Expected.
    pub expected: String,
}

/// What is wrong with a certificate that a handshake for `host` brought, the worst first; empty where nothing is.
///
/// One fault, one verdict: where a program's own default certificate is presented, that nobody believes it and that it
/// bears no name of the host's is the same fault. All others are told beside each other, for what repairs one of them
/// does not repair the next. A default certificate that the operator believes (`certificates.ca_file`) is as good as any.
/// A host that no certificate can bear was not asked for in the handshake, so that nothing is said of it.
pub fn judge(certificate: &Certificate, host: &str, now: SystemTime, settings: &Settings) -> Vec<Verdict> {
    let Some(host_name) = Host::read(host) else { return Vec::new() };
    let name = host_name.to_string();
    let read = match &certificate.read {
        Ok(read) => read,
        Err(why) => return vec![unreadable(&name, why)],
    };
    let facts = facts(certificate, host, now, settings);
    let (now, paper) = (Moment::of(now), &read.paper);
    if let (Some(stock), true) = (paper.stock, facts.untrusted) {
        let what = stock.words();
        let evidence = vec![
            line(format!("the certificate is {}", paper.title()), format!("one for {name}")),
            line(
                format!("signed by {}", signer(paper)),
                "a public authority, or one of certificates.ca_file",
            ),
        ];
        let summary = format!("visitors of {name} get {what}, so there is none for this name");
        return vec![Verdict { fault: Fault::Default, summary, evidence }];
    }
    let mut verdicts = Vec::new();
    if facts.expired {
        let ago = paper.not_after.apart(now);
        let evidence = vec![end(paper, now)];
        let summary = format!("the certificate of {name} expired {ago} ago");
        verdicts.push(Verdict { fault: Fault::Expired, summary, evidence });
    }
    verdicts.extend(untrusted(&name, read, facts, now));
    if facts.wrong_name {
        let names = paper.names.told();
        let summary = format!("the certificate that visitors of {name} get is for {names}");
        let evidence = vec![line(format!("it bears {names}"), name.clone())];
        verdicts.push(Verdict { fault: Fault::NameMismatch, summary, evidence });
    }
    if facts.expiring {
        let left = now.apart(paper.not_after);
        let whole = paper.not_before.apart(paper.not_after);
        let evidence = vec![line(
            format!("it ends at {}, in {left}", paper.not_after),
            format!("renewed by now: it is one of {whole}"),
        )];
        let summary = format!("the certificate of {name} expires in {left} and was not renewed yet");
        verdicts.push(Verdict { fault: Fault::Expiring, summary, evidence });
    }
    verdicts
}

fn unreadable(name: &str, why: &str) -> Verdict {
    let summary = format!("the certificate of {name} cannot be read: {why}");
    let evidence = vec![line(why, "an X.509 certificate of version 3 in DER")];
    Verdict { fault: Fault::Untrusted, summary, evidence }
}

/// Everything that makes clients refuse a certificate but its end and its names: one fault, with a line for each.
fn untrusted(name: &str, read: &Read, facts: Facts, now: Moment) -> Option<Verdict> {
    let paper = &read.paper;
    let mut whys = Vec::new();
    let mut evidence = Vec::new();
    if let Trust::Untrusted(why) = &read.trust {
        evidence.push(line(format!("{}, signed by {}", paper.title(), signer(paper)), expected(why)));
        evidence.extend(read.behind.iter().enumerate().filter_map(|(n, link)| {
            let Link::Broken(why) = link else { return None };
            Some(line(format!("certificate {} of the chain: {why}", n + 2), "one that can be read"))
        }));
        whys.push(why.words());
    }
    if let Some(misuse) = paper.misuse {
        whys.push(misuse.words().into());
        evidence.push(line(misuse.words(), "a certificate for servers"));
    }
    if facts.not_yet_valid {
        let why = format!("its time begins at {}, in {}", paper.not_before, now.apart(paper.not_before));
        evidence.push(line(&why, format!("a certificate that is valid at {now}, which is the time here")));
        whys.push(why);
    }
    let summary = format!("clients do not believe the certificate of {name}: {}", whys.join("; "));
    (!whys.is_empty()).then_some(Verdict { fault: Fault::Untrusted, summary, evidence })
}

fn expected(why: &Distrust) -> String {
    match why {
        Distrust::Incomplete(missing) => {
            format!("the certificate of {missing} behind it, as its authority hands it out (fullchain.pem)")
        }
        Distrust::OutOfTime { .. } => "a chain that is in its time".into(),
        Distrust::CloudflareOrigin => {
            "Cloudflare in front of every visitor, and its origin authority in certificates.ca_file".into()
        }
        _ => "a chain to a public authority, or to one of certificates.ca_file".into(),
    }
}

fn end(paper: &Paper, now: Moment) -> Line {
    line(format!("its last second was {}", paper.not_after), format!("after {now}"))
}

fn signer(paper: &Paper) -> String {
    if paper.self_signed {
        "itself".into()
    } else if paper.issuer.is_empty() {
        "an issuer without a name".into()
    } else {
        paper.issuer.to_string()
    }
}

fn line(observed: impl Into<String>, expected: impl Into<String>) -> Line {
    Line { observed: observed.into(), expected: expected.into() }
}
