//! `vae parts`

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use vae_wgpu::expr::{Expr, Function, Sequence, Step};
use vae_wgpu::graph::Activation;
use vae_wgpu::model::{
    Bound, Condition, EncoderInput, Formula, Inference, InitialWeights, LEVELS, Likelihood, Norm,
    OutputBias, Posterior, Prior, Scale, VaeError, dropout_formulas, formulas_in_part,
};
use vae_wgpu::setting::Setting;
use vae_wgpu::train::{Binarize, Normalize, Settings};

use super::config::Overrides;
use super::console;
use super::text::hanging;

/// List the parts that a model is put together from, with their formulas and papers
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vae parts                  all of them, by the flag of `vae train` that picks one
  vae parts likelihood       what the decoder's outputs can mean
  vae parts objective        what can be minimised, and which flags go with it

The formulas are printed from the expressions that the kernels are generated from.")]
pub(crate) struct Args {
    /// Only the parts that this flag picks
    #[arg(value_name = "AXIS", value_parser = PossibleValuesParser::new(Axis::NAMES).try_map(|s| s.parse::<Axis>()))]
    axis: Option<Axis>,
}

/// What a part is one of: a flag of `vae train`.
#[derive(Clone, Copy, Debug)]
enum Axis {
    Posterior,
    Prior,
    Likelihood,
    Scale,
    EncoderInput,
    Condition,
    Ladder,
    Objective,
    Normalize,
    Binarize,
    Activation,
    Norm,
    Dropout,
    Residual,
    InitialWeights,
    OutputBias,
}

impl Axis {
    const ALL: [Self; 16] = [
        Self::Posterior,
        Self::Prior,
        Self::Likelihood,
        Self::Scale,
        Self::EncoderInput,
        Self::Condition,
        Self::Ladder,
        Self::Objective,
        Self::Normalize,
        Self::Binarize,
        Self::Activation,
        Self::Norm,
        Self::Dropout,
        Self::Residual,
        Self::InitialWeights,
        Self::OutputBias,
    ];
    const NAMES: [&'static str; 16] = [
        "posterior",
        "prior",
        "likelihood",
        "scale",
        "encoder-input",
        "condition",
        "ladder",
        "objective",
        "normalize",
        "binarize",
        "activation",
        "norm",
        "dropout",
        "residual",
        "initial-weights",
        "output-bias",
    ];

    fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// Its parts, in the order of their names' list.
    fn parts(self) -> Result<Vec<Part>, VaeError> {
        Ok(match self {
            Self::Posterior => Posterior::ALL.map(posterior).into(),
            Self::Prior => Prior::ALL.map(prior).into(),
            Self::Likelihood => Likelihood::ALL.map(likelihood).into(),
            Self::Scale => Scale::ALL.map(scale).into(),
            Self::EncoderInput => EncoderInput::ALL
                .map(|part| Part::new(part.name(), part.source()))
                .into(),
            Self::Condition => Condition::ALL.map(condition).into(),
            Self::Ladder => Inference::ALL.map(inference).into(),
            Self::Objective => Bound::ALL
                .into_iter()
                .map(objective)
                .collect::<Result<_, _>>()?,
            Self::Normalize => Normalize::ALL
                .map(|part| Part::new(part.name(), part.source()))
                .into(),
            Self::Binarize => Binarize::ALL
                .map(|part| Part::new(part.name(), part.source()))
                .into(),
            Self::Activation => Activation::ALL.map(activation).into(),
            Self::Norm => Norm::ALL.map(norm).into(),
            Self::Dropout => dropouts(),
            Self::Residual => residuals(),
            Self::InitialWeights => InitialWeights::ALL
                .map(|part| Part::new(part.name(), part.source()))
                .into(),
            Self::OutputBias => OutputBias::ALL
                .map(|part| Part::new(part.name(), part.source()))
                .into(),
        })
    }

    /// Which part it is without the flag.
    fn default(self) -> &'static str {
        let settings = Settings::default();
        match self {
            Self::Posterior => settings.posterior.name(),
            Self::Prior => settings.prior.name(),
            Self::Likelihood => settings.likelihood.density().name,
            Self::Scale => settings.scale.name(),
            Self::EncoderInput => settings.own_encoder_input().name(),
            Self::Condition => settings.condition.name(),
            Self::Ladder => ladder(Inference::default()),
            Self::Objective => settings.objective.name(),
            Self::Normalize => settings.normalize.name(),
            Self::Binarize => settings.binarize.name(),
            Self::Activation => settings.activation.name(),
            Self::Norm => settings.norm.name(),
            Self::Dropout => "0",
            Self::Residual => "false",
            Self::InitialWeights => settings.initial_weights.name(),
            Self::OutputBias => settings.output_bias.name(),
        }
    }
}

