//! Rows of a table: cells that are missing filled in, and new rows drawn.

mod draw;
mod impute;

pub use draw::Drawing;

#[cfg(test)]
mod tests {
    use super::Drawing;
    use crate::data::table::Layout;
    use crate::eval::{Autoencoder, open};
    use crate::executor::Snapshot;
    use crate::gpu::AdapterChoice;
    use crate::model::{EncoderInput, Likelihood, Scale, Vae, VaeConfig};

    /// A model with its first weights.
    fn model() -> Autoencoder {
        let layout = Layout {
            numbers: 2,
            counts: 1,
            categories: vec![3],
            masked: true,
        };
        let vae = Vae::new(VaeConfig {
            input_dim: layout.width(),
            hidden: vec![5],
            latent_dim: 2,
            likelihood: Likelihood::Gaussian,
            scale: Scale::PerDimension,
            encoder_input: EncoderInput::Log1p,
            table: Some(layout),
            ..VaeConfig::default()
        })
        .unwrap();
        let specs = vae.parameters();
        let mut executor = open(&AdapterChoice::Reference, specs.clone(), 5)
            .unwrap()
            .executor;
        executor.restore(&Snapshot::initial(&specs, 5)).unwrap();
        Autoencoder::new(vae, executor)
    }

    const KNOWN: [f32; 10] = [0.5, -1.0, 3.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0];
    const HALF: [f32; 10] = [0.5, 0.0, 3.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0];
    const NOTHING: [f32; 10] = [0.0; 10];

    #[test]
    fn cells_that_are_there_stay_and_equal_rows_are_filled_alike() {
        let mut model = model();
        // More than are computed at a time.
        let rows = [KNOWN, HALF, NOTHING].repeat(15).concat();
        let filled = model.impute(&rows, None, 50, 1, None).unwrap().unwrap();
        let filled: Vec<_> = filled.chunks(6).collect();
        for three in filled.chunks(3) {
            assert_eq!(three, &filled[..3]);
        }
        assert_eq!(filled[0], &KNOWN[..6]);
        assert_eq!((filled[1][0], filled[1][2]), (0.5, 3.0));
        for row in &filled[1..3] {
            assert_eq!(row[3..].iter().sum::<f32>(), 1.0, "{row:?}");
            assert!(row[1] != 0.0 && row.iter().all(|cell| cell.is_finite()));
        }
    }

    #[test]
    fn drawn_cells_depend_on_the_number_of_the_row_and_on_the_seed() {
        let mut model = model();
        let mut drawn = |seed, first_row, rows: &[[f32; 10]]| {
            let drawing = Some(Drawing { seed, first_row });
            let rows = rows.concat();
            model.impute(&rows, None, 30, 1, drawing).unwrap().unwrap()
        };
        let both = drawn(2, 0, &[HALF, HALF]);
        assert_ne!(both[..6], both[6..]);
        assert_eq!((both[0], both[2], both[6]), (0.5, 3.0, 0.5));
        assert_eq!(drawn(2, 1, &[HALF]), both[6..]);
        assert_ne!(drawn(3, 1, &[HALF]), both[6..]);
        let rows = model.sample_rows(300, None, 4).unwrap().unwrap();
        assert_eq!(rows.len(), 300 * 6);
        assert_eq!(rows, model.sample_rows(300, None, 4).unwrap().unwrap());
        let is_row = |row: &[f32]| {
            row[2] >= 0.0 && row[2].fract() == 0.0 && row[3..].iter().sum::<f32>() == 1.0
        };
        assert!(rows.chunks(6).all(is_row));
    }
}
