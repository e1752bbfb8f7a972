//! Boxes in degrees: `bbox=W,S,E,N`.

use super::error::Fault;
use crate::item::Bbox;

/// The box of a `bbox=` value: 4 numbers, or 6 whose heights are read and not used.
pub(super) fn parse(numbers: &[&str]) -> Result<Bbox, Fault> {
    let form = "write bbox=W,S,E,N in degrees, as in bbox=0,0,2.5,2.5";
    let number =
        |text: &&str| number(text).ok_or_else(|| Fault::new(format!("{text:?} is no number")).hint(form));
    let numbers: Vec<f64> = numbers.iter().map(number).collect::<Result<_, _>>()?;
    let (w, s, e, n) = match numbers[..] {
        [w, s, e, n] => (w, s, e, n),
        [w, s, _, e, n, _] => (w, s, e, n),
        _ => {
            let count = numbers.len();
            return Err(Fault::new(format!("a box is 4 or 6 numbers, not {count}")).hint(form));
        }
    };
    check(w, s, e, n)?;
    let (west, east) = normal(w, e);
    Ok(Bbox { west, south: s, east, north: n })
}

/// A finite number, spaces around it allowed; never a negative zero.
pub(super) fn number(text: &str) -> Option<f64> {
    // Rust also reads `inf`, `nan` and `infinity`.
    let plain = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
    let text = text.trim();
    let number = text.parse::<f64>().ok().filter(|n| n.is_finite() && text.chars().all(plain))?;
    Some(number + 0.0)
}

fn check(w: f64, s: f64, e: f64, n: f64) -> Result<(), Fault> {
    let latitudes = [s, n].iter().all(|lat| lat.abs() <= 90.0);
    let longitudes = [w, e].iter().all(|lon| lon.abs() <= 360.0);
    if !latitudes && [w, e].iter().all(|lat| lat.abs() <= 90.0) && [s, n].iter().all(|lon| lon.abs() <= 360.0)
    {
        let swapped = [s, w, n, e].map(self::print).join(",");
        return Err(Fault::new("a latitude is beyond 90 degrees; longitude comes first")
            .hint(format!("did you mean bbox={swapped}?")));
    }
    if !latitudes {
        return Err(Fault::new("a latitude is beyond 90 degrees")
            .hint("write bbox=W,S,E,N, with S and N from -90 to 90"));
    }
    if !longitudes {
        return Err(Fault::new("a longitude is beyond 360 degrees")
            .hint("write bbox=W,S,E,N, with W and E from -180 to 360"));
    }
    if s > n {
        let upright = [w, n, e, s].map(self::print).join(",");
        return Err(
            Fault::new("its south lies north of its north").hint(format!("did you mean bbox={upright}?"))
        );
    }
    Ok(())
}

/// West in [-180, 180) and east in [west, west + 360], of any two longitudes: from `w` eastward to `e`.
///
/// Where a longitude is moved by a turn, both are rounded to 1e-9 degrees (0.1 mm), so that 302.7 and -57.3
/// are one and the same.
pub(super) fn normal(w: f64, e: f64) -> (f64, f64) {
    const ROUNDING: f64 = 1e-9;
    if e - w >= 360.0 - ROUNDING {
        return (-180.0, 180.0);
    }
    let plain = |lon: f64| (-180.0..180.0).contains(&lon);
    if plain(w) && (plain(e) || e == 180.0) && w <= e {
        return (w, e);
    }
    let west = turned(turned(w));
    let east = turned(turned(e));
    if east >= west { (west, east) } else { (west, rounded(east + 360.0)) }
}

/// A longitude in [-180, 180], rounded. Twice, it is in [-180, 180): rounding may have lifted it to 180.
fn turned(lon: f64) -> f64 {
    rounded((lon + 180.0).rem_euclid(360.0) - 180.0)
}

fn rounded(degrees: f64) -> f64 {
    (degrees * 1e9).round() / 1e9 + 0.0
}

/// The numbers of a normalised box, as STAC writes them: west > east where it crosses the antimeridian.
pub(super) fn text(bbox: &Bbox) -> String {
    let east = if bbox.east > 180.0 { rounded(bbox.east - 360.0) } else { bbox.east };
    [bbox.west, bbox.south, east, bbox.north].map(print).join(",")
}

/// The shortest text that reads back as the same number.
pub(super) fn print(number: f64) -> String {
    let plain = number.to_string();
    if plain.len() <= 24 { plain } else { format!("{number:e}") }
}

/// A normalised box cut at the antimeridian: one or two boxes within ±180.
pub(super) fn cut(bbox: &Bbox) -> Vec<Bbox> {
    if bbox.east <= 180.0 {
        return vec![*bbox];
    }
    let beyond = Bbox { west: -180.0, east: rounded(bbox.east - 360.0), ..*bbox };
    vec![Bbox { east: 180.0, ..*bbox }, beyond]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Bbox {
        parse(&text.split(',').collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn boxes_written_differently_are_one() {
        for (a, b) in [
            ("303,0,304,1", "-57,0,-56,1"),
            ("302.7,0,303.1,1", "-57.3,0,-56.9,1"),
            ("170,0,190,1", "170,0,-170,1"),
            ("-190,0,-170,1", "170,0,-170,1"),
            ("350,0,10,1", "-10,0,10,1"),
            ("0,0,360,1", "-180,0,180,1"),
            ("-360,0,360,1", "-180,0,180,1"),
            ("180,0,180,1", "-180,0,-180,1"),
            ("170,0,-180,1", "170,0,180,1"),
            ("180,0,190,1", "-180,0,-170,1"),
            ("0,0,-10,1,1,-5", "0,0,1,1"),
            ("+0.0,-0,1e0,1.50", "0,0,1,1.5"),
        ] {
            assert_eq!(text(&read(a)), b, "{a}");
            assert_eq!(read(a), read(b), "{a}");
        }
    }

    #[test]
    fn a_box_is_cut_at_the_antimeridian() {
        let boxes = cut(&read("170,-5,-170,5"));
        assert_eq!(boxes.iter().map(text).collect::<Vec<_>>(), ["170,-5,180,5", "-180,-5,-170,5"]);
        assert_eq!(cut(&read("0,0,1,1")), [read("0,0,1,1")]);
        assert_eq!(cut(&read("10,0,9,1")).iter().map(text).collect::<Vec<_>>(), ["10,0,180,1", "-180,0,9,1"]);
        assert_eq!(cut(&read("0,0,360,1")).len(), 1);
    }
}
