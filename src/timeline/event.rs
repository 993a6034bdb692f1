//! One event: what it is about, what happened, and how that is said.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::diagnosis::Subject;
use crate::inventory::{ContainerId, Health};

use super::Place;
use super::entry::{Entry, Kind};
use super::people::Who;
use super::words::{begun, name, sentence, span};

/// What an event is about.
#[derive(Clone, Debug, PartialEq)]
pub enum About {
    /// A container.
    Container(Who),
    /// A destination's network.
    Network(Arc<str>),
    /// The Engine itself.
    Engine,
    /// The exporter.
    Exporter,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Happened {
    /// A container was started.
    Started,
    /// It was sent a signal by which one ends.
    Signalled(&'static str),
    /// A process of it ended for want of memory.
    OutOfMemory,
    /// It ended.
    Died(Death),
    /// It was removed.
    Removed,
    /// It ended and was started again.
    Restarted {
        /// How it ended.
        death: Death,
        /// So often by now.
        times: u32,
        /// It did not run for so long, the last time.
        away: Duration,
    },
    /// Another took its place. It itself was this one.
    Redeployed {
        /// Who went.
        old: ContainerId,
        /// Its place was empty for so long; `None` where the new one came first.
        gap: Option<Duration>,
    },
    /// It was frozen.
    Paused,
    /// It goes on.
    Unpaused,
    /// Its own check says otherwise.
    Checked(Health),
    /// It has another name.
    Renamed(Arc<str>),
    /// It was given a place on a destination.
    Connected(Arc<str>),
    /// It lost its place there.
    Disconnected(Arc<str>),
    /// A network was made.
    NetworkCreated,
    /// A network was removed.
    NetworkRemoved,
    /// The Engine does not answer, and why.
    Lost(Arc<str>),
    /// It answers again.
    Back,
    /// The exporter began.
    Watching,
    /// It has other settings.
    Reloaded,
}

/// How one ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Death {
    /// The exit code, where the Engine says.
    pub(super) code: Option<i64>,
    /// It was sent a signal before.
    pub(super) was_stopped: bool,
    /// It wanted memory.
    pub(super) of_memory: bool,
    /// It had run for so short a time.
    pub(super) ran: Option<Duration>,
    /// It was removed then.
    pub(super) is_removed: bool,
}

/// One event.
#[derive(Clone, Debug)]
pub struct Event {
    /// Where it stands.
    pub place: Place,
    /// When.
    pub at: SystemTime,
    /// About what.
    pub about: About,
    /// What.
    pub happened: Happened,
    /// How often, the last at that time.
    pub(super) times: u32,
    pub(super) entry: Arc<Entry>,
}

impl Event {
    /// No further from that moment than this, on either side.
    pub(super) fn is_within(&self, time: Duration, moment: Duration) -> bool {
        self.place.0.abs_diff(moment) <= time
    }

    /// Anew, after a change.
    pub(super) fn say(&mut self) {
        self.entry = Arc::new(entry(&self.about, &self.happened, self.times, self.at));
    }

    /// The destinations that it concerns; none where it is of all of them.
    pub fn places(&self) -> &[Arc<str>] {
        places(&self.about, &self.happened)
    }

    /// What happened, in words that can stand behind "after".
    pub fn clause(&self) -> String {
        clause(&self.about, &self.happened)
    }
}

impl About {
    pub(super) fn is(&self, id: &ContainerId) -> bool {
        matches!(self, Self::Container(who) if who.id == *id)
    }

    /// Another container of the same role.
    pub(super) fn is_role_of(&self, other: &Who) -> bool {
        matches!(self, Self::Container(who) if who.id != other.id && who.role == other.role)
    }

    /// The same thing, whatever is said of it.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match other {
            Self::Container(who) => self.is(&who.id),
            other => self == other,
        }
    }
}

pub(super) fn places<'a>(about: &'a About, happened: &'a Happened) -> &'a [Arc<str>] {
    match (about, happened) {
        (_, Happened::Connected(on) | Happened::Disconnected(on)) | (About::Network(on), _) => {
            std::slice::from_ref(on)
        }
        (About::Container(who), _) => &who.places,
        (About::Engine | About::Exporter, _) => &[],
    }
}

