"""Searches as paths beside pystac-client, on servers that others wrote.

    interop.py STACFS

Starts stac-fastapi-pgstac (on a PostgreSQL of its own, in a temporary folder) and `rustac serve`, loads the same
items into both, mounts each, and compares for a table of searches the set of items under the mount with the set
that pystac-client returns. A search that a server does not claim to know is not compared there. Prints a line for
each search that differs, and at the end how many searches and items were compared.
"""

import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from glob import glob
from pathlib import Path
from urllib.parse import unquote

from pystac_client import Client

GENERATED = {"collection.json", "TRUNCATED.txt"}
GRID, EDGES = "grid", "edges"
BIN = Path(sys.executable).parent


def square(west, south, side):
    east, north = west + side, south + side
    return {"type": "Polygon", "coordinates": [
        [[west, south], [east, south], [east, north], [west, north], [west, south]]]}


def item(collection, name, geometry, bbox, at, **properties):
    return {
        "type": "Feature", "stac_version": "1.0.0", "stac_extensions": [], "id": name, "collection": collection,
        "geometry": geometry, "bbox": bbox, "links": [],
        "properties": {"datetime": at.strftime("%Y-%m-%dT%H:%M:%SZ"), **properties},
        "assets": {"data": {"href": f"https://assets.example/{collection}/{name}.tif", "type": "image/tiff"}},
    }


def items():
    start = datetime(2019, 1, 1, 12, tzinfo=timezone.utc)
    made = []
    for number in range(2600):
        west, south = -170 + number % 65 * 5, -80 + number // 65 * 4
        made.append(item(
            GRID, f"g{number:04}", square(west, south, 2), [west, south, west + 2, south + 2],
            start + timedelta(hours=7 * number), platform=["alpha", "beta", "gamma"][number % 3],
            title=f"Cell {number} of the {'wet' if number % 7 == 0 else 'dry'} grid", gsd=float(number % 4 * 10),
            **{"eo:cloud_cover": number * 37 % 101, "orbit": number % 50}))
    for number in range(40):
        longitude, latitude = -180 + number * 9, number - 20
        made.append(item(
            EDGES, f"e:{number}.{number % 3}", {"type": "Point", "coordinates": [longitude, latitude]},
            [longitude, latitude, longitude, latitude], start + timedelta(days=30 * number), platform="delta"))
    return made


def collection(name):
    return {
        "type": "Collection", "stac_version": "1.0.0", "stac_extensions": [], "id": name, "links": [],
        "title": name, "description": f"The items of {name}.", "license": "CC0-1.0",
        "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]},
                   "temporal": {"interval": [["2019-01-01T00:00:00Z", None]]}},
    }


def compare(name, value, op="="):
    return {"op": op, "args": [{"property": name}, value]}


def cql(expression):
    return {"filter": expression, "filter_lang": "cql2-json"}


POLYGON = "POLYGON((10 10,40 12,30 40,8 30,10 10))"
CORNERS = [[[10, 10], [40, 12], [30, 40], [8, 30], [10, 10]]]
FILTER, QUERY, SORT, TEXT = "#filter", "#query", "#sort", "item-search#free-text"

