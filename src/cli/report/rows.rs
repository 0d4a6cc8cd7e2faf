//! What a page has of a table in the place of pictures.

use std::sync::Arc;

use vae_wgpu::data::table::{Codec, Schema};
use vae_wgpu::report::{Content, Section};

use crate::cli::run::TrainedRun;

/// Rows that are drawn.
const SAMPLES: usize = 20;

/// What the columns are.
pub(super) fn columns(schema: &Schema) -> Section {
    let mut lines = schema.described().into_iter().map(Vec::from);
    Section {
        heading: "Columns".to_owned(),
        contents: vec![Content::Table {
            head: lines.next().unwrap_or_default(),
            rows: lines.collect(),
        }],
    }
}

/// Rows of draws of z from the prior, in the table's own units and words.
pub(super) fn samples(run: &mut TrainedRun, schema: &Arc<Schema>) -> anyhow::Result<Section> {
    let codec = Codec::new(Arc::clone(schema));
    let drawn = run.model.sample_rows(SAMPLES, None, 0)?.unwrap_or_default();
    let row = |values: &[f32]| {
        let cells = codec.decode(values).into_iter().enumerate();
        let text = |(column, cell)| {
            let mut text = String::new();
            codec.write(column, cell, &mut text);
            text
        };
        cells.map(text).collect()
    };
    let head = schema.columns.iter().map(|column| column.name.clone());
    Ok(Section {
        heading: "Samples".to_owned(),
        contents: vec![
            Content::Text("Rows of draws of z from the prior.".to_owned()),
            Content::Table {
                head: head.collect(),
                rows: drawn.chunks(codec.layout().values()).map(row).collect(),
            },
        ],
    })
}
