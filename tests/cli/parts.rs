//! `vae parts`: every part with its formula and source, from the code.

use std::time::{Duration, Instant};

use vae_wgpu::graph::Activation;
use vae_wgpu::model::{
    Bound, Condition, EncoderInput, InitialWeights, Likelihood, Norm, OutputBias, Posterior, Prior,
    Scale,
};
use vae_wgpu::train::{Binarize, Normalize};

use crate::Place;

/// Every axis with the names of its parts.
const AXES: [(&str, &[&str]); 16] = [
    ("posterior", &Posterior::NAMES),
    ("prior", &Prior::NAMES),
    ("likelihood", &Likelihood::NAMES),
    ("scale", &Scale::NAMES),
    ("encoder-input", &EncoderInput::NAMES),
    ("condition", &Condition::NAMES),
    ("ladder", &["false", "true"]),
    ("objective", &Bound::NAMES),
    ("normalize", &Normalize::NAMES),
    ("binarize", &Binarize::NAMES),
    ("activation", &Activation::NAMES),
    ("norm", &Norm::NAMES),
    ("dropout", &["0", "P"]),
    ("residual", &["false", "true"]),
    ("initial-weights", &InitialWeights::NAMES),
    ("output-bias", &OutputBias::NAMES),
];

#[test]
fn every_part_is_listed_below_the_flag_that_picks_it() {
    let place = Place::new();
    let all = place.vae("parts").succeeds().out;
    for (axis, names) in AXES {
        let one = place.vae(&format!("parts {axis}")).succeeds().out;
        assert!(all.contains(one.trim_end()), "{axis}: {all}");
        for name in names {
            let line = format!("  --{axis} {name}");
            let found = one.lines().filter(|has| {
                let rest = has.strip_prefix(&line);
                rest.is_some_and(|rest| rest.is_empty() || rest == "  (default)")
            });
            assert_eq!(found.count(), 1, "{line}: {one}");
        }
        assert_eq!(one.matches("(default)").count(), 1, "{one}");
    }
}

#[test]
fn a_likelihood_has_its_formulas_source_and_scales() {
    let said = Place::new().vae("parts likelihood").succeeds().out;
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let unbroken = words(&said);
    for likelihood in Likelihood::ALL {
        let density = likelihood.density();
        assert!(unbroken.contains(&words(density.source)), "{said}");
        for formula in density.formulas() {
            let text = formula.text();
            assert!(unbroken.contains(&words(&text)), "{text}: {said}");
        }
    }
    for part in [
        "softplus(l) - l * x",
        "abs(x - m) * exp(-log_scale) + log_scale",
        "decoder.logvar, held between -6 and 6",
        "--scale    unit, shared, per-dimension, per-pixel, optimal",
        "g          decoder.zero_logit",
        "--levels   K, from 2 to 256",
        "langevin(x)       coth x − 1/x",
    ] {
        assert!(said.contains(part), "`{part}` is missing: {said}");
    }
}

#[test]
fn a_posterior_and_a_prior_have_their_formulas_and_sources() {
    let place = Place::new();
    for (axis, parts) in [
        (
            "posterior",
            [
                "Kingma and Welling 2013",
                "mu + exp(0.5 * capped(logvar)) * eps",
                "(z - mu)^2 * exp(-capped(logvar))",
            ],
        ),
        (
            "prior",
            ["Kingma and Welling 2013", "-ln p(z)", "0.5 * z^2 + 0.9189"],
        ),
    ] {
        let said = place.vae(&format!("parts {axis}")).succeeds().out;
        for part in parts {
            assert!(said.contains(part), "`{part}` is missing: {said}");
        }
    }
}

#[test]
fn an_objective_has_its_terms_formulas_and_flags() {
    let said = Place::new().vae("parts objective").succeeds().out;
    for part in [
        "minimised    recon + kl\n",
        "0.5 * (mu^2 + expm1_minus(capped(logvar)))",
        "ln(K) - logsumexp(log_weight)",
        "--kl-warmup  Steps over which that weight rises from 0: Sønderby et al. 2016",
        "Burda, Grosse and Salakhutdinov 2016",
    ] {
        assert!(said.contains(part), "`{part}` is missing: {said}");
    }
}

#[test]
fn parts_fit_a_page_and_open_nothing() {
    let place = Place::new();
    let started = Instant::now();
    let mut command = place.command(["parts"]);
    // Whatever looks for adapters fails here.
    let ran = crate::Ran::of(command.env("WGPU_BACKEND", "nosuch")).succeeds();
    // Generous: a busy machine takes longer than the few milliseconds that it is.
    assert!(started.elapsed() < Duration::from_secs(2), "{ran}");
    assert!(ran.err.is_empty(), "{ran}");
    for line in ran.out.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    place
        .vae("parts decoder")
        .fails(2, &["'decoder'", "posterior, prior, likelihood, scale"]);
}
