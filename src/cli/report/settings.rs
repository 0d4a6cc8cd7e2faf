//! A run's settings, as its `config.toml` has them.

use toml::Value;
use vae_wgpu::checkpoint::RunDir;
use vae_wgpu::report::{Content, Section};

/// Everything in `config.toml`: what the model is trained by, what it is trained on, and what was changed when.
pub(super) fn section(dir: &RunDir) -> anyhow::Result<Section> {
    let config: toml::Table = dir.read_config()?;
    let mut contents = Vec::new();
    let mut own = Vec::new();
    let mut folded = Vec::new();
    for (key, value) in &config {
        match value {
            Value::Table(table) => {
                let rows: Vec<_> = table
                    .iter()
                    .map(|(key, value)| vec![key.clone(), shown(value)])
                    .collect();
                let table = Content::Table {
                    head: Vec::new(),
                    rows,
                };
                match key == "training" {
                    true => contents.push(table),
                    false => folded.push((key, table)),
                }
            }
            Value::Array(entries) if entries.iter().all(Value::is_table) => {
                folded.push((key, list(entries)))
            }
            value => own.push(vec![key.clone(), shown(value)]),
        }
    }
    let own = Content::Table {
        head: Vec::new(),
        rows: own,
    };
    contents.push(Content::Folded {
        summary: "How it was computed".to_owned(),
        contents: vec![own],
    });
    contents.extend(folded.into_iter().map(|(key, content)| Content::Folded {
        summary: format!("[{key}]"),
        contents: vec![content],
    }));
    Ok(Section {
        heading: "Settings".to_owned(),
        contents,
    })
}

/// Tables of the same keys below each other.
fn list(entries: &[Value]) -> Content {
    let tables: Vec<_> = entries.iter().filter_map(Value::as_table).collect();
    let head: Vec<String> = tables
        .first()
        .map(|table| table.keys().cloned().collect())
        .unwrap_or_default();
    let row = |table: &&toml::Table| {
        let cell = |key: &String| table.get(key).map_or_else(String::new, shown);
        head.iter().map(cell).collect()
    };
    let rows = tables.iter().map(row).collect();
    Content::Table { head, rows }
}

/// A value as a person writes it.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(shown).collect::<Vec<_>>().join(", "),
        value => value.to_string(),
    }
}
