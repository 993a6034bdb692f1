//! Applications behind a proxy, right ones and wrong ones, as containers of busybox.

use crate::error::{Result, text_of};
use crate::{Error, Lab};

/// What answers a connection where busybox has nothing that answers so wrongly.
const ANSWER: &str = include_str!("apps/answer.sh");

/// A web server on `$1` whose page says who it is.
const SERVE: &str = r#"mkdir -p /www && echo "I am $0" >/www/index.html && exec httpd -f -p "$1" -h /www"#;

/// What an application does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// Answers as it should.
    Serves,
    /// The same, to nobody but itself: it listens on 127.0.0.1.
    ServesItself,
    /// Takes the request and says nothing.
    Hangs,
    /// Says nothing for so many seconds, and then answers.
    IsSlow(u8),
    /// Answers with this status line (`500 Internal Server Error`).
    Says(&'static str),
    /// An answer without an end.
    AnswersForever,
    /// No HTTP at all.
    SaysGarbage,
    /// Closes before the answer is whole.
    ClosesInTheMiddle,
    /// A redirect to the very page that was asked for.
    RedirectsToItself,
    /// A redirect to https where http was asked for, and to http where https was.
    RedirectsToOtherScheme,
    /// A redirect to somewhere else.
    RedirectsTo(&'static str),
    /// Nothing: it listens on no port.
    Sleeps,
}

impl Does {
    /// What is to be said of an app that does this.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Serves => "an app that serves",
            Self::ServesItself => "an app that listens on 127.0.0.1 alone",
            Self::Hangs => "an app that takes requests and says nothing",
            Self::IsSlow(_) => "an app that takes its time",
            Self::Says(_) => "an app that answers with an error",
            Self::AnswersForever => "an app whose answer has no end",
            Self::SaysGarbage => "an app that answers with no HTTP",
            Self::ClosesInTheMiddle => "an app that closes before its answer is whole",
            Self::RedirectsToItself => "an app that redirects to the page that was asked for",
            Self::RedirectsToOtherScheme => "an app that sends to https and back to http",
            Self::RedirectsTo(_) => "an app that redirects elsewhere",
            Self::Sleeps => "an app that listens on no port",
        }
    }

    /// The command that does it on this port, in the container of this name.
    fn command(self, name: &str, port: u16) -> Vec<String> {
        let port = port.to_string();
        let seconds;
        let serve = |on: &str| words(&["sh", "-c", SERVE, name, on]);
        let answer: &[&str] = match self {
            Self::Serves => return serve(&port),
            Self::ServesItself => return serve(&format!("127.0.0.1:{port}")),
            Self::Sleeps => return words(&["sleep", "1000000"]),
            Self::Hangs => &["hangs"],
            Self::IsSlow(for_seconds) => {
                seconds = for_seconds.to_string();
                &["slow", &seconds]
            }
            Self::Says(status) => &["status", status],
            Self::AnswersForever => &["forever"],
            Self::SaysGarbage => &["garbage"],
            Self::ClosesInTheMiddle => &["cut"],
            Self::RedirectsToItself => &["to-itself"],
            Self::RedirectsToOtherScheme => &["to-other-scheme"],
            Self::RedirectsTo(url) => &["to", url],
        };
        let listen = ["nc", "-ll", "-p", &port, "-e", "sh", "-c", ANSWER];
        words(&[&listen, answer].concat())
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

/// One application: a container, and what it asks of the proxy.
#[derive(Clone, Debug)]
pub struct App<'a> {
    name: &'a str,
    /// What its routers are called by.
    whose: &'a str,
    networks: Vec<&'a str>,
    does: Does,
    port: u16,
    options: Vec<String>,
    sites: usize,
}

impl<'a> App<'a> {
    /// One that serves on port 3000 of this network.
    #[must_use]
    pub fn new(name: &'a str, network: &'a str) -> Self {
        let networks = vec![network];
        Self { name, whose: name, networks, does: Does::Serves, port: 3000, options: Vec::new(), sites: 0 }
    }

