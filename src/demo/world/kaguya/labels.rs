//! The labels of a scene: ISIS, PDS3, caminfo, the camera model's state and where it all came from.

use serde_json::json;

use super::{HEIGHT, MOON_RADIUS, PIXEL, Scene, WIDTH};
use crate::demo::world::pvl::{Dialect, Pvl, group, object, print, text, value};

fn degrees(angle: f64) -> String {
    format!("{angle:.13}")
}

/// The time without the `Z`, as labels have it.
fn clock(scene: &Scene, seconds: i64) -> String {
    (scene.start() + jiff::SignedDuration::from_secs(seconds)).to_string().trim_end_matches('Z').to_owned()
}

/// `provenance.txt`: the commands that made the image.
pub(super) fn provenance(scene: &Scene) -> String {
    let id = &scene.id;
    format!(
        "kaguyatc2isis from={id}.lbl to={id}.cub setnullrange=no\n\
         spiceinit from={id}.cub web=false shape=ellipsoid\n\
         cam2map from={id}.cub to={id}_map.cub pixres=mpp resolution={PIXEL:.6}\n\
         isis2std from={id}_map.cub to={id}.tif format=tiff bittype=s16bit\n\
         gdal_translate -of COG {id}.tif {id}_cog.tif\n\
         (synthetic: painted by stacfs, no command was run)\n"
    )
}

/// The mapping group of the ISIS label.
fn mapping(scene: &Scene) -> Pvl {
    let [lon, lat] = scene.centre();
    group(
        "Mapping",
        vec![
            value("ProjectionName", "Equirectangular"),
            value("CenterLongitude", f64::from(scene.meridian)),
            value("CenterLatitude", "0.0"),
            value("TargetName", "MOON"),
            value("EquatorialRadius", format!("{MOON_RADIUS:.1} <meters>")),
            value("PolarRadius", format!("{MOON_RADIUS:.1} <meters>")),
            value("LatitudeType", "Planetocentric"),
            value("LongitudeDirection", "PositiveEast"),
            value("LongitudeDomain", 360),
            value("MinimumLatitude", degrees(lat - 0.4)),
            value("MaximumLatitude", degrees(lat + 0.4)),
            value("MinimumLongitude", degrees((lon - 0.39).rem_euclid(360.0))),
            value("MaximumLongitude", degrees((lon + 0.39).rem_euclid(360.0))),
            value("UpperLeftCornerX", format!("{:.6} <meters>", scene.georeference().west)),
            value("UpperLeftCornerY", format!("{:.6} <meters>", scene.georeference().north)),
            value("PixelResolution", format!("{PIXEL:.10} <meters/pixel>")),
            value("Scale", "2048.0 <pixels/degree>"),
            value("Rotation", "0.0"),
        ],
    )
}

fn instrument(scene: &Scene) -> Pvl {
    group(
        "Instrument",
        vec![
            text("MissionName", "SELENE"),
            text("SpacecraftName", "KAGUYA"),
            value("InstrumentId", "TC1"),
            text("InstrumentName", "Terrain Camera 1"),
            value("TargetName", "MOON"),
            value("StartTime", clock(scene, 0)),
            value("StopTime", clock(scene, 15)),
            value(
                "SpacecraftClockStartCount",
                format!("{}.4072 <sec>", 928_000_000 + scene.revolution * 7080),
            ),
            value(
                "SpacecraftClockStopCount",
                format!("{}.7471 <sec>", 928_000_015 + scene.revolution * 7080),
            ),
            value("LineSamplingInterval", "6.5 <msec>"),
            value("CorrectedSamplingInterval", "6.500000 <msec>"),
            value("ExposureDuration", "3.25 <msec>"),
            value("SwathModeId", "FULL"),
            value("FirstPixelNumber", 1),
            value("LastPixelNumber", 4096),
            text("SpacecraftAltitude", "99.1 <km>"),
            text("SpacecraftGroundSpeed", "1.548 <km/sec>"),
            value("TcCompressionMode", "COMPRESSED"),
        ],
    )
}

