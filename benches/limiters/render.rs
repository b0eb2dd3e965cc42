//! The report: a table, a chart and a note on the method.

use std::fs;
use std::path::Path;

use plotters::prelude::*;
use quotaproof::limiter::suite::Workload;

use crate::figures::{Contender, Figures};
use crate::speed::{SHARED, on_threads};

const METHOD: &str = include_str!("method.md");

pub fn write(figures: &Figures, directory: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(directory)?;
    fs::write(directory.join("limiters.json"), serde_json::to_string_pretty(figures)? + "\n")?;
    fs::write(directory.join("limiters.md"), page(figures))?;
    fs::write(directory.join("limiters.svg"), chart(figures)?)?;
    Ok(())
}

fn page(figures: &Figures) -> String {
    let Figures { limit, threads, clock_ns, .. } = figures;
    format!(
        "# Limiters: how fast, how right, how large\n\nEach enforces {limit} for each key; {threads} threads where it says \
         all; timing nothing takes {clock_ns} ns of each figure in the tail.\n\n![Nanoseconds for a decision, and bytes \
         for a key](limiters.svg)\n\n{}\n{}\n{METHOD}",
        table(figures),
        rightness(figures)
    )
}

/// Nanoseconds for each decision.
pub fn table(figures: &Figures) -> String {
    let workloads: Vec<String> =
        Workload::ALL.iter().map(|it| it.name.to_owned()).chain(SHARED.map(on_threads)).collect();
    let mut out = format!(
        "## Nanoseconds for a decision\n\n| limiter | {} | p50 / p99.9 | bytes for a key | rightness |\n|---|{}---:|---:|---|\n",
        workloads.join(" | "),
        "---:|".repeat(workloads.len())
    );
    for contender in &figures.contenders {
        let figure = |workload: &String| contender.ns.get(workload).map_or("-".to_owned(), |ns| format!("{ns:.1}"));
        let speeds: Vec<String> = workloads.iter().map(figure).collect();
        let bytes = contender.bytes_per_key.map_or("-".to_owned(), |bytes| format!("{bytes:.1}"));
        let name = if contender.ours { format!("**{}**", contender.name) } else { contender.name.clone() };
        let tail = format!("{} / {}", contender.tail.p50_ns, contender.tail.p99_9_ns);
        out += &format!("| {name} | {} | {tail} | {bytes} | {} |\n", speeds.join(" | "), contender.verdict());
    }
    out
}

/// What the suite found, over all its workloads.
fn rightness(figures: &Figures) -> String {
    let mut out = "## Rightness\n\n| limiter | claims | admitted too many | too few | waits told | too short | too long | least fair |\n|---|---|---:|---:|---:|---:|---:|---:|\n".to_owned();
    for contender in &figures.contenders {
        let (Some(report), Some((over, under))) = (&contender.rightness, contender.off()) else { continue };
        let sum = |of: fn(&quotaproof::limiter::suite::Accuracy) -> u64| report.accuracy.iter().map(of).sum::<u64>();
        let fairness = report.accuracy.iter().map(|it| it.fairness).fold(1.0, f64::min);
        out += &format!(
            "| {} | {} | {over} | {under} | {} | {} | {} | {fairness:.3} |\n",
            contender.name,
            report.claim,
            sum(|it| it.waits),
            sum(|it| it.short_waits),
            sum(|it| it.long_waits)
        );
    }
    out
}

const SIZE: (u32, u32) = (960, 560);

/// Bars: what a decision among a million keys takes (the one key, where there is but one), and what a key holds.
fn chart(figures: &Figures) -> anyhow::Result<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let (speeds, bytes) = area.split_horizontally(620);
        let among_many = |it: &Contender| it.ns.get("uniform keys").copied();
        bars(&speeds, figures, "ns for a decision, 1,000,000 keys", true, among_many)?;
        bars(&bytes, figures, "bytes for a key", false, |it| it.bytes_per_key)?;
        area.present()?;
    }
    Ok(svg)
}

fn bars(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    figures: &Figures,
    title: &str,
    named: bool,
    value: impl Fn(&Contender) -> Option<f64>,
) -> anyhow::Result<()> {
    let shown: Vec<(&Contender, f64)> =
        figures.contenders.iter().rev().filter_map(|it| value(it).map(|value| (it, value))).collect();
    let most = shown.iter().map(|(_, value)| *value).fold(1.0, f64::max) * 1.15;
    let names: Vec<String> = shown.iter().map(|(it, _)| it.name.clone()).collect();
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .caption(title, ("sans-serif", 18))
        .x_label_area_size(28)
        .y_label_area_size(if named { 210 } else { 8 })
        .build_cartesian_2d(0.0..most, (0..shown.len()).into_segmented())?;
    let name = |at: &SegmentValue<usize>| match at {
        SegmentValue::CenterOf(index) if named => names.get(*index).cloned().unwrap_or_default(),
        _ => String::new(),
    };
    let labels = chart
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(shown.len())
        .y_label_formatter(&name)
        .label_style(("sans-serif", 13))
        .draw();
    labels?;
    chart.draw_series(shown.iter().enumerate().map(|(index, (it, value))| {
        let colour = if it.ours { RGBColor(20, 110, 180) } else { RGBColor(150, 150, 150) };
        let corners = [(0.0, SegmentValue::Exact(index)), (*value, SegmentValue::Exact(index + 1))];
        let mut bar = Rectangle::new(corners, colour.filled());
        bar.set_margin(3, 3, 0, 0);
        bar
    }))?;
    chart.draw_series(shown.iter().enumerate().map(|(index, (_, value))| {
        Text::new(format!(" {value:.1}"), (*value, SegmentValue::CenterOf(index)), ("sans-serif", 13))
    }))?;
    Ok(())
}
