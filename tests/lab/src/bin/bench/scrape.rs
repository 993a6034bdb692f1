//! `bench scrape`: asks for `blackbox_exporter`'s pages from inside the lab, over connections that stay open.
//!
//! It runs as a process of its own because its sockets must be in the lab's network namespace.

use std::fs;
use std::io::{BufRead, BufReader, Error as IoError, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use lab::{Error, Result};

/// `ADDRESS PATHS-FILE CONNECTIONS SECONDS`; prints how many probes succeeded and how many failed.
pub fn command(args: &[String]) -> Result<()> {
    let [address, paths, connections, seconds] = args else {
        return Err(Error::new("usage: bench scrape ADDRESS PATHS-FILE CONNECTIONS SECONDS"));
    };
    let number = |text: &String| text.parse::<u64>().map_err(|e| Error::new(format!("{text}: {e}")));
    let paths = fs::read_to_string(paths).map_err(|e| Error::io("reading the paths", e))?;
    let paths: Arc<[String]> = paths.lines().map(str::to_owned).collect();
    let until = Instant::now() + Duration::from_secs(number(seconds)?);
    let turn = Arc::new(AtomicUsize::new(0));
    let scrapers: Vec<_> = (0..number(connections)?)
        .map(|_| {
            let (address, paths, turn) = (address.clone(), Arc::clone(&paths), Arc::clone(&turn));
            thread::spawn(move || one(&address, &paths, &turn, until))
        })
        .collect();
    let (mut good, mut bad) = (0, 0);
    for scraper in scrapers {
        let ended = scraper.join().map_err(|_| Error::new("a scraper panicked"))?;
        let (well, ill) = ended.map_err(|e| Error::io("scraping", e))?;
        good += well;
        bad += ill;
    }
    println!("{good} {bad}");
    Ok(())
}

fn one(
    address: &str,
    paths: &[String],
    turn: &AtomicUsize,
    until: Instant,
) -> std::io::Result<(usize, usize)> {
    let mut connection = connect(address)?;
    let (mut good, mut bad) = (0, 0);
    while Instant::now() < until {
        let Some(path) = paths.get(turn.fetch_add(1, Ordering::Relaxed) % paths.len()) else { break };
        write!(connection.get_mut(), "GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n")?;
        let page = answer(&mut connection)?;
        if page.windows(SUCCESS.len()).any(|w| w == SUCCESS) {
            good += 1;
        } else {
            bad += 1;
        }
    }
    Ok((good, bad))
}

const SUCCESS: &[u8] = b"\nprobe_success 1\n";

/// The server may have been started a moment ago.
#[expect(clippy::disallowed_methods, reason = "nothing is measured from here")]
pub fn connect(address: &str) -> std::io::Result<BufReader<TcpStream>> {
    let started = Instant::now();
    loop {
        match TcpStream::connect(address) {
            Ok(stream) => {
                stream.set_read_timeout(Some(Duration::from_secs(20)))?;
                stream.set_nodelay(true)?;
                return Ok(BufReader::new(stream));
            }
            Err(error) if started.elapsed() > Duration::from_secs(10) => return Err(error),
            Err(_) => thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// One answer's body, chunked or of a stated length.
pub fn answer(from: &mut BufReader<TcpStream>) -> std::io::Result<Vec<u8>> {
    let status = line(from)?;
    if !status.starts_with("HTTP/1.1 200") {
        return Err(IoError::other(format!("the answer is {status:?}")));
    }
    let (mut length, mut chunked) = (0, false);
    loop {
        let header = line(from)?.to_ascii_lowercase();
        match header.split_once(": ") {
            None => break,
            Some(("content-length", n)) => length = n.parse().map_err(IoError::other)?,
            Some(("transfer-encoding", _)) => chunked = true,
            Some(_) => {}
        }
    }
    let mut body = Vec::new();
    if !chunked {
        from.take(length).read_to_end(&mut body)?;
        return Ok(body);
    }
    loop {
        let size = u64::from_str_radix(&line(from)?, 16).map_err(IoError::other)?;
        from.take(size).read_to_end(&mut body)?;
        line(from)?;
        if size == 0 {
            return Ok(body);
        }
    }
}

fn line(from: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    line.truncate(line.trim_end().len());
    Ok(line)
}
