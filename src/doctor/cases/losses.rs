//! Latents, losses, the log of them, and the optimiser.

use super::{Bench, CASES_EACH};
use crate::gpu::GpuError;
use crate::graph::{Adam, Curve, Optimizer, Ramp, Schedule};
use crate::kernels::rows::Log;
use crate::kernels::{Term, adam as adaptive, bernoulli_nll as bernoulli, reduction_lanes};
use crate::kernels::{latent as latents, latent_grad as latent_grads, objective as objectives};
use crate::kernels::{ramp as ramps, step_losses as lines};
use crate::plan::Origin;

fn shape(bench: &mut Bench<'_>) -> ([usize; 2], usize, u32) {
    let shape = [bench.chance.between(1, 60), bench.chance.between(1, 300)];
    let lanes = reduction_lanes(bench.gpu.is_software(), shape[1]);
    (shape, shape[0] * shape[1], lanes)
}

pub(in crate::doctor) fn bernoulli_nll(bench: &mut Bench<'_>) -> Result<(), GpuError> {
    for _ in 0..CASES_EACH {
        let (shape, len, lanes) = shape(bench);
        let x = bench.chance.positive(len, 1.0);
        let (logits, x) = (bench.uniform(len, 8.0)?, bench.array(&x)?);
        let d_rows = bench.uniform(shape[0], 2.0)?;
        let (value, d_logits) = (bench.output(shape[0])?, bench.output(len)?);
        let buffers = bernoulli::Buffers {
            logits: &logits.view,
            x: &x.view,
            value: Some(&value.view),
            gradient: Some(bernoulli::Gradient {
                d_rows: &d_rows.view,
                d_logits: &d_logits.view,
            }),
            unused: &bench.gpu.unused(),
        };
        let launch = bernoulli::launch(buffers, shape, lanes);
        let arrays = [&logits, &x, &d_rows, &value, &d_logits];
        bench.push(format!("{shape:?}"), vec![launch], &arrays);
    }
    Ok(())
}

pub(in crate::doctor) fn latent(bench: &mut Bench<'_>) -> Result<(), GpuError> {
    for bound in [2.0, 0.3, 50.0] {
        let (shape, len, lanes) = shape(bench);
        let (mu, logvar) = (bench.uniform(len, 1.0)?, bench.uniform(len, bound)?);
        let eps = bench.uniform(len, 3.0)?;
        let (z, rows) = (bench.output(len)?, bench.output(shape[0])?);
        let buffers = latents::Buffers {
            mu: &mu.view,
            logvar: &logvar.view,
            eps: &eps.view,
            z: &z.view,
            rows: &rows.view,
        };
        let launch = latents::launch(buffers, shape, lanes);
        let title = format!("{shape:?}, log variances within ±{bound}");
        bench.push(title, vec![launch], &[&mu, &logvar, &eps, &z, &rows]);
    }
    Ok(())
}

pub(in crate::doctor) fn latent_grad(bench: &mut Bench<'_>) -> Result<(), GpuError> {
    for bound in [2.0, 0.3, 50.0] {
        let (shape, len, _) = shape(bench);
        let (mu, logvar) = (bench.uniform(len, 1.0)?, bench.uniform(len, bound)?);
        let (eps, d_z) = (bench.uniform(len, 3.0)?, bench.uniform(len, 1.0)?);
        let d_rows = bench.uniform(shape[0], 2.0)?;
        let (d_mu, d_logvar) = (bench.output(len)?, bench.output(len)?);
        let buffers = latent_grads::Buffers {
            mu: &mu.view,
            logvar: &logvar.view,
            eps: &eps.view,
            d_z: &d_z.view,
            d_rows: &d_rows.view,
            d_mu: &d_mu.view,
            d_logvar: &d_logvar.view,
        };
        let launch = latent_grads::launch(buffers, shape);
        let title = format!("{shape:?}, log variances within ±{bound}");
        let arrays = [&mu, &logvar, &eps, &d_z, &d_rows, &d_mu, &d_logvar];
        bench.push(title, vec![launch], &arrays);
    }
    Ok(())
}

pub(in crate::doctor) fn ramp(bench: &mut Bench<'_>) -> Result<(), GpuError> {
    for period in [0, 10] {
        let ramp = Ramp {
            steps: bench.chance.between(1, 40) as u32,
            period,
        };
        let step = bench.chance.between(0, 50) as u32;
        let len = bench.chance.between(1, 200);
        let (state, values) = (bench.state(step, 0, 0)?, bench.output(len)?);
        let buffers = ramps::Buffers {
            state: &state.view,
            values: &values.view,
        };
        let launch = ramps::launch(buffers, -0.7, ramp);
        bench.push(
            format!("[{len}], {ramp:?} at {step}"),
            vec![launch],
            &[&state, &values],
        );
    }
    Ok(())
}

