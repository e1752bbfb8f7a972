"""Validates items of all collections of a STAC API with pystac: validate_items.py API_URL NOT_THIS…

Of a collection with many items some are taken, evenly spread over the newest. Prints `collection items` lines.
"""

import sys

import pystac
from pystac_client import Client

NEWEST = 600
VALIDATED = 60


def main():
    url, *left_out = sys.argv[1:]
    client = Client.open(url)
    for collection in client.get_collections():
        if collection.id in left_out:
            continue
        collection.validate()
        found = client.search(collections=[collection.id], limit=100, max_items=NEWEST)
        items = list(found.items_as_dicts())
        spread = items[:: max(1, len(items) // VALIDATED)]
        for item in spread:
            pystac.Item.from_dict(item).validate()
        print(collection.id, len(spread))


main()