impl FromStr for Axis {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|axis| axis.name() == name);
        named.ok_or_else(|| format!("'{name}' picks no part"))
    }
}

/// A part as it is listed.
struct Part {
    name: &'static str,
    source: &'static str,
    /// Lines below, each with what stands in front of it.
    lines: Vec<(String, String)>,
    /// The expressions that the lines show.
    shown: Vec<Expr>,
}

impl Part {
    fn new(name: &'static str, source: &'static str) -> Self {
        Self {
            name,
            source,
            lines: Vec::new(),
            shown: Vec::new(),
        }
    }

    fn line(&mut self, head: &str, text: impl Into<String>) {
        self.lines.push((head.to_owned(), text.into()));
    }

    fn formula(&mut self, formula: Formula) {
        self.line(formula.name, formula.text());
        if !formula.of.is_empty() {
            self.line("", formula.of);
        }
        self.shown.push(formula.expr);
    }
}

fn posterior(posterior: Posterior) -> Part {
    let family = posterior.family();
    let mut part = Part::new(family.name, family.source);
    (family.formulas)()
        .into_iter()
        .for_each(|formula| part.formula(formula));
    if let Some(steps) = family.flow_steps {
        part.line("--flow-steps", format!("maps, {steps} unless given"));
    }
    part
}

fn prior(prior: Prior) -> Part {
    let family = prior.family();
    let mut part = Part::new(family.name, family.source);
    (family.formulas)()
        .into_iter()
        .for_each(|formula| part.formula(formula));
    if let Some(components) = family.components {
        part.line(
            "--components",
            format!("components, {components} unless given"),
        );
    }
    part
}

/// What the flag of a ladder says for it.
fn ladder(inference: Inference) -> &'static str {
    match inference {
        Inference::BottomUp => "false",
        Inference::Ladder => "true",
    }
}

fn inference(inference: Inference) -> Part {
    let mut part = Part::new(ladder(inference), inference.source());
    part.line(
        "networks",
        "p(z_L) p(z_(L-1) | z_L) ... p(z_1 | z_2) p(x | z_1)",
    );
    for formula in inference.formulas() {
        part.formula(formula);
    }
    for setting in [Setting::StochasticLayers, Setting::Between] {
        let key = setting.key();
        part.line(&format!("--{key}"), help_of(key).unwrap_or_default());
    }
    part
}

fn likelihood(likelihood: Likelihood) -> Part {
    let density = likelihood.density();
    let mut part = Part::new(density.name, density.source);
    for formula in density.formulas() {
        part.formula(formula);
    }
    part.line(density.location.symbol(), density.location.summary());
    part.line("x", density.support.summary());
    if let Some(scale) = &density.scale {
        let (parameter, bound) = (scale.parameter, scale.bound);
        part.line(
            parameter,
            format!("decoder.{parameter}, held between {} and {bound}", -bound),
        );
    }
    if let Some(head) = &density.head {
        part.line("g", format!("decoder.{}, a layer of its own", head.name));
    }
    let scales = Scale::ALL.into_iter();
    let scales = scales.filter(|&scale| likelihood.takes(scale));
    let scales: Vec<_> = scales.map(Scale::name).collect();
    part.line("--scale", scales.join(", "));
    if likelihood == Likelihood::Categorical {
        let [least, most] = LEVELS;
        part.line(
            "is_level",
            "1 of the level floor(v K / 256) of x = v / 255, of other levels 0",
        );
        part.line("--levels", format!("K, from {least} to {most}"));
    }
    part
}

fn scale(scale: Scale) -> Part {
    let mut part = Part::new(scale.name(), scale.source());
    if scale != Scale::Unit {
        part.line("--likelihood", Likelihood::taking(scale).join(", "));
    }
    part
}

fn condition(condition: Condition) -> Part {
    let mut part = Part::new(condition.name(), condition.source());
    part.line("networks", condition.distributions().join(" and "));
    if condition == Condition::Both {
        for (key, source) in [
            (
                "labelled",
                "M2 of Kingma, Rezende, Mohamed and Welling 2014",
            ),
            ("alpha", "of the same source, section 3.1.2"),
        ] {
            let help = help_of(key).unwrap_or_default();
            part.line(&format!("--{key}"), format!("{help}: {source}"));
        }
        formulas_in_part()
            .into_iter()
            .for_each(|formula| part.formula(formula));
    }
    part
}

