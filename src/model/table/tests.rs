//! What PyTorch's values (`tests/training/tables.rs`) do not say.

use super::*;
use crate::graph::Op;
use crate::model::{Inputs, Likelihood, Noise, Scale, Vae, VaeConfig};
use crate::rng::Stream;

fn config(layout: Layout) -> VaeConfig {
    VaeConfig {
        input_dim: layout.width(),
        hidden: vec![5],
        latent_dim: 2,
        likelihood: Likelihood::Gaussian,
        table: Some(layout),
        ..VaeConfig::default()
    }
}

fn layout() -> Layout {
    Layout {
        numbers: 2,
        counts: 1,
        categories: vec![3, 2],
        masked: true,
    }
}

/// Numbers without missing cells need nothing that images of them do not.
#[test]
fn numbers_alone_are_the_graph_of_a_gaussian() {
    let layout = Layout {
        numbers: 4,
        counts: 0,
        categories: Vec::new(),
        masked: false,
    };
    let table = config(layout);
    let images = VaeConfig {
        table: None,
        ..table.clone()
    };
    let ops = [table, images].map(|config| {
        let vae = Vae::new(config).unwrap();
        let graph = vae.training_graph(3, crate::graph::Adam::default());
        let ops = graph.nodes().iter().map(|node| node.op.clone());
        ops.collect::<Vec<Op>>()
    });
    assert_eq!(ops[0], ops[1]);
}

/// The terms of a row are those of its columns, and of a row of which nothing is known there are none.
#[test]
fn a_row_is_the_sum_of_its_cells() {
    let vae = Vae::new(VaeConfig {
        scale: Scale::PerDimension,
        ..config(layout())
    })
    .unwrap();
    let mut g = Graph::new();
    let x = g.input("x", [2, vae.config().input_dim]);
    let pass = vae.objective(&mut g, Inputs::from(x), Noise::Stream(Stream::Noise));
    let cells = vae.reconstruction_each(&mut g, &pass.outputs, x.into());
    let mut values = crate::reference::Values::<f64>::new(&g);
    let specs = vae.parameters();
    let initial = crate::executor::Snapshot::initial(&specs, 7).parameters;
    for (spec, initial) in specs.iter().zip(initial) {
        let id = g.find(&spec.name).unwrap();
        values.set(id, initial.into_iter().map(f64::from).collect());
    }
    let known = [
        0.5, 0.0, 3.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0,
    ];
    let rows = known.into_iter().chain([0.0; 13]);
    values.set(x, rows.collect());
    let context = crate::reference::Context::default();
    crate::reference::evaluate(&g, &mut values, context, |_, _| true);
    let recon = g.find("recon").unwrap();
    let (cells, recon) = (values.get(cells), values.get(recon));
    let sum: f64 = cells[..5].iter().sum();
    assert!((sum - recon[0]).abs() < 1e-12, "{cells:?}, {recon:?}");
    assert_eq!(cells.iter().filter(|&&nll| nll == 0.0).count(), 2 + 5);
    assert_eq!(recon[1], 0.0);
}

#[test]
fn what_has_no_meaning_for_a_table_is_refused_by_name() {
    let own = config(layout());
    assert!(Vae::new(own.clone()).is_ok());
    let refused = [
        VaeConfig {
            likelihood: Likelihood::Bernoulli,
            ..own.clone()
        },
        VaeConfig {
            scale: Scale::Optimal,
            ..own.clone()
        },
        VaeConfig {
            draws_pixels: true,
            ..own.clone()
        },
        VaeConfig {
            output_bias: crate::model::OutputBias::Data,
            ..own.clone()
        },
    ];
    for config in refused {
        let error = Vae::new(config).unwrap_err();
        assert!(matches!(error, VaeError::InTable { .. }), "{error}");
        assert_eq!(error.remedies().len(), 1);
    }
    let narrow = VaeConfig {
        input_dim: 7,
        ..own
    };
    assert!(matches!(Vae::new(narrow), Err(VaeError::TableWidth { .. })));
}