/// The ISIS label, about 13 KB: every SPICE kernel is named.
pub(super) fn isis(scene: &Scene) -> String {
    let kernel = |name: &str| format!("$kaguya/kernels/{name}");
    let kernels = group(
        "Kernels",
        vec![
            value("NaifFrameCode", -131_351),
            value("LeapSecond", "$base/kernels/lsk/naif0012.tls"),
            value(
                "TargetAttitudeShape",
                "($base/kernels/pck/pck00009.tpc, $base/kernels/pck/moon_080317.tf, $base/kernels/pck/moon_assoc_me.tf)",
            ),
            value("TargetPosition", "(Table, $base/kernels/spk/de430.bsp)"),
            value(
                "InstrumentPointing",
                format!("(Table, {}, {})", kernel("ck/SEL_M_200906_D_V03.BC"), kernel("fk/SEL_V01.TF")),
            ),
            value(
                "InstrumentPosition",
                format!("(Table, {})", kernel("spk/SEL_M_071020_090610_SGMH_02.BSP")),
            ),
            value("InstrumentAddendum", kernel("iak/kaguyaTcAddendum007.ti")),
            value("SpacecraftClock", kernel("sclk/SEL_M_V01.TSC")),
            value("ShapeModel", "Null"),
            value("CameraVersion", 2),
        ],
    );
    let mut label = vec![object(
        "IsisCube",
        vec![
            object(
                "Core",
                vec![
                    value("StartByte", 65537),
                    value("Format", "Tile"),
                    value("TileSamples", 512),
                    value("TileLines", 512),
                    group(
                        "Dimensions",
                        vec![value("Samples", WIDTH), value("Lines", HEIGHT), value("Bands", 1)],
                    ),
                    group(
                        "Pixels",
                        vec![
                            value("Type", "SignedWord"),
                            value("ByteOrder", "Lsb"),
                            value("Base", "0.0"),
                            value("Multiplier", "0.013"),
                        ],
                    ),
                ],
            ),
            instrument(scene),
            group(
                "Archive",
                vec![
                    text("DataSetId", "TC_MAP"),
                    value("ProductId", &scene.id),
                    value("ProductVersionId", "01"),
                    value("ProductSetId", "TC_MonoS_Level2B"),
                    value("RevolutionNumber", scene.revolution),
                    value("StandardDataProductId", "L2B0"),
                ],
            ),
            group(
                "BandBin",
                vec![value("FilterName", "BroadBand"), value("Center", "640nm"), value("Width", "420nm")],
            ),
            kernels,
            mapping(scene),
        ],
    )];
    label.push(object("Label", vec![value("Bytes", 65536)]));
    let tables =
        ["InstrumentPointing", "InstrumentPosition", "BodyRotation", "SunPosition", "CameraStatistics"];
    for (n, name) in tables.iter().enumerate() {
        let mut table = vec![
            value("Name", name),
            value("StartByte", 20_000_000 + 10_000 * n),
            value("Bytes", 9_216 - 512 * n),
            value("Records", 64),
            value("ByteOrder", "Lsb"),
        ];
        let fields = ["J2000Q0", "J2000Q1", "J2000Q2", "J2000Q3", "AV1", "AV2", "AV3", "ET"];
        table.extend(fields.map(|field| {
            group("Field", vec![value("Name", field), value("Type", "Double"), value("Size", 1)])
        }));
        label.push(object("Table", table));
    }
    label.push(object(
        "History",
        vec![value("Name", "IsisCube"), value("StartByte", 20_075_265), value("Bytes", 4131)],
    ));
    let history: Vec<Pvl> = (0..40)
        .map(|n| {
            value(&format!("Step{n:02}"), format!("(kaguyatc2isis, spiceinit, cam2map), {}", clock(scene, n)))
        })
        .collect();
    label.push(object(
        "OriginalLabel",
        vec![value("Name", "IsisCube"), value("Bytes", 7_700), group("Steps", history)],
    ));
    print(&label, Dialect::Isis)
}

