//! Representations whose scores theory knows: the factors themselves, a rotation of them, noise.

use super::*;
use crate::rng::normal;

/// Every combination of the factors' values, the last factor changing fastest.
fn grid(sizes: &[usize]) -> Factors {
    let count = sizes.iter().product::<usize>();
    let value = |image: usize, factor: usize| {
        let below: usize = sizes[factor + 1..].iter().product();
        (image / below % sizes[factor]) as u32
    };
    let values =
        (0..count).flat_map(|image| (0..sizes.len()).map(move |factor| value(image, factor)));
    Factors {
        names: (0..sizes.len())
            .map(|factor| format!("factor {factor}"))
            .collect(),
        sizes: sizes.to_vec(),
        values: values.collect(),
    }
}

const FEW: Samples = Samples {
    train: 400,
    test: 2_000,
    batch: 16,
};

/// Five standard deviations of a share of successes out of `count`, of which p is expected.
fn chance(p: f64, count: usize) -> f64 {
    5.0 * (p * (1.0 - p) / count as f64).sqrt()
}

/// The factors are independent over the grid, so that a latent that is one of them knows nothing of the others: all
/// gaps are whole. A fixed factor's latent has no variance in a batch and no differences, and a tree's gradient is a
/// function of one latent.
#[test]
fn the_factors_themselves_have_full_marks() {
    let factors = grid(&[3, 4, 5, 8]);
    // Neither the order of the latents nor their sign and scale matter.
    let row = |row: &[u32]| {
        [
            row[3] as f32,
            7.0 - row[0] as f32,
            0.3 * row[2] as f32,
            row[1] as f32,
        ]
    };
    let mu: Vec<f32> = factors.values.chunks(4).flat_map(row).collect();
    let found = scores(&mu, 4, &factors, FEW, 1).unwrap();
    let full = [
        found.mig,
        found.disentanglement,
        found.completeness,
        found.informativeness,
        found.factor_vae,
        found.beta_vae,
    ];
    for score in full {
        assert!((score - 1.0).abs() < 1e-12, "{found:?}");
    }
    // 320 images of the grid are not independent: R² of one factor by another is χ²/320, and 25 is five deviations.
    let off = 1.0 - found.sap_regression;
    assert!((0.0..25.0 / 320.0).contains(&off), "{found:?}");
    let problem = Problem::new(&mu, 4, &factors).unwrap();
    let all: Vec<_> = (0..480).collect();
    let sap = sap::score(&problem, Part(&all), Part(&all), sap::Predictor::Numbers);
    assert!((sap - 1.0).abs() < 1e-12, "{sap}");
}

/// A half-line finds either of two values, and no other latent helps: 1 − ½.
#[test]
fn sap_of_factors_of_two_values_is_a_half() {
    let factors = grid(&[2, 2, 2, 2, 2, 2, 2]);
    let mu: Vec<f32> = factors
        .values
        .iter()
        .map(|&value| 3.0 * value as f32)
        .collect();
    let problem = Problem::new(&mu, 7, &factors).unwrap();
    let all: Vec<_> = (0..128).collect();
    let sap = sap::score(&problem, Part(&all), Part(&all), sap::Predictor::Classes);
    assert_eq!(sap, 0.5);
}

/// (a + b)/√2 and (a − b)/√2 know as much of a as of b, by symmetry: no gap. With either factor fixed both latents have
/// the other's variance and differences, so that which one was is a matter of chance.
#[test]
fn a_rotation_of_the_factors_has_no_gap_and_is_told_by_chance() {
    let factors = grid(&[12, 12]);
    let row = |row: &[u32]| {
        let [a, b] = [row[0], row[1]].map(|value| value as f32 - 5.5);
        [a + b, a - b].map(|value| value * std::f32::consts::FRAC_1_SQRT_2)
    };
    let mu: Vec<f32> = factors.values.chunks(2).flat_map(row).collect();
    let found = scores(&mu, 2, &factors, FEW, 1).unwrap();
    assert!(found.mig.abs() < 1e-12, "{found:?}");
    let problem = Problem::new(&mu, 2, &factors).unwrap();
    let all: Vec<_> = (0..144).collect();
    let sap = sap::score(&problem, Part(&all), Part(&all), sap::Predictor::Numbers);
    // Latents are rounded to 24 bits.
    assert!(sap.abs() < 1e-6, "{sap}");
    for score in [found.factor_vae, found.beta_vae] {
        assert!((score - 0.5).abs() < chance(0.5, FEW.test), "{found:?}");
    }
    // 0.1 is the score where a latent has 68 of 100 parts of a factor's importance, and not half of it.
    assert!(
        found.disentanglement < 0.1 && found.completeness < 0.1,
        "{found:?}"
    );
}

