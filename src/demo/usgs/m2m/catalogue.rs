//! Which endpoints there are.

use serde_json::json;

use super::failure::{Failure, Outcome};
use super::{Call, M2m};

type Answer = fn(&M2m, &Call) -> Outcome;

/// What is answered here.
pub(super) const ENDPOINTS: &[(&str, Answer)] = &[
    ("login", removed_login),
    ("login-token", M2m::login_token),
    ("logout", M2m::logout),
    ("permissions", M2m::permissions),
    ("notifications", |_, _| Ok(json!([]))),
    ("dataset-search", M2m::dataset_search),
    ("dataset", M2m::dataset),
    ("dataset-filters", M2m::dataset_filters),
    ("dataset-download-options", M2m::dataset_download_options),
    ("dataset-file-groups", M2m::dataset_file_groups),
    ("scene-search", M2m::scene_search),
    ("scene-search-delete", M2m::scene_search_delete),
    ("scene-metadata", M2m::scene_metadata),
    ("scene-metadata-list", M2m::scene_metadata_list),
    ("scene-metadata-xml", M2m::scene_metadata_xml),
    ("scene-list-add", M2m::scene_list_add),
    ("scene-list-get", M2m::scene_list_get),
    ("scene-list-remove", M2m::scene_list_remove),
    ("scene-list-summary", M2m::scene_list_summary),
    ("scene-list-types", M2m::scene_list_types),
    ("download-options", M2m::download_options),
    ("download-request", M2m::download_request),
    ("download-retrieve", M2m::download_retrieve),
    ("download-search", M2m::download_search),
    ("download-remove", M2m::download_remove),
    ("download-order-remove", M2m::download_order_remove),
    ("download-labels", M2m::download_labels),
    ("download-summary", M2m::download_summary),
    ("download-eula", M2m::download_eula),
    ("rate-limit-summary", M2m::rate_limit_summary),
    ("grid2ll", M2m::grid2ll),
];

/// Endpoints of the real server that stacfs has no use for.
pub(super) const NOT_SIMULATED: &[&str] = &[
    "data-owner",
    "dataset-browse",
    "dataset-bulk-products",
    "dataset-catalogs",
    "dataset-categories",
    "dataset-clear-customization",
    "dataset-coverage",
    "dataset-get-customization",
    "dataset-get-customizations",
    "dataset-messages",
    "dataset-metadata",
    "dataset-order-products",
    "dataset-set-customization",
    "dataset-set-customizations",
    "download-complete-proxied",
    "download-order-load",
    "login-app-guest",
    "login-sso",
    "order-products",
    "order-submit",
    "placename",
    "scene-search-secondary",
    "tram-order-detail-update",
    "tram-order-details",
    "tram-order-details-clear",
    "tram-order-details-remove",
    "tram-order-search",
    "tram-order-status",
    "tram-order-units",
    "user-preference-get",
    "user-preference-set",
];

/// `login`: passwords went out of use in February 2025.
fn removed_login(_: &M2m, _: &Call) -> Outcome {
    let words = "The login endpoint is no longer available; use login-token with an application token";
    Err(Failure::new("ENDPOINT_UNAVAILABLE", words))
}