/// The PDS3 label that JAXA delivers, about 8 KB.
pub(super) fn pds(scene: &Scene) -> String {
    let [lon, lat] = scene.centre();
    let corner = |name: &str, x: f64, y: f64| {
        let [lon, lat] = scene.degrees(x, y);
        [
            value(&format!("{name}_LATITUDE"), format!("{lat:.6} <deg>")),
            value(&format!("{name}_LONGITUDE"), format!("{:.6} <deg>", lon.rem_euclid(360.0))),
        ]
    };
    let (w, h) = (f64::from(WIDTH), f64::from(HEIGHT));
    let mut label = vec![
        value("PDS_VERSION_ID", "PDS3"),
        value("RECORD_TYPE", "UNDEFINED"),
        text("^IMAGE", &format!("{}.img", scene.id)),
        text("DATA_SET_ID", "TC_MAP"),
        text("DATA_SET_NAME", "LISM TC Level2B Data"),
        text("SOFTWARE_NAME", "RGC_TC_MonoS"),
        text("SOFTWARE_VERSION", "1.0.0"),
        text("PRODUCT_ID", &scene.id),
        text("PRODUCT_SET_ID", "TC_MonoS_Level2B"),
        text("PRODUCT_VERSION_ID", "01"),
        text("PRODUCER_ID", "LISM"),
        value("PRODUCT_CREATION_TIME", "2009-11-21T06:12:00Z"),
        text("MISSION_NAME", "SELENE"),
        text("SPACECRAFT_NAME", "SELENE-M"),
        text("INSTRUMENT_NAME", "Terrain Camera 1"),
        text("INSTRUMENT_ID", "TC1"),
        text("TARGET_NAME", "MOON"),
        value("REVOLUTION_NUMBER", scene.revolution),
        value("START_TIME", clock(scene, 0)),
        value("STOP_TIME", clock(scene, 15)),
        text("SWATH_MODE_ID", "FULL"),
        value("SUN_ELEVATION", format!("{:.4} <deg>", scene.sun_elevation())),
        value("CENTER_LATITUDE", format!("{lat:.6} <deg>")),
        value("CENTER_LONGITUDE", format!("{:.6} <deg>", lon.rem_euclid(360.0))),
    ];
    let corners =
        [("UPPER_LEFT", 0.0, 0.0), ("UPPER_RIGHT", w, 0.0), ("LOWER_LEFT", 0.0, h), ("LOWER_RIGHT", w, h)];
    label.extend(corners.into_iter().flat_map(|(name, x, y)| corner(name, x, y)));
    label.push(object(
        "IMAGE",
        vec![
            value("LINES", HEIGHT),
            value("LINE_SAMPLES", WIDTH),
            value("SAMPLE_TYPE", "LSB_INTEGER"),
            value("SAMPLE_BITS", 16),
            value("BANDS", 1),
            text("IMAGE_VALUE_TYPE", "RADIANCE"),
            value("SCALING_FACTOR", "1.30000e-02"),
            value("OFFSET", "0.0"),
            text("UNIT", "W/m**2/micron/sr"),
            value("NULL_CODE", -32768),
            value("MIN_FOR_STATISTICAL_EVALUATION", 0),
            value("MAX_FOR_STATISTICAL_EVALUATION", 32767),
        ],
    ));
    let history = (0..60).map(|n| {
        let name = format!("INVOCATION_{n:02}");
        text(
            &name,
            &format!(
                "correct_radiance --line {} --gain {:.5} --dark {:.3}",
                n * 27,
                1.0 + scene.chance(n),
                scene.chance(n + 90)
            ),
        )
    });
    label.push(object("PROCESSING_PARAMETERS", history.collect()));
    print(&label, Dialect::Pds3)
}

