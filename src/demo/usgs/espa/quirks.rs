//! What can be made to go wrong at ESPA, beyond the faults of the HTTP server.

use std::collections::{HashMap, HashSet};

use jiff::SignedDuration;

use super::item::{Fate, Pace};
use super::product::Flaw;
use super::sensors::Personality;

/// The switches of the ESPA server.
#[derive(Debug, Clone, PartialEq)]
pub struct Quirks {
    /// Which collection it processes.
    pub personality: Personality,
    /// Why nobody gets in.
    pub closed: Closed,
    /// The inventory cannot be asked, so that no order can be placed.
    pub inventory_down: bool,
    /// `available-products` answers 200 and words of regret.
    pub regrets: bool,
    /// Unknown orders are answered as the source means it: 200 and a warning, not 500.
    pub unknown_orders_are_warned_of: bool,
    /// How many scenes a user may have open.
    pub open_scene_limit: usize,
    /// So many scenes are open that no order here shows.
    pub open_scenes_elsewhere: usize,
    /// Product ids, in capitals, that the archive does not have.
    pub missing: HashSet<String>,
    /// Sensors that cannot be ordered just now.
    pub restricted_sensors: Vec<String>,
    /// What becomes of scenes, by product id in capitals. Taken when an order is placed.
    pub fates: HashMap<String, Fate>,
    /// What is wrong with archives, by product id in capitals.
    pub flaws: HashMap<String, Flaw>,
    /// How fast orders are worked on. Taken when an order is placed.
    pub pace: Pace,
    /// How long products stay. Taken when an order is placed.
    pub kept: SignedDuration,
}

/// Why the server lets nobody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// It does let people in.
    Open,
    /// The registration service is down: 503.
    RegistrationDown,
    /// The database is down: 503.
    DatabaseDown,
    /// The address is on the black list: 403.
    Blacklisted,
}

impl Default for Quirks {
    fn default() -> Quirks {
        Quirks {
            personality: Personality::Collection2,
            closed: Closed::Open,
            inventory_down: false,
            regrets: false,
            unknown_orders_are_warned_of: false,
            open_scene_limit: 10_000,
            open_scenes_elsewhere: 0,
            missing: HashSet::new(),
            restricted_sensors: Vec::new(),
            fates: HashMap::new(),
            flaws: HashMap::new(),
            pace: Pace::REAL,
            kept: SignedDuration::from_hours(10 * 24),
        }
    }
}