/// Every second term follows the step.
fn table(bench: &mut Bench<'_>, terms: usize, rows: usize) -> Vec<Term> {
    let weights = bench.chance.uniform(terms, 2.0);
    let ramp = |term: usize| match term % 2 {
        1 => Ramp {
            steps: 9,
            period: 6,
        },
        _ => Ramp::NONE,
    };
    let terms = weights.into_iter().enumerate();
    terms
        .map(|(term, weight)| Term::new(weight, rows, ramp(term)))
        .collect()
}

pub(in crate::doctor) fn objective(bench: &mut Bench<'_>) -> Result<(), GpuError> {
    for _ in 0..CASES_EACH {
        let [batch, terms] = [bench.chance.between(1, 300), bench.chance.between(1, 4)];
        let stride = batch + bench.chance.between(0, 5);
        let table = table(bench, terms, batch);
        let lanes = reduction_lanes(bench.gpu.is_software(), batch * terms);
        let rows = bench.uniform(stride * terms, 100.0)?;
        let (of_terms, state) = (bench.array(&table)?, bench.state(5, 70, 2)?);
        let losses = bench.output(4 * (1 + terms))?;
        let buffers = objectives::Buffers {
            rows: &rows.view,
            terms: &of_terms.view,
            state: &state.view,
            losses: &losses.view,
        };
        let launch = objectives::launch(buffers, batch, (&table, stride), lanes);
        let title = format!("{terms} terms of {batch} rows");
        bench.push(title, vec![launch], &[&rows, &of_terms, &state, &losses]);
    }
    Ok(())
}

pub(in crate::doctor) fn step_losses(bench: &mut Bench<'_>) -> Result<(), GpuError> {
    for _ in 0..CASES_EACH {
        let [batch, terms] = [bench.chance.between(1, 300), bench.chance.between(1, 4)];
        let log = Log {
            entries: 4,
            column_groups: bench.chance.between(1, 5),
            batch: batch + bench.chance.between(0, 5),
        };
        let table = table(bench, terms, batch);
        let lanes = reduction_lanes(bench.gpu.is_software(), terms * log.entry());
        let rows = bench.uniform(terms * log.term(), 100.0)?;
        let (table, state) = (bench.array(&table)?, bench.state(7, 70, 3)?);
        let losses = bench.output(log.entries * (1 + terms))?;
        let buffers = lines::Buffers {
            rows: &rows.view,
            terms: &table.view,
            state: &state.view,
            losses: &losses.view,
        };
        let mut launch = lines::launch(buffers, batch, log, lanes);
        // As for two steps of a submission.
        launch.grid = [2, 1, 1];
        let title = format!("{terms} terms of {batch} rows, {log:?}");
        bench.push(title, vec![launch], &[&rows, &table, &state, &losses]);
    }
    Ok(())
}

/// Plain, clipped with a decay of weights, and at a rate that follows the step.
pub(in crate::doctor) fn adam(bench: &mut Bench<'_>) -> Result<(), GpuError> {
    let plain = Optimizer::from(Adam::default());
    let clipped = Optimizer {
        clip_norm: Some(1.0),
        weight_decay: 0.01,
        ..plain.clone()
    };
    let schedule = Schedule::decay(Curve::Cosine, [1e-3, 1e-5], 0, 5000);
    let scheduled = Optimizer {
        schedule: schedule.unwrap_or_else(|_| Schedule::constant(1e-3)),
        ..plain.clone()
    };
    for (name, optimizer) in [
        ("plain", plain),
        ("clipped and decayed", clipped),
        ("a cosine", scheduled),
    ] {
        let len = bench.chance.between(1, 3000);
        let step = bench.chance.between(0, 4000) as u32;
        let v = bench.chance.positive(len, 0.1);
        let gradients = bench.uniform(len, 1.0)?;
        let (parameters, m) = (bench.uniform(len, 1.0)?, bench.uniform(len, 0.3)?);
        let (v, state) = (bench.array(&v)?, bench.state(step, 3, 4)?);
        let norm = bench.array(&[(len as f32 / 3.0).sqrt()])?;
        let buffers = adaptive::Buffers {
            state: &state.view,
            gradients: &gradients.view,
            norm: &norm.view,
            parameters: &parameters.view,
            m: &m.view,
            v: &v.view,
        };
        let counter = adaptive::Counter::AtStep;
        let launch = adaptive::launch(buffers, &optimizer, counter);
        let origin = Origin::Adam { optimizer, counter };
        let arrays = [&state, &gradients, &norm, &parameters, &m, &v];
        let title = format!("[{len}] at step {step}, {name}");
        bench.push_of(title, vec![(launch, origin)], &arrays);
    }
    Ok(())
}
