//! What light comes back from the ground, by kind of cover, wavelength and day of the year.

/// Kinds of cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Sea,
    Shallows,
    Mud,
    River,
    Conifer,
    Broadleaf,
    Meadow,
    Wheat,
    Rapeseed,
    Maize,
    Beet,
    Fallow,
    /// Fields too small to be told apart.
    Mosaic,
    Track,
    Asphalt,
    Roof,
    Hall,
    Garden,
}

impl Kind {
    const ALL: [Kind; 18] = [
        Kind::Sea,
        Kind::Shallows,
        Kind::Mud,
        Kind::River,
        Kind::Conifer,
        Kind::Broadleaf,
        Kind::Meadow,
        Kind::Wheat,
        Kind::Rapeseed,
        Kind::Maize,
        Kind::Beet,
        Kind::Fallow,
        Kind::Mosaic,
        Kind::Track,
        Kind::Asphalt,
        Kind::Roof,
        Kind::Hall,
        Kind::Garden,
    ];

    /// Whether it is water.
    pub fn wet(self) -> bool {
        matches!(self, Kind::Sea | Kind::Shallows | Kind::River)
    }
}

/// Where the instruments look, by wavelength: the bands of Sentinel-2's MSI but the cirrus band. Landsat's have
/// neighbours among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "these are STAC's common names of bands")]
pub enum Wavelength {
    Coastal,
    Blue,
    Green,
    Red,
    RedEdge1,
    RedEdge2,
    RedEdge3,
    Nir,
    Nir08,
    Nir09,
    Swir16,
    Swir22,
}

/// Reflectances, one for each [`Wavelength`].
pub(super) type Spectrum = [f32; 12];

const LEAVES: Spectrum = [0.018, 0.024, 0.062, 0.030, 0.10, 0.28, 0.37, 0.41, 0.43, 0.43, 0.19, 0.085];
const NEEDLES: Spectrum = [0.014, 0.018, 0.032, 0.020, 0.05, 0.15, 0.19, 0.21, 0.22, 0.22, 0.09, 0.040];
const FLOWERS: Spectrum = [0.020, 0.035, 0.165, 0.150, 0.20, 0.32, 0.40, 0.44, 0.46, 0.46, 0.22, 0.100];
const STRAW: Spectrum = [0.060, 0.080, 0.135, 0.190, 0.22, 0.25, 0.28, 0.31, 0.33, 0.34, 0.36, 0.260];
const SOIL: Spectrum = [0.052, 0.062, 0.086, 0.112, 0.15, 0.17, 0.19, 0.21, 0.23, 0.24, 0.30, 0.260];
const TWIGS: Spectrum = [0.030, 0.036, 0.052, 0.066, 0.09, 0.12, 0.14, 0.16, 0.17, 0.18, 0.19, 0.130];
const DEEP: Spectrum = [0.050, 0.046, 0.036, 0.018, 0.014, 0.011, 0.009, 0.007, 0.006, 0.005, 0.003, 0.002];
const TURBID: Spectrum = [0.060, 0.078, 0.092, 0.070, 0.062, 0.036, 0.030, 0.022, 0.018, 0.014, 0.005, 0.003];
const MUD: Spectrum = [0.076, 0.092, 0.112, 0.122, 0.126, 0.13, 0.13, 0.13, 0.13, 0.12, 0.07, 0.050];
const TILES: Spectrum = [0.085, 0.098, 0.115, 0.165, 0.18, 0.19, 0.20, 0.21, 0.22, 0.23, 0.26, 0.230];
const SHEETS: Spectrum = [0.150, 0.165, 0.180, 0.185, 0.19, 0.30, 0.30, 0.30, 0.30, 0.30, 0.31, 0.290];
const TAR: Spectrum = [0.080, 0.088, 0.098, 0.105, 0.11, 0.11, 0.12, 0.12, 0.13, 0.13, 0.15, 0.140];
/// Clouds from above.
pub(super) const CLOUD: Spectrum = [0.62, 0.60, 0.59, 0.60, 0.61, 0.61, 0.61, 0.60, 0.59, 0.45, 0.42, 0.32];

fn blend(a: &Spectrum, b: &Spectrum, share: f32) -> Spectrum {
    std::array::from_fn(|n| a[n] + (b[n] - a[n]) * share)
}

/// From 0 to 1 between the first two days, and back to 0 between the last two.
fn season(day: f32, [sprout, full, fade, gone]: [f32; 4]) -> f32 {
    ((day - sprout) / (full - sprout)).min((gone - day) / (gone - fade)).clamp(0.0, 1.0)
}

