//! Downloads: asking for them, waiting for them, and taking them off the queue.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::failure::{Failure, Outcome};
use super::ware::{Mismatch, Ware, What};
use super::{Call, M2m, input};
use crate::demo::usgs::downloads::ticket;
use crate::demo::usgs::files;
use crate::demo::usgs::scenes::Archive;

/// Labels may be this long.
const LONGEST_LABEL: usize = 50;

/// A download that somebody asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Download {
    /// `downloadId`.
    pub id: u64,
    /// The user who asked.
    pub owner: &'static str,
    /// The number of that user in URLs.
    pub contact: u32,
    /// The label that it was asked for under.
    pub label: String,
    /// What it is.
    pub ware: Ware,
    /// When it was asked for.
    pub requested: Timestamp,
    /// How many polls of its label pass until it is available.
    pub polls_left: u32,
    /// Whether bytes of it were asked for.
    pub fetched: bool,
}

impl Download {
    /// Whether its URL can be used.
    pub fn is_available(&self) -> bool {
        self.polls_left == 0
    }
}

/// What one `download-request` asks for.
struct Wish {
    entity: String,
    product: String,
    label: String,
}

impl M2m {
    /// `download-request`.
    pub(super) fn download_request(&self, call: &Call) -> Outcome {
        let account =
            call.account.ok_or_else(|| Failure::new("AUTH_KEY_INVALID", "API key was not provided"))?;
        let wishes = self.wishes(call)?;
        let quirks = self.quirks().clone();
        self.forget_expired();
        self.check_quota(account.username, wishes.len())?;
        let (mut available, mut preparing, mut failed) = (Vec::new(), Vec::new(), Vec::new());
        let (mut new, mut duplicates, mut invalid) = (Map::new(), Map::new(), 0);
        for Wish { entity, product, label } in wishes {
            let ware = match Ware::named(&self.archive, &entity, &product) {
                Ok(ware) => ware,
                Err(Mismatch::ParentOfPart) => {
                    invalid += 1;
                    continue;
                }
                Err(Mismatch::Unknown) => {
                    failed.push(failure(&entity, &product, "Product is not available for this scene"));
                    continue;
                }
            };
            if quirks.failing.contains(&ware.scene) {
                failed.push(failure(&entity, &product, DISABLED));
                continue;
            }
            if quirks.unavailable.contains(&ware.scene) {
                failed.push(failure(
                    &entity,
                    &product,
                    "Product must be ordered before it can be downloaded",
                ));
                continue;
            }
            let mut state = self.state();
            let live = state.downloads.iter().find(|old| old.owner == account.username && old.ware == ware);
            if let Some(old) = live {
                duplicates.insert(old.id.to_string(), json!(old.label));
                continue;
            }
            let download = Download {
                id: 550_752_861 + state.requests * 1000 + new.len() as u64,
                owner: account.username,
                contact: account.contact,
                label,
                ware,
                requested: self.clock.now(),
                polls_left: quirks.staging_polls,
                fetched: false,
            };
            new.insert(download.id.to_string(), json!(download.label));
            let row = json!({"downloadId": download.id, "eulaCode": quirks.eula, "entityId": entity, "url": self.url(&download)});
            if download.is_available() {
                available.push(row)
            } else {
                preparing.push(row)
            }
            state.downloads.push(download);
        }
        Ok(json!({
            "availableDownloads": available,
            "preparingDownloads": preparing,
            "failed": failed,
            "newRecords": php(new),
            "duplicateProducts": php(duplicates),
            "numInvalidScenes": invalid,
            "remainingLimits": self.remaining_limits(account.username),
        }))
    }

