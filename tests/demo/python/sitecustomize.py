"""Lets the validators find the schemas of STAC without the network.

The schemas are those that pystac brings along: the installed one has version 1.1.0, an older one (in the folder
`schemas` of the environment, put there by `scripts/test`) has 1.0.0. Schemas of extensions are in no package:
they are answered with one that all documents meet, and named on stderr, so that nobody takes them for judged.
"""

import json
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

SCHEMA_HOSTS = ("schemas.stacspec.org", "geojson.org", "stac-extensions.github.io", "raw.githubusercontent.com", "proj.org")


def folders():
    for base in [Path(sys.prefix) / "schemas", *map(Path, sys.path)]:
        yield base / "pystac" / "validation" / "jsonschemas"


def schema(url):
    """The text of the schema at `url`; None where the URL is not one of a schema."""
    parts = urlsplit(url)
    if parts.hostname not in SCHEMA_HOSTS:
        return None
    steps = [step for step in parts.path.split("/") if step]
    if parts.hostname == "geojson.org":
        wanted = Path("geojson") / steps[-1]
    else:
        wanted = Path("stac-spec") / steps[0] / steps[-1]
    for folder in folders():
        if (folder / wanted).is_file():
            return (folder / wanted).read_text()
    print(f"not judged: {url}", file=sys.stderr)
    return json.dumps({"$schema": "http://json-schema.org/draft-07/schema#", "$id": url})


def serve_schemas():
    import requests

    send = requests.Session.send

    def answer(self, request, **options):
        text = schema(request.url)
        if text is None:
            return send(self, request, **options)
        response = requests.Response()
        response.status_code, response.url, response.request = 200, request.url, request
        response._content = text.encode()
        response.headers["Content-Type"] = "application/json"
        return response

    requests.Session.send = answer

    from pystac.stac_io import DefaultStacIO

    read = DefaultStacIO.read_text_from_href

    def read_text(self, href):
        return schema(href) or read(self, href)

    DefaultStacIO.read_text_from_href = read_text


if os.environ.get("STACFS_TEST_VENV"):
    serve_schemas()
