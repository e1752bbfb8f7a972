"""Compares searches as paths with pystac-client and with a brute force over all items.

    oracle.py API_URL MOUNT

For each case: the names listed under MOUNT/<collection>/<segments>, the ids that pystac-client returns for the
same search, and the ids of all items of the collection for which `keep` holds. All three must be one set.
Prints a line per case that differs, and at the end how many searches and items were compared.
"""

import json
import os
import sys
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Callable
from urllib.parse import unquote

from pystac_client import Client
from shapely.geometry import box, shape
from shapely.ops import unary_union

MOON = "kaguya_terrain_camera_monoscopic_uncontrolled_observations"
S2 = "sentinel-2-l2a"
LANDSAT = "landsat-c2-l2"
DEM = "elevation"
MANY = "many"

GENERATED = {"collection.json", "TRUNCATED.txt"}


def instant(text):
    at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return at if at.tzinfo else at.replace(tzinfo=timezone.utc)


def span(item):
    """First and last instant of an item."""
    p = item["properties"]
    if p.get("datetime"):
        at = instant(p["datetime"])
        return at, at
    return instant(p["start_datetime"]), instant(p["end_datetime"])


def during(start, end):
    """Items whose time meets [start, end); open ends are None."""
    first = instant(start) if start else datetime.min.replace(tzinfo=timezone.utc)
    last = instant(end) if end else datetime.max.replace(tzinfo=timezone.utc)
    return lambda item: span(item)[0] < last and span(item)[1] >= first


def meets(geometry):
    """Items whose footprint meets a geometry, on either side of the antimeridian."""
    return lambda item: shape(item["geometry"]).intersects(geometry)


def within(*boxes):
    return meets(unary_union([box(*b) for b in boxes]))


def prop(name, test):
    """Items that have a property, and for which `test` of it holds."""

    def keep(item):
        value = item["properties"].get(name)
        return value is not None and test(value)

    return keep


def all_of(*keeps):
    return lambda item: all(keep(item) for keep in keeps)


def any_of(*keeps):
    return lambda item: any(keep(item) for keep in keeps)


def cql(op, name, value):
    return {"op": op, "args": [{"property": name}, value]}


@dataclass
class Case:
    """One search: as a path, as pystac-client's keywords, and as a test of an item."""

    collection: str
    path: str
    search: dict
    keep: Callable = field(default=lambda item: True)
    # What pystac-client cannot say is kept back from it, and tested on its results.
    after: Callable = field(default=lambda item: True)


def months(*wanted):
    return lambda item: span(item)[0].month in wanted


def cloud_or_unknown(most):
    def keep(item):
        cover = item["properties"].get("eo:cloud_cover")
        return cover is None or cover <= most

    return keep


POLYGON = {"type": "Polygon", "coordinates": [[[0, 0], [4, 0], [2, 4], [0, 0]]]}
OR_UNKNOWN = lambda most: {  # noqa: E731
    "op": "or",
    "args": [cql("<=", "eo:cloud_cover", most), {"op": "isNull", "args": [{"property": "eo:cloud_cover"}]}],
}