# Collection, path, what pystac-client is asked (several: their union), the class that the server must claim.
CASES = [
    (GRID, "", {}, None),  # Thousands, page by page.
    (EDGES, "", {}, None),
    (GRID, "bbox=0,0,30,20", {"bbox": [0, 0, 30, 20]}, None),
    (GRID, "bbox=-180,-90,180,90", {}, None),
    (GRID, "bbox=200,-20,215,0", {"bbox": [-160, -20, -145, 0]}, None),
    (GRID, "bbox=140,-30,-160,30", [{"bbox": [140, -30, 180, 30]}, {"bbox": [-180, -30, -160, 30]}], None),
    (EDGES, "bbox=170,-90,-170,90", [{"bbox": [170, -90, 180, 90]}, {"bbox": [-180, -90, -170, 90]}], None),
    (EDGES, "bbox=0,0,0,0", {"bbox": [0, 0, 0, 0]}, None),
    (GRID, f"intersects={POLYGON}", {"intersects": {"type": "Polygon", "coordinates": CORNERS}}, None),
    (GRID, "intersects=POINT(11 11)", {"intersects": {"type": "Point", "coordinates": [11, 11]}}, None),
    (GRID, "datetime=2019", {"datetime": "2019"}, None),
    (GRID, "datetime=2019-03", {"datetime": "2019-03"}, None),
    (GRID, "datetime=2019-03-05", {"datetime": "2019-03-05"}, None),
    (GRID, "datetime=2019-03..2019-05", {"datetime": "2019-03/2019-05"}, None),
    (GRID, "datetime=..2019-02", {"datetime": "../2019-02"}, None),
    (GRID, "datetime=2020-12..", {"datetime": "2020-12-01T00:00:00Z/.."}, None),
    (GRID, "datetime=2019-01-01T12:00:00Z", {"datetime": "2019-01-01T12:00:00Z"}, None),
    (GRID, "datetime=2019-01-01T13:00:00+01:00", {"datetime": "2019-01-01T12:00:00Z"}, None),
    (GRID, "ids=g0001,g2599,none", {"ids": ["g0001", "g2599", "none"]}, None),
    (EDGES, "ids=e:1.1,e:2.2", {"ids": ["e:1.1", "e:2.2"]}, None),
    (GRID, "bbox=0,0,30,20/datetime=2019", {"bbox": [0, 0, 30, 20], "datetime": "2019"}, None),
    (GRID, "platform=beta", cql(compare("platform", "beta")), FILTER),
    (GRID, "eo:cloud_cover.lt=20", cql(compare("eo:cloud_cover", 20, "<")), FILTER),
    (GRID, "eo:cloud_cover.gte=99", cql(compare("eo:cloud_cover", 99, ">=")), FILTER),
    (GRID, "orbit.in=1,2,3", cql({"op": "in", "args": [{"property": "orbit"}, [1, 2, 3]]}), FILTER),
    (GRID, "gsd.between=10,20", cql({"op": "between", "args": [{"property": "gsd"}, 10, 20]}), FILTER),
    (GRID, "platform.ne=beta", cql(compare("platform", "beta", "<>")), FILTER),
    (GRID, "platform.like=al*", cql(compare("platform", "al%", "like")), FILTER),
    (GRID, "filter=eo:cloud_cover<5 OR orbit=7",
     cql({"op": "or", "args": [compare("eo:cloud_cover", 5, "<"), compare("orbit", 7)]}), FILTER),
    (GRID, "filter=NOT (platform='alpha')", cql({"op": "not", "args": [compare("platform", "alpha")]}), FILTER),
    (GRID, "platform=beta/bbox=0,0,60,60/datetime=2019..2020",
     {"bbox": [0, 0, 60, 60], "datetime": "2019/2020", **cql(compare("platform", "beta"))}, FILTER),
    (GRID, "eo:cloud_cover.lte=10", {"query": {"eo:cloud_cover": {"lte": 10}}}, QUERY),
    (GRID, "orbit=7", {"query": {"orbit": {"eq": 7}}}, QUERY),
    (GRID, "platform=gamma", {"query": {"platform": {"eq": "gamma"}}}, QUERY),
    (GRID, "sortby=-datetime/bbox=0,0,30,20", {"sortby": "-properties.datetime", "bbox": [0, 0, 30, 20]}, SORT),
    (GRID, "sortby=eo:cloud_cover,id/bbox=0,0,30,20",
     {"sortby": "+properties.eo:cloud_cover,+id", "bbox": [0, 0, 30, 20]}, SORT),
    (GRID, "q=wet", {"q": "wet"}, TEXT),
]


def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def wait_for(url, process, log):
    for _ in range(600):
        if process.poll() is not None:
            sys.exit(f"{process.args[0]} ended with {process.returncode}: {Path(log).read_text()[-2000:]}")
        try:
            return urllib.request.urlopen(url, timeout=5).read()
        except OSError:
            time.sleep(0.1)
    sys.exit(f"{url} does not answer")


def start(stack, command, log, **more):
    process = subprocess.Popen(command, stdout=open(log, "w"), stderr=subprocess.STDOUT, **more)
    stack.callback(process.wait)
    stack.callback(process.terminate)
    return process


