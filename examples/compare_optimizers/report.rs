//! A ranked table, as text, CSV and a page with curves.

use std::fmt::Write;

use ravine::plot::{Axis, COLOURS, GREY, Plot, escape};

use crate::Run;

/// One optimizer's row.
pub struct Row {
    /// Its name.
    pub optimizer: &'static str,
    /// The rate that was found for it.
    pub rate: f64,
    /// Test accuracy over the seeds; `None` if no run ended.
    pub accuracy: Option<Estimate>,
    /// Test loss over the seeds.
    pub loss: Option<Estimate>,
    /// Seconds a run took.
    pub seconds: f64,
    /// How many of its runs failed, tuning included.
    pub failed: usize,
    /// How many runs it had, tuning included.
    pub runs: usize,
    /// Why the first of its final runs failed.
    pub error: Option<String>,
}

/// A mean and its 95 % confidence interval by Student's distribution.
#[derive(Clone, Copy)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Half the width of the interval; infinite for one value.
    pub margin: f64,
}

impl Estimate {
    fn of(values: &[f64]) -> Option<Estimate> {
        const QUANTILES: [f64; 12] =
            [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179];
        let n = values.len();
        let mean = values.iter().sum::<f64>() / n as f64;
        let margin = match n {
            0 => return None,
            1 => f64::INFINITY,
            _ => {
                let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1) as f64;
                QUANTILES.get(n - 2).unwrap_or(&2.0) * (variance / n as f64).sqrt()
            }
        };
        Some(Estimate { mean, margin })
    }
}

/// The rows, the best first, those without an end last.
pub fn rank(runs: &[Run]) -> Vec<Row> {
    let mut names: Vec<&'static str> = Vec::new();
    for run in runs {
        if !names.contains(&run.optimizer) {
            names.push(run.optimizer);
        }
    }
    let row = |optimizer: &'static str| {
        let own: Vec<&Run> = runs.iter().filter(|run| run.optimizer == optimizer).collect();
        let finals: Vec<&&Run> = own.iter().filter(|run| !run.tuning).collect();
        let ends: Vec<_> = finals.iter().filter_map(|run| run.end.as_ref().ok()).collect();
        Row {
            optimizer,
            rate: finals.first().map_or(f64::NAN, |run| run.rate),
            accuracy: Estimate::of(&ends.iter().map(|end| end.test_accuracy).collect::<Vec<_>>()),
            loss: Estimate::of(&ends.iter().map(|end| end.test_loss).collect::<Vec<_>>()),
            seconds: own.iter().map(|run| run.seconds).sum::<f64>() / own.len() as f64,
            failed: own.iter().filter(|run| run.end.is_err()).count(),
            runs: own.len(),
            error: finals.iter().find_map(|run| run.end.as_ref().err().cloned()),
        }
    };
    let mut rows: Vec<Row> = names.into_iter().map(row).collect();
    let mean = |row: &Row| row.accuracy.map_or(f64::NEG_INFINITY, |a| a.mean);
    rows.sort_by(|a, b| mean(b).total_cmp(&mean(a)));
    rows
}

/// The table, for a terminal.
pub fn print(rows: &[Row]) {
    println!(
        "{:<20} {:>9} {:>16} {:>10} {:>7} {:>7}",
        "optimizer", "rate", "test accuracy %", "test loss", "seconds", "failed"
    );
    for row in rows {
        let failed = format!("{}/{}", row.failed, row.runs);
        println!(
            "{:<20} {:>9.1e} {:>16} {:>10} {:>7.2} {failed:>7}",
            row.optimizer,
            row.rate,
            percent(row.accuracy),
            mean(row.loss),
            row.seconds
        );
    }
}

fn percent(accuracy: Option<Estimate>) -> String {
    match accuracy {
        Some(Estimate { mean, margin }) if margin.is_finite() => {
            format!("{:.2} ± {:.2}", 100.0 * mean, 100.0 * margin)
        }
        Some(Estimate { mean, .. }) => format!("{:.2}", 100.0 * mean),
        None => "failed".into(),
    }
}

fn mean(estimate: Option<Estimate>) -> String {
    estimate.map_or_else(String::new, |e| format!("{:.4}", e.mean))
}

/// A rate with two significant digits: 0.12, 0.00075.
fn two_digits(rate: f64) -> String {
    let rounded: f64 = format!("{rate:.1e}").parse().unwrap_or(rate);
    rounded.to_string()
}

/// One line for each run.
pub fn csv_of_runs(runs: &[Run]) -> String {
    let mut csv =
        String::from("optimizer,phase,rate,seed,held_out_loss,test_loss,test_accuracy,seconds,error\n");
    for run in runs {
        let phase = if run.tuning { "tuning" } else { "final" };
        let (numbers, error) = match &run.end {
            Ok(end) => {
                (format!("{},{},{}", end.held_out_loss, end.test_loss, end.test_accuracy), String::new())
            }
            Err(error) => (",,".into(), format!("\"{}\"", error.replace('"', "\"\""))),
        };
        // Writing to a String does not fail.
        let _ = writeln!(
            csv,
            "{},{phase},{},{},{numbers},{:.3},{error}",
            run.optimizer, run.rate, run.seed, run.seconds
        );
    }
    csv
}

