//! Collections and scenes, page by page.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::archive::Archive;
use super::dataset;
use super::envelope::{members, number};
use super::plan::{Branch, Order, Plan, Said, from_day};
use crate::catalog::{Depth, Error, Page, Pages, Search};
use crate::item::{Collection, Item};
use crate::query::{self, Evaluator, in_order, suggest};

/// All datasets, in one page.
pub struct Listed {
    archive: Arc<Archive>,
    given: bool,
}

impl Listed {
    pub fn new(archive: Arc<Archive>) -> Listed {
        Listed { archive, given: false }
    }
}

impl Pages<Collection> for Listed {
    fn next_page(&mut self) -> Result<Option<Page<Collection>>, Error> {
        if self.given {
            return Ok(None);
        }
        let datasets = self.archive.datasets()?;
        self.given = true;
        let members: Vec<Collection> = datasets.iter().filter_map(dataset::collection).collect();
        let scanned = datasets.len() as u64;
        Ok(Some(Page { members, matched: Some(scanned), scanned, depth: Depth::Whole }))
    }
}

/// The scenes that meet a search.
pub struct ScenePages {
    archive: Arc<Archive>,
    search: Search,
    evaluator: Evaluator,
    plan: Option<Arc<Plan>>,
    /// Branches that are left, the one under way in front.
    left: VecDeque<Branch>,
    /// Where the branch in front goes on, from 1.
    start: u64,
    /// When the first page came.
    since: Option<Timestamp>,
    /// The day of the last scene of the branch in front, while its days come in order.
    last_day: Option<Date>,
    in_order: bool,
    seen: HashSet<String>,
    found: u64,
    checked: bool,
    /// Scenes that wait to be sorted, and how many were read for that.
    gathered: Vec<Item>,
    scanned: u64,
    /// A page that came, and is not whole yet.
    pending: Option<Page<Item>>,
    /// Why there is no way on.
    stuck: Option<Error>,
}

impl ScenePages {
    /// Makes no request.
    pub fn new(archive: Arc<Archive>, search: Search, evaluator: Evaluator) -> ScenePages {
        ScenePages {
            archive,
            search,
            evaluator,
            plan: None,
            left: VecDeque::new(),
            start: 1,
            since: None,
            last_day: None,
            in_order: true,
            seen: HashSet::new(),
            found: 0,
            checked: false,
            gathered: Vec::new(),
            scanned: 0,
            pending: None,
            stuck: None,
        }
    }

    fn plan(&mut self) -> Result<Arc<Plan>, Error> {
        if let Some(plan) = &self.plan {
            return Ok(Arc::clone(plan));
        }
        let plan = Arc::new(Plan::of(&self.archive, &self.search)?);
        if !plan.here.is_empty() {
            let words = format!("done here, on all scenes that M2M returns: {}", plan.here.join(", "));
            self.archive.report().note(&format!("{}: search", self.archive.settings().name), &words);
        }
        self.left = plan.branches.iter().cloned().collect();
        self.plan = Some(Arc::clone(&plan));
        Ok(plan)
    }

    /// The next page as M2M gives it, without those that do not match. `None` after the last.
    fn step(&mut self, plan: &Plan) -> Result<Option<Page<Item>>, Error> {
        if let Some(error) = &self.stuck {
            return Err(error.clone());
        }
        match self.left.front().cloned() {
            None => Ok(None),
            Some(Branch::Named(ids)) => {
                // Asked for one by one: a page of them would take as long as all.
                let Some((first, rest)) = ids.split_first() else {
                    self.left.pop_front();
                    return self.step(plan);
                };
                let scene = self.archive.scene(&plan.dataset, first)?;
                self.left[0] = Branch::Named(rest.to_vec());
                let scanned = u64::from(scene.is_some());
                Ok(Some(self.sifted(scene.into_iter().collect(), None, scanned)))
            }
            Some(Branch::Filter(filter)) => self.page(plan, &filter).map(Some),
        }
    }

    fn page(&mut self, plan: &Plan, filter: &Map<String, Value>) -> Result<Page<Item>, Error> {
        let settings = self.archive.settings();
        let size = match plan.said {
            Said::Roughly => settings.page_size,
            Said::Exactly | Said::Nearly => self.archive.page_size(&self.search),
        };
        let size = size.min(settings.window + 1 - self.start).max(1);
        let (answer, came) = self.archive.page(&plan.request(filter, self.start, size), self.since)?;
        self.since.get_or_insert(came);
        self.archive.report().counters.pages.add(1);
        let returned = members(&answer, "results").count() as u64;
        let total = answer.get("totalHits").and_then(number).unwrap_or(0.0) as u64;
        let exact = answer.get("totalHitsAccuracy").is_none_or(|accuracy| accuracy != "approximate");
        let scenes: Vec<Item> =
            members(&answer, "results").filter_map(|found| self.archive.met(&plan.dataset, found)).collect();
        self.follow_days(plan, &scenes);
        let next = self.start + returned;
        // An approximate total is of yesterday: a full page may have others behind it whatever it says.
        let is_last = next > total && (exact || returned < size);
        if returned == 0 || is_last {
            self.begin(None);
        } else if next > self.archive.settings().window {
            self.beyond(plan, filter);
        } else {
            self.start = next;
        }
        let alone = plan.said == Said::Exactly && plan.branches.len() == 1 && exact;
        Ok(self.sifted(scenes, alone.then_some(total), returned))
    }

