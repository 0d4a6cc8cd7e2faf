//! A run's settings, as its `config.toml` has them.

use toml::Value;
use vae_wgpu::checkpoint::RunDir;
use vae_wgpu::report::{Content, Section};
use vae_wgpu::train::Settings;

/// The section of `config.toml` that says how the model is trained.
const TRAINING: &str = "training";

/// Everything in `config.toml`: what of the training is not as it would be by itself, the rest where somebody asks.
pub(super) fn section(dir: &RunDir) -> anyhow::Result<Section> {
    let config: toml::Table = dir.read_config()?;
    let usual = toml::Table::try_from(Settings::default())?;
    let (mut folded, mut loose) = (Vec::new(), toml::Table::new());
    let mut own = toml::Table::new();
    for (key, value) in config {
        match value {
            Value::Table(table) => {
                if key == TRAINING {
                    own.extend(table.clone());
                    own.retain(|key, value| usual.get(key) != Some(value));
                }
                folded.push(fold(&key, rows(&table)));
            }
            Value::Array(entries) if entries.iter().all(Value::is_table) => {
                folded.push(fold(&key, list(&entries)));
            }
            value => {
                loose.insert(key, value);
            }
        }
    }
    let mut contents = match own.is_empty() {
        true => vec![Content::Text(
            "All of the training's settings are the usual ones.".to_owned(),
        )],
        false => {
            let text = "What of the training's settings is not as it would be by itself:";
            vec![Content::Text(text.to_owned()), rows(&own)]
        }
    };
    contents.append(&mut folded);
    contents.push(fold("adapter and plan", rows(&loose)));
    Ok(Section {
        heading: "Settings".to_owned(),
        contents,
    })
}

fn fold(summary: &str, content: Content) -> Content {
    Content::Folded {
        summary: summary.to_owned(),
        contents: vec![content],
    }
}

/// Keys and values.
fn rows(table: &toml::Table) -> Content {
    let row = |(key, value): (&String, &Value)| vec![key.clone(), shown(value)];
    Content::Table {
        head: Vec::new(),
        rows: table.iter().map(row).collect(),
    }
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