/// One line for each optimizer, the best first.
pub fn csv_of_table(rows: &[Row]) -> String {
    let mut csv = String::from(
        "rank,optimizer,rate,test_accuracy,test_accuracy_margin,test_loss,test_loss_margin,seconds,failed,runs\n",
    );
    for (i, row) in rows.iter().enumerate() {
        let pair = |estimate: Option<Estimate>| {
            estimate.map_or_else(|| ",".into(), |e| format!("{},{}", e.mean, e.margin))
        };
        let (accuracy, loss) = (pair(row.accuracy), pair(row.loss));
        let _ = writeln!(
            csv,
            "{},{},{},{accuracy},{loss},{:.3},{},{}",
            i + 1,
            row.optimizer,
            row.rate,
            row.seconds,
            row.failed,
            row.runs
        );
    }
    csv
}

/// The page.
pub fn html(rows: &[Row], runs: &[Run], steps: u64) -> String {
    let best = rows.first().and_then(|row| row.accuracy);
    let mut table = String::new();
    for (i, row) in rows.iter().enumerate() {
        // A tie with the best if the intervals overlap.
        let ties = best.zip(row.accuracy).is_some_and(|(a, b)| a.mean - a.margin <= b.mean + b.margin);
        let note =
            row.error.as_ref().map_or(String::new(), |error| format!("<br><small>{}</small>", escape(error)));
        let _ = writeln!(
            table,
            "<tr{}><td>{}</td><td>{}{note}</td><td>{}</td><td>{}</td><td>{}</td><td>{:.2}</td>\
             <td>{} of {}</td></tr>",
            if ties { " class=\"tie\"" } else { "" },
            i + 1,
            row.optimizer,
            percent(row.accuracy),
            mean(row.loss),
            two_digits(row.rate),
            row.seconds,
            row.failed,
            row.runs
        );
    }
    let pictures: String =
        rows.chunks(6).map(|rows| format!("{}{}", courses(rows, runs, steps), tuning(rows, runs))).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Optimizers compared</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1>Optimizers compared</h1>\n\
         <p>A network 784-64-10 on MNIST, {steps} steps of 64 images. Each optimizer was given the same number \
         of rates to try, judged on 5,000 images held out of the training set, and then several seeds at the \
         best of them. Intervals are at 95 %, by Student’s distribution; rows on a tinted ground are not told \
         apart from the first.</p>\n\
         <div class=\"scroll\"><table>\n<thead><tr><th></th><th>optimizer</th>\
         <th>test accuracy, %</th><th>test loss</th><th>rate</th><th>seconds a run</th><th>failed runs</th></tr></thead>\n\
         <tbody>\n{table}</tbody></table></div>\n<div class=\"pictures\">\n{pictures}</div>\n\
         </main>\n</body>\n</html>\n"
    )
}

/// The mean course of the loss over the seeds, and the range of it.
fn courses(rows: &[Row], runs: &[Run], steps: u64) -> String {
    let mut plot = Plot::new(
        "loss on held-out images: mean and range of the seeds",
        Axis::linear("step", 0.0, steps as f64),
        Axis::log("loss", 0.05, 3.0),
    );
    for (row, colour) in rows.iter().zip(COLOURS) {
        let own: Vec<&Run> = runs
            .iter()
            .filter(|run| run.optimizer == row.optimizer && !run.tuning && run.end.is_ok())
            .collect();
        let points = own.first().map_or(0, |run| run.course.len());
        let at = |i: usize| own.iter().map(move |run| run.course[i].1);
        let band: Vec<(f64, f64, f64)> = (0..points)
            .map(|i| (own[0].course[i].0, at(i).fold(f64::INFINITY, f64::min), at(i).fold(0.0, f64::max)))
            .collect();
        plot.band(colour, &band);
        let line: Vec<(f64, f64)> =
            (0..points).map(|i| (own[0].course[i].0, at(i).sum::<f64>() / own.len() as f64)).collect();
        plot.line(row.optimizer, colour, &line);
    }
    plot.svg()
}

/// The loss that each rate leads to.
fn tuning(rows: &[Row], runs: &[Run]) -> String {
    let mut plot = Plot::new(
        "tuning: loss by rate",
        Axis::log("rate", 1e-5, 200.0),
        Axis::log("loss on held-out images", 0.05, 3.0),
    );
    for (row, colour) in rows.iter().zip(COLOURS) {
        let own = runs.iter().filter(|run| run.optimizer == row.optimizer && run.tuning);
        let points: Vec<(f64, f64)> =
            own.map(|run| (run.rate, run.end.as_ref().map_or(f64::NAN, |end| end.held_out_loss))).collect();
        plot.line(row.optimizer, colour, &points);
        plot.dots("", colour, 2.6, &points);
        plot.dashed("", GREY, &[(row.rate, 0.05), (row.rate, 0.056)]);
    }
    plot.svg()
}

const STYLE: &str = include_str!("page.css");
