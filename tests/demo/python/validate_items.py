"""Validates all items of all collections of a STAC API with pystac: validate_items.py API_URL NOT_THIS…

Of a collection with very many items a part is taken. Prints `collection items` lines.
"""

import sys

import pystac
from pystac_client import Client

MOST = 200


def main():
    url, *left_out = sys.argv[1:]
    client = Client.open(url)
    for collection in client.get_collections():
        if collection.id in left_out:
            continue
        collection.validate()
        found = client.search(collections=[collection.id], limit=100, max_items=MOST)
        count = 0
        for item in found.items_as_dicts():
            pystac.Item.from_dict(item).validate()
            count += 1
        print(collection.id, count)


main()
