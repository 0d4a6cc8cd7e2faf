//! Pictures of a page: drawn for it, or found among the run's.

use std::fs;
use std::path::Path;

use anyhow::Context;
use vae_wgpu::checkpoint::RunDir;
use vae_wgpu::data::Split;
use vae_wgpu::eval::{descending, kl_by_dimension};
use vae_wgpu::plot::{Bands, png_size};
use vae_wgpu::report::{Content, Picture, Section};

use crate::cli::options::AdapterOption;
use crate::cli::output::Output;
use crate::cli::pictures::Shown;
use crate::cli::run::TrainedRun;
use crate::cli::train::picture_of_epoch;
use crate::cli::{console, fit_prior, look, pictures, traverse};

/// Images of the page's own pictures.
const SAMPLES: usize = 100;
const RECONSTRUCTED: usize = 20;
/// Test images whose latents say which dimensions are shown, how many are, and the images of each.
const TRAVERSED: usize = 1000;
const DIMENSIONS: usize = 10;
const STEPS: usize = 11;
/// Pictures of a training on its way at the most: its first, its last, and those between at equal distances.
const ON_THE_WAY: usize = 6;
/// Bytes of a picture that others have drawn, at the most: a page is to be sent.
const MOST: u64 = 4 << 20;
/// What a training and this page draw themselves.
const OWN: [&str; 5] = [
    "prior.png",
    "reconstructions.png",
    "fitted.png",
    "curves.png",
    "traverse.png",
];

/// Draws from the prior, and from what was fitted in its place.
pub(super) fn samples(
    run: &mut TrainedRun,
    shown: &mut Shown,
    checkpoint: &Path,
    adapter: &AdapterOption,
) -> anyhow::Result<Section> {
    let fitted = fit_prior::of_run(run, checkpoint, adapter, false)?;
    let count = pictures::fitting(SAMPLES, shown.size());
    let model = &mut run.model;
    let mut drawn = vec![picture("Images of draws of z from the prior", |output| {
        pictures::samples(model, shown, (count, None), output)
    })?];
    if let Some(mut fitted) = fitted {
        let caption = "Images of draws of z from the density that was fitted to the latents";
        drawn.push(picture(caption, |output| {
            let draw = || fit_prior::samples(&mut fitted, model, (count, None), 0);
            pictures::drawn(draw, shown, count, output)
        })?);
    }
    Ok(section("Samples", vec![Content::Pictures(drawn)]))
}

/// Test images above their reconstructions, or why there are none: data may be elsewhere, and the run is what it is.
pub(super) fn reconstructions(
    run: &mut TrainedRun,
    shown: &mut Shown,
    test: anyhow::Result<Split>,
) -> anyhow::Result<Section> {
    let heading = "Reconstructions";
    let checked = test.and_then(|test| {
        look::check_labels(run.model.vae(), &test)?;
        Ok(test)
    });
    let test = match checked {
        Ok(test) => test,
        Err(error) => {
            let why = format!("The test images could not be loaded: {error:#}.");
            console::warning(&format!("the page has no reconstructions: {error:#}"));
            return Ok(section(heading, vec![Content::Text(why)]));
        }
    };
    let caption = "Test images, each above what is decoded from the mean of its z";
    let drawn = picture(caption, |output| {
        pictures::reconstructions(&mut run.model, shown, &test, RECONSTRUCTED, output)
    })?;
    Ok(section(heading, vec![Content::Pictures(vec![drawn])]))
}