pub(super) fn entry(about: &About, happened: &Happened, times: u32, at: SystemTime) -> Entry {
    let (kind, subject) = match about {
        About::Container(who) => {
            let kind = if who.is_proxy { "proxy" } else { "container" };
            (Kind::Engine, Subject { kind, name: Arc::clone(spoken(who, happened)) })
        }
        About::Network(on) => (Kind::Engine, Subject { kind: "destination", name: Arc::clone(on) }),
        About::Engine => (Kind::Engine, Subject { kind: "engine", name: "engine".into() }),
        About::Exporter => (Kind::Exporter, Subject { kind: "exporter", name: "exporter".into() }),
    };
    let mut text = clause(about, happened);
    match happened {
        Happened::Redeployed { gap: Some(gap), .. } => {
            text.push_str(&format!("; its place was empty for {}", span(*gap)));
        }
        Happened::Restarted { times, away, .. } => {
            if *times > 1 {
                text.push_str(&format!(", {times} times by now"));
            }
            text.push_str(&format!("; it did not run for {}", span(*away)));
        }
        Happened::Died(Death { ran: Some(ran), .. }) => {
            text.push_str(&format!("; it had run for {}", span(*ran)))
        }
        Happened::Lost(why) => text.push_str(&format!(": {why}")),
        _ => {}
    }
    if times > 1 {
        text.push_str(&format!(", {times} times by now"));
    }
    // The first letter of a name stays as it is.
    if matches!(about, About::Engine | About::Exporter | About::Network(_)) {
        text = begun(&text);
    }
    let places = places(about, happened);
    let (destination, destinations) = match places {
        [one] => (Some(Arc::clone(one)), Vec::new()),
        several => (None, several.to_vec()),
    };
    Entry {
        at,
        kind,
        what: happened.word(),
        destination,
        destinations,
        subject,
        code: None,
        severity: None,
        stood_seconds: None,
        sentence: sentence(format!("{}.", text.trim_end_matches('.'))),
        after: Vec::new(),
    }
}

/// A redeployed one is spoken of without the id that it or the old one bore for a moment.
const fn spoken<'a>(who: &'a Who, happened: &Happened) -> &'a Arc<str> {
    if matches!(happened, Happened::Redeployed { .. }) { &who.bare } else { &who.name }
}

pub(super) fn clause(about: &About, happened: &Happened) -> String {
    let who = match about {
        About::Container(who) => name(spoken(who, happened)),
        About::Network(on) => format!("the network {}", name(on)),
        About::Engine => "the Engine".to_owned(),
        About::Exporter => "the exporter".to_owned(),
    };
    let did = match happened {
        Happened::Started => "was started".to_owned(),
        Happened::Signalled(signal) => format!("was sent {signal}"),
        Happened::OutOfMemory => "ran out of memory".to_owned(),
        Happened::Died(death) => death.clause(),
        Happened::Removed | Happened::NetworkRemoved => "was removed".to_owned(),
        Happened::Restarted { death: Death { was_stopped: true, .. }, .. } => "was restarted".to_owned(),
        Happened::Restarted { death, .. } => format!("{} and was started again", death.clause()),
        Happened::Redeployed { .. } => "was redeployed".to_owned(),
        Happened::Paused => "was paused".to_owned(),
        Happened::Unpaused => "was unpaused".to_owned(),
        Happened::Checked(Health::Healthy) => "became healthy by its own check".to_owned(),
        Happened::Checked(Health::Unhealthy) => "became unhealthy by its own check".to_owned(),
        Happened::Checked(_) => "began to be checked".to_owned(),
        Happened::Renamed(from) => format!("was renamed (it was {from})"),
        Happened::Connected(on) => format!("was connected to {}", name(on)),
        Happened::Disconnected(on) => format!("was disconnected from {}", name(on)),
        Happened::NetworkCreated => "was created".to_owned(),
        Happened::Lost(_) => "stopped answering".to_owned(),
        Happened::Back => "answered again".to_owned(),
        Happened::Watching => "began to watch".to_owned(),
        Happened::Reloaded => "took other settings".to_owned(),
    };
    format!("{who} {did}")
}

impl Death {
    fn clause(&self) -> String {
        let mut text = if self.of_memory {
            "ended for want of memory"
        } else if self.was_stopped {
            "was stopped"
        } else {
            "ended"
        }
        .to_owned();
        if let Some(code) = self.code {
            text.push_str(&format!(" (exit code {code})"));
        }
        if self.is_removed {
            text.push_str(" and was removed");
        }
        text
    }
}

impl Happened {
    const fn word(&self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Signalled(_) => "signalled",
            Self::OutOfMemory => "out_of_memory",
            Self::Died(_) => "died",
            Self::Removed | Self::NetworkRemoved => "removed",
            Self::Restarted { .. } => "restarted",
            Self::Redeployed { .. } => "redeployed",
            Self::Paused => "paused",
            Self::Unpaused => "unpaused",
            Self::Checked(Health::Healthy) => "healthy",
            Self::Checked(Health::Unhealthy) => "unhealthy",
            Self::Checked(_) => "checked",
            Self::Renamed(_) => "renamed",
            Self::Connected(_) => "connected",
            Self::Disconnected(_) => "disconnected",
            Self::NetworkCreated => "created",
            Self::Lost(_) => "lost",
            Self::Back => "back",
            Self::Watching => "watching",
            Self::Reloaded => "reloaded",
        }
    }
}
