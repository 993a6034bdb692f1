use proptest::prelude::*;

use super::*;

/// Everything that a person may see of a certificate.
fn told(certificate: &Certificate, host: &str) -> Vec<String> {
    let verdicts = judge(certificate, host, now(), &Settings::default());
    let lines = verdicts.into_iter().flat_map(|verdict| {
        let lines = verdict.evidence.into_iter().flat_map(|line| [line.observed, line.expected]);
        [verdict.summary].into_iter().chain(lines).collect::<Vec<_>>()
    });
    lines.collect()
}

fn is_plain(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'))
}

#[test]
fn names_that_would_act_on_a_terminal_are_shown() {
    let nasty = "\u{1b}[2Jevil\u{202e}\n\u{200b}";
    let root = Authority::new(nasty);
    let made = root.sign(|it| it.subject(&[("CN", nasty), ("O", &"o".repeat(5000)), ("OU", nasty)]));
    let certificate = read(&Examiner::default(), &[&made]);
    let told = told(&certificate, "example.com");
    assert!(told.iter().any(|line| line.contains("\\u{1b}[2Jevil\\u{202e}")), "{told:?}");
    for line in told {
        assert!(is_plain(&line) && line.len() < 2000, "{line:?}");
    }
}

#[test]
fn what_cannot_be_read_is_a_fact_of_its_own() {
    let made = Made::alone(|it| it.names(&["example.com"]));
    let twice = [made.der(), b"x"].concat();
    let large = vec![0x30; MOST_BYTES + 1];
    let version_1 = b"\x30\x03\x02\x01\x00";
    for (der, expected) in [
        (&b""[..], "cut off"),
        (b"hello", "no X.509 certificate"),
        (&made.der()[..100], "no X.509 certificate"),
        (&twice, "bytes behind its end"),
        (&large, "at most 65536 are read"),
        (version_1, "no X.509 certificate"),
    ] {
        let certificate = Examiner::default().read(&[der], now()).expect("a certificate");
        let facts = facts(&certificate, "example.com", now(), &Settings::default());
        assert_eq!(facts, Facts { unreadable: true, ..Facts::default() });
        let verdicts = judge(&certificate, "example.com", now(), &Settings::default());
        assert_eq!(verdicts.len(), 1);
        assert_eq!(verdicts[0].fault, Fault::Untrusted);
        assert!(verdicts[0].summary.contains(expected), "{}", verdicts[0].summary);
    }
}

#[test]
fn a_broken_one_behind_it_is_told_and_hides_nothing() {
    let root = Authority::new("Own Root");
    let middle = root.below("Own Middle", |_| {});
    let made = middle.sign(|it| it.names(&["example.com"]));
    let examiner = believing(&root.made);
    let broken = examiner.read(&[made.der(), b"broken", middle.made.der()], now()).expect("read");
    let read = broken.read.as_ref().expect("the first is whole");
    assert!(matches!(&read.behind[..], [Link::Broken(_), Link::Of { .. }]), "{read:?}");
    let cut = examiner.read(&[made.der(), b"broken"], now()).expect("read");
    let told = told(&cut, "example.com").join("\n");
    assert!(told.contains("certificate 2 of the chain: it is no X.509 certificate"), "{told}");
}

/// More than ten are never real, and the rest is not looked at.
#[test]
fn a_long_chain_is_read_to_its_bound() {
    let root = Authority::new("Own Root");
    let middle = root.below("Own Middle", |_| {});
    let made = middle.sign(|it| it.names(&["example.com"]));
    let examiner = believing(&root.made);
    for (before, believed) in [(8, true), (9, false)] {
        let mut chain = vec![made.der()];
        chain.resize(before + 1, root.made.der());
        chain.push(middle.made.der());
        let certificate = examiner.read(&chain, now()).expect("read");
        let read = certificate.read.as_ref().expect("read");
        assert_eq!((certificate.presented, read.behind.len()), (before + 2, 9));
        assert_eq!(read.trust == Trust::Trusted, believed, "{before}");
    }
}

/// Authorities of few names, each of which may have signed others: what is tried is bounded.
#[test]
fn a_maze_of_authorities_ends() {
    let roots = ["A", "B", "C"].map(Authority::new);
    let ring = |n: usize| roots[n % 3].below(["B", "C", "A"][n % 3], |_| {});
    let alike = |_| Authority::new("A");
    let mazes: [Vec<Authority>; 2] = [(0..9).map(ring).collect(), (0..9).map(alike).collect()];
    let made = roots[0].sign(|it| it.names(&["example.com"]));
    for maze in mazes {
        let chain: Vec<&Made> = std::iter::once(&made).chain(maze.iter().map(|one| &one.made)).collect();
        let began = std::time::Instant::now();
        let certificate = read(&Examiner::default(), &chain);
        assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
        let read = certificate.read.as_ref().expect("read");
        assert!(matches!(&read.trust, Trust::Untrusted(_)), "{:?}", read.trust);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// A real chain with some bytes changed: no panic, and words that a terminal can show.
    #[test]
    fn no_change_trips_the_reader(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8), cut in any::<prop::sample::Index>()) {
        static CHAIN: std::sync::LazyLock<[Vec<u8>; 2]> = std::sync::LazyLock::new(|| {
            let root = Authority::new("Own Root");
            let made = root.sign(|it| {
                it.common("example.com");
                it.names(&["example.com", "*.example.com", "10.0.0.1"]);
                it.published();
            });
            [made.der().to_vec(), root.made.der().to_vec()]
        });
        let mut first = CHAIN[0].clone();
        for (at, byte) in changes {
            let at = at.index(first.len());
            first[at] = byte;
        }
        let cut = &first[..cut.index(first.len()) + 1];
        for der in [&first[..], cut] {
            let certificate = Examiner::default().read(&[der, &CHAIN[1]], now()).expect("a certificate");
            for line in told(&certificate, "example.com") {
                prop_assert!(is_plain(&line) && line.len() < 2000, "{:?}", line);
            }
        }
    }
}
