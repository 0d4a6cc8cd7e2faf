//! A mistake for each kernel, as a driver might make one: with it a test sees that the doctor finds it.

use crate::gpu::Alteration;

/// The kernel, what its text says, and what is said instead: a result that is a little off. No index
/// changes and no loop, since shaders run without bounds checks.
pub(super) const MISTAKES: &[(&str, &str, &str)] = &[
    ("adam", "m[i] = m_new;", "m[i] = 1.001 * m_new;"),
    (
        "bernoulli_nll",
        "rows[row] = total;",
        "rows[row] = 1.001 * total;",
    ),
    ("column_sum", "sum[at] = total;", "sum[at] = 1.001 * total;"),
    ("copy", "        source[row", "        1.001 * source[row"),
    (
        "draw",
        "values[first] = four.x;",
        "values[first] = four.x + 0.01;",
    ),
    ("gather", "x[at] = pixels.x;", "x[at] = pixels.x + 0.001;"),
    (
        "gemm_cooperative_8",
        "c[at.x] = value.x;",
        "c[at.x] = 1.001 * value.x;",
    ),
    (
        "gemm_cooperative_16",
        "c[at.x] = value.x;",
        "c[at.x] = 1.001 * value.x;",
    ),
    (
        "gemm_registers",
        "+ n] = sum[i][j];",
        "+ n] = 1.001 * sum[i][j];",
    ),
    ("gemm_split_sum", "c[to] = value;", "c[to] = 1.001 * value;"),
    (
        "gemm_subgroups",
        "c[first + at] = value;",
        "c[first + at] = 1.001 * value;",
    ),
    (
        "gemm_tiled",
        "c[first + at.x] = value.x;",
        "c[first + at.x] = 1.001 * value.x;",
    ),
    (
        "gemm_tiled_subgroups",
        "c[at] = value;",
        "c[at] = 1.001 * value;",
    ),
    (
        "gradient_norm",
        "select(sum, sqrt(sum), LAST)",
        "1.001 * select(sum, sqrt(sum), LAST)",
    ),
    ("latent", "rows[row] = total;", "rows[row] = 1.001 * total;"),
    (
        "latent_grad",
        "d_mu[i] = d_z[i]",
        "d_mu[i] = 1.001 * d_z[i]",
    ),
    ("lookup", "y[i] = table[", "y[i] = 1.0000002 * table["),
    (
        "objective",
        "losses[first] = objective;",
        "losses[first] = 1.001 * objective;",
    ),
    ("one_hot", "select(0.0, 1.0,", "select(0.0, 1.001,"),
    ("pointwise", "value0[i] = ", "value0[i] = 1.01 * "),
    ("pointwise_rows", "value0[i] = ", "value0[i] = 1.01 * "),
    ("ramp", "values[i] = ", "values[i] = 1.001 * "),
    ("reduce", "y[i] = largest;", "y[i] = 1.001 * largest;"),
    ("row_sums", "sum0[row] = ", "sum0[row] = 1.01 * "),
    (
        "rows_subgroups",
        "tape[at / 4u] = pack(low);",
        "tape[at / 4u] = pack(1.01 * low);",
    ),
    (
        "rows_workgroup",
        "tape[to] = kept.x;",
        "tape[to] = 1.01 * kept.x;",
    ),
    (
        "stage_images",
        "= images[source + v];",
        "= images[source + v] + 1u;",
    ),
    (
        "step_losses",
        "losses[line] = objective;",
        "losses[line] = 1.001 * objective;",
    ),
    ("update_subgroups", "= after.m", "= 1.001 * after.m"),
    ("update_tiled", "m[at] = m_new;", "m[at] = 1.001 * m_new;"),
];

/// The mistake in a kernel of this name.
pub(super) fn of(kernel: &str) -> Option<Alteration> {
    let mut mistakes = MISTAKES.iter();
    let (kernel, from, to) = mistakes.find(|(name, _, _)| *name == kernel)?;
    Some(Alteration {
        kernel: (*kernel).to_owned(),
        from: (*from).to_owned(),
        to: (*to).to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::MISTAKES;
    use crate::kernels;

    #[test]
    fn every_kernel_has_a_mistake_that_changes_its_text() {
        let mut known: Vec<&str> = MISTAKES.iter().map(|(name, _, _)| *name).collect();
        for kernel in kernels::ALL {
            let mut mistakes = MISTAKES.iter().filter(|(name, _, _)| *name == kernel.name);
            let Some((name, from, to)) = mistakes.next() else {
                panic!("{} has no mistake", kernel.name);
            };
            assert!(mistakes.next().is_none(), "{name} has two mistakes");
            let altered = kernel.source.replace(from, to);
            assert_ne!(altered, kernel.source, "{name}");
            known.retain(|known| known != name);
        }
        assert!(known.is_empty(), "{known:?} are no kernels");
    }
}