#[test]
fn noise_knows_nothing() {
    let (sizes, latents) = ([3, 4, 10, 12, 12], 6);
    let factors = grid(&sizes);
    let count = factors.count();
    let noise = (0..count * latents).map(|element| normal(7, Stream::Sampling, 0, element) as f32);
    let mu: Vec<f32> = noise.collect();
    let found = scores(&mu, latents, &factors, FEW, 1).unwrap();
    // 2n·I is about χ² with (bins − 1)(values − 1) degrees of freedom, of deviation √(2·degrees): two latents differ by
    // less than ten of these.
    let gap = |&size: &usize| {
        let degrees = 19.0 * (size - 1) as f64;
        10.0 * (2.0 * degrees).sqrt() / (2.0 * count as f64 * (size as f64).ln())
    };
    let most = sizes.iter().map(gap).sum::<f64>() / sizes.len() as f64;
    assert!(found.mig < most, "{} of {most}", found.mig);
    // R² of 400 images is χ²/400.
    assert!(found.sap_regression < 25.0 / 400.0, "{found:?}");
    for score in [found.factor_vae, found.beta_vae] {
        assert!((score - 0.2).abs() < chance(0.2, FEW.test), "{found:?}");
    }
    // A guess of one of m values is right once in m; the deviation of five factors' mean is less than that of one.
    let guess = sizes.iter().map(|&size| 1.0 / size as f64).sum::<f64>() / 5.0;
    let off = found.informativeness - guess;
    assert!(off.abs() < chance(0.5, FEW.test), "{found:?}");
    assert!(
        found.disentanglement < 0.1 && found.completeness < 0.1,
        "{found:?}"
    );
}

#[test]
fn the_seed_decides_every_digit() {
    let factors = grid(&[4, 5, 10]);
    let mu: Vec<f32> = (0..600)
        .map(|element| normal(8, Stream::Sampling, 0, element) as f32)
        .collect();
    let few = Samples {
        train: 100,
        test: 60,
        batch: 8,
    };
    let of = |seed| scores(&mu, 3, &factors, few, seed).unwrap();
    assert_eq!(of(1), of(1));
    assert_ne!(of(1), of(2));
    let json = serde_json::to_value(of(1)).unwrap();
    assert!(
        json["beta-vae"].is_f64() && json["factors"][2]["information"][1].is_f64(),
        "{json}"
    );
}

#[test]
fn a_factor_of_one_value_and_a_dead_latent_are_no_matter() {
    let factors = grid(&[1, 10, 12]);
    let mu: Vec<f32> = factors
        .values
        .chunks(3)
        .flat_map(|row| [row[1] as f32, 0.5, row[2] as f32])
        .collect();
    let found = scores(&mu, 3, &factors, FEW, 1).unwrap();
    let names: Vec<_> = found
        .factors
        .iter()
        .map(|factor| factor.name.as_str())
        .collect();
    assert_eq!(names, ["factor 1", "factor 2"]);
    assert!(
        found
            .measures()
            .iter()
            .all(|score| (0.0..=1.0).contains(&score.value)),
        "{found:?}"
    );
    assert!(
        (found.mig - 1.0).abs() < 1e-12 && found.factor_vae == 1.0,
        "{found:?}"
    );

    // Where all are dead, nothing is known of any factor, and there are no votes.
    let dead = scores(&[0.5; 240], 2, &factors, FEW, 1).unwrap();
    assert_eq!(
        [dead.mig, dead.sap, dead.factor_vae, dead.completeness],
        [0.0; 4]
    );
    // One latent has no other to be apart from.
    let one: Vec<f32> = factors.values.chunks(3).map(|row| row[1] as f32).collect();
    let found = scores(&one, 1, &factors, FEW, 1).unwrap();
    assert!((found.mig - 0.5).abs() < 1e-12, "{found:?}");
}

#[test]
fn what_has_no_scores_is_refused_by_a_message() {
    let factors = grid(&[10, 12]);
    let refused =
        |mu: &[f32], factors: &Factors| scores(mu, 1, factors, FEW, 1).unwrap_err().to_string();
    assert!(refused(&[0.0; 119], &factors).contains("119"));
    assert!(refused(&[0.0; 99], &factors.first(99)).contains("at least 100"));
    let mut mu = [0.0; 120];
    mu[7] = f32::NAN;
    assert!(refused(&mu, &factors).contains("image 7 is NaN"));
    let same = factors.chosen(&[5; 120]);
    assert!(refused(&[0.0; 120], &same).contains("no factor differs"));
}