CASES = [
    Case(MOON, "", {}),
    Case(MOON, "bbox=0,0,2.5,2.5", {"bbox": [0, 0, 2.5, 2.5]}, within((0, 0, 2.5, 2.5))),
    Case(MOON, "bbox=300,-90,310,90", {"bbox": [-60, -90, -50, 90]}, within((-60, -90, -50, 90))),
    Case(MOON, "bbox=-60,-90,-50,90", {"bbox": [-60, -90, -50, 90]}, within((-60, -90, -50, 90))),
    Case(MOON, "bbox=170,-90,-170,90", {"bbox": [170, -90, -170, 90]}, within((170, -90, 180, 90), (-180, -90, -170, 90))),
    Case(MOON, "bbox=0,0,-5,2.5,2.5,5", {"bbox": [0, 0, 2.5, 2.5]}, within((0, 0, 2.5, 2.5))),
    Case(MOON, "bbox=-180,-90,180,90", {"bbox": [-180, -90, 180, 90]}),
    Case(MOON, "bbox=0,0,360,10", {"bbox": [-180, 0, 180, 10]}, within((-180, 0, 180, 10))),
    Case(MOON, "bbox=100,80,101,81", {"bbox": [100, 80, 101, 81]}, within((100, 80, 101, 81))),
    Case(MOON, "datetime=2009", {"datetime": "2009"}, during("2009-01-01", "2010-01-01")),
    Case(MOON, "datetime=2009-06", {"datetime": "2009-06"}, during("2009-06-01", "2009-07-01")),
    Case(MOON, "datetime=2009-06-07", {"datetime": "2009-06-07"}, during("2009-06-07", "2009-06-08")),
    Case(MOON, "datetime=2008-01..2008-03", {"datetime": "2008-01/2008-03"}, during("2008-01-01", "2008-04-01")),
    Case(MOON, "datetime=2009..", {"datetime": "2009/.."}, during("2009-01-01", None)),
    Case(MOON, "datetime=..2008-06", {"datetime": "../2008-06"}, during(None, "2008-07-01")),
    Case(
        MOON,
        "datetime=2009-06-01T00:00:00Z..2009-06-15T12:00:00Z",
        {"datetime": "2009-06-01T00:00:00Z/2009-06-15T12:00:00Z"},
        during("2009-06-01", "2009-06-15T12:00:01"),
    ),
    Case(
        MOON,
        "bbox=0,0,2.5,2.5/datetime=2009-06",
        {"bbox": [0, 0, 2.5, 2.5], "datetime": "2009-06"},
        all_of(within((0, 0, 2.5, 2.5)), during("2009-06-01", "2009-07-01")),
    ),
    Case(
        MOON,
        "datetime=2009-06/bbox=0,0,2.5,2.5",
        {"bbox": [0, 0, 2.5, 2.5], "datetime": "2009-06"},
        all_of(within((0, 0, 2.5, 2.5)), during("2009-06-01", "2009-07-01")),
    ),
    Case(MOON, "intersects=POINT(1 1)", {"intersects": {"type": "Point", "coordinates": [1, 1]}}, within((1, 1, 1, 1))),
    Case(MOON, "intersects=POLYGON((0 0,4 0,2 4,0 0))", {"intersects": POLYGON}, meets(shape(POLYGON))),
    Case(
        MOON,
        "bbox=0,0,5,5/bbox=1,1,8,8",
        {"bbox": [0, 0, 5, 5]},
        all_of(within((0, 0, 5, 5)), within((1, 1, 8, 8))),
        within((1, 1, 8, 8)),
    ),
    Case(MOON, "months=6", {}, months(6), months(6)),
    Case(MOON, "months=1,2,12", {}, months(1, 2, 12), months(1, 2, 12)),
    Case(MOON, "gsd.lt=8", {"filter": cql("<", "gsd", 8)}, prop("gsd", lambda v: v < 8)),
    Case(
        MOON,
        "view:off_nadir.between=0,5",
        {"filter": {"op": "between", "args": [{"property": "view:off_nadir"}, 0, 5]}},
        prop("view:off_nadir", lambda v: 0 <= v <= 5),
    ),
    Case(
        MOON,
        "view:sun_elevation.gte=20/datetime=2009..",
        {"filter": cql(">=", "view:sun_elevation", 20), "datetime": "2009/.."},
        all_of(prop("view:sun_elevation", lambda v: v >= 20), during("2009-01-01", None)),
    ),
    Case(MOON, "id.like=TC1S*", {}, lambda i: i["id"].startswith("TC1S"), lambda i: i["id"].startswith("TC1S")),
    Case(MOON, "id.like=*N00?E*", {}, lambda i: bool(like_n00(i["id"])), lambda i: bool(like_n00(i["id"]))),
    Case(S2, "", {}),
    Case(S2, "eo:cloud_cover.lt=20", {"filter": cql("<", "eo:cloud_cover", 20)}, prop("eo:cloud_cover", lambda v: v < 20)),
    Case(S2, "eo:cloud_cover.gt=80", {"filter": cql(">", "eo:cloud_cover", 80)}, prop("eo:cloud_cover", lambda v: v > 80)),
    Case(S2, "max_cloud_cover=20", {"filter": OR_UNKNOWN(20)}, cloud_or_unknown(20)),
    Case(S2, "max_cloud_cover=0", {"filter": OR_UNKNOWN(0)}, cloud_or_unknown(0)),
    Case(
        S2,
        "eo:cloud_cover.isnull=true",
        {"filter": {"op": "isNull", "args": [{"property": "eo:cloud_cover"}]}},
        lambda i: i["properties"].get("eo:cloud_cover") is None,
    ),
    Case(
        S2,
        "max_cloud_cover=40/months=6,7,8",
        {"filter": OR_UNKNOWN(40)},
        all_of(cloud_or_unknown(40), months(6, 7, 8)),
        months(6, 7, 8),
    ),
    Case(S2, "platform=sentinel-2a", {"filter": cql("=", "platform", "sentinel-2a")}, prop("platform", lambda v: v == "sentinel-2a")),
    Case(S2, "platform.ne=sentinel-2a", {"filter": cql("<>", "platform", "sentinel-2a")}, prop("platform", lambda v: v != "sentinel-2a")),
    Case(
        S2,
        "platform.in=sentinel-2a,sentinel-2c",
        {"filter": {"op": "in", "args": [{"property": "platform"}, ["sentinel-2a", "sentinel-2c"]]}},
        prop("platform", lambda v: v in ("sentinel-2a", "sentinel-2c")),
    ),
    Case(
        S2,
        "filter=eo:cloud_cover < 10 OR eo:cloud_cover > 90",
        {"filter": {"op": "or", "args": [cql("<", "eo:cloud_cover", 10), cql(">", "eo:cloud_cover", 90)]}},
        prop("eo:cloud_cover", lambda v: v < 10 or v > 90),
    ),
    Case(
        S2,
        "filter=eo:cloud_cover < 50/platform=sentinel-2b",
        {"filter": {"op": "and", "args": [cql("<", "eo:cloud_cover", 50), cql("=", "platform", "sentinel-2b")]}},
        all_of(prop("eo:cloud_cover", lambda v: v < 50), prop("platform", lambda v: v == "sentinel-2b")),
    ),
    Case(LANDSAT, "", {}),
    Case(
        LANDSAT,
        "platform=landsat-8/max_cloud_cover=30",
        {"filter": {"op": "and", "args": [cql("=", "platform", "landsat-8"), OR_UNKNOWN(30)]}},
        all_of(prop("platform", lambda v: v == "landsat-8"), cloud_or_unknown(30)),
    ),
    Case(DEM, "", {}),
    Case(MANY, "bbox=0,0,20,20/datetime=2015", {"bbox": [0, 0, 20, 20], "datetime": "2015"}, all_of(within((0, 0, 20, 20)), during("2015-01-01", "2016-01-01"))),
    Case(MANY, "max_items=0/bbox=-30,-30,30,30", {"bbox": [-30, -30, 30, 30]}, within((-30, -30, 30, 30))),
    Case(MANY, "datetime=2014-02-03..2014-02-20", {"datetime": "2014-02-03/2014-02-20"}, during("2014-02-03", "2014-02-21")),
]