/// The spectrum of every kind on a day.
pub(super) struct Palette([Spectrum; 18]);

impl Palette {
    /// The palette of a day of the year, 1 to 366.
    pub fn on(day: u32) -> Palette {
        Palette(Kind::ALL.map(|kind| spectrum(kind, day as f32)))
    }

    /// The spectrum of a kind.
    pub fn of(&self, kind: Kind) -> &Spectrum {
        &self.0[kind as usize]
    }
}

fn spectrum(kind: Kind, day: f32) -> Spectrum {
    let green = |days| season(day, days);
    match kind {
        Kind::Sea => DEEP,
        Kind::Shallows => blend(&DEEP, &TURBID, 0.6),
        Kind::River => blend(&DEEP, &TURBID, 0.85),
        Kind::Mud => MUD,
        Kind::Conifer => NEEDLES,
        Kind::Broadleaf => {
            blend(&TWIGS, &blend(&LEAVES, &NEEDLES, 0.35), green([100.0, 140.0, 270.0, 310.0]))
        }
        Kind::Meadow => {
            blend(&blend(&STRAW, &SOIL, 0.3), &LEAVES, 0.5 + 0.35 * green([60.0, 120.0, 190.0, 320.0]))
        }
        Kind::Garden => {
            blend(&blend(&SOIL, &TAR, 0.4), &LEAVES, 0.3 + 0.4 * green([80.0, 130.0, 260.0, 310.0]))
        }
        Kind::Wheat => {
            let stubble = blend(&SOIL, &STRAW, green([165.0, 195.0, 215.0, 245.0]));
            blend(
                &stubble,
                &LEAVES,
                0.95 * green([20.0, 110.0, 160.0, 190.0]).max(green([290.0, 345.0, 500.0, 600.0]) * 0.4),
            )
        }
        Kind::Rapeseed => {
            let crop = blend(&LEAVES, &FLOWERS, green([112.0, 124.0, 140.0, 152.0]));
            let stubble = blend(&SOIL, &STRAW, green([175.0, 192.0, 205.0, 230.0]));
            blend(
                &stubble,
                &crop,
                0.95 * green([10.0, 90.0, 165.0, 188.0]).max(green([250.0, 290.0, 500.0, 600.0]) * 0.7),
            )
        }
        Kind::Maize => blend(&SOIL, &LEAVES, 0.97 * green([145.0, 185.0, 250.0, 275.0])),
        Kind::Beet => blend(&SOIL, &blend(&LEAVES, &NEEDLES, 0.15), green([130.0, 175.0, 280.0, 300.0])),
        Kind::Fallow => blend(&SOIL, &STRAW, 0.4),
        Kind::Mosaic => {
            let parts = [
                Kind::Wheat,
                Kind::Wheat,
                Kind::Rapeseed,
                Kind::Maize,
                Kind::Beet,
                Kind::Meadow,
                Kind::Meadow,
            ];
            let all = parts.map(|part| spectrum(part, day));
            std::array::from_fn(|n| all.iter().map(|one| one[n]).sum::<f32>() / all.len() as f32)
        }
        Kind::Track => blend(&STRAW, &SOIL, 0.3),
        Kind::Asphalt => TAR,
        Kind::Roof => TILES,
        Kind::Hall => SHEETS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How green a kind is on a day.
    fn ndvi(kind: Kind, day: u32) -> f32 {
        let palette = Palette::on(day);
        let spectrum = palette.of(kind);
        let (red, nir) = (spectrum[Wavelength::Red as usize], spectrum[Wavelength::Nir as usize]);
        (nir - red) / (nir + red)
    }

    #[test]
    fn crops_have_their_seasons() {
        assert!(ndvi(Kind::Wheat, 140) > 0.8 && ndvi(Kind::Wheat, 220) < 0.4);
        assert!(ndvi(Kind::Maize, 120) < 0.4 && ndvi(Kind::Maize, 220) > 0.8);
        assert!(ndvi(Kind::Sea, 200) < 0.0);
        let flowers = Palette::on(130);
        let [_, blue, green, ..] = *flowers.of(Kind::Rapeseed);
        assert!(green > 3.0 * blue, "rapeseed in May is yellow");
    }

    #[test]
    fn reflectances_are_reflectances() {
        for day in 1..=366 {
            let all = Kind::ALL.map(|kind| *Palette::on(day).of(kind));
            assert!(all.iter().flatten().all(|r| (0.0..1.0).contains(r)), "day {day}");
        }
    }
}
