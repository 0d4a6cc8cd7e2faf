//! Scores against scikit-learn's, and on representations whose answer theory knows.

use safetensors::SafeTensors;

use super::*;

const FIXTURE: &[u8] = include_bytes!("../../../tests/data/disentangle.safetensors");
/// Latents of the fixture, and the images that its predictors learn from.
const LATENTS: usize = 6;
const TRAIN: usize = 800;

fn file() -> SafeTensors<'static> {
    SafeTensors::deserialize(FIXTURE).unwrap()
}

fn numbers(name: &str) -> Vec<f64> {
    let tensor = file().tensor(name).unwrap();
    let (values, _) = tensor.data().as_chunks();
    values
        .iter()
        .map(|&bytes| f64::from_le_bytes(bytes))
        .collect()
}

fn score_of(name: &str) -> f64 {
    numbers(&format!("score.{name}"))[0]
}

/// Batches of images that share a factor, of which each row has the number last.
fn batches(name: &str) -> Vec<(Vec<usize>, usize)> {
    let tensor = file().tensor(name).unwrap();
    let (values, _) = tensor.data().as_chunks();
    let values: Vec<_> = values
        .iter()
        .map(|&bytes| usize::from(u16::from_le_bytes(bytes)))
        .collect();
    let row = |row: &[usize]| {
        let (&factor, images) = row.split_last().unwrap();
        (images.to_vec(), factor)
    };
    values.chunks(tensor.shape()[1]).map(row).collect()
}

fn fixture() -> (Vec<f32>, Factors) {
    let mu = file().tensor("mu").unwrap();
    let (mu, _) = mu.data().as_chunks();
    let factors = Factors {
        names: ["shape", "size", "side", "place"].map(str::to_owned).into(),
        sizes: vec![3, 5, 2, 8],
        values: file()
            .tensor("factors")
            .unwrap()
            .data()
            .iter()
            .map(|&v| v.into())
            .collect(),
    };
    (
        mu.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect(),
        factors,
    )
}

fn assert_close(found: f64, expected: f64, tolerance: f64, what: &str) {
    let off = (found - expected).abs();
    assert!(
        off <= tolerance,
        "{what}: {found} instead of {expected}, off by {off:e}"
    );
}

/// The parts that the fixture's predictors use, of `order`, which counts from 0.
fn parts(order: &[usize]) -> (Part<'_>, Part<'_>) {
    let (train, test) = order.split_at(TRAIN);
    (Part(train), Part(test))
}

/// The same sums of up to 1,200 numbers in f64, of which rounding leaves 1e-13.
#[test]
fn information_and_its_gap_are_scikit_learns() {
    let (mu, factors) = fixture();
    let problem = Problem::new(&mu, LATENTS, &factors).unwrap();
    let found = mig::known(&problem)
        .into_iter()
        .flat_map(|factor| factor.information);
    for (found, expected) in found.zip(numbers("information")) {
        assert_close(found, expected, 1e-9, "I / H");
    }
    assert_close(mig::score(&problem), score_of("mig"), 1e-9, "MIG");
}

/// Both machines are at the optimum of one strictly convex objective, so that they disagree on no image but one that
/// lies on a border to 1e-6; of 400 random ones there is none.
#[test]
fn attributes_are_predicted_as_by_scikit_learn() {
    let (mu, factors) = fixture();
    let problem = Problem::new(&mu, LATENTS, &factors).unwrap();
    let order: Vec<_> = (0..problem.images).collect();
    let (train, test) = parts(&order);
    let found = sap::score(&problem, train, test, sap::Predictor::Classes);
    assert_close(found, score_of("sap"), 1e-9, "SAP");
    let found = sap::score(&problem, train, test, sap::Predictor::Numbers);
    assert_close(found, score_of("sap_regression"), 1e-9, "SAP by regression");
}

