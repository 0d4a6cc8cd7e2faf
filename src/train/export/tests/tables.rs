//! Files of models of tables.

use std::sync::Arc;

use super::*;
use crate::data::table::{Cell, Codec, Column, Kind, Schema};

/// A model of rows of numbers, words and counts, in an order that is not a layout's.
struct TableCase {
    name: &'static str,
    schema: Arc<Schema>,
    settings: Settings,
}

fn cases() -> Vec<TableCase> {
    let number = |name: &str, mean, deviation| Column::new(name, Kind::Number { mean, deviation });
    let words = |name: &str, words: &[&str]| {
        let words = words.iter().map(|&word| word.to_owned()).collect();
        Column::new(name, Kind::Category { words })
    };
    // A date's seconds have more digits than f32.
    let columns = vec![
        words("colour", &["red", "green", "blue"]),
        number("height", 170.0, 9.5),
        number("born", 1.2e9, 3e8),
        Column::new("visits", Kind::Count),
        words("member", &["no", "yes"]),
        number("weight", 70.0, 12.0),
    ];
    let schema = |masked| {
        Arc::new(Schema {
            columns: columns.clone(),
            masked,
            ..Schema::default()
        })
    };
    let case = |name, masked, likelihood, condition| TableCase {
        name,
        schema: schema(masked),
        settings: Settings {
            hidden: vec![8],
            latent: 3,
            likelihood,
            scale: Scale::PerDimension,
            condition,
            ..Settings::default()
        },
    };
    vec![
        case("table", false, Likelihood::Gaussian, Condition::None),
        case("table holes", true, Likelihood::StudentT, Condition::None),
        case("table labels", true, Likelihood::Laplace, Condition::Both),
    ]
}

impl TableCase {
    fn vae(&self) -> Vae {
        let observed = Observed {
            dim: self.schema.layout().width(),
            classes: CLASSES,
            table: Some(self.schema.layout()),
        };
        self.settings.vae(observed).unwrap()
    }

    fn file(&self, network: Network) -> Onnx {
        let vae = self.vae();
        let exported = Exported {
            vae: &vae,
            scaling: &Scaling::new(&self.settings, [0.0, 1.0]),
            settings: &self.settings,
            checkpoint: &weights(&vae),
            image: [1, self.schema.layout().width()].into(),
            table: Some(&*self.schema),
            bytes: false,
        };
        exported.onnx(network).unwrap()
    }

    /// What a file is given of so many rows, and the rows of the model; every seventh cell is missing where some can be.
    fn rows(&self, batch: usize) -> (Vec<f32>, Vec<f32>) {
        let codec = Codec::new(Arc::clone(&self.schema));
        let (mut given, mut rows) = (Vec::new(), Vec::new());
        let columns = &self.schema.columns;
        let numbers = numbers(self.name, batch * columns.len());
        for (row, numbers) in numbers.chunks(columns.len()).enumerate() {
            let mut cells = Vec::new();
            for (place, (column, &number)) in columns.iter().zip(numbers).enumerate() {
                let share = f64::from(0.5 + 0.499 * number);
                let value = match &column.kind {
                    Kind::Number { mean, deviation } => mean + (4.0 * share - 2.0) * deviation,
                    Kind::Count => (20.0 * share).floor(),
                    Kind::Category { words } => (words.len() as f64 * share).floor(),
                } as f32;
                let is_missing = self.schema.masked && (row * columns.len() + place) % 7 == 3;
                given.push(if is_missing { f32::NAN } else { value });
                cells.push(match column.kind {
                    _ if is_missing => Cell::Missing,
                    Kind::Category { .. } => Cell::Word(value as usize),
                    _ => Cell::Number(f64::from(value)),
                });
            }
            codec.encode(&cells, &mut rows);
        }
        (given, rows)
    }

    /// What a model gives, column by column in the table's order and units.
    fn columns(&self, means: &[f32]) -> Vec<f32> {
        let places = self.schema.places();
        let mut columns = Vec::new();
        for row in means.chunks(self.schema.layout().values()) {
            for (column, place) in self.schema.columns.iter().zip(&places) {
                let values = row[place.start..][..column.width()].iter();
                columns.extend(values.map(|&value| match column.kind {
                    Kind::Number { mean, deviation } => {
                        (f64::from(value) * deviation + mean) as f32
                    }
                    _ => value,
                }));
            }
        }
        columns
    }

    /// Saves what each file is given and what this program makes of it.
    fn save(&self, batch: usize) {
        let vae = self.vae();
        let (given, rows) = self.rows(batch);
        let labels: Vec<u8> = (0..batch).map(|row| (row % CLASSES) as u8).collect();
        let labels_given: Vec<_> = labels.iter().map(|&label| f32::from(label)).collect();
        let latent = vae.config().latent_dim;
        let z = numbers("z", batch * latent);
        let zeros = vec![0.0; batch * latent];
        let mut model = Autoencoder::new(vae.clone(), Box::new(open(&vae, &weights(&vae))));
        let encoded = model.encode(&rows, Some(&labels)).unwrap();
        let decoded = self.columns(&model.decode(&z, Some(&labels)).unwrap());
        let again = self.columns(&model.reconstruct(&rows, Some(&labels)).unwrap());
        Saved {
            name: self.name.to_owned(),
            batch,
            x: &given,
            labels: &labels_given,
            z: &z,
            eps: &zeros,
            encoded: &encoded,
            decoded: &decoded,
            reconstructed: &again,
        }
        .save();
    }
}

#[test]
fn a_table_has_files_whose_nodes_are_in_order() {
    for case in cases() {
        for network in Network::ALL {
            check(&case.file(network));
        }
    }
}

#[test]
#[ignore = "writes files that benches/peers/check_onnx.py compares"]
fn fixtures_of_tables() {
    for case in cases() {
        for network in Network::ALL {
            let name = format!("{} {}.onnx", case.name, network.name());
            case.file(network).save(&fixtures().join(name)).unwrap();
        }
        for batch in COMPARED {
            case.save(batch);
        }
    }
}
