//! Orders.

use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::item::{self, Fate, Pace, Status, Step};
use super::sensors::{Personality, sensors};
use crate::demo::usgs::accounts::Account;

/// The item that stands for the plots of an order.
pub const PLOT: &str = "plot";
/// What the plot item says where nothing was processed.
const NOTHING_TO_PLOT: &str = "No input products were available for plotting and statistics";

/// An order that was placed.
#[derive(Debug, Clone)]
pub struct Order {
    /// Its id.
    pub id: String,
    /// Who placed it.
    pub owner: Account,
    /// What was ordered, as it was checked.
    pub options: Value,
    /// When it was placed.
    pub placed: Timestamp,
    /// When it was cancelled.
    pub cancelled: Option<Timestamp>,
    /// The scenes, with what becomes of them.
    pub scenes: Vec<(String, Fate)>,
    /// How fast the server works on it.
    pub pace: Pace,
    /// How long its products stay.
    pub kept: SignedDuration,
}

/// An item, as it is at some moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The scene id, or [`PLOT`].
    pub name: String,
    /// Its state.
    pub status: Status,
    /// Why, or the server's empty note.
    pub note: String,
    /// When its row was last written: PostgreSQL moves it to the end of the table then.
    pub changed: Timestamp,
    /// When it was completed, if it is.
    pub completed: Option<Timestamp>,
}

/// The state of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the server's words")]
pub enum OrderStatus {
    Ordered,
    Complete,
    Purged,
    Cancelled,
}

impl OrderStatus {
    /// The server's word.
    pub fn word(self) -> &'static str {
        match self {
            OrderStatus::Ordered => "ordered",
            OrderStatus::Complete => "complete",
            OrderStatus::Purged => "purged",
            OrderStatus::Cancelled => "cancelled",
        }
    }
}

impl Order {
    /// The lives of all items as they would be without a cancellation; the plot comes last.
    fn lives(&self) -> Vec<(String, Vec<Step>)> {
        let mut start = self.placed;
        let mut lives = Vec::new();
        for (name, fate) in &self.scenes {
            let mut life = vec![self.row_written()];
            life.extend(item::life(start, fate, &self.pace));
            lives.push((name.clone(), life));
            start = start.saturating_add(self.pace.stagger).unwrap_or(Timestamp::MAX);
        }
        if self.options["plot_statistics"] == json!(true) {
            let plot = self.plot(&lives);
            lives.push((PLOT.into(), plot));
        }
        lives
    }

    /// What every item begins with.
    fn row_written(&self) -> Step {
        Step { at: self.placed, status: Status::Submitted, note: String::new() }
    }

    fn plot(&self, scenes: &[(String, Vec<Step>)]) -> Vec<Step> {
        let ready: Option<Vec<Timestamp>> = scenes.iter().map(|(_, life)| item::settled_at(life)).collect();
        let Some(start) = ready.and_then(|times| times.into_iter().max()) else {
            return vec![self.row_written()];
        };
        let completes = |life: &[Step]| life.last().is_some_and(|step| step.status == Status::Complete);
        let fate = if scenes.iter().any(|(_, life)| completes(life)) {
            Fate::Completes
        } else {
            Fate::Unavailable(NOTHING_TO_PLOT.into())
        };
        let mut life = vec![self.row_written()];
        life.extend(item::life(start, &fate, &self.pace));
        life
    }

    /// When every item is done with; `None`: never.
    fn completed_at(&self) -> Option<Timestamp> {
        let times: Option<Vec<Timestamp>> =
            self.lives().iter().map(|(_, life)| item::settled_at(life)).collect();
        times?.into_iter().max()
    }

    fn purged_at(&self) -> Option<Timestamp> {
        self.completed_at().map(|at| at.saturating_add(self.kept).unwrap_or(Timestamp::MAX))
    }

    /// The order's state at a moment.
    pub fn status(&self, now: Timestamp) -> OrderStatus {
        if self.cancelled.is_some() {
            OrderStatus::Cancelled
        } else if self.purged_at().is_some_and(|at| at <= now) {
            OrderStatus::Purged
        } else if self.completed_at().is_some_and(|at| at <= now) {
            OrderStatus::Complete
        } else {
            OrderStatus::Ordered
        }
    }

    /// The items at a moment, in the order of their rows: what changed last stands last.
    pub fn items(&self, now: Timestamp) -> Vec<Item> {
        let purged = self.purged_at().filter(|at| self.cancelled.is_none() && *at <= now);
        let mut items: Vec<Item> = self
            .lives()
            .into_iter()
            .filter_map(|(name, life)| {
                let life = match self.cancelled {
                    Some(at) => item::cancelled(&life, at),
                    None => life,
                };
                let step = item::state(&life, now)?.clone();
                let completed = life.iter().find(|step| step.status == Status::Complete && step.at <= now);
                let completed = completed.map(|step| step.at);
                Some(match purged {
                    Some(changed) => {
                        Item { name, status: Status::Purged, note: step.note, changed, completed }
                    }
                    None => Item { name, status: step.status, note: step.note, changed: step.at, completed },
                })
            })
            .collect();
        items.sort_by_key(|item| item.changed);
        items
    }

    /// How many items count towards the limit of open scenes.
    pub fn open_scenes(&self, now: Timestamp) -> usize {
        self.items(now).iter().filter(|item| item.status.is_open()).count()
    }

