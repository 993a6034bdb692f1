//! What the Engine told, as a person would tell it: a deployment is a dozen of its events, and one here.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::inventory::told::{Deed, Told};
use crate::inventory::{ContainerId, Health, Inventory};

use super::entry::Entry;
use super::event::{About, Death, Event, Happened, entry};
use super::people::{People, Who};
use super::words::name;
use super::{MOST_OF_A_KIND, Place, Time};

/// A container that goes and another of its role that comes within this time, in whatever order, is one that was redeployed.
const DEPLOY: Duration = Duration::from_secs(60);
/// What comes again within this time is told once, and how often.
const AGAIN: Duration = Duration::from_secs(60);
/// One that is stopped, and started within this time, is restarted.
const RESTART: Duration = Duration::from_secs(5);
/// One that starts again and again is told once, while no more than this lies between.
const AGAIN_STARTED: Duration = Duration::from_secs(300);
/// The Engine gives a container its networks before it starts it, and takes them when it ends; `docker stop` asks it to end
/// ten seconds before it makes it.
const AROUND: Duration = Duration::from_secs(15);
/// Engines tell of some things twice.
const TWICE: Duration = Duration::from_secs(1);
/// So many are known again.
const MOST_HEARD: usize = 64;
/// Events about somebody who is not known yet, and how long they wait for a listing.
const MOST_WAITING: usize = 256;
const WAITS: Duration = Duration::from_secs(10);

/// When, and in which order.
pub type Stamp = (Time, u64);

/// The latest events, oldest first.
#[derive(Debug, Default)]
pub struct Events {
    kept: VecDeque<Event>,
    /// About somebody whom no listing has shown yet, or not where it is.
    waiting: VecDeque<(Told, Stamp, Time)>,
    /// The latest that were told: a stream that is taken up again begins with what was heard last.
    heard: VecDeque<Told>,
}