def postgres(stack, folder):
    """A PostgreSQL that goes with this process; its environment. It refuses to run as root."""
    programs = Path(sorted(glob("/usr/lib/postgresql/*/bin"))[-1])
    where = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stacfs-interop-pg-")))
    user = {}
    if os.geteuid() == 0:
        account = pwd.getpwnam("postgres")
        os.chown(where, account.pw_uid, account.pw_gid)
        user = {"user": "postgres", "extra_groups": []}
    initdb = [programs / "initdb", "-D", where / "data", "-U", "stac", "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd=where, **user)
    number = port()
    options = ["-p", str(number), "-k", str(where), "-h", "127.0.0.1", "-F", "-c", "timezone=UTC"]
    process = start(stack, [programs / "postgres", "-D", where / "data", *options], folder / "pg.log", cwd=where, **user)
    names = {"PGHOST": "127.0.0.1", "PGPORT": str(number), "PGUSER": "stac", "PGPASSWORD": "x", "PGDATABASE": "postgres"}
    environment = {**os.environ, **names}
    for _ in range(600):
        if subprocess.run([programs / "pg_isready", "-q"], env=environment).returncode == 0:
            return environment
        assert process.poll() is None, (folder / "pg.log").read_text()
        time.sleep(0.1)
    sys.exit("PostgreSQL does not start")


def pgstac(stack, folder, files):
    """stac-fastapi-pgstac with the items; its URL."""
    environment = postgres(stack, folder)
    run = lambda *words: subprocess.run(
        [BIN / "pypgstac", *words], env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    run("migrate")
    run("load", "collections", str(files["collections"]), "--method", "upsert")
    run("load", "items", str(files["items"]), "--method", "upsert")
    number = port()
    command = [BIN / "uvicorn", "--factory", "stac_fastapi.pgstac.app:create_app", "--port", str(number), "--log-level", "warning"]
    url = f"http://127.0.0.1:{number}"
    log = folder / "uvicorn.log"
    wait_for(url, start(stack, command, log, env=environment), log)
    return url


def rustac(stack, folder, files):
    """`rustac serve` with the items in memory; its URL."""
    number = port()
    command = [BIN / "rustac", "serve", "--addr", f"127.0.0.1:{number}", *map(str, files["documents"])]
    url = f"http://127.0.0.1:{number}"
    log = folder / "rustac.log"
    wait_for(url, start(stack, command, log), log)
    return url


def mount(stack, stacfs, folder, url):
    point = folder / "mnt"
    point.mkdir()
    settings = ["--cache-dir", folder / "cache", "--max-items", "0"]
    subprocess.run([stacfs, "mount", *settings, url, point], check=True)
    stack.callback(subprocess.run, [stacfs, "umount", point])
    return point


def run(name, url, point):
    """Searches and items compared, not compared, and different."""
    client = Client.open(url)
    classes = client.to_dict().get("conformsTo", [])
    searches, compared, left_out, different = 0, 0, 0, 0
    for collection, path, asked, needed in CASES:
        if needed and not any(known.endswith(needed) for known in classes):
            left_out += 1
            continue
        label = f"{name}: {collection}/{path}"
        wanted = []
        for arguments in asked if isinstance(asked, list) else [asked]:
            try:
                search = client.search(collections=[collection], limit=500, **arguments)
                wanted += [found["id"] for found in search.items_as_dicts()]
            except Exception as error:  # The server claims it, and fails: its own affair.
                print(f"not compared, pystac-client fails: {label}: {str(error)[:120]}")
                wanted = None
                break
        if wanted is None:
            left_out += 1
            continue
        try:
            listed = [unquote(n) for n in os.listdir(point / collection / path) if n not in GENERATED]
        except OSError as error:
            listed = [f"{error} ({(point / '.stacfs/errors').read_text().strip().splitlines()[-1:]})"]
        searches, compared = searches + 1, compared + len(wanted)
        in_order = "sortby" not in path or listed == wanted
        if set(listed) == set(wanted) and len(listed) == len(set(listed)) and in_order:
            continue
        different += 1
        missing, extra = sorted(set(wanted) - set(listed)), sorted(set(listed) - set(wanted))
        order = "" if in_order else ", in another order"
        print(f"DIFFERENT: {label}: {len(listed)} for {len(wanted)}{order}; missing {missing[:3]}, extra {extra[:3]}")
    print(f"{name}: {searches} searches, {compared} items compared; {left_out} searches it does not know; "
          f"{different} differ")
    return different


def main():
    stacfs = Path(sys.argv[1]).absolute()
    different = 0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stacfs-interop-")))
        made = items()
        files = {"collections": folder / "collections.ndjson", "items": folder / "items.ndjson", "documents": []}
        files["collections"].write_text("".join(json.dumps(collection(n)) + "\n" for n in [GRID, EDGES]))
        files["items"].write_text("".join(json.dumps(one) + "\n" for one in made))
        for name in [GRID, EDGES]:
            document = folder / f"{name}.json"
            document.write_text(json.dumps(collection(name)))
            files["documents"].append(document)
        everything = folder / "everything.json"
        everything.write_text(json.dumps({"type": "FeatureCollection", "features": made}))
        files["documents"].append(everything)
        for server in [pgstac, rustac]:
            own = folder / server.__name__
            own.mkdir()
            with ExitStack() as inner:
                url = server(inner, own, files)
                different += run(server.__name__, url, mount(inner, stacfs, own, url))
    sys.exit(1 if different else 0)


main()