    /// The order as `GET order` shows it; a bug shows it whole to everybody.
    pub fn json(&self, now: Timestamp) -> Value {
        let completed = self.completed_at().filter(|at| self.cancelled.is_none() && *at <= now);
        json!({
            "completion_date": completed.map_or_else(String::new, stamp),
            "note": self.options.get("note").and_then(Value::as_str).unwrap_or_default(),
            "order_date": stamp(self.placed),
            "order_source": "espa",
            "order_type": "level2_ondemand",
            "orderid": self.id,
            "priority": "normal",
            "product_options": "",
            "product_opts": self.options,
            "status": self.status(now).word(),
        })
    }

    /// The products that were ordered of a scene.
    pub fn products(&self, scene: &str, personality: Personality) -> Vec<String> {
        let texts = |value: &Value| -> Vec<String> {
            value.as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect()
        };
        sensors(personality)
            .map(|sensor| &self.options[sensor.key])
            .find(|request| texts(&request["inputs"]).iter().any(|id| id == scene))
            .map_or_else(Vec::new, |request| texts(&request["products"]))
    }

    /// The name of an item's archive without its extensions: sensor, place, day, tier, and when it was made.
    pub fn archive_stem(&self, item: &Item) -> Option<String> {
        let made = local(item.completed?).strftime("%Y%m%d%H%M%S");
        if item.name == PLOT {
            return Some(format!("{}-statistics", self.id));
        }
        let parts: Vec<&str> = item.name.split('_').collect();
        match parts[..] {
            [sensor, _, place, day, _, collection, tier] => {
                Some(format!("{sensor}{place}{day}{collection}{tier}-SC{made}"))
            }
            _ => Some(format!("{}-SC{made}", item.name.replace('.', ""))),
        }
    }
}

/// The server's clock shows the time of Sioux Falls, without saying so.
fn local(at: Timestamp) -> jiff::Zoned {
    at.to_zoned(TimeZone::fixed(Offset::constant(-6)))
}

/// `2026-11-20 20:44:30.782717`: no zone, a space.
pub fn stamp(at: Timestamp) -> String {
    local(at).strftime("%Y-%m-%d %H:%M:%S.%6f").to_string()
}

/// The id of an order that is placed now.
pub fn order_id(account: &Account, at: Timestamp) -> String {
    format!("espa-{}-{}", account.email, local(at).strftime("%m%d%Y-%H%M%S-%3f"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::usgs::accounts::DEMO;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn order(fates: &[(&str, Fate)], plots: bool) -> Order {
        Order {
            id: "o".into(),
            owner: DEMO,
            options: json!({"plot_statistics": plots}),
            placed: at("2026-11-20T12:00:00Z"),
            cancelled: None,
            scenes: fates.iter().map(|(name, fate)| ((*name).to_owned(), fate.clone())).collect(),
            pace: Pace::REAL,
            kept: SignedDuration::from_hours(240),
        }
    }

    #[test]
    fn ids_and_stamps_are_in_local_time() {
        let now = at("2026-11-21T02:44:29.431616Z");
        assert_eq!(order_id(&DEMO, now), "espa-demo@stacfs.example-11202026-204429-431");
        assert_eq!(stamp(now), "2026-11-20 20:44:29.431616");
    }

    #[test]
    fn an_order_completes_with_unavailable_items_but_not_with_failed_ones() {
        let late = at("2026-11-20T18:00:00Z");
        let mixed = order(&[("A", Fate::Completes), ("B", Fate::Unavailable("night".into()))], false);
        assert_eq!(mixed.status(late), OrderStatus::Complete);
        assert_eq!(mixed.json(late)["status"], "complete");
        let failed = order(&[("A", Fate::Completes), ("B", Fate::Fails("x".into()))], false);
        assert_eq!(failed.status(late), OrderStatus::Ordered);
        assert_eq!(mixed.status(at("2026-12-20T00:00:00Z")), OrderStatus::Purged);
        assert!(mixed.items(at("2026-12-20T00:00:00Z")).iter().all(|item| item.status == Status::Purged));
    }

    #[test]
    fn rows_move_to_the_end_when_they_change() {
        let two = order(&[("A", Fate::Completes), ("B", Fate::Stalls), ("C", Fate::Completes)], false);
        let names =
            |now: &str| -> Vec<String> { two.items(at(now)).into_iter().map(|item| item.name).collect() };
        assert_eq!(names("2026-11-20T12:01:30Z"), ["A", "B", "C"]);
        assert_eq!(names("2026-11-20T18:00:00Z"), ["B", "A", "C"]);
    }

    #[test]
    fn plots_come_last() {
        let plotted = order(&[("A", Fate::Completes)], true);
        let plot = |now: &str| plotted.items(at(now)).into_iter().find(|item| item.name == PLOT).unwrap();
        assert_eq!(plot("2026-11-20T12:09:00Z").status, Status::Submitted);
        assert_eq!(plot("2026-11-20T12:20:00Z").status, Status::Complete);
        assert_eq!(plotted.archive_stem(&plot("2026-11-20T12:20:00Z")).unwrap(), "o-statistics");
        let empty = order(&[("A", Fate::Unavailable("night".into()))], true);
        let items = empty.items(at("2026-11-20T13:00:00Z"));
        assert_eq!(items.iter().find(|item| item.name == PLOT).unwrap().note, NOTHING_TO_PLOT);
    }
}
