//! The tables and picture grids of the page.

use std::fmt::Write;

use ravine_plot::{escape, short};

use super::metric;
use crate::log::Picture;
use crate::metrics::{Average, Confusion, Hard};
use crate::record::{Part, Record};

/// A table of names and values.
pub(super) fn pairs<'a>(rows: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let mut html = String::from("<table class=\"pairs\">\n");
    for (name, value) in rows {
        let _ = writeln!(html, "<tr><th scope=\"row\">{}</th><td>{}</td></tr>", escape(name), escape(&value));
    }
    html + "</table>\n"
}

/// A table with a row for each evaluation, the last [`MAX_ROWS`] of them.
pub(super) fn evaluations(history: &[Record]) -> String {
    const MAX_ROWS: usize = 200;
    let Some(last) = history.last() else { return String::new() };
    let names: Vec<String> = ["loss"]
        .into_iter()
        .chain(last.scores().metrics().map(|(name, _)| name))
        .map(str::to_owned)
        .collect();
    let value = |record: &Record, part, name: &str| record.part(part).and_then(|scores| scores.metric(name));
    let columns: Vec<(Part, &String)> = Part::ALL
        .into_iter()
        .flat_map(|part| names.iter().map(move |name| (part, name)))
        .filter(|(part, name)| value(last, *part, name).is_some())
        .collect();

    let mut html = String::from(
        "<div class=\"scroll\"><table class=\"numbers\">\n<tr><th>epoch</th><th>step</th><th>rate</th>",
    );
    for (part, name) in &columns {
        let _ = write!(html, "<th>{} {}</th>", part.name(), escape(name));
    }
    html += "</tr>\n";
    for record in &history[history.len().saturating_sub(MAX_ROWS)..] {
        let rate = short(record.learning_rate);
        let _ = write!(html, "<tr><td>{}</td><td>{}</td><td>{rate}</td>", record.epoch + 1, record.steps);
        for (part, name) in &columns {
            let text = value(record, *part, name).map_or(String::new(), |value| metric(name, value));
            let _ = write!(html, "<td>{text}</td>");
        }
        html += "</tr>\n";
    }
    html + "</table></div>\n"
}

/// The confusion matrix, darker where there are more samples; without numbers if there are many classes.
pub(super) fn confusion(confusion: &Confusion) -> String {
    let classes = confusion.classes();
    let numbered = classes <= 20;
    let cell = if numbered { 46.0 } else { (920.0 / classes as f64).max(3.0) };
    let (left, top) = if numbered { (34.0, 30.0) } else { (2.0, 2.0) };
    let (width, height) = (left + cell * classes as f64, top + cell * classes as f64);
    let widest = (1.25 * width).min(620.0); // The cells of few classes are not larger than those of ten.
    let mut html = format!(
        "<div class=\"confusion\">\n<svg viewBox=\"0 0 {width} {height}\" style=\"max-width: {widest}px\" role=\"img\" aria-label=\"confusion matrix\">\n"
    );
    for truth in 0..classes {
        let samples: u64 = (0..classes).map(|class| confusion.at(truth, class)).sum();
        let middle = cell / 2.0 + cell * truth as f64;
        if numbered {
            let _ = writeln!(
                html,
                "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{truth}</text><text x=\"{:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{truth}</text>",
                left - 9.0,
                top + middle + 5.0,
                left + middle,
                top - 9.0
            );
        }
        for predicted in 0..classes {
            let count = confusion.at(truth, predicted);
            if count == 0 && !numbered {
                continue;
            }
            // The square root, doubled for mistakes, makes small counts visible beside large ones.
            let share = (count as f64 / samples.max(1) as f64).sqrt();
            let (class, share) =
                if truth == predicted { ("hit", share) } else { ("miss", (2.0 * share).min(1.0)) };
            let (x, y) = (left + cell * predicted as f64, top + cell * truth as f64);
            let _ = write!(
                html,
                "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill-opacity=\"{share:.3}\"><title>{truth} taken for {predicted}: {count}</title></rect>",
                cell - 1.5,
                cell - 1.5
            );
            if numbered && count > 0 {
                let ink = if share > 0.6 { "ink light" } else { "ink" };
                let _ = write!(
                    html,
                    "<text class=\"{ink}\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{count}</text>",
                    x + (cell - 1.5) / 2.0,
                    y + cell / 2.0 + 4.0
                );
            }
            html.push('\n');
        }
    }
    html += "</svg>\n";
    let averages = [("mean over classes", Average::Macro), ("weighted by samples", Average::Weighted)];
    html += "<table class=\"numbers\">\n<tr><th></th><th>precision</th><th>recall</th><th>F1</th></tr>\n";
    for (name, average) in averages {
        let values = [confusion.precision(average), confusion.recall(average), confusion.f1(average)];
        let [precision, recall, f1] = values.map(|value| metric("f1", value));
        let _ = writeln!(
            html,
            "<tr><th scope=\"row\">{name}</th><td>{precision}</td><td>{recall}</td><td>{f1}</td></tr>"
        );
    }
    html + "</table>\n</div>\n"
}

/// A grid of test images.
pub(super) fn hardest(pictures: &[(Hard, Picture)]) -> String {
    let mut html = String::from("<ul class=\"wall\">\n");
    for (hard, picture) in pictures {
        let Hard { sample, loss, label, predicted, confidence } = hard;
        let _ = writeln!(
            html,
            "<li>{}<span><b>{label}</b> as <b>{predicted}</b></span><small>{:.0} % sure</small></li>",
            image(picture, &format!("sample {sample}: {label} taken for {predicted}, loss {loss:.2}")),
            100.0 * confidence
        );
    }
    html + "</ul>\n"
}

/// A grid of filters.
pub(super) fn filters(pictures: &[Picture]) -> String {
    let mut html = String::from("<ul class=\"wall filters\">\n");
    for (i, picture) in pictures.iter().enumerate() {
        let _ = writeln!(html, "<li>{}</li>", image(picture, &format!("filter {i}")));
    }
    html + "</ul>\n"
}

/// A picture embedded in the page.
fn image(picture: &Picture, title: &str) -> String {
    let title = escape(title);
    let (width, height, data) = (picture.width, picture.height, base64(&picture.png()));
    format!(
        "<img src=\"data:image/png;base64,{data}\" width=\"{width}\" height=\"{height}\" alt=\"{title}\" title=\"{title}\">"
    )
}

/// Base64 as RFC 4648 defines it.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |i: usize| u32::from(three.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let there = digit <= three.len();
            text.push(if there { char::from(DIGITS[(bits >> (18 - 6 * digit) & 63) as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_as_text() {
        let encoded = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(|text| base64(text.as_bytes()));
        assert_eq!(encoded, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]);
    }

    #[test]
    fn a_matrix_of_many_classes_stays_small() {
        let mut many = Confusion::new(256);
        (0..256).for_each(|class| many.count(class, (class * 7) % 256));
        assert!(confusion(&many).len() < 100_000);
    }
}
