//! From tasks to launches: which kernel, with which buffers.

use super::Loop;
use super::buffers::Buffers;
use super::dataset::Images;
use super::task::{Loss, LossKind, Task};
use crate::gpu::{Gpu, GpuError, Launch, Slice};
use crate::graph::{Graph, TensorId};
use crate::kernels::{
    activation, activation_grad, add, bernoulli_nll, column_sum, gather, kl, latent, latent_grad,
    normal, objective, reduction_lanes, reparameterize, reparameterize_grad, squared_error,
};

/// What a launch is made from.
pub(super) struct Lowering<'a> {
    pub(super) gpu: &'a Gpu,
    pub(super) graph: &'a Graph,
    pub(super) seed: u64,
    pub(super) buffers: &'a Buffers,
    pub(super) shared: &'a Loop,
}

impl Lowering<'_> {
    /// The launches of one task, in order.
    pub(super) fn launches(&self, task: &Task) -> Result<Vec<Launch>, GpuError> {
        let of = |&id: &TensorId| self.buffers.of(id);
        let launch = match task {
            Task::Gather { x } => {
                let Some(dataset) = &self.shared.dataset else {
                    return Err(GpuError::Driver {
                        reason: "the graph gathers batches, but there is no data set".to_owned(),
                    });
                };
                let launch = |images: &Images| {
                    let buffers = gather::Buffers {
                        images: &images.bytes,
                        order: &dataset.order,
                        state: &self.shared.state,
                        x: of(x),
                    };
                    gather::launch(buffers, self.matrix(*x), images.first)
                };
                return Ok(dataset.images.iter().map(launch).collect());
            }
            Task::Normal { draw, eps } => normal::launch(
                normal::Buffers {
                    state: &self.shared.state,
                    eps: of(eps),
                },
                self.seed,
                *draw,
                normal::Output::Normals,
            ),
            Task::Product(product) => return self.product(product),
            Task::ColumnSum { a, sum } => {
                let shape = self.matrix(*a);
                let partial = self.parts_of_sums(column_sum::partial(shape))?;
                let buffers = column_sum::Buffers {
                    a: of(a),
                    sum: of(sum),
                    partial: partial.as_ref(),
                };
                return Ok(column_sum::launches(buffers, shape));
            }
            Task::Activation { function, x, y } => {
                activation::launch(activation::Buffers { x: of(x), y: of(y) }, *function)
            }
            Task::ActivationGrad {
                function,
                y,
                d_y,
                d_x,
            } => activation_grad::launch(
                activation_grad::Buffers {
                    y: of(y),
                    d_y: of(d_y),
                    d_x: of(d_x),
                },
                *function,
            ),
            Task::Add { a, b, sum } => add::launch(add::Buffers {
                a: of(a),
                b: of(b),
                sum: of(sum),
            }),
            Task::Reparameterize { mu, logvar, eps, z } => {
                reparameterize::launch(reparameterize::Buffers {
                    mu: of(mu),
                    logvar: of(logvar),
                    eps: of(eps),
                    z: of(z),
                })
            }
            Task::ReparameterizeGrad {
                d_z,
                logvar,
                eps,
                d_logvar,
            } => reparameterize_grad::launch(reparameterize_grad::Buffers {
                d_z: of(d_z),
                logvar: of(logvar),
                eps: of(eps),
                d_logvar: of(d_logvar),
            }),
            Task::Latent(l) => {
                let buffers = latent::Buffers {
                    mu: of(&l.mu),
                    logvar: of(&l.logvar),
                    eps: of(&l.eps),
                    z: of(&l.z),
                    rows: of(&l.rows),
                };
                let shape = self.matrix(l.mu);
                latent::launch(buffers, shape, self.lanes(shape[1]))
            }
            Task::LatentGrad(l) => {
                let buffers = latent_grad::Buffers {
                    mu: of(&l.mu),
                    logvar: of(&l.logvar),
                    eps: of(&l.eps),
                    d_z: of(&l.d_z),
                    d_rows: of(&l.d_rows),
                    d_mu: of(&l.d_mu),
                    d_logvar: of(&l.d_logvar),
                };
                latent_grad::launch(buffers, self.matrix(l.mu))
            }
            Task::Loss(loss) => self.loss(loss),
        };
        Ok(vec![launch])
    }

    /// The launch that ends a step.
    pub(super) fn objective(&self) -> Result<Launch, GpuError> {
        let terms = self.graph.terms();
        let weights: Vec<f32> = terms.iter().map(|term| term.weight).collect();
        let buffers = objective::Buffers {
            rows: &self.buffers.rows,
            weights: &self.gpu.upload("the weights of the objective", &weights)?,
            state: &self.shared.state,
            losses: &self.shared.losses,
        };
        let batch = self.graph.shape(terms[0].rows).rows();
        Ok(objective::launch(
            buffers,
            batch,
            self.buffers.stride,
            self.lanes(batch * terms.len()),
        ))
    }

    fn loss(&self, loss: &Loss) -> Launch {
        let of = |id: TensorId| self.buffers.of(id);
        let [first, second] = loss.operands.map(of);
        let shape = self.matrix(loss.operands[0]);
        let value = loss.value.map(of);
        let unused: &Slice = &self.gpu.unused();
        let gradient = loss.gradient.as_ref();
        let lanes = self.lanes(shape[1]);
        match loss.kind {
            LossKind::Kl => {
                let gradient = gradient.map(|g| kl::Gradient {
                    d_rows: of(g.d_rows),
                    d_mu: of(g.results[0]),
                    d_logvar: of(g.results[1]),
                });
                let buffers = kl::Buffers {
                    mu: first,
                    logvar: second,
                    value,
                    gradient,
                    unused,
                };
                kl::launch(buffers, shape, lanes)
            }
            LossKind::BernoulliNll => {
                let gradient = gradient.map(|g| bernoulli_nll::Gradient {
                    d_rows: of(g.d_rows),
                    d_logits: of(g.results[0]),
                });
                let buffers = bernoulli_nll::Buffers {
                    logits: first,
                    x: second,
                    value,
                    gradient,
                    unused,
                };
                bernoulli_nll::launch(buffers, shape, lanes)
            }
            LossKind::SquaredError { scale, offset } => {
                let gradient = gradient.map(|g| squared_error::Gradient {
                    d_rows: of(g.d_rows),
                    d_y: of(g.results[0]),
                });
                let buffers = squared_error::Buffers {
                    y: first,
                    x: second,
                    value,
                    gradient,
                    unused,
                };
                squared_error::launch(buffers, shape, [scale, offset], lanes)
            }
        }
    }

    pub(super) fn matrix(&self, id: TensorId) -> [usize; 2] {
        let shape = self.graph.shape(id);
        [shape.rows(), shape.columns()]
    }

    /// Lanes that share a reduction of `len` values.
    fn lanes(&self, len: usize) -> u32 {
        reduction_lanes(self.gpu.is_software(), len)
    }

    /// Room for the parts of sums that are too long for one loop, where there are any.
    pub(super) fn parts_of_sums(&self, words: usize) -> Result<Option<Slice>, GpuError> {
        let allocate = |words| self.gpu.allocate("the parts of sums", words);
        Some(words)
            .filter(|&words| words > 0)
            .map(allocate)
            .transpose()
    }
}