/// ISIS's caminfo, about 7 KB: the geometry of the observation.
pub(super) fn caminfo(scene: &Scene) -> String {
    let [lon, lat] = scene.centre();
    let incidence = 90.0 - scene.sun_elevation();
    let emission = 17.3 + 0.1 * scene.chance(2);
    let statistics = |name: &str, low: f64, high: f64| {
        let mean = (low + high) / 2.0;
        let deviation = (high - low) / 5.0;
        vec![
            value(&format!("{name}Minimum"), degrees(low)),
            value(&format!("{name}Maximum"), degrees(high)),
            value(&format!("{name}Average"), degrees(mean)),
            value(&format!("{name}StandardDeviation"), degrees(deviation)),
        ]
    };
    let angles = [
        ("Latitude", lat - 0.4, lat + 0.4),
        ("Longitude", lon.rem_euclid(360.0) - 0.39, lon.rem_euclid(360.0) + 0.39),
        ("SampleResolution", 7.4, 7.9),
        ("LineResolution", 9.9, 10.1),
        ("Resolution", 8.7, 9.0),
        ("ObliqueResolution", 9.2, 9.5),
        ("AspectRatio", 0.74, 0.79),
        ("PhaseAngle", incidence - emission, incidence - emission + 1.1),
        ("EmissionAngle", emission - 0.6, emission + 0.6),
        ("IncidenceAngle", incidence - 0.4, incidence + 0.4),
        ("LocalSolarTime", 7.2, 7.3),
        ("LocalRadius", MOON_RADIUS, MOON_RADIUS),
        ("NorthAzimuth", 268.2, 269.4),
    ];
    let camstats = angles.iter().flat_map(|&(name, low, high)| statistics(name, low, high)).collect();
    let ring = scene.ring();
    let polygon = ring
        .iter()
        .map(|[lon, lat]| format!("({:.8}, {lat:.8})", lon.rem_euclid(360.0)))
        .collect::<Vec<_>>()
        .join(",\n                         ");
    let label = vec![object(
        "Caminfo",
        vec![
            object(
                "Parameters",
                vec![
                    value("Program", "caminfo"),
                    value("IsisVersion", text_of("7.1.0  | 2022-07-27")),
                    value("RunDate", "2023-08-23T19:02:11"),
                    value("IsisId", format!("KAGUYA/{}/{}", scene.revolution, scene.id)),
                    value("From", format!("{}.cub", scene.id)),
                    value("Lines", HEIGHT),
                    value("Samples", WIDTH),
                    value("Bands", 1),
                ],
            ),
            object("Camstats", camstats),
            object(
                "Geometry",
                vec![
                    value("BandsUsed", 1),
                    value("ReferenceBand", 1),
                    value("OriginalBand", 1),
                    value("Target", "MOON"),
                    value("StartTime", clock(scene, 0)),
                    value("EndTime", clock(scene, 15)),
                    value("CenterLine", f64::from(HEIGHT) / 2.0),
                    value("CenterSample", f64::from(WIDTH) / 2.0),
                    value("CenterLatitude", degrees(lat)),
                    value("CenterLongitude", degrees(lon.rem_euclid(360.0))),
                    value("CenterRadius", MOON_RADIUS),
                    value("RightAscension", degrees(360.0 * scene.chance(4))),
                    value("Declination", degrees(-lat)),
                    value("PhaseAngle", degrees(incidence - emission + 0.55)),
                    value("EmissionAngle", degrees(emission)),
                    value("IncidenceAngle", degrees(incidence)),
                    value("NorthAzimuth", degrees(268.8)),
                    value("OffNadir", degrees(emission - 0.9)),
                    value("SolarLongitude", degrees(360.0 * scene.chance(5))),
                    value("LocalTime", degrees(7.25)),
                    value("TargetCenterDistance", "1836.5 <km>"),
                    value("SlantDistance", "104.2 <km>"),
                    value("SampleResolution", "7.6"),
                    value("LineResolution", "10.0"),
                    value("SubSolarAzimuth", degrees(292.9)),
                    value("SubSpacecraftGroundAzimuth", degrees(269.4)),
                ],
            ),
            object(
                "Polygon",
                vec![
                    value("CentroidLatitude", degrees(lat)),
                    value("CentroidLongitude", degrees(lon.rem_euclid(360.0))),
                    value("Radius", MOON_RADIUS),
                    value("SurfaceArea", format!("{:.6}", 0.78 * 0.8 * 919.5 * lat.to_radians().cos())),
                    value("GlobalCoverage", "0.0015"),
                    value("GisFootprint", format!("(\n                         {polygon})")),
                ],
            ),
        ],
    )];
    print(&label, Dialect::Isis)
}

