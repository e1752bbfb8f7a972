"""What lsru's own documentation does, done with the real lsru against the embedded servers.

    lsru_examples.py STEP LEGACY_URL ESPA_URL FOLDER [ARGUMENT...]

lsru 0.6.2 knows no addresses but those of 2020, which are attributes of its objects: they are replaced, nothing else.
FOLDER holds its configuration, `lsru`. Each step prints one line of JSON.
"""

import contextlib
import datetime
import json
import os
import sys
import warnings
from pathlib import Path

import lsru
from lsru import Espa, Order, Usgs
from lsru.utils import bounds, geom_from_metadata, is_valid
from shapely.geometry import shape

STEP, LEGACY_URL, ESPA_URL, FOLDER, *ARGUMENTS = sys.argv[1:]
CONF = os.path.join(FOLDER, "lsru")
BBOX = (3.5, 43.4, 4, 44)
# The outline of Baja California Sur in docs/example_polygon.rst.
BAJA = [(-114.192, 27.975), (-114.456, 27.8), (-115.093, 27.878), (-114.543, 27.313), (-113.928, 26.922),
        (-113.423, 26.844), (-112.72, 26.412), (-112.148, 25.741), (-112.324, 24.827), (-111.687, 24.467),
        (-110.984, 24.147), (-110.72, 23.725), (-110.281, 23.504), (-110.061, 22.877), (-109.446, 23.06),
        (-109.424, 23.423), (-110.259, 24.347), (-110.347, 24.187), (-110.61, 24.327), (-110.588, 24.707),
        (-111.445, 26.215), (-112.654, 27.684), (-112.961, 28.053), (-114.192, 27.975)]

original = lsru._EspaBase.__init__


def at_home(self, conf):
    original(self, conf)
    self.host = ESPA_URL


lsru._EspaBase.__init__ = at_home


def usgs():
    api = Usgs(conf=CONF)
    api.endpoint = LEGACY_URL
    return api


def ids(scenes):
    return [scene["displayId"] for scene in scenes]


def credentials():
    api = usgs()
    return {"login": api.login(), "key": api.key, "age": api.key_age.total_seconds() < 60}


def readme_search():
    api = usgs()
    api.login()
    window = dict(bbox=BBOX, begin=datetime.datetime(2013, 1, 1), end=datetime.datetime(2016, 1, 1))
    search = lambda number, **more: ids(api.search(collection=api.get_collection_name(number), **window, **more))
    return {
        "all": search(8),
        "first": search(8, max_results=10, max_cloud_cover=40),
        "second": search(8, max_results=10, max_cloud_cover=40, starting_number=11),
        "clear": search(8, max_cloud_cover=40),
        "summer": search(8, months=[6, 7, 8]),
        "etm": search(7),
        "valid": all(map(is_valid, search(8))),
    }


def polygon():
    geometry = {"type": "Polygon", "coordinates": [BAJA]}
    api = usgs()
    api.login()
    scenes = api.search(collection=api.get_collection_name(8), bbox=bounds(geometry),
                        begin=datetime.datetime(2018, 1, 1), end=datetime.datetime(2018, 2, 28), max_cloud_cover=30)
    region = shape(geometry)
    inside = [scene for scene in scenes if shape(geom_from_metadata(scene)).intersects(region)]
    return {"box": ids(scenes), "polygon": ids(inside), "bounds": bounds(geometry)}


def lists():
    espa = Espa(conf=CONF)
    return {
        "user": espa.user["username"],
        "formats": sorted(espa.formats["formats"]),
        "resampling": sorted(espa.resampling_methods["resampling_methods"]),
        "projections": sorted(espa.projections),
    }


def place(*scenes):
    espa = Espa(conf=CONF)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        plain = espa.order(scene_list=list(scenes), products=["sr", "pixel_qa"])
    projection = {"aea": {"central_meridian": 3.8, "datum": "wgs84", "false_easting": 0, "false_northing": 0,
                          "latitude_of_origin": 43.7, "standard_parallel_1": 43, "standard_parallel_2": 44}}
    with contextlib.redirect_stdout(sys.stderr):
        cropped = espa.order(scene_list=[s for s in scenes if s.startswith("LC08")], products=["sr", "pixel_qa"],
                             note="cropped order with resampling", projection=projection, extent=BBOX, resolution=60,
                             verbose=True)
    return {"plain": plain.orderid, "cropped": cropped.orderid, "warnings": [str(w.message) for w in said]}


def status(*orders):
    listed = {order.orderid: order.status for order in Espa(conf=CONF).orders}
    own = [Order(order, conf=CONF) for order in orders]
    return {
        "listed": listed,
        "complete": [order.is_complete for order in own],
        "items": [{item["name"]: item["status"] for item in order.items_status} for order in own],
        "urls": [sorted(order.urls_completed) for order in own],
    }


def download(order, how):
    path = Path(FOLDER) / how
    path.mkdir(exist_ok=True)
    with contextlib.redirect_stdout(sys.stderr):
        Order(order, conf=CONF).download_all_complete(str(path), unpack=how == "unpacked")
    return sorted(str(file.relative_to(path)) for file in path.rglob("*") if file.is_file())


def cancel(order):
    return Order(order, conf=CONF).cancel()


STEPS = dict(credentials=credentials, readme_search=readme_search, polygon=polygon, lists=lists, place=place,
             status=status, download=download, cancel=cancel)
print(json.dumps(STEPS[STEP](*ARGUMENTS)))