/// What the dimensions of z change that say most about the test images; nothing where there are none, or without the labels
/// that the model reads, which the reconstructions say.
pub(super) fn traversals(
    run: &mut TrainedRun,
    shown: &mut Shown,
    test: &anyhow::Result<Split>,
) -> anyhow::Result<Option<Section>> {
    let checked = test.as_ref().ok().map(|test| test.first(TRAVERSED));
    let Some(test) = checked.filter(|test| look::check_labels(run.model.vae(), test).is_ok())
    else {
        return Ok(None);
    };
    let values = run.scaling.model_values(&test.images.pixels);
    let encoded = run.model.encode(&values, test.labels.as_deref())?;
    let config = run.model.vae().config();
    let (latent, reads) = (config.latent_dim, config.condition.decoder());
    let prior = run.model.prior_moments(look::MOMENT_DRAWS, Some(0))?;
    let order = descending(&kl_by_dimension(&encoded.mu, &encoded.logvar, &prior));
    let rows = &order[..latent.min(DIMENSIONS)];
    let z = traverse::points(&prior.point(), &prior, rows, STEPS);
    let labels = vec![0; rows.len() * STEPS];
    let images = run.model.decode(&z, reads.then_some(&labels))?;
    let shades = shown.shades(images)?;
    let names: Vec<_> = rows.iter().map(usize::to_string).collect();
    let caption = format!(
        "Each row one dimension of z, from -3 to 3 deviations of the prior: {}{}",
        names.join(", "),
        if reads { "; of the label 0" } else { "" }
    );
    let drawn = picture(&caption, |output| {
        let picture = look::banded(&shades, shown.size(), STEPS, Bands::of(1))?;
        output.write_picture(&picture)
    })?;
    let text =
        "The dimensions come by their divergence from the prior, the one that says most first.";
    let contents = vec![
        Content::Text(text.to_owned()),
        Content::Pictures(vec![drawn]),
    ];
    Ok(Some(section("Traversals", contents)))
}

/// How samples came to be, where the training was asked for pictures.
pub(super) fn on_the_way(dir: &RunDir) -> Option<Section> {
    let names = names_in(&dir.samples());
    let of_epoch = |name: &String| Some((picture_of_epoch(name)?, name.clone()));
    let samples = names.iter().filter(|name| name.ends_with("-samples.png"));
    let epochs: Vec<_> = samples.filter_map(of_epoch).collect();
    let last = epochs.len().checked_sub(1)?;
    let shown = epochs.len().min(ON_THE_WAY);
    let chosen = (0..shown).map(|index| index * last / (shown - 1).max(1));
    let pictures: Vec<_> = chosen
        .filter_map(|index| {
            let (epoch, name) = &epochs[index];
            found(&dir.samples().join(name), format!("After epoch {epoch}"))
        })
        .collect();
    let text = "The same draws of z from the prior, decoded as the training went on.";
    let contents = vec![Content::Text(text.to_owned()), Content::Small(pictures)];
    Some(section("On the way", contents))
}

/// Whatever else is among the run's samples: what other commands have drawn of it.
pub(super) fn of_other_commands(dir: &RunDir) -> Option<Section> {
    let names = names_in(&dir.samples()).into_iter();
    let names =
        names.filter(|name| picture_of_epoch(name).is_none() && !OWN.contains(&name.as_str()));
    let pictures: Vec<_> = names
        .filter_map(|name| {
            let caption = name.trim_end_matches(".png").replace(['-', '_'], " ");
            found(&dir.samples().join(&name), caption)
        })
        .collect();
    (!pictures.is_empty()).then(|| section("More pictures", vec![Content::Pictures(pictures)]))
}

fn section(heading: &str, contents: Vec<Content>) -> Section {
    Section {
        heading: heading.to_owned(),
        contents,
    }
}

/// A picture that somebody draws into a file of its own.
fn picture(
    caption: &str,
    draw: impl FnOnce(&Output) -> anyhow::Result<()>,
) -> anyhow::Result<Picture> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("picture.png");
    draw(&Output::Png(path.clone()))?;
    let png = fs::read(&path)?;
    Ok(Picture {
        caption: caption.to_owned(),
        size: png_size(&png).context("the picture that was drawn cannot be read")?,
        png,
    })
}

/// A picture that is there already; one that is none, or that is too large to be sent, is left out.
fn found(path: &Path, caption: String) -> Option<Picture> {
    let small = fs::metadata(path).is_ok_and(|stat| stat.is_file() && stat.len() <= MOST);
    let png = fs::read(path).ok().filter(|_| small)?;
    Some(Picture {
        caption,
        size: png_size(&png)?,
        png,
    })
}

/// The names of a folder's PNG files, in order.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<_> = names.filter(|name| name.ends_with(".png")).collect();
    names.sort_unstable();
    names
}
