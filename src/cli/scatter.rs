//! `vae scatter`

use std::process::ExitCode;

use vae_wgpu::eval::Pca;
use vae_wgpu::plot::chart::{Chart, Cloud, Key, Mark, Panel};

use super::look::LookArgs;

/// Draw where the test images lie in the latent space, coloured by their labels
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vae scatter runs/digits-1
  vae scatter runs/digits-1 --data mnist -o where.png

Points are the means of q(z | x); of a hierarchy, those of z₁. More than two dimensions are seen along the two
directions in which the points vary most (principal components), with the share of their variance on the axes.")]
pub(crate) struct Args {
    #[command(flatten)]
    look: LookArgs,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let mut look = self.look.open("scatter.png", 0)?;
        let mu = look.encode_all()?.mu;
        let latent = look.latent();
        let (points, [x_label, y_label]) = in_a_plane(&mu, latent);
        let labels = match look.labels() {
            Some(labels) => labels.to_vec(),
            None => vec![0; points.len()],
        };
        let chart = scatter(
            &points,
            &labels,
            look.labels().is_some(),
            [x_label, y_label],
        );
        let what = format!("{} test images in the latent space", points.len());
        look.write(&chart.pixels()?.into(), &what)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Points `[count, latent]` in a plane, and the names of its axes.
fn in_a_plane(mu: &[f32], latent: usize) -> (Vec<[f64; 2]>, [String; 2]) {
    let rows = mu.chunks(latent);
    if latent <= 2 {
        let at = |row: &[f32], j: usize| row.get(j).map_or(0.0, |&value| f64::from(value));
        let points = rows.map(|row| [at(row, 0), at(row, 1)]).collect();
        let second = if latent == 2 { "z (dimension 1)" } else { "" };
        return (points, ["z (dimension 0)".to_owned(), second.to_owned()]);
    }
    let pca = Pca::of(mu, latent);
    let points = rows.map(|row| pca.project(row)).collect();
    let name = |index: usize, which: &str| {
        let share = 100.0 * pca.explained.get(index).copied().unwrap_or(0.0);
        format!("{which} principal component of μ ({share:.1} % of the variance)")
    };
    (points, [name(0, "first"), name(1, "second")])
}

/// A chart of points with a label each; with a legend where labels mean something.
fn scatter(points: &[[f64; 2]], labels: &[u8], labelled: bool, [x, y]: [String; 2]) -> Chart {
    let mut classes = labels.to_vec();
    classes.sort_unstable();
    classes.dedup();
    let of_class = |class: u8| {
        let own = points
            .iter()
            .zip(labels)
            .filter(|(_, label)| **label == class);
        Cloud {
            points: own.map(|(point, _)| *point).collect(),
            colour: class.into(),
        }
    };
    let key = |class: &u8| Key {
        name: class.to_string(),
        colour: Some((*class).into()),
        mark: Mark::Dot,
    };
    let legend = if labelled {
        classes.iter().map(key).collect()
    } else {
        Vec::new()
    };
    Chart {
        panels: vec![Panel {
            x_label: x,
            y_label: y,
            clouds: classes.iter().map(|&class| of_class(class)).collect(),
            ..Panel::default()
        }],
        legend,
        columns: 1,
        panel: [680, 600],
    }
}
