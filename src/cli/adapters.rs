//! `vae adapters`

use std::process::ExitCode;

use vae_wgpu::gpu::{AdapterChoice, AdapterList};

use super::console;

/// List what --adapter can choose, and which one `auto` takes
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vae adapters
  WGPU_BACKEND=gl vae adapters     only those of OpenGL

`auto` prefers a discrete GPU over an integrated one over software, and takes the processor where
there is none. A backend's name takes its best adapter, a software one included. `cpu` is faster than
any software adapter; `reference` is slow and checks the kernels.")]
pub(crate) struct Args {}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let list = AdapterList::find()?;
        let auto = list.index_of(&AdapterChoice::Auto).ok();
        let header = ["", "index", "name", "backend", "kind", "driver"].map(str::to_owned);
        let mut table = vec![header];
        for (index, adapter) in list.summaries().enumerate() {
            let mark = if auto == Some(index) { "*" } else { "" };
            let kind = match &adapter.unusable {
                Some(why) => format!("{}, unusable: {why}", adapter.kind_name()),
                None => adapter.kind_name().to_owned(),
            };
            table.push([
                mark.to_owned(),
                index.to_string(),
                adapter.name.clone(),
                adapter.backend.to_str().to_owned(),
                kind,
                adapter.driver.clone(),
            ]);
        }
        let mark = if auto.is_none() { "*" } else { "" };
        table.push([mark, "-", "cpu", "-", "processor", "built in"].map(str::to_owned));
        table.push(["", "-", "reference", "-", "CPU twins, slow", "built in"].map(str::to_owned));
        for row in &table {
            console::result(&format_row(row, &table));
        }
        console::line("\n* is what `--adapter auto` takes");
        Ok(ExitCode::SUCCESS)
    }
}

/// A row with its cells as wide as their columns.
fn format_row(row: &[String; 6], table: &[[String; 6]]) -> String {
    let cell = |(column, text): (usize, &String)| {
        let width = table
            .iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0);
        format!("{text:width$}")
    };
    let cells: Vec<_> = row.iter().enumerate().map(cell).collect();
    cells.join("  ").trim_end().to_owned()
}