#[test]
fn votes_are_those_of_the_same_batches() {
    let (mu, factors) = fixture();
    let problem = Problem::new(&mu, LATENTS, &factors).unwrap();
    let voters = factor_vae::Voters::of(&problem);
    let votes = |name: &str| {
        let batch = |(images, factor)| factor_vae::Batch { factor, images };
        voters.votes(batches(name).into_iter().map(batch))
    };
    let found = factor_vae::accuracy(&votes("votes.train"), &votes("votes.test"));
    assert_close(found, score_of("factor_vae"), 1e-12, "FactorVAE");
}

fn points(problem: &Problem, name: &str) -> beta_vae::Points {
    let mut points = beta_vae::Points {
        points: Vec::new(),
        factors: Vec::new(),
    };
    for (images, factor) in batches(name) {
        let pairs = images.chunks(2).map(|pair| [pair[0], pair[1]]);
        points.points.extend(beta_vae::point(problem, pairs));
        points.factors.push(factor as u32);
    }
    points
}

/// Both are at the optimum, where scikit-learn stops at a gradient of 1e-12 of the mean over 150 points. The penalty's
/// curvature, which is the least, is 1/150, so that weights are known to 1.5e-10; ours end with a step that squares
/// an error of 1e-5.
#[test]
fn a_logistic_regression_is_scikit_learns() {
    let (mu, factors) = fixture();
    let problem = Problem::new(&mu, LATENTS, &factors).unwrap();
    let (train, test) = (
        points(&problem, "points.train"),
        points(&problem, "points.test"),
    );
    let fitted = logistic::Logistic::fit(&train.points, LATENTS, &train.factors, 4);
    for (found, expected) in fitted.weights().iter().zip(numbers("logistic")) {
        assert_close(*found, expected, 1e-8, "a weight");
    }
    let found = beta_vae::accuracy(&problem, &train, &test);
    assert_close(found, score_of("beta_vae"), 1e-12, "β-VAE");

    // Two classes have one w in scikit-learn, which is the difference of ours.
    let rows = train.points.chunks(LATENTS).zip(&train.factors);
    let two: Vec<_> = rows.filter(|(_, factor)| **factor < 2).collect();
    let some: Vec<f64> = two
        .iter()
        .flat_map(|(point, _)| point.iter().copied())
        .collect();
    let classes: Vec<u32> = two.iter().map(|(_, factor)| **factor).collect();
    let fitted = logistic::Logistic::fit(&some, LATENTS, &classes, 2);
    let (first, second) = fitted.weights().split_at(LATENTS + 1);
    for ((first, second), expected) in first.iter().zip(second).zip(numbers("logistic.two")) {
        assert_close(second - first, expected, 1e-8, "a weight of two classes");
    }
}

/// Trees take one of several splits that are equally good, here as in scikit-learn by chance, and all that follows
/// depends on it. So ours must be where another seed of scikit-learn's could be: within five standard deviations
/// of the mean of 20 of its seeds, √(1 + 1/20) for the mean's own error.
#[test]
fn trees_are_as_scikit_learns_of_another_seed() {
    let (mu, factors) = fixture();
    let problem = Problem::new(&mu, LATENTS, &factors).unwrap();
    let order: Vec<_> = (0..problem.images).collect();
    let (train, test) = parts(&order);
    let found = dci::learn(&problem, train, test, 3);
    let within = |deviation: f64| 5.0 * 1.05_f64.sqrt() * deviation + 1e-9;
    let expected = numbers("importance")
        .into_iter()
        .zip(numbers("importance.deviation"));
    for (found, (mean, deviation)) in found.importance.iter().flatten().zip(expected) {
        assert_close(*found, mean, within(deviation), "an importance");
    }
    let dci = numbers("dci");
    let scores = [
        found.disentanglement(),
        found.completeness(),
        found.informativeness,
    ];
    for (index, found) in scores.into_iter().enumerate() {
        assert_close(found, dci[index], within(dci[3 + index]), "DCI");
    }
}
