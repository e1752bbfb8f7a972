//! The embedded ESPA server: `/api/v1/…` with HTTP Basic, and the products of orders under `/orders/…` without.
//!
//! In: requests, GETs with bodies among them. Out: the answers of the real server, its crashes included. The life
//! of an order follows the clock; see [`Quirks`] for what becomes of whom.

mod item;
mod order;
mod product;
mod projections;
mod python;
mod quirks;
mod region;
mod reply;
mod reports;
mod sensors;
mod validate;

pub use item::{Fate, Pace, Status};
pub use order::{Item, Order, OrderStatus};
pub use product::{BOMB, Flaw};
pub use quirks::{Closed, Quirks};
pub use sensors::Personality;

use std::sync::{Arc, Mutex, MutexGuard};

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::accounts::{self, Account};
use super::clock::Clock;
use super::scenes::Archive;
use crate::demo::http::{Content, Request, Response, Service, Slice, answer_content, lock};
use validate::Refusal;

/// The server's memory, and what it was told to do wrong.
pub struct Espa {
    archive: Arc<Archive>,
    clock: Arc<Clock>,
    quirks: Mutex<Quirks>,
    orders: Mutex<Vec<Order>>,
}

/// One request that was let in.
struct Call<'a> {
    account: Account,
    request: &'a Request,
    /// The JSON of the body; `None` where there is none or it cannot be read.
    body: Option<Value>,
}

impl Espa {
    /// A server over an archive.
    pub fn new(archive: Arc<Archive>, clock: Arc<Clock>) -> Espa {
        Espa { archive, clock, quirks: Mutex::default(), orders: Mutex::default() }
    }