fn text_of(text: &str) -> String {
    format!("\"{text}\"")
}

/// The state of the camera model for USGSCSM: positions, velocities and attitudes along the orbit. Every tenth
/// scene has one of half a megabyte, as real ones do; the others have a short one.
pub(super) fn isd(scene: &Scene) -> String {
    let samples = if scene.number.is_multiple_of(10) { 1_500 } else { 60 };
    let orbit = MOON_RADIUS + 100_000.0;
    let [lon, lat] = scene.centre();
    let at = |n: u32| {
        let (lat, lon) =
            ((lat + 0.4 - 0.8 * f64::from(n) / f64::from(samples)).to_radians(), lon.to_radians());
        [orbit * lat.cos() * lon.cos(), orbit * lat.cos() * lon.sin(), orbit * lat.sin()]
    };
    let speed = |n: u32| {
        let [x, y, z] = at(n);
        [
            1_548.0 * x * z / orbit / orbit,
            1_548.0 * y * z / orbit / orbit,
            -1_548.0 * (x * x + y * y).sqrt() / orbit,
        ]
    };
    let attitude = |n: u32| {
        let half = (lat / 2.0).to_radians() + f64::from(n) * 1e-6;
        [half.cos(), 1e-5 * scene.chance(n), half.sin(), 1e-5 * scene.chance(n + 7)]
    };
    let times: Vec<f64> = (0..samples).map(|n| 15.34 * f64::from(n) / f64::from(samples)).collect();
    let ephemeris = scene.start().as_millisecond() as f64 / 1000.0 - 946_728_000.0 + 66.184;
    let lines: Vec<[f64; 3]> =
        (0..samples).map(|n| [f64::from(n), times[n as usize] - 7.67, 0.0065]).collect();
    let rotation = json!({
        "time_dependent_frames": [31006, 1],
        "ck_table_start_time": ephemeris, "ck_table_end_time": ephemeris + 15.34,
        "ephemeris_times": times,
        "quaternions": (0..samples).map(attitude).collect::<Vec<_>>(),
        "angular_velocities": (0..samples).map(|n| [0.0, 1.47e-5 + 1e-9 * scene.chance(n), 2.66e-6]).collect::<Vec<_>>(),
    });
    let state = json!({
        "isis_camera_version": 2,
        "image_lines": HEIGHT, "image_samples": WIDTH,
        "name_platform": "KAGUYA", "name_sensor": "TERRAIN CAMERA 1",
        "name_model": "USGS_ASTRO_LINE_SCANNER_SENSOR_MODEL",
        "interpolation_method": "lagrange",
        "reference_height": {"maxheight": 1000, "minheight": -1000, "unit": "m"},
        "radii": {"semimajor": MOON_RADIUS / 1000.0, "semiminor": MOON_RADIUS / 1000.0, "unit": "km"},
        "body_rotation": rotation,
        "instrument_pointing": rotation,
        "instrument_position": {
            "spk_table_start_time": ephemeris, "spk_table_end_time": ephemeris + 15.34,
            "reference_frame": 1, "ephemeris_times": times,
            "positions": (0..samples).map(at).collect::<Vec<_>>(),
            "velocities": (0..samples).map(speed).collect::<Vec<_>>(),
        },
        "line_scan_rate": lines,
        "starting_ephemeris_time": ephemeris, "center_ephemeris_time": ephemeris + 7.67,
        "detector_center": {"line": 0.5, "sample": 2048.0},
        "focal2pixel_lines": [0, 142.857142857, 0], "focal2pixel_samples": [0, 0, -142.857142857],
        "focal_length_model": {"focal_length": 72.45},
        "optical_distortion": {"kaguyalism": {
            "boresight_x": -0.0725, "boresight_y": 0.0214,
            "x": [-0.0009649900000000001, 0.00098441, 8.5773e-06, -3.7438e-06],
            "y": [-0.0013796, 1.3502e-05, 2.7251e-06, -6.193800000000001e-06],
        }},
    });
    format!("{state}\n")
}
