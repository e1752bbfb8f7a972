"""Judges of what the mount makes of a directory's items: gis.py PROGRAM ARGUMENT…

    same-pixels RASTER RASTER [COLUMN ROW WIDTH HEIGHT]
                                both rasters have the same size, place, coordinate system and pixels
    validate DIRECTORY          pystac takes local/ for a valid catalogue of files that are there; prints its items
    windows RASTER COUNT        reads COUNT windows of 512 x 512 pixels here and there; prints a checksum of them
    load DIRECTORY KEY          odc-stac loads an asset of all items of local/, equal to reading the files
"""

import hashlib
import os
import random
import sys
from pathlib import Path

import numpy
import pystac
import rasterio
import rasterio.windows


def same_pixels(one, other, *window):
    with rasterio.open(one) as one, rasterio.open(other) as other:
        assert (one.count, one.dtypes, one.nodata) == (other.count, other.dtypes, other.nodata)
        assert one.shape == other.shape, (one.shape, other.shape)
        assert one.transform.almost_equals(other.transform), (one.transform, other.transform)
        assert one.crs == other.crs, (one.crs, other.crs)
        window = rasterio.windows.Window(*map(int, window)) if window else None
        ones, others = one.read(window=window), other.read(window=window)
        assert numpy.array_equal(ones, others)
        assert len(numpy.unique(ones)) > 10, "something is to be seen"
        print(one.driver, other.driver, ones.shape)


# As the guides to cloud-optimised GeoTIFFs tell.
REMOTE = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_HTTP_MULTIPLEX": "YES",
    "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
    "GDAL_INGESTED_BYTES_AT_OPEN": 32768,
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".tif",
    "VSI_CACHE": True,
    "GDAL_HTTP_PROXY": "",
}


def windows(raster, count):
    places = random.Random(20260921)
    checksum = hashlib.sha256()
    options = REMOTE if raster.startswith("/vsicurl/") else {}
    with rasterio.Env(**options), rasterio.open(raster) as image:
        for _ in range(int(count)):
            column, row = (places.randrange(size - 512) for size in (image.width, image.height))
            checksum.update(image.read(1, window=rasterio.windows.Window(column, row, 512, 512)).tobytes())
    print(checksum.hexdigest())


def items_of(directory):
    return pystac.Catalog.from_file(f"{directory}/local/catalog.json").get_items(recursive=True)


def validate(directory):
    catalog = pystac.Catalog.from_file(f"{directory}/local/catalog.json")
    assert catalog.validate_all() > 0
    for item in catalog.get_items(recursive=True):
        for asset in item.assets.values():
            file = Path(asset.get_absolute_href())
            assert file.name in os.listdir(file.parent), asset.href
            assert not Path(asset.href).is_absolute() and "://" not in asset.href
        assert item.get_collection().id == item.collection_id
        print(item.id)


def load(directory, key):
    import odc.stac

    items = sorted(items_of(directory), key=lambda item: item.datetime)
    array = odc.stac.load(items, bands=[key], groupby="id")[key]
    assert array.shape[0] == len(items) > 1
    for item, layer in zip(items, array.values):
        with rasterio.open(item.assets[key].get_absolute_href()) as file:
            pixels = file.read(1)
            west, north = file.transform * (0.5, 0.5)
        column = int(numpy.argmin(abs(array.x.values - west)))
        row = int(numpy.argmin(abs(array.y.values - north)))
        height, width = pixels.shape
        assert numpy.array_equal(layer[row : row + height, column : column + width], pixels), item.id
        assert pixels.any()
    print(array.shape)


PROGRAMS = {"same-pixels": same_pixels, "windows": windows, "validate": validate, "load": load}
PROGRAMS[sys.argv[1]](*sys.argv[2:])