    /// What goes wrong; to be changed by tests.
    pub fn quirks(&self) -> MutexGuard<'_, Quirks> {
        lock(&self.quirks)
    }

    /// All orders, as they were placed.
    pub fn orders(&self) -> Vec<Order> {
        lock(&self.orders).clone()
    }

    fn order(&self, id: &str) -> Option<Order> {
        lock(&self.orders).iter().find(|order| order.id == id).cloned()
    }

    /// Who asks, or why they do not get in.
    fn admitted(&self, request: &Request) -> Result<Account, Response> {
        match self.quirks().closed {
            Closed::Open => {}
            Closed::RegistrationDown => return Err(reply::warning(503, "ERS connection failed")),
            Closed::DatabaseDown => return Err(reply::warning(503, "Database connection failed")),
            Closed::Blacklisted => return Err(reply::error(403, "Access Denied")),
        }
        let (username, password) = request.basic_auth().unwrap_or_default();
        accounts::by_password(&username, &password).ok_or_else(reply::unauthorised)
    }

    fn api(&self, request: &Request) -> Response {
        let account = match self.admitted(request) {
            Ok(account) => account,
            Err(refused) => return refused,
        };
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let slash = request.path().ends_with('/');
        let body = serde_json::from_slice(&request.body).ok();
        let call = Call { account, request, body };
        let (version, rest) = match &segments[..] {
            ["api"] => return on_get(&call, |_| Response::json(200, &reports::versions())),
            ["api", version, rest @ ..] => (*version, rest),
            _ => return not_found(request),
        };
        if !["v0", "v1"].contains(&version) {
            return reply::error(404, format!("Invalid API version {}", version.trim_start_matches('v')));
        }
        match (rest, slash) {
            ([], _) => on_get(&call, |_| Response::json(200, &reports::operations())),
            (["user"], _) => on_get(&call, |call| Response::json(200, &reports::user(&call.account))),
            (["available-products"], _) => on_get(&call, |call| self.available_products(call)),
            (["available-products", id], _) => on_get(&call, |_| self.available(&[(*id).to_owned()])),
            (["projections"], false) => on_get(&call, |_| Response::json(200, &projections::projections())),
            (["formats"], false) => on_get(&call, |_| Response::json(200, &projections::formats())),
            (["resampling-methods"], false) => {
                on_get(&call, |_| Response::json(200, &projections::resampling_methods()))
            }
            (["order-schema"], false) => {
                let personality = self.quirks().personality;
                on_get(&call, |_| Response::json(200, &projections::order_schema(personality)))
            }
            (["product-groups"], false) => {
                on_get(&call, |_| Response::json(200, &projections::product_groups()))
            }
            (["list-orders"], _) => on_get(&call, |call| self.list_orders(call, &call.account)),
            (["list-orders", name], _) => on_get(&call, |call| match accounts::by_name(name) {
                Some(account) => self.list_orders(call, &account),
                None => reply::warning(200, format!("Username/email {name} not found")),
            }),
            (["order"], _) => self.on_order(&call),
            (["order", id], _) => on_get(&call, |_| self.show_order(id)),
            (["order-status", id], _) => on_get(&call, |_| self.order_status(id)),
            (["item-status"], _) => on_get(&call, |call| self.all_item_status(call)),
            (["item-status", id], _) => on_get(&call, |call| self.item_status(call, id, None)),
            (["item-status", id, scene], _) => on_get(&call, |call| self.item_status(call, id, Some(scene))),
            (["info", "status"], _) => on_get(&call, |_| Response::json(200, &reports::system_status())),
            (["info", "backlog"], _) => on_get(&call, |_| Response::json(200, &json!(self.backlog()))),
            _ => not_found(request),
        }
    }

    fn available_products(&self, call: &Call<'_>) -> Response {
        let inputs =
            call.body.as_ref().and_then(|body| body.get("inputs")).filter(|inputs| !inputs.is_null());
        let Some(inputs) = inputs else { return reply::error(400, "No input products supplied") };
        let ids: Vec<String> = match inputs {
            Value::Array(ids) => {
                ids.iter().map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned)).collect()
            }
            one => vec![one.as_str().unwrap_or_default().to_owned()],
        };
        self.available(&ids)
    }

    fn available(&self, ids: &[String]) -> Response {
        let quirks = self.quirks();
        if quirks.regrets {
            let words = "there's been a problem retrieving your information. admins have been notified";
            return Response::json(200, &json!({"msg": words}));
        }
        Response::json(200, &sensors::available(quirks.personality, ids, &quirks.restricted_sensors))
    }

    fn on_order(&self, call: &Call<'_>) -> Response {
        match call.request.method.as_str() {
            "GET" => match call.body.as_ref().and_then(|body| body["orderid"].as_str()) {
                Some(id) => self.show_order(id),
                None => reply::error(400, "No orderid supplied"),
            },
            "POST" => self.place(call),
            "PUT" => self.cancel(call),
            _ => reply::not_allowed(),
        }
    }

    /// `POST order`.
    fn place(&self, call: &Call<'_>) -> Response {
        let body = match &call.body {
            None => return reply::error(400, "Could not parse request into JSON"),
            Some(Value::Null) => return reply::error(400, "Could not parse request into JSON"),
            Some(Value::Object(members)) if members.is_empty() => {
                return reply::error(400, "Must supply order JSON");
            }
            Some(body) => body.clone(),
        };
        let quirks = self.quirks().clone();
        let options = match validate::checked(quirks.personality, validate::lowered(body)) {
            Ok(options) => options,
            Err(Refusal::Crash) => return reply::crash(),
            Err(Refusal::Invalid(words)) => {
                let count = format!("{} validation errors", words.len());
                return reply::errors(400, vec![json!({ count: words })]);
            }
        };
        let scenes = ordered_scenes(quirks.personality, &options);
        let mut orders = lock(&self.orders);
        let now = self.clock.now();
        if let Some(refused) = over_limit(&orders, &call.account, scenes.len(), now, &quirks) {
            return refused;
        }
        if quirks.inventory_down {
            return reply::warning(400, "Could not connect to data source");
        }
        let absent: Vec<&String> = scenes.iter().filter(|id| !self.holds(id, &quirks)).collect();
        if !absent.is_empty() {
            return reply::errors(400, vec![json!({"Inputs Not Available": absent})]);
        }
        if options["note"].as_str().is_some_and(|note| note.chars().count() > LONGEST_NOTE) {
            return reply::crash();
        }
        // Ids count milliseconds: a second order in the same one waits for the next.
        let mut placed = now;
        while orders.iter().any(|order| order.id == order::order_id(&call.account, placed)) {
            placed = placed.saturating_add(SignedDuration::from_millis(1)).unwrap_or(now);
        }
        let fate = |id: String| (id.clone(), quirks.fates.get(&id).cloned().unwrap_or_default());
        let order = Order {
            id: order::order_id(&call.account, placed),
            owner: call.account,
            options,
            placed,
            cancelled: None,
            scenes: scenes.into_iter().map(fate).collect(),
            pace: quirks.pace,
            kept: quirks.kept,
        };
        let answer = json!({"orderid": order.id, "status": "ordered"});
        orders.push(order);
        Response::json(201, &answer)
    }

    /// Whether the archive has a scene. Of MODIS and VIIRS it has everything.
    fn holds(&self, id: &str, quirks: &Quirks) -> bool {
        let landsat = sensors::sensor_of(quirks.personality, id).is_some_and(sensors::Sensor::is_landsat);
        !quirks.missing.contains(id) && (!landsat || self.archive.by_display_id(id).is_some())
    }

    /// `PUT order`.
    fn cancel(&self, call: &Call<'_>) -> Response {
        let Some(body) = &call.body else { return reply::not_understood() };
        let Some(id) = body["orderid"].as_str() else { return reply::error(400, "No orderid supplied") };
        if body["status"] != "cancelled" {
            return reply::error(400, "Invalid status supplied");
        }
        let mut orders = lock(&self.orders);
        let now = self.clock.now();
        let Some(order) = orders.iter_mut().find(|order| order.id == id) else { return self.unknown_order() };
        if order.owner != call.account {
            let user = call.account.username;
            return reply::error(403, format!("User {user} is not allowed to cancel order {id}"));
        }
        let status = order.status(now);
        if status != OrderStatus::Ordered {
            return reply::error(400, format!("Order {id} is already in a \"{}\" state", status.word()));
        }
        order.cancelled = Some(now);
        Response::json(202, &json!({"orderid": id, "status": "cancelled"}))
    }

    fn unknown_order(&self) -> Response {
        if self.quirks().unknown_orders_are_warned_of {
            reply::warning(200, "No results found.")
        } else {
            reply::crash()
        }
    }

    /// `/orders/<id>/<file>`: a product or its checksum, for everybody.
    fn product(&self, request: &Request, id: &str, file: &str) -> Response {
        let gone = || Response::html(404, "<html><body><h1>404 Not Found</h1></body></html>");
        let (now, quirks) = (self.clock.now(), self.quirks().clone());
        let Some(order) = self.order(id) else { return gone() };
        let complete = order.items(now).into_iter().filter(|item| item.status == Status::Complete);
        for item in complete {
            let Some(stem) = order.archive_stem(&item) else { continue };
            let archive_name = format!("{stem}.tar.gz");
            let flaw = quirks.flaws.get(&item.name).copied().unwrap_or_default();
            let archive = || product::archive(&self.archive, quirks.personality, &order, &item, flaw);
            let (bytes, media_type) = if file == archive_name {
                (archive(), "application/x-gzip")
            } else if file == format!("{stem}.md5") {
                (product::md5_file(&archive_name, &archive(), flaw).into_bytes(), "text/plain")
            } else {
                continue;
            };
            let content = Content {
                bytes: Arc::new(Slice(bytes)),
                media_type: media_type.to_owned(),
                etag: None,
                last_modified: item.completed,
            };
            return answer_content(request, &content);
        }
        gone()
    }
}

