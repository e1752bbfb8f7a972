"""Reads windows of an image as a viewer or a chip extractor does.

windows.py PATH COUNT SEED: opens PATH with GDAL, reads COUNT windows of 512 x 512 pixels at random places, and the
whole image at a sixteenth of its resolution. Prints seconds from the open to the last byte, and a checksum.
"""

import hashlib
import json
import random
import sys
import time

from osgeo import gdal

gdal.UseExceptions()


def read(path, count, seed):
    places = random.Random(seed)
    checksum = hashlib.sha256()
    began = time.monotonic()
    image = gdal.Open(path)
    band = image.GetRasterBand(1)
    for _ in range(count):
        x, y = (places.randrange(size - 512) for size in (image.RasterXSize, image.RasterYSize))
        checksum.update(band.ReadRaster(x, y, 512, 512))
    width, height = image.RasterXSize // 16, image.RasterYSize // 16
    checksum.update(band.ReadRaster(0, 0, image.RasterXSize, image.RasterYSize, width, height))
    return time.monotonic() - began, checksum.hexdigest()


seconds, checksum = read(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
print(json.dumps({"seconds": seconds, "checksum": checksum}))
