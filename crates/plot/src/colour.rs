//! Colours of series, and of maps.

/// A colour of a series. The colours can be told apart also by the colour-blind.
pub const BLUE: &str = "#2868c8";
/// Another.
pub const ORANGE: &str = "#e0701a";
/// Another.
pub const GREEN: &str = "#12876a";
/// Another.
pub const RED: &str = "#cc3350";
/// Another.
pub const PURPLE: &str = "#7d4bb8";
/// Another.
pub const GOLD: &str = "#a88400";
/// Another.
pub const SKY: &str = "#2ba3cf";
/// The colour of formulas, and of what is in the background.
pub const GREY: &str = "#8a94a3";
/// All but grey, for series in a row.
pub const COLOURS: [&str; 7] = [BLUE, ORANGE, GREEN, RED, PURPLE, GOLD, SKY];

/// A colour between those of a scale, `share` from 0 to 1, in steps, so that a map has few of them.
///
/// # Panics
/// If the scale has no colour.
#[track_caller]
pub fn shade<'a>(scale: &[&'a str], share: f64) -> &'a str {
    let last = scale.len() - 1;
    scale[((share * scale.len() as f64) as usize).min(last)]
}

/// From deep blue (little) to pale yellow (much), in equal steps for the eye.
pub const SHADES: [&str; 12] = [
    "#0b2a5b", "#123f7c", "#1b5796", "#256fa8", "#3388b2", "#4aa0b6", "#68b6b6", "#8ccab4", "#b2dbb5",
    "#d3e8bb", "#ebf2c6", "#fafad8",
];
