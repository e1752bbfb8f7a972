//! What ESPA tells about itself, its users and their orders.

use serde_json::{Map, Value, json};

use super::item::Status;
use super::order::{Item, Order, stamp};
use super::{Call, Espa, reply};
use crate::demo::http::Response;
use crate::demo::usgs::accounts::Account;
use crate::demo::usgs::scenes::fields::opaque_id;

/// `GET /api`.
pub fn versions() -> Value {
    json!({"v0": "Version 0 of the ESPA API", "v1": "Version 1 of the ESPA API"})
}

/// `GET /api/v1`.
pub fn operations() -> Value {
    let operation = |function: &str, methods: &[&str]| json!({"function": function, "methods": methods});
    json!({
        "description": "Version 1 of the ESPA API",
        "operations": {
            "/api": operation("list versions", &["HEAD", "GET"]),
            "/api/v1": operation("list operations", &["HEAD", "GET"]),
            "/api/v1/available-products": operation("list available products", &["HEAD", "GET"]),
            "/api/v1/list-orders": operation("list orders for authenticated user", &["HEAD", "GET"]),
            "/api/v1/order": operation("place or cancel an order", &["HEAD", "GET", "POST", "PUT"]),
            "/api/v1/order-status/<ordernum>": operation("retrieve the status of an order", &["HEAD", "GET"]),
            "/api/v1/item-status/<ordernum>": operation("retrieve the status of items", &["HEAD", "GET"]),
        },
    })
}

/// `GET user`.
pub fn user(account: &Account) -> Value {
    let (first, last) = account.name;
    json!({"email": account.email, "first_name": first, "last_name": last, "roles": ["active"],
           "username": account.username})
}

/// `GET info/status`.
pub fn system_status() -> Value {
    json!({"system_message_title": "Demonstration",
           "system_message_body": "These servers run inside stacfs; nothing is ordered anywhere.",
           "display_system_message": "True"})
}

/// The columns that a list of orders can be filtered by.
const COLUMNS: [&str; 5] = ["status", "orderid", "order_source", "priority", "order_type"];

impl Espa {
    /// `GET list-orders`: JSON that is said to be HTML, in no order that means anything.
    pub(super) fn list_orders(&self, call: &Call<'_>, of: &Account) -> Response {
        let now = self.clock.now();
        let filters = match &call.body {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(filters)) => filters.clone(),
            Some(_) => return reply::crash(),
        };
        if filters.keys().any(|column| !COLUMNS.contains(&column.as_str())) {
            return reply::crash();
        }
        let wanted = |order: &Order| {
            let row = order.json(now);
            filters.iter().all(|(column, filter)| match filter {
                Value::Array(values) => values.contains(&row[column]),
                value => row[column] == *value,
            })
        };
        let mut ids: Vec<String> = self
            .orders()
            .into_iter()
            .filter(|order| order.owner == *of && wanted(order))
            .map(|order| order.id)
            .collect();
        ids.sort_by_key(|id| opaque_id(&[id]));
        Response::bytes(200, "text/html; charset=utf-8", json!(ids).to_string())
    }

    /// `GET order/<id>`.
    pub(super) fn show_order(&self, id: &str) -> Response {
        match self.order(id) {
            Some(order) => Response::json(200, &order.json(self.clock.now())),
            None => self.unknown_order(),
        }
    }

    /// `GET order-status/<id>`.
    pub(super) fn order_status(&self, id: &str) -> Response {
        match self.order(id) {
            Some(order) => {
                let status = order.status(self.clock.now()).word();
                Response::json(200, &json!({"orderid": id, "status": status}))
            }
            None => self.unknown_order(),
        }
    }

    /// `GET item-status`: the items of all orders of the user.
    pub(super) fn all_item_status(&self, call: &Call<'_>) -> Response {
        self.items_of(call, self.orders().iter().filter(|order| order.owner == call.account), None)
    }

    /// `GET item-status/<id>` and `GET item-status/<id>/<scene>`. An unknown order has no items, and is no error.
    pub(super) fn item_status(&self, call: &Call<'_>, id: &str, scene: Option<&str>) -> Response {
        self.items_of(call, self.order(id).iter(), scene)
    }

    fn items_of<'a>(
        &self,
        call: &Call<'_>,
        orders: impl Iterator<Item = &'a Order>,
        scene: Option<&str>,
    ) -> Response {
        let filters = match &call.body {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(filters)) => filters.clone(),
            Some(_) => return reply::error(400, "Invalid filters supplied"),
        };
        let scalar = |(column, value): (&String, &Value)| {
            ["status", "name"].contains(&column.as_str()) && value.is_string()
        };
        if !filters.iter().all(scalar) {
            return reply::crash();
        }
        let now = self.clock.now();
        let origin = call.request.origin();
        let wanted = |item: &Item| {
            scene.is_none_or(|scene| scene == item.name)
                && filters.get("status").is_none_or(|status| *status == item.status.word())
                && filters.get("name").is_none_or(|name| *name == item.name)
        };
        let answer: Map<String, Value> = orders
            .map(|order| {
                let items = order.items(now);
                let rows =
                    items.iter().filter(|item| wanted(item)).map(|item| item_json(order, item, &origin));
                (order.id.clone(), rows.collect())
            })
            .collect();
        Response::json(200, &Value::Object(answer))
    }

    /// How many scenes are open, of all users.
    pub(super) fn backlog(&self) -> usize {
        let now = self.clock.now();
        self.orders().iter().map(|order| order.open_scenes(now)).sum()
    }
}

/// Fields that are not set are empty texts.
fn item_json(order: &Order, item: &Item, origin: &str) -> Value {
    let stem = order.archive_stem(item).filter(|_| item.status == Status::Complete);
    let url = |extension: &str| {
        stem.as_ref()
            .map_or_else(String::new, |stem| format!("{origin}/orders/{}/{stem}.{extension}", order.id))
    };
    json!({
        "cksum_download_url": url("md5"),
        "completion_date": item.completed.map_or_else(String::new, stamp),
        "name": item.name,
        "note": item.note,
        "product_dload_url": url("tar.gz"),
        "status": item.status.word(),
    })
}
