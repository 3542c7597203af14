//! A page about a run, in one file: what was asked, what came out, how it went.

use std::fmt::Write;

use serde_json::Value;
use strads::models::lasso::Point;

use super::arguments::Arguments;
use super::data::Data;
use super::result::Run;
use crate::model::largest_first;
use crate::output::figure;

/// How many coefficients the page shows.
const SHOWN: usize = 50;
/// The most points of a curve.
const POINTS: usize = 1000;
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 90.0;
const BELOW: f64 = 30.0;

const STYLE: &str = "\
body{font:15px/1.5 system-ui,sans-serif;max-width:760px;margin:2em auto;padding:0 1em;color:#222;\
background:#fff}h1{font-size:1.4em}h2{font-size:1.1em;margin-top:2em}table{border-collapse:collapse}\
td,th{padding:.15em .8em .15em 0;text-align:left;vertical-align:top}td.n,th.n{text-align:right;\
font-variant-numeric:tabular-nums}code{font-size:.95em}svg{width:100%;height:auto}\
.b{display:inline-block;height:.7em;background:#2b6cb0}.m{background:#c05621}\
@media(prefers-color-scheme:dark){body{color:#ddd;background:#161616}}";

/// The page.
pub fn html(arguments: &Arguments, run: &Run, data: &Data, points: &[Point]) -> String {
    let mut page = String::new();
    // Writing to a text cannot fail.
    let _ = write(&mut page, arguments, run, data, points);
    page
}

fn write(
    to: &mut String,
    arguments: &Arguments,
    run: &Run,
    data: &Data,
    points: &[Point],
) -> std::fmt::Result {
    let title = format!("strads lasso {}", escaped(&arguments.data.to_string_lossy()));
    write!(
        to,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style></head>\n<body><h1>{title}</h1>\n"
    )?;
    let end = if run.converged { "Converged." } else { "Not converged within the limits." };
    writeln!(to, "<p>{end} {} rows, {} columns.</p>", data.rows, data.columns)?;
    to.push_str("<h2>Result</h2>\n<table>");
    let skipped = ["coefficients", "path", "cv", "seconds"];
    for (name, value) in run.value.as_object().into_iter().flatten() {
        if !skipped.contains(&name.as_str()) {
            row(to, name, value)?;
        }
    }
    for (name, value) in run.value["seconds"].as_object().into_iter().flatten() {
        row(to, &format!("seconds, {name}"), value)?;
    }
    to.push_str("</table>\n");
    let work = cumulative(points);
    let gaps: Vec<(f64, f64)> = work
        .iter()
        .map(|(updates, seen)| (*updates, seen.measure.relative_gap()))
        .filter(|(_, gap)| *gap > 0.0 && gap.is_finite())
        .map(|(updates, gap)| (updates, gap.log10()))
        .collect();
    curve(to, "Relative duality gap over coefficient updates (log scale)", &gaps, |value| {
        format!("1e{value:.1}")
    })?;
    let objectives: Vec<(f64, f64)> = work
        .iter()
        .map(|(updates, seen)| (*updates, seen.measure.objective()))
        .filter(|(_, objective)| objective.is_finite())
        .collect();
    curve(to, "Objective (at the stage's lambda) over coefficient updates", &objectives, figure)?;
    if run.value["path"].is_array() {
        path(to, run)?;
    }
    coefficients(to, run, data)?;
    to.push_str("<h2>Options</h2>\n<table>");
    for (name, value) in arguments.remembered().as_object().into_iter().flatten() {
        row(to, name, value)?;
    }
    to.push_str("</table>\n</body></html>\n");
    Ok(())
}

fn row(to: &mut String, name: &str, value: &Value) -> std::fmt::Result {
    let text = match value {
        Value::Null => return Ok(()),
        Value::String(text) => escaped(text),
        other => escaped(&other.to_string()),
    };
    writeln!(to, "<tr><th>{}</th><td>{text}</td></tr>", escaped(name).replace('_', " "))
}