def like_n00(name):
    at = name.find("N00")
    return at >= 0 and name[at + 4 : at + 5] == "E"


def listed(mount, case):
    path = os.path.join(os.fsencode(mount), case.collection.encode(), *[s.encode() for s in case.path.split("/") if s])
    return sorted(unquote(os.fsdecode(name)) for name in os.listdir(path) if os.fsdecode(name) not in GENERATED)


def asked(client, case):
    search = dict(case.search)
    if "filter" in search:
        search["filter_lang"] = "cql2-json"
    found = client.search(collections=[case.collection], limit=500, **search)
    return sorted(item["id"] for item in found.items_as_dicts() if case.after(item))


def with_some_ids(everything):
    """Cases made of ids that there are: by ids, and by path and row."""
    ids = sorted(item["id"] for item in everything[MOON])
    some = [ids[0], ids[len(ids) // 2], ids[-1]]
    wrs = everything[LANDSAT][0]["properties"]
    path, row = wrs["landsat:wrs_path"], wrs["landsat:wrs_row"]
    here = all_of(prop("landsat:wrs_path", lambda v: int(v) == int(path)), prop("landsat:wrs_row", lambda v: int(v) == int(row)))
    return [
        Case(MOON, "ids=" + ",".join(some), {"ids": some}, lambda i: i["id"] in some),
        Case(MOON, "ids=" + some[0] + "/datetime=1999", {"ids": some[:1], "datetime": "1999"}, lambda i: False),
        Case(LANDSAT, f"path={int(path)}/row={int(row)}", {}, here, here),
    ]


def main():
    url, mount = sys.argv[1:3]
    client = Client.open(url)
    names = [MOON, S2, LANDSAT, DEM, MANY]
    everything = {name: list(client.search(collections=[name], limit=1000).items_as_dicts()) for name in names}
    cases = CASES + with_some_ids(everything)
    wrong = items = 0
    for case in cases:
        brute = sorted(item["id"] for item in everything[case.collection] if case.keep(item))
        try:
            here = listed(mount, case)
        except OSError as error:
            here = [f"{type(error).__name__}: {error}"]
        there = asked(client, case)
        items += len(brute)
        if not (here == there == brute):
            wrong += 1
            print(f"{case.collection}/{case.path}: mount {len(here)}, pystac-client {len(there)}, brute force {len(brute)}")
            print("  mount only:", json.dumps(sorted(set(here) - set(brute))[:3]), "missing:", json.dumps(sorted(set(brute) - set(here))[:3]))
            print("  pystac-client only:", json.dumps(sorted(set(there) - set(brute))[:3]), "missing:", json.dumps(sorted(set(brute) - set(there))[:3]))
    print(f"{len(cases)} searches, {items} items compared, {wrong} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
