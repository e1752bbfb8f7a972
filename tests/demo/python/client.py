"""Searches an API with pystac-client in the ways people do, and says what came: one line of JSON per search.

Arguments: the URL, the method, and the names of the searches (without any: all)."""

import json
import sys

from pystac_client import Client

POLYGON = {"type": "Polygon", "coordinates": [[[-19, -31], [65, -31], [65, 11], [-19, 11], [-19, -31]]]}

SEARCHES = {
    "all": {},
    "collection": {"collections": ["moon"]},
    "bbox": {"collections": ["moon"], "bbox": [-20, -60, 70, 0]},
    "antimeridian": {"collections": ["moon"], "bbox": [178, -90, -178, 90]},
    "intersects": {"collections": ["moon"], "intersects": POLYGON},
    "month": {"datetime": "2009-06"},
    "range": {"datetime": "2009-01/2009-03"},
    "open": {"datetime": "2021-07-06/.."},
    "ids": {"collections": ["moon"], "ids": ["TC_03", "TC_07", "nothing"]},
    "query": {"query": ["eo:cloud_cover<30"]},
    "cql2-text": {"filter": "eo:cloud_cover < 30 AND platform = 'sentinel-2a'", "filter_lang": "cql2-text"},
    "cql2-json": {"filter": {"op": "like", "args": [{"property": "id"}, "TC_1%"]}, "filter_lang": "cql2-json"},
    "sorted": {"collections": ["moon"], "sortby": ["+properties.gsd"], "max_items": 5},
    "at most": {"max_items": 7},
}


def main(url, method, *names):
    client = Client.open(url)
    collections = [collection.id for collection in client.get_collections()]
    print(json.dumps({"search": "collections", "ids": collections}))
    for name, search in SEARCHES.items():
        if names and name not in names:
            continue
        found = client.search(method=method, limit=4, **search)
        items = list(found.items())
        print(json.dumps({"search": name, "ids": [item.id for item in items], "matched": found.matched()}))
    for item in client.search(method=method, collections=["moon", "fields"]).items():
        item.validate()
        assert item.get_collection().id == item.collection_id
    print(json.dumps({"search": "queryables", "ids": sorted(client.get_collection("fields").get_queryables()["properties"])}))


main(*sys.argv[1:])