    /// What a request asks for, by `downloads` and by `dataGroups`.
    fn wishes(&self, call: &Call) -> Result<Vec<Wish>, Failure> {
        let common = input::text(&call.input, "label");
        let labelled = |own: Option<String>| {
            let label =
                own.or_else(|| common.clone()).unwrap_or_else(|| self.clock.now().as_second().to_string());
            (label.len() <= LONGEST_LABEL).then_some(label).ok_or_else(|| Failure::invalid("label"))
        };
        let array = |member| call.input.get(member).and_then(Value::as_array);
        let mut wishes = Vec::new();
        for wish in array("downloads").into_iter().flatten() {
            wishes.push(Wish {
                entity: input::required_text(wish, "entityId")?,
                product: input::required_text(wish, "productId")?,
                label: labelled(input::text(wish, "label"))?,
            });
        }
        for group in array("dataGroups").into_iter().flatten() {
            let label = labelled(input::text(group, "label"))?;
            let list = input::required_text(group, "listId")?;
            let dataset = self.dataset_of(group)?;
            let bands = dataset.band_files().ok_or_else(|| Failure::invalid("dataGroups"))?;
            let entries =
                self.state().lists.get(&(call.user().to_owned(), list)).cloned().unwrap_or_default();
            for (_, entity) in entries.iter().filter(|(name, _)| name == dataset.alias) {
                let Some(scene) = self.archive.by_entity(dataset, entity) else { continue };
                wishes.extend(files::parts_of(&scene).map(|part| Wish {
                    entity: part.entity_id(&scene),
                    product: part.product_id(bands),
                    label: label.clone(),
                }));
            }
        }
        if array("downloads").is_none() && array("dataGroups").is_none() {
            return Err(Failure::required("downloads"));
        }
        Ok(wishes)
    }

    /// `download-eula`: the terms of agreements.
    pub(super) fn download_eula(&self, call: &Call) -> Outcome {
        let asked = call.input.get("eulaCodes").and_then(Value::as_array).into_iter().flatten();
        let known = asked.filter(|code| self.quirks().eula.is_some_and(|own| *code == own));
        let terms = "These data are subject to the terms of the license.\n\nYou must agree to proceed.\n";
        Ok(known.map(|code| json!({"eulaCode": code, "agreementContent": terms})).collect())
    }

    /// `download-retrieve`: what of a label is available, and what is still being prepared.
    pub(super) fn download_retrieve(&self, call: &Call) -> Outcome {
        self.forget_expired();
        let label = input::text(&call.input, "label");
        let mut state = self.state();
        let of_label = |download: &&mut Download| {
            download.owner == call.user() && label.as_deref().is_none_or(|label| label == download.label)
        };
        let (mut available, mut requested) = (Vec::new(), Vec::new());
        for download in state.downloads.iter_mut().filter(of_label) {
            download.polls_left = download.polls_left.saturating_sub(1);
            let row = self.download_json(download);
            if download.is_available() { available.push(row) } else { requested.push(row) }
        }
        Ok(json!({"eulas": [], "available": available, "queueSize": requested.len(), "requested": requested}))
    }

    /// `download-search`.
    pub(super) fn download_search(&self, call: &Call) -> Outcome {
        self.forget_expired();
        let label = input::text(&call.input, "label");
        let active_only = input::truth(&call.input, "activeOnly");
        let state = self.state();
        let mine = state.downloads.iter().filter(|download| download.owner == call.user());
        Ok(mine
            .filter(|download| label.as_deref().is_none_or(|label| label == download.label))
            .filter(|download| !(active_only && download.fetched))
            .map(|download| self.download_json(download))
            .collect())
    }

    /// `download-remove`.
    pub(super) fn download_remove(&self, call: &Call) -> Outcome {
        let id =
            input::count(&call.input, "downloadId", 1)?.ok_or_else(|| Failure::required("downloadId"))?;
        let mut state = self.state();
        let place = state.downloads.iter().position(|download| download.id == id as u64);
        let place = place.ok_or_else(|| Failure::new("NOT_FOUND", format!("Download {id} was not found")))?;
        if state.downloads[place].owner != call.user() {
            return Err(Failure::new("DOWNLOAD_ERROR", "Download belongs to another user"));
        }
        state.downloads.remove(place);
        Ok(json!(true))
    }

    /// `download-order-remove`: how many downloads of the label there were.
    pub(super) fn download_order_remove(&self, call: &Call) -> Outcome {
        let label = input::required_text(&call.input, "label")?;
        let mut state = self.state();
        let before = state.downloads.len();
        state.downloads.retain(|download| !(download.owner == call.user() && download.label == label));
        Ok(json!(before - state.downloads.len()))
    }

    /// `download-labels`.
    pub(super) fn download_labels(&self, call: &Call) -> Outcome {
        let state = self.state();
        let mut labels: Vec<(&str, Vec<&Download>)> = Vec::new();
        for download in state.downloads.iter().filter(|download| download.owner == call.user()) {
            match labels.iter_mut().find(|(label, _)| *label == download.label) {
                Some((_, downloads)) => downloads.push(download),
                None => labels.push((&download.label, vec![download])),
            }
        }
        let row = |(label, downloads): &(&str, Vec<&Download>)| {
            let entered =
                downloads.first().map(|first| first.requested.strftime("%Y-%m-%d %H:%M:%S").to_string());
            let complete = downloads.iter().filter(|download| download.fetched).count();
            json!({"label": label, "dateEntered": entered, "downloadCount": downloads.len().to_string(),
                   "totalComplete": complete.to_string()})
        };
        Ok(labels.iter().map(row).collect())
    }