    /// Notes the day of the last scene, and whether days come in order.
    fn follow_days(&mut self, plan: &Plan, scenes: &[Item]) {
        for scene in scenes {
            let day = scene.day_instant().map(|at| at.to_zoned(TimeZone::UTC).date());
            let on = match (self.last_day, day) {
                (Some(before), Some(day)) if plan.sort.direction == "ASC" => before <= day,
                (Some(before), Some(day)) => before >= day,
                (None, Some(_)) => true,
                (_, None) => false,
            };
            self.in_order &= on;
            self.last_day = day;
        }
    }

    /// Beyond the window a search goes on as one from the last day on; what that day gives twice is left out.
    fn beyond(&mut self, plan: &Plan, filter: &Map<String, Value>) {
        let by_day = plan.sort.field == "acquisitionDate" && self.in_order;
        let onward = self.last_day.filter(|_| by_day).map(|day| from_day(filter, plan.sort, day));
        match onward.filter(|onward| onward != filter) {
            Some(onward) => self.begin(Some(onward)),
            None => {
                let most = self.archive.settings().window;
                self.stuck = Some(Error::Limit {
                    what: "scene-search".into(),
                    why: format!(
                        "M2M gives no more than {most} scenes of one search; narrow it, for example by datetime="
                    ),
                });
            }
        }
    }

    /// Ends the branch in front; `onward` takes its place.
    fn begin(&mut self, onward: Option<Map<String, Value>>) {
        self.left.pop_front();
        if let Some(onward) = onward {
            self.left.push_front(Branch::Filter(onward));
        }
        (self.start, self.last_day, self.in_order) = (1, None, true);
    }

    /// Scenes that match and were not given before.
    fn sifted(&mut self, scenes: Vec<Item>, matched: Option<u64>, scanned: u64) -> Page<Item> {
        let mut fresh = |item: &Item| self.evaluator.matches(item) && self.seen.insert(item.id().to_owned());
        let members: Vec<Item> = scenes.into_iter().filter(|item| fresh(item)).collect();
        self.found += members.len() as u64;
        Page { members, matched, scanned, depth: Depth::Outline }
    }

    /// All scenes in the order wanted, in one page.
    fn sorted(&mut self, plan: &Plan) -> Result<Option<Page<Item>>, Error> {
        let most = self.archive.settings().max_scan;
        // What was gathered before an error stays: the next call goes on there.
        while let Some(page) = self.step(plan)? {
            self.scanned += page.scanned;
            self.gathered.extend(page.members);
            if self.scanned > most {
                return Err(Error::Limit {
                    what: "sorting".into(),
                    why: format!(
                        "more than {most} scenes would have to be read to sort them here; narrow the search, or raise \
                         max_scan in the configuration"
                    ),
                });
            }
        }
        let mut members = std::mem::take(&mut self.gathered);
        if members.is_empty() {
            return Ok(None);
        }
        members.sort_by(|a, b| in_order(&self.search.sortby, a, b));
        let scanned = std::mem::take(&mut self.scanned);
        Ok(Some(Page { members, matched: None, scanned, depth: Depth::Outline }))
    }

    /// A search that found nothing may only be misspelt: EINVAL where it names a property that no scene has.
    fn check_names(&mut self, plan: &Plan) -> Result<(), Error> {
        let named = self.search.query.properties();
        if self.found > 0 || self.checked || named.is_empty() {
            return Ok(());
        }
        let mut known: HashSet<String> =
            self.archive.fields(&plan.dataset)?.queryables().into_keys().collect();
        if let Some(sample) = self.archive.sample(&plan.dataset)?.as_ref() {
            let properties = sample.feature().get("properties").and_then(Value::as_object);
            known.extend(properties.into_iter().flatten().map(|(name, _)| name.clone()));
        } else {
            // No scene to look at: nothing speaks against a name.
            return Ok(());
        }
        self.checked = true;
        let Some(name) = named.iter().find(|name| !known.contains(*name)) else { return Ok(()) };
        let segment = self.search.query.segments().into_iter().find(|s| s.contains(name.as_str()));
        Err(Error::Query(query::Error {
            segment: segment.unwrap_or_default(),
            why: format!("no scene of {} is known to have a property {name}", plan.dataset),
            hint: suggest(name, known.iter().map(String::as_str)).map(|near| format!("did you mean {near}?")),
        }))
    }
}

impl Pages<Item> for ScenePages {
    fn next_page(&mut self) -> Result<Option<Page<Item>>, Error> {
        let plan = self.plan()?;
        let page = match (self.pending.take(), plan.order) {
            (Some(page), _) => Some(page),
            (None, Order::There) => self.step(&plan)?,
            (None, Order::Here) => self.sorted(&plan)?,
        };
        let Some(page) = page else {
            self.check_names(&plan)?;
            return Ok(None);
        };
        if self.search.depth == Depth::Outline {
            return Ok(Some(page));
        }
        match self.archive.complete(&plan.dataset, page.members.clone()) {
            Ok(members) => Ok(Some(Page { members, depth: Depth::Whole, ..page })),
            Err(error) => {
                // An error moves nothing: the next call goes on with this page.
                self.pending = Some(page);
                Err(error)
            }
        }
    }
}