    /// The container's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name
    }

    /// A deployment of this resource of Coolify's: its next one has the same labels and another container.
    #[must_use]
    pub fn deploys(mut self, resource: &'a str) -> Self {
        self.whose = resource;
        self.label("coolify.managed", "true")
            .label("coolify.resourceName", resource)
            .label("coolify.serviceName", resource)
            .label("coolify.pullRequestId", "0")
    }

    /// On this network too.
    #[must_use]
    pub fn and_on(mut self, network: &'a str) -> Self {
        self.networks.push(network);
        self
    }

    #[must_use]
    pub fn that(mut self, does: Does) -> Self {
        self.does = does;
        self
    }

    /// Listens on this port.
    #[must_use]
    pub fn on_port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// An option of `docker run`.
    #[must_use]
    pub fn option(mut self, option: impl Into<String>) -> Self {
        self.options.push(option.into());
        self
    }

    #[must_use]
    pub fn label(self, key: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.option(format!("--label={}={}", key.as_ref(), value.as_ref()))
    }

    /// The labels by which Coolify has `http://domain/` lead to this port, for Traefik and for Caddy.
    #[must_use]
    pub fn at(self, domain: &str, port: u16) -> Self {
        let router = format!("http-{}-{}", self.sites, self.whose);
        self.enabled().router(&router, "http", domain, port).site("http", domain, port)
    }

    /// The same for `https://domain/`, to which `http` is redirected.
    #[must_use]
    pub fn at_https(self, domain: &str, port: u16) -> Self {
        let [plain, secure] =
            ["http", "https"].map(|scheme| format!("{scheme}-{}-{}", self.sites, self.whose));
        self.enabled()
            .label("traefik.http.middlewares.redirect-to-https.redirectscheme.scheme", "https")
            .router(&plain, "http", domain, port)
            .label(format!("traefik.http.routers.{plain}.middlewares"), "redirect-to-https")
            .router(&secure, "https", domain, port)
            .label(format!("traefik.http.routers.{secure}.tls"), "true")
            .site("https", domain, port)
    }

    /// A check of its health by this command of a shell, every second.
    #[must_use]
    pub fn checked_by(self, command: &str) -> Self {
        self.option(format!("--health-cmd={command}"))
            .option("--health-interval=1s")
            .option("--health-timeout=2s")
            .option("--health-retries=1")
    }

    fn enabled(self) -> Self {
        if self.sites == 0 { self.label("traefik.enable", "true") } else { self }
    }

    fn router(self, name: &str, entry_point: &str, domain: &str, port: u16) -> Self {
        let router = format!("traefik.http.routers.{name}");
        self.label(format!("{router}.rule"), format!("Host(`{domain}`) && PathPrefix(`/`)"))
            .label(format!("{router}.entryPoints"), entry_point)
            .label(format!("{router}.service"), name)
            .label(format!("traefik.http.services.{name}.loadbalancer.server.port"), port.to_string())
    }

    fn site(mut self, scheme: &str, domain: &str, port: u16) -> Self {
        let n = self.sites;
        self.sites += 1;
        self.label(format!("caddy_{n}"), format!("{scheme}://{domain}"))
            .label(format!("caddy_{n}.handle_path"), "/*")
            .label(format!("caddy_{n}.handle_path.{n}_reverse_proxy"), format!("{{{{upstreams {port}}}}}"))
            .label(format!("caddy_{n}.header"), "-Server")
    }

    /// Runs it, of the image `busybox`.
    ///
    /// # Errors
    /// When the Engine does not take it.
    pub fn run(&self, lab: &Lab) -> Result<()> {
        let [first, others @ ..] = &self.networks[..] else {
            return Err(Error::new(format!("{} has no network", self.name)));
        };
        // The first process hears no SIGTERM where it is a web server; whoever stops it would wait for it.
        let run = ["--name", self.name, "--network", first, "--stop-timeout", "1"];
        // Made before it runs: it is on every network when the proxy first hears of it.
        let mut create = lab.client();
        create
            .arg("create")
            .args(run)
            .args(&self.options)
            .arg("busybox")
            .args(self.does.command(self.name, self.port));
        text_of(&mut create)?;
        for network in others {
            lab.docker(&["network", "connect", network, self.name])?;
        }
        lab.docker(&["start", self.name]).map(drop)
    }
}