/// Longer notes do not fit into the database.
const LONGEST_NOTE: usize = 2048;

/// The ids of an order that was checked.
fn ordered_scenes(personality: Personality, options: &Value) -> Vec<String> {
    let keys = sensors::sensors(personality).map(|sensor| &options[sensor.key]["inputs"]);
    let ids = keys.filter_map(Value::as_array).flatten();
    ids.filter_map(|id| id.as_str().map(str::to_owned)).collect()
}

/// The refusal of an order that would open too many scenes. Only looked at for users who have an order open.
fn over_limit(
    orders: &[Order],
    account: &Account,
    more: usize,
    now: jiff::Timestamp,
    quirks: &Quirks,
) -> Option<Response> {
    let open =
        orders.iter().filter(|order| order.owner == *account && order.status(now) == OrderStatus::Ordered);
    let counts: Vec<usize> = open.map(|order| order.open_scenes(now)).collect();
    if counts.is_empty() && quirks.open_scenes_elsewhere == 0 {
        return None;
    }
    let total = counts.iter().sum::<usize>() + quirks.open_scenes_elsewhere + more;
    let limit = quirks.open_scene_limit;
    (total > limit).then(|| {
        let excess = total - limit;
        reply::error(
            400,
            format!(
                "Order will exceed open scene limit of {limit}, please reduce number of ordered scenes by {excess}"
            ),
        )
    })
}

fn on_get(call: &Call<'_>, answer: impl FnOnce(&Call<'_>) -> Response) -> Response {
    match call.request.method.as_str() {
        "GET" | "HEAD" => answer(call),
        "POST" | "PUT" => reply::wrong_verb("GET"),
        _ => reply::not_allowed(),
    }
}

fn not_found(request: &Request) -> Response {
    reply::error(404, format!("{} not found on the server", request.path()))
}

impl Service for Espa {
    fn answer(&self, request: &Request) -> Response {
        let segments = request.segments();
        match segments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["orders", id, file] => self.product(request, id, file),
            ["api", ..] => self.api(request),
            _ => not_found(request),
        }
    }
}

#[cfg(test)]
mod tests;
