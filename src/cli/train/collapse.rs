//! What is said of a latent that has collapsed.

use vae_wgpu::setting::Setting;
use vae_wgpu::train::{Collapse, LatentKl, Settings};

/// After some epochs in which most dimensions were not used.
pub(super) fn for_epochs(kl: &LatentKl, settings: &Settings) -> String {
    let (least, epochs) = (LatentKl::UNUSED, Collapse::EPOCHS);
    let (what, altogether) = match kl {
        LatentKl::Each(each) => {
            let unused = kl.unused().unwrap_or_default();
            let all = each.len();
            let what = format!(
                "{unused} of {all} dimensions say nothing about an image (KL below {least} nats)"
            );
            (what, unused == all)
        }
        LatentKl::Whole { kl, dimensions } => {
            let what = format!(
                "its {dimensions} dimensions say nothing about an image (KL {kl:.3} nats in all)"
            );
            (what, true)
        }
    };
    let alike = if altogether { ALIKE } else { "" };
    format!(
        "the latent has collapsed: {what}, most of them for {epochs} epochs now; {alike}{}",
        advice(settings)
    )
}

/// Where the latent says nothing at all, it may have nothing to say.
const ALIKE: &str = "look for images that are constant or all the same, else ";

/// At the end of a training that was shorter, of a divergence in all dimensions together.
pub(super) fn at_the_end(kl: f64, settings: &Settings) -> String {
    format!(
        "the latent says nothing about an image (KL {kl:.3} nats): all reconstructions are nearly alike; {ALIKE}{}",
        advice(settings)
    )
}

/// What usually helps, of what the objective reads.
fn advice(settings: &Settings) -> String {
    let helps = [
        (
            Setting::KlWarmup,
            "raising the divergence slowly (--kl-warmup)",
        ),
        (Setting::FreeBits, "free bits (--free-bits)"),
        (Setting::Beta, "a smaller --beta"),
    ];
    let read = helps
        .into_iter()
        .filter(|&(setting, _)| settings.objective.reads(setting));
    let mut helps: Vec<_> = read.map(|(_, help)| help).collect();
    helps.extend(["a smaller --lr", "other --latent dimensions"]);
    let last = helps.pop().unwrap_or_default();
    format!("{} or {last} usually helps", helps.join(", "))
}

#[cfg(test)]
mod tests {
    use vae_wgpu::model::Bound;

    use super::*;

    #[test]
    fn what_helps_is_what_the_objective_reads() {
        let mut settings = Settings::default();
        let kl = LatentKl::Each(vec![0.0, 0.002, 1.0]);
        let said = for_epochs(&kl, &settings);
        assert!(said.contains("2 of 3 dimensions"), "{said}");
        for part in ["3 epochs", "--kl-warmup", "--free-bits", "--beta", "--lr"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert_eq!(said.lines().count(), 1);
        settings.objective = Bound::Iwae;
        let said = at_the_end(0.002, &settings);
        assert!(
            said.contains("KL 0.002 nats") && said.contains("--lr"),
            "{said}"
        );
        assert!(
            !said.contains("--beta") && !said.contains("--free-bits"),
            "{said}"
        );
    }
}
