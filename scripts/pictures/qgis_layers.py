"""Opens what a mount offers as layers of QGIS, renders them and writes a picture.

    qgis_layers.py MOUNT PICTURE

MOUNT is that of `stacfs demo`; `qgis` beside this file runs it. Fails where a layer is not valid, draws nothing, or the browser does not list the
mount. Needs Debian's qgis and python3-qgis, and a display (xvfb-run).
"""

import sys
from pathlib import Path

from qgis.core import (
    QgsApplication,
    QgsContrastEnhancement,
    QgsDirectoryItem,
    QgsFillSymbol,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsRasterBandStats,
    QgsRasterLayer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor, QImage, QPainter

SIZE = QSize(360, 360)


def rendered(layers, extent, crs):
    settings = QgsMapSettings()
    settings.setLayers(layers)
    settings.setDestinationCrs(crs)
    settings.setOutputSize(SIZE)
    settings.setExtent(extent)
    settings.setBackgroundColor(QColor("#10131a"))
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    assert not job.errors(), [error.message for error in job.errors()]
    return job.renderedImage()


def colours(image):
    return {image.pixel(x, y) for x in range(0, image.width(), 7) for y in range(0, image.height(), 7)}


def raster(path):
    layer = QgsRasterLayer(str(path), path.name)
    assert layer.isValid() and layer.crs().isValid(), path
    return layer


def main(mount, picture):
    stac = Path(mount) / "stac"
    search = stac / "sentinel-2-l2a" / "max_cloud_cover=5" / "by-date" / "2025" / "06" / "26"
    browsed = {child.name() for child in QgsDirectoryItem(None, "mount", str(stac)).createChildren()}
    assert "sentinel-2-l2a" in browsed, browsed

    outlines = QgsVectorLayer(str(search / "items.geojson"), "items", "ogr")
    assert outlines.isValid() and outlines.featureCount() == 4, outlines.error().message()
    symbol = QgsFillSymbol.createSimple({"style": "no", "outline_color": "#ffd34d", "outline_width": "0.7"})
    outlines.renderer().setSymbol(symbol)

    mosaic = raster(search / "mosaics" / "visual.vrt")
    items = sorted(path for path in search.iterdir() if path.is_dir())
    asset = raster(items[0] / "B08.tif")
    statistics = asset.dataProvider().bandStatistics(1, QgsRasterBandStats.All, asset.extent(), 10_000)
    assert statistics.maximumValue > statistics.minimumValue
    asset.setContrastEnhancement(QgsContrastEnhancement.StretchToMinimumMaximum)

    moon = stac / "kaguya_terrain_camera_monoscopic_uncontrolled_observations"
    lunar = raster(moon / "bbox=0,0,2.5,2.5" / "mosaics" / "image.vrt")
    assert "Moon" in lunar.crs().toWkt()
    lunar.setContrastEnhancement(QgsContrastEnhancement.StretchToMinimumMaximum)

    for layer in (outlines, asset):
        assert len(colours(rendered([layer], layer.extent(), layer.crs()))) > 1, layer.name()
    extent = mosaic.extent()
    extent.scale(1.03)
    earth = rendered([outlines, mosaic], extent, mosaic.crs())
    centre = lunar.extent()
    centre.scale(0.55)
    both = [earth, rendered([lunar], centre, lunar.crs())]
    assert all(len(colours(image)) > 50 for image in both), "the mosaics are to be seen"
    whole = QImage(SIZE.width() * 2 + 8, SIZE.height(), QImage.Format_RGB32)
    whole.fill(QColor("white"))
    painter = QPainter(whole)
    for number, image in enumerate(both):
        painter.drawImage(number * (SIZE.width() + 8), 0, image)
    painter.end()
    assert whole.save(picture)


application = QgsApplication([], False)
application.initQgis()
try:
    main(*sys.argv[1:])
finally:
    application.exitQgis()