fn coefficients(to: &mut String, run: &Run, data: &Data) -> std::fmt::Result {
    let all = largest_first(run.last().coefficients.clone());
    let Some(largest) = all.first().map(|(_, value)| value.abs()) else { return Ok(()) };
    to.push_str("<h2>Largest coefficients</h2>\n<table>");
    for &(column, value) in all.iter().take(SHOWN) {
        let (name, size) = (escaped(&data.label(column)), 200.0 * value.abs() / largest);
        let sign = if value < 0.0 { "b m" } else { "b" };
        writeln!(
            to,
            "<tr><td>{name}</td><td class=\"n\">{}</td>\
             <td><span class=\"{sign}\" style=\"width:{size:.1}px\"></span></td></tr>",
            figure(value)
        )?;
    }
    to.push_str("</table>\n");
    match all.len().checked_sub(SHOWN + 1) {
        Some(more) => writeln!(to, "<p>and {} smaller</p>", more + 1),
        None => Ok(()),
    }
}

fn path(to: &mut String, run: &Run) -> std::fmt::Result {
    let columns = ["lambda", "nonzeros", "objective", "relative_gap"];
    to.push_str("<h2>Path</h2>\n<table><tr>");
    columns.iter().try_for_each(|name| write!(to, "<th class=\"n\">{name}</th>"))?;
    to.push_str("</tr>\n");
    for step in run.value["path"].as_array().into_iter().flatten() {
        to.push_str("<tr>");
        for name in columns {
            let value = step[name].as_f64().unwrap_or(f64::NAN);
            write!(to, "<td class=\"n\">{}</td>", figure(value))?;
        }
        to.push_str("</tr>\n");
    }
    to.push_str("</table>\n");
    Ok(())
}

/// Points with the updates over all epochs until then, thinned out if there are many.
fn cumulative(points: &[Point]) -> Vec<(f64, Point)> {
    let (mut before, mut last, mut epoch) = (0, 0, 0);
    let mut all = Vec::with_capacity(points.len());
    for seen in points {
        if seen.epoch != epoch {
            (before, epoch) = (before + last, seen.epoch);
        }
        last = seen.measure.updates;
        all.push(((before + last) as f64, *seen));
    }
    let step = all.len().div_ceil(POINTS).max(1);
    let end = all.len().saturating_sub(1);
    let kept = all.into_iter().enumerate().filter(|(at, _)| at % step == 0 || *at == end);
    kept.map(|(_, point)| point).collect()
}

fn curve(
    to: &mut String,
    title: &str,
    points: &[(f64, f64)],
    label: impl Fn(f64) -> String,
) -> std::fmt::Result {
    if points.len() < 2 {
        return Ok(());
    }
    let range = |of: fn(&(f64, f64)) -> f64| {
        let values = || points.iter().map(of);
        let (low, high) =
            (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
        if high > low { (low, high) } else { (low - 0.5, low + 0.5) }
    };
    let ((left, right), (low, high)) = (range(|point| point.0), range(|point| point.1));
    let at = |point: &(f64, f64)| {
        let x = LEFT + (WIDTH - LEFT - 10.0) * (point.0 - left) / (right - left);
        let y = 10.0 + (HEIGHT - BELOW - 10.0) * (high - point.1) / (high - low);
        (x, y)
    };
    write!(to, "<h2>{title}</h2>\n<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" ")?;
    write!(to, "aria-label=\"{title}\" font-size=\"12\" fill=\"currentColor\">")?;
    for value in [low, (low + high) / 2.0, high] {
        let (_, y) = at(&(left, value));
        write!(
            to,
            "<line x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#999\" \
             stroke-width=\".5\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 8.0,
            y + 4.0,
            label(value)
        )?;
    }
    for (value, anchor) in [(left, "start"), (right, "end")] {
        let (x, _) = at(&(value, low));
        let y = HEIGHT - 8.0;
        write!(to, "<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"{anchor}\">{value:.0}</text>")?;
    }
    to.push_str("<polyline fill=\"none\" stroke=\"#2b6cb0\" stroke-width=\"1.5\" points=\"");
    for (x, y) in points.iter().map(at) {
        write!(to, "{x:.1},{y:.1} ")?;
    }
    to.push_str("\"/></svg>\n");
    Ok(())
}

/// Text as it may stand in a page.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::{curve, escaped};
    use crate::output::figure;

    #[test]
    fn names_cannot_be_markup() {
        assert_eq!(escaped("<a href='x'>&\""), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;");
    }

    #[test]
    fn flat_and_short_curves_are_drawn_or_left_out() {
        let mut text = String::new();
        curve(&mut text, "short", &[(0.0, 1.0)], figure).unwrap();
        assert!(text.is_empty());
        curve(&mut text, "flat", &[(0.0, 1.0), (0.0, 1.0)], figure).unwrap();
        assert!(text.contains("<polyline") && !text.contains("NaN"));
    }
}