fn objective(bound: Bound) -> Result<Part, VaeError> {
    let mut part = Part::new(bound.name(), bound.source());
    let (minimised, reported) = bound.plain().terms()?;
    part.line("minimised", minimised);
    if !reported.is_empty() {
        part.line("reported", reported.join(", "));
    }
    part.line(
        "recon",
        "-ln p(x | z) of an image, as the likelihood has it",
    );
    for formula in bound.formulas() {
        part.formula(formula);
    }
    for (setting, source) in bound.settings() {
        let key = setting.key();
        let text = match help_of(key) {
            Some(help) => format!("{help}: {source}"),
            None => (*source).to_owned(),
        };
        part.line(&format!("--{key}"), text);
    }
    Ok(part)
}

fn activation(activation: Activation) -> Part {
    let mut part = Part::new(activation.name(), activation.source());
    part.formula(Formula {
        name: "f(x)",
        expr: activation.formula(),
        operands: vec!["x"],
        of: "",
    });
    part
}

fn norm(norm: Norm) -> Part {
    let mut part = Part::new(norm.name(), norm.source());
    let formulas = norm.formulas().into_iter();
    formulas.for_each(|formula| part.formula(formula));
    part
}

/// None, and that with a probability.
fn dropouts() -> Vec<Part> {
    let source = "each output of a hidden layer is 0 with the probability P in a training, and in the mean what \
                  it is without: Srivastava et al. 2014";
    let mut dropped = Part::new("P", source);
    let formulas = dropout_formulas().into_iter();
    formulas.for_each(|formula| dropped.formula(formula));
    vec![Part::new("0", "nothing is dropped"), dropped]
}

/// None, and those there are.
fn residuals() -> Vec<Part> {
    let plain = "a hidden layer's output is a function f of its input";
    let source =
        "behind a hidden layer of as many units, it is the input and f of it: He et al. 2016";
    let mut added = Part::new("true", source);
    added.line("h'", "h + f(h)");
    vec![Part::new("false", plain), added]
}

/// What `vae train` says of a flag.
fn help_of(key: &str) -> Option<String> {
    let command = <Overrides as clap::Args>::augment_args(clap::Command::new("train"));
    let mut args = command.get_arguments();
    let arg = args.find(|arg| arg.get_long() == Some(key))?;
    Some(arg.get_help()?.to_string())
}

/// The functions of some expressions that text writes as calls.
fn functions(shown: &[Expr]) -> BTreeSet<Function> {
    let sequences = shown.iter().map(|expr| Sequence::of(&[expr]));
    let calls = sequences.flat_map(|sequence| {
        let steps = sequence.steps().iter();
        let called = steps.filter_map(|step| match step {
            Step::Call(function, _) => Some(*function),
            _ => None,
        });
        called.collect::<Vec<_>>()
    });
    let signs = [Function::Neg, Function::Square];
    calls.filter(|call| !signs.contains(call)).collect()
}

/// One axis: its flag, its parts, and what the functions in their formulas are.
fn listing(axis: Axis) -> Result<String, VaeError> {
    let flag = format!("--{}", axis.name());
    let help = help_of(axis.name()).unwrap_or_default();
    let mut lines = vec![hanging(&format!("{flag}  "), &help)];
    let parts = axis.parts()?;
    let mut shown = Vec::new();
    for part in parts {
        let default = match part.name == axis.default() {
            true => "  (default)",
            false => "",
        };
        lines.push(format!("\n  {flag} {}{default}", part.name));
        lines.push(hanging("      ", part.source));
        let width = part.lines.iter().map(|(head, _)| head.chars().count());
        let width = width.max().unwrap_or(0).max(9);
        for (head, text) in part.lines {
            lines.push(hanging(&format!("      {head:width$}  "), &text));
        }
        shown.extend(part.shown);
    }
    let functions = functions(&shown);
    if !functions.is_empty() {
        lines.push("\n  Functions:".to_owned());
    }
    for function in functions {
        let call = format!("{}(x)", function.name());
        let meaning = function.meaning().trim_end_matches('.');
        lines.push(hanging(&format!("      {call:16}  "), meaning));
    }
    Ok(lines.join("\n"))
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let axes = match self.axis {
            Some(axis) => vec![axis],
            None => Axis::ALL.to_vec(),
        };
        let listings: Vec<_> = axes.into_iter().map(listing).collect::<Result<_, _>>()?;
        console::result(&listings.join("\n\n"));
        Ok(ExitCode::SUCCESS)
    }
}
