//! The model for programs against the one within it.

use super::*;
use crate::data::{Dataset, Images, Split};
use crate::eval;
use crate::model::Condition;
use crate::train::Trainer;

/// Images of 4×3 bytes with labels from 0 to 2.
fn split(count: usize) -> Split {
    let pixels: Vec<u8> = (0..count * 12).map(|at| (37 * at % 251) as u8).collect();
    Split {
        images: Images {
            count,
            height: 4,
            width: 3,
            channels: 1,
            pixels: pixels.into(),
        },
        labels: Some((0..count).map(|image| (image % 3) as u8).collect()),
        factors: None,
    }
}

/// A model after a step or two, as a checkpoint.
fn checkpoint(change: impl FnOnce(&mut Settings)) -> Checkpoint {
    let data = Dataset {
        name: "tiny".to_owned(),
        train: split(32),
        test: split(8),
        notes: Vec::new(),
        held_out: false,
        classes: Vec::new(),
        table: None,
    };
    let mut settings = Settings {
        hidden: vec![8],
        latent: 3,
        batch_size: 16,
        epochs: 1,
        ..Settings::default()
    };
    change(&mut settings);
    let vae = settings.vae(&data).unwrap();
    let opened = eval::open(&AdapterChoice::Cpu, vae.parameters(), 0).unwrap();
    let mut trainer = Trainer::new(vae, opened.executor, settings, data).unwrap();
    trainer.run(|_| {}).unwrap();
    trainer.checkpoint().unwrap()
}

fn open(checkpoint: Checkpoint) -> Model {
    train::load(checkpoint, &AdapterChoice::Cpu, SEED)
        .unwrap()
        .into()
}

fn is_send<T: Send>(value: T) -> T {
    value
}

#[test]
fn a_model_answers_in_the_values_of_the_data_on_any_thread() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("digits.safetensors");
    checkpoint(|_| {}).save(&path).unwrap();
    let model = is_send(Model::open(&path, &AdapterChoice::Cpu).unwrap());
    let answer = std::thread::spawn(move || {
        let mut model = model;
        let bytes: Vec<u8> = (0..2 * model.width()).map(|at| (at % 251) as u8).collect();
        let rows: Vec<f32> = bytes.iter().map(|&byte| f32::from(byte) / 255.0).collect();
        let z = model.encode(&bytes, None).unwrap();
        assert_eq!(model.encode(&rows, None).unwrap(), z, "bytes are 0 to 1");
        assert_eq!(z.mu.len(), 2 * model.latent());
        let decoded = model.decode(&z.mu, None).unwrap();
        assert_eq!(decoded, model.reconstruct(&rows, None).unwrap());
        assert_eq!(model.sample(3, None).unwrap().len(), 3 * model.width());
        let score = model
            .score(&rows, None, ScoreBy::Elbo { samples: 4 })
            .unwrap();
        let elbo = model.elbo(&bytes, None, 4).unwrap();
        assert_eq!(elbo, score.iter().map(|s| -s).collect::<Vec<_>>());
        // The mean of logarithms is at most the logarithm of the mean, of the same draws.
        let likely = model.log_likelihood(&rows, None, 64).unwrap();
        let bound = model.elbo(&rows, None, 64).unwrap();
        assert!(
            likely.iter().zip(&bound).all(|(p, bound)| p >= bound),
            "{likely:?}, {bound:?}"
        );
        let by = ScoreBy::LogLikelihood { samples: 64 };
        let parts = model.explain(&rows, None, by).unwrap();
        assert_eq!(parts.cells.len(), rows.len());
        likely
    });
    assert_eq!(answer.join().unwrap().len(), 2);
}

#[test]
fn what_a_model_does_not_take_is_an_error() {
    let mut model = open(checkpoint(|settings| settings.condition = Condition::Both));
    let width = model.width();
    let rows = vec![0.5_f32; 2 * width];
    let message = |error: ModelError| error.to_string();
    let short = model.encode(&rows[1..], Some(&[1, 2]));
    assert!(message(short.unwrap_err()).contains("23 values"));
    let unlabelled = model.reconstruct(&rows, None);
    assert!(message(unlabelled.unwrap_err()).contains("condition both"));
    let beyond = model.elbo(&rows, Some(&[1, 3]), 1);
    assert!(message(beyond.unwrap_err()).contains("3 classes from 0 to 2"));
    let beyond = model.sample(1, Some(3));
    assert!(message(beyond.unwrap_err()).contains("3 classes"));
    let mut spoiled = rows.clone();
    spoiled[width + 5] = f32::INFINITY;
    let spoiled = model.encode(&spoiled, Some(&[1, 2]));
    assert!(message(spoiled.unwrap_err()).contains("row 1, value 5"));
    // Brighter than white, which a Bernoulli has no formula for.
    let bright = model.elbo(&vec![1.5_f32; width], Some(&[1]), 1);
    assert!(message(bright.unwrap_err()).contains("bernoulli"));
    let missing = Model::open("no/such/run", &AdapterChoice::Cpu);
    assert!(matches!(missing.err(), Some(ModelError::Checkpoint(_))));
}

/// Pixels that a training draws are drawn by the same numbers wherever an example stands.
#[test]
fn binarised_examples_are_scored_alike_wherever_they_stand() {
    let drawn = checkpoint(|settings| settings.binarize = train::Binarize::Static);
    let mut model = open(drawn);
    let width = model.width();
    let rows: Vec<f32> = (0..3 * width).map(|at| (at % 97) as f32 / 96.0).collect();
    let by = ScoreBy::Reconstruction;
    let all = model.score(&rows, None, by).unwrap();
    let last = model.score(&rows[2 * width..], None, by).unwrap();
    assert_eq!(last, all[2..]);
}

#[cfg(feature = "ndarray")]
#[test]
fn arrays_are_rows_of_a_width() {
    let mut model = open(checkpoint(|_| {}));
    let array =
        ndarray::Array3::from_shape_fn((2, 4, 3), |(n, y, x)| ((n + y * x) % 7) as f32 / 7.0);
    let rows: Vec<f32> = array.iter().copied().collect();
    let expected = model.encode(&rows, None).unwrap();
    assert_eq!(model.encode(&array, None).unwrap(), expected);
    // From right to left: copied in the view's own order.
    let mut turned = array.clone();
    turned.invert_axis(ndarray::Axis(2));
    let copied: Vec<f32> = turned.iter().copied().collect();
    let found = model.encode(&turned.view(), None).unwrap();
    assert_eq!(found, model.encode(&copied, None).unwrap());
    let narrow = array.slice(ndarray::s![.., .., ..2]);
    let error = model.encode(&narrow, None).unwrap_err();
    assert!(error.to_string().contains("8 values"), "{error}");
}