impl Events {
    /// Oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Event> {
        self.kept.iter()
    }

    /// As they are shown.
    pub fn entries(&self) -> impl Iterator<Item = (Place, Arc<Entry>)> {
        self.kept.iter().map(|event| (event.place, Arc::clone(&event.entry)))
    }

    /// Takes what the Engine told. True where that is told on.
    pub fn told(
        &mut self,
        told: Told,
        stamp: Stamp,
        now: Time,
        people: &mut People,
        inventory: Option<&Inventory>,
    ) -> bool {
        if told.at.is_some() {
            if self.heard.contains(&told) {
                return false;
            }
            if self.heard.len() >= MOST_HEARD {
                self.heard.pop_front();
            }
            self.heard.push_back(told.clone());
        }
        match self.understood(&told, stamp, people, inventory) {
            Some(is_news) => is_news,
            None => {
                if self.waiting.len() >= MOST_WAITING {
                    self.waiting.pop_front();
                }
                self.waiting.push_back((told, stamp, now));
                false
            }
        }
    }

    /// Takes a new picture. True where there is something to tell.
    pub fn listed(&mut self, inventory: &Inventory, now: Time, people: &mut People) -> bool {
        let mut is_news = false;
        for (told, stamp, heard) in std::mem::take(&mut self.waiting) {
            match self.understood(&told, stamp, people, Some(inventory)) {
                Some(one) => is_news |= one,
                // The listing may have been asked for before it happened.
                None if heard.at >= inventory.taken_at && now.moment.saturating_sub(heard.moment) < WAITS => {
                    self.waiting.push_back((told, stamp, heard));
                }
                None => {}
            }
        }
        is_news
    }

    /// `None` where it is not known yet whom it is about.
    fn understood(
        &mut self,
        told: &Told,
        stamp: Stamp,
        people: &mut People,
        inventory: Option<&Inventory>,
    ) -> Option<bool> {
        let network = || people.destination(told.network.as_deref()?, inventory);
        if matches!(told.deed, Deed::NetworkCreated | Deed::NetworkRemoved) {
            let created = told.deed == Deed::NetworkCreated;
            let happened = if created { Happened::NetworkCreated } else { Happened::NetworkRemoved };
            self.add(About::Network(network()?), happened, stamp);
            return Some(true);
        }
        let id = told.container.as_deref()?;
        if told.deed == Deed::Destroyed && self.is_known_to_have_gone(&ContainerId::new(id), stamp) {
            return Some(true);
        }
        let on = match told.deed {
            Deed::Connected | Deed::Disconnected => Some(network()?),
            _ => None,
        };
        let who = people.who(id, inventory)?;
        let happened = match &told.deed {
            Deed::Started => Happened::Started,
            Deed::Signalled(signal) => Happened::Signalled(signal),
            Deed::OutOfMemory => Happened::OutOfMemory,
            Deed::Died { exit_code } => Happened::Died(Death { code: *exit_code, ..Death::default() }),
            Deed::Destroyed => Happened::Removed,
            Deed::Paused => Happened::Paused,
            Deed::Unpaused => Happened::Unpaused,
            // One that has not decided yet is no news.
            Deed::Checked(Health::Starting | Health::None) => return Some(false),
            Deed::Checked(health) => Happened::Checked(*health),
            Deed::Renamed { from } => Happened::Renamed(name(from).into()),
            Deed::Connected => Happened::Connected(on?),
            Deed::Disconnected => Happened::Disconnected(on?),
            Deed::NetworkCreated | Deed::NetworkRemoved => return None,
        };
        self.add(About::Container(who), happened, stamp);
        Some(true)
    }

    /// The end of what is known to have ended is part of that.
    fn is_known_to_have_gone(&mut self, id: &ContainerId, (now, _): Stamp) -> bool {
        for event in self.kept.iter_mut().rev() {
            if !event.is_within(DEPLOY, now.moment) {
                continue;
            }
            match &mut event.happened {
                Happened::Redeployed { old, .. } if old == id => return true,
                Happened::Died(death) if event.about.is(id) => {
                    death.is_removed = true;
                    event.say();
                    return true;
                }
                _ => {}
            }
        }
        false
    }

    /// Takes what happened, and tells it with what came before it as one where it is one.
    pub fn add(&mut self, about: About, happened: Happened, stamp: Stamp) {
        let now = stamp.0.moment;
        let (about, happened) = match (about, happened) {
            (About::Container(who), Happened::Started) => self.started(who, now),
            (About::Container(who), Happened::Died(death)) => self.died(who, death, now),
            (About::Container(who), Happened::Disconnected(on)) => {
                // Its networks go with it, before or after that is told.
                let went = |event: &Event| {
                    let of_it = matches!(event.happened, Happened::Died(_)) && event.about.is(&who.id);
                    let replaced =
                        matches!(&event.happened, Happened::Redeployed { old, .. } if *old == who.id);
                    (of_it || replaced) && event.is_within(AROUND, now)
                };
                if self.kept.iter().any(went) {
                    return;
                }
                (About::Container(who), Happened::Disconnected(on))
            }
            other => other,
        };
        let is_told = |event: &Event| event.happened == happened && event.is_within(TWICE, now);
        if self.kept.iter().rfind(|event| event.about.is_same(&about)).is_some_and(is_told) {
            return;
        }
        // What comes again and again is one that came so often.
        let again = |event: &Event| {
            event.about.is_same(&about) && event.happened == happened && event.is_within(AGAIN, now)
        };
        let times = self.take(again).map_or(1, |before| before.times.saturating_add(1));
        let place = (now, stamp.1);
        let entry = Arc::new(entry(&about, &happened, times, stamp.0.at));
        let event = Event { place, at: stamp.0.at, about, happened, times, entry };
        let behind = self.kept.iter().rev().take_while(|other| other.place > place).count();
        self.kept.insert(self.kept.len() - behind, event);
        if self.kept.len() > MOST_OF_A_KIND {
            self.kept.pop_front();
        }
    }

    fn started(&mut self, who: Who, now: Duration) -> (About, Happened) {
        self.kept.retain(|event| {
            let before = matches!(event.happened, Happened::Connected(_) | Happened::Renamed(_));
            !(before && event.about.is(&who.id) && event.is_within(AROUND, now))
        });
        let ended =
            |event: &Event| matches!(event.happened, Happened::Died(_)) && event.is_within(DEPLOY, now);
        // What somebody stopped and starts again later is two things that somebody did.
        let is_one = |event: &Event| match event.happened {
            Happened::Died(Death { was_stopped: true, .. }) => event.is_within(RESTART, now),
            _ => ended(event),
        };
        if let Some(before) = self.take(|event| is_one(event) && event.about.is(&who.id))
            && let Happened::Died(death) = before.happened
        {
            let started_again = |event: &Event| {
                matches!(event.happened, Happened::Restarted { .. })
                    && event.about.is(&who.id)
                    && event.is_within(AGAIN_STARTED, now)
            };
            let times = match self.take(started_again).map(|event| event.happened) {
                Some(Happened::Restarted { times, .. }) => times.saturating_add(1),
                _ => 1,
            };
            let away = now.saturating_sub(before.place.0);
            return (About::Container(who), Happened::Restarted { death, times, away });
        }
        if let Some(before) = self.take(|event| ended(event) && event.about.is_role_of(&who)) {
            let gap = now.saturating_sub(before.place.0);
            if let About::Container(Who { id: old, .. }) = before.about {
                return (About::Container(who), Happened::Redeployed { old, gap: Some(gap) });
            }
        }
        (About::Container(who), Happened::Started)
    }

    fn died(&mut self, who: Who, mut death: Death, now: Duration) -> (About, Happened) {
        self.kept.retain(|event| {
            let of_it = event.about.is(&who.id) && event.is_within(AROUND, now);
            match event.happened {
                Happened::Signalled(_) => death.was_stopped |= of_it,
                Happened::OutOfMemory => death.of_memory |= of_it,
                Happened::Disconnected(_) => {}
                _ => return true,
            }
            !of_it
        });
        let began =
            |event: &Event| matches!(event.happened, Happened::Started) && event.is_within(DEPLOY, now);
        // Whoever came after it, and not one that it came after.
        let own = self.take(|event| began(event) && event.about.is(&who.id));
        let is_fresh = |event: &Event| own.as_ref().is_none_or(|own| event.place > own.place);
        if let Some(fresh) =
            self.take(|event| began(event) && is_fresh(event) && event.about.is_role_of(&who))
        {
            return (fresh.about, Happened::Redeployed { old: who.id, gap: None });
        }
        death.ran = own.map(|own| now.saturating_sub(own.place.0));
        (About::Container(who), Happened::Died(death))
    }

    /// Takes out the latest of which it holds.
    fn take(&mut self, holds: impl Fn(&Event) -> bool) -> Option<Event> {
        let at = self.kept.iter().rposition(holds)?;
        self.kept.remove(at)
    }
}
