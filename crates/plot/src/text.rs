//! Numbers and texts, as pages and pictures show them.

/// A number with a few digits: `0.05`, `1.2e-4`, `12k`.
///
/// ```
/// use ravine_plot::short;
///
/// let shown = [0.0, 0.05, 0.1234567, 12.5, 938.0, 11256.0, 2e6, 1.2e-4, -3e12].map(short);
/// assert_eq!(shown, ["0", "0.05", "0.123", "12.5", "938", "11.26k", "2M", "1.2e-4", "-3e12"]);
/// ```
pub fn short(x: f64) -> String {
    let size = x.abs();
    if x == 0.0 {
        "0".into()
    } else if !(1e-3..1e9).contains(&size) {
        format!("{x:.1e}").replace(".0e", "e")
    } else if size >= 9.9995e5 {
        trimmed(x / 1e6) + "M"
    } else if size >= 9999.5 {
        trimmed(x / 1e3) + "k"
    } else {
        trimmed(x)
    }
}

/// `x` with up to four significant digits, without trailing zeros.
fn trimmed(x: f64) -> String {
    let whole = x.abs().log10().floor().max(0.0) as usize;
    let text = format!("{x:.*}", 3usize.saturating_sub(whole).min(4));
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A count, with its digits in groups of three.
///
/// ```
/// use ravine_plot::grouped;
///
/// assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
/// ```
pub fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Text with the special characters of HTML and XML replaced.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let shown = [1.0, 999.96, 9999.6, 9.99996e5, 1e9, f64::INFINITY, f64::NAN].map(short);
        assert_eq!(shown, ["1", "1000", "10k", "1M", "1e9", "inf", "NaN"]);
    }
}