    /// `download-summary`: the estimated size is a number in one place and a string in the other.
    pub(super) fn download_summary(&self, call: &Call) -> Outcome {
        let label = input::required_text(&call.input, "label")?;
        let downloads: Vec<Download> = {
            let state = self.state();
            let own = |d: &&Download| d.owner == call.user() && d.label == label;
            state.downloads.iter().filter(own).cloned().collect()
        };
        let size: u64 = downloads.iter().map(|download| self.size(&download.ware)).sum();
        Ok(json!({
            "summary": [{"downloadSystem": "dds", "downloadCount": downloads.len(), "totalEstimatedSize": size}],
            "totalDownloads": downloads.len(),
            "totalEstimatedSize": size.to_string(),
        }))
    }

    fn download_json(&self, download: &Download) -> Value {
        let Some(scene) = download.ware.scene_in(&self.archive) else { return Value::Null };
        let (code, text) = match (download.is_available(), download.fetched) {
            (false, _) => ("P", "Proxied"),
            (true, false) => ("A", "Available"),
            (true, true) => ("C", "Complete"),
        };
        json!({
            "url": self.url(download),
            "label": download.label,
            "entityId": download.ware.entity_id(&scene),
            "eulaCode": self.quirks().eula,
            "filesize": self.size(&download.ware),
            "datasetId": download.ware.dataset.id,
            "displayId": scene.display_id(),
            "downloadId": download.id,
            "statusCode": code,
            "statusText": text,
            "productCode": "D694",
            "productName": download.ware.file_name(&scene),
            "collectionName": download.ware.dataset.title,
        })
    }

    /// Downloads whose URLs have expired are gone from the queue.
    fn forget_expired(&self) {
        let (now, lifetime) = (self.clock.now(), self.quirks().url_lifetime);
        self.state().downloads.retain(|download| now.duration_since(download.requested) <= lifetime);
    }
}

/// What the download hosts need of the queue.
impl M2m {
    /// The archive that the scenes are in.
    pub fn archive(&self) -> Arc<Archive> {
        Arc::clone(&self.archive)
    }

    /// The live download with this ticket in its URL.
    pub fn by_ticket(&self, wanted: &str) -> Option<Download> {
        self.forget_expired();
        self.state().downloads.iter().find(|download| ticket(download) == wanted).cloned()
    }

    /// Notes that bytes of a download were asked for.
    pub fn note_fetched(&self, id: u64) {
        if let Some(download) = self.state().downloads.iter_mut().find(|download| download.id == id) {
            download.fetched = true;
        }
    }

    /// Where a download is to be had: each system has its own kind of URL.
    fn url(&self, download: &Download) -> String {
        let base = self.hosts().downloads;
        let ticket = ticket(download);
        let signature = percent_encoding::utf8_percent_encode(&ticket, percent_encoding::NON_ALPHANUMERIC);
        let Some(scene) = download.ware.scene_in(&self.archive) else { return base };
        let name = download.ware.file_name(&scene);
        match download.ware.what {
            _ if !download.is_available() => format!("{base}/download-staging/{signature}"),
            What::Bundle => {
                let id = scene.display_id();
                format!("{base}/gen-bundle?landsat_product_id={id}&requestSignature={signature}")
            }
            What::Part(part) if part.is_raster() => {
                let (path, row) = (scene.acquisition.path, scene.acquisition.row);
                let (level, year) =
                    (if scene.processing().starts_with("L2") { 2 } else { 1 }, scene.acquisition.date.year());
                format!(
                    "{base}/data/collection02/level-{level}/standard/{year}/{path:03}/{row:03}/{}/{name}?requestSignature={signature}",
                    scene.display_id()
                )
            }
            What::Part(_) | What::Browse => format!("{base}/download/{signature}"),
        }
    }
}

const DISABLED: &str = "This download has been temporarily disabled. Please try again at a later time. \
                        We apologize for the inconvenience.";

fn failure(entity: &str, product: &str, words: &str) -> Value {
    json!({"productId": product, "entityId": entity, "errorMessage": words})
}

/// A PHP array: `[]` when empty, an object otherwise.
fn php(map: Map<String, Value>) -> Value {
    if map.is_empty() { json!([]) } else { Value::Object(map) }
}
