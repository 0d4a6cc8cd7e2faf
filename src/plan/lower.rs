//! From tasks to launches: which kernel, with which buffers.

use super::buffers::Buffers;
use super::dataset::{Dataset, Images};
use super::recognise;
use super::{Origin, SharedBuffers, terms};
use crate::expr::Expr;
use crate::fuse::task::{CopiedPart, Pointwise, Task};
use crate::gpu::{Gpu, GpuError, Launch, Slice};
use crate::graph::{Graph, TensorId};
use crate::kernels::rows::Score;
use crate::kernels::{
    bernoulli_nll, column_sum, copy, draw, gather, gemm, latent, latent_grad, lookup, objective,
    one_hot, pointwise, ramp, reduce, reduction_lanes,
};
use crate::rng::Draw;

/// What a launch is made from.
pub(super) struct Lowering<'a> {
    pub(super) gpu: &'a Gpu,
    pub(super) graph: &'a Graph,
    pub(super) seed: u64,
    pub(super) buffers: &'a Buffers,
    pub(super) shared: &'a SharedBuffers,
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
                        images: &images.values,
                        order: &dataset.order,
                        state: &self.shared.state,
                        x: of(x),
                    };
                    gather::launch(buffers, dataset.form, self.matrix(*x), images.first)
                };
                return Ok(dataset.images.iter().map(launch).collect());
            }
            Task::Normal { draw, eps } => self.draw(*draw, *eps, draw::Output::Normals),
            Task::Uniform { draw, u } => self.draw(*draw, *u, draw::Output::Uniforms),
            Task::Product(product) => return self.product(product),
            &Task::BatchedProduct {
                groups,
                shape,
                transposed,
                left,
                right,
                y,
            } => {
                let [a, b] = transposed.sides();
                let operands = [
                    gemm::Operand::of(of(&left), a),
                    gemm::Operand::of(of(&right), b),
                ];
                let unused = self.gpu.unused();
                let product = gemm::Gemm {
                    groups,
                    ..gemm::Gemm::product(shape, operands, of(&y), &unused)
                };
                let family = gemm::Family::of(self.gpu);
                let variant = gemm::Variant::choose_of_groups(family, shape);
                return Ok(gemm::launches(product, variant));
            }
            Task::ColumnSum { a, sum } => {
                // A matrix whose columns are the sums.
                let columns = self.graph.shape(*sum).len();
                let shape = [self.graph.shape(*a).len() / columns.max(1), columns];
                let partial = self.parts_of_sums(column_sum::partial(shape))?;
                let buffers = column_sum::Buffers {
                    a: of(a),
                    sum: of(sum),
                    partial: partial.as_ref(),
                };
                return Ok(column_sum::launches(buffers, shape));
            }
            Task::OneHot { y } => {
                let Some(Dataset {
                    labels: Some(labels),
                    order,
                    ..
                }) = &self.shared.dataset
                else {
                    return Err(GpuError::Driver {
                        reason: "the graph reads labels, and the data set has none".to_owned(),
                    });
                };
                let buffers = one_hot::Buffers {
                    labels,
                    order,
                    state: &self.shared.state,
                    y: of(y),
                };
                one_hot::launch(buffers, self.matrix(*y))
            }
            &Task::Ramp {
                scale,
                ramp,
                ref values,
            } => ramp::launch(
                ramp::Buffers {
                    state: &self.shared.state,
                    values: of(values),
                },
                scale as f32,
                ramp,
            ),
            Task::Pointwise(work) => self.pointwise(work),
            Task::Reduce {
                function,
                axis,
                x,
                y,
            } => reduce::launch(
                reduce::Buffers { x: of(x), y: of(y) },
                *function,
                *axis,
                self.matrix(*y),
            ),
            Task::Lookup { table, index, y } => {
                let buffers = lookup::Buffers {
                    table: of(table),
                    index: of(index),
                    y: of(y),
                };
                lookup::launch(buffers, self.matrix(*table)[0], self.matrix(*y))
            }
            Task::Copy(copied) => {
                let launch = |part: &CopiedPart| {
                    let [rows, from_columns] = self.matrix(part.from);
                    copy::launch(
                        copy::Buffers {
                            from: of(&part.from),
                            to: of(&part.to),
                        },
                        copy::Shape {
                            rows,
                            columns: part.columns,
                            from: [part.from_first, from_columns],
                            to: [part.to_first, self.matrix(part.to)[1]],
                        },
                    )
                };
                return Ok(copied.parts.iter().map(launch).collect());
            }
        };
        Ok(vec![launch])
    }

    /// What leaves new values in states, each with the launch, after all that reads the old ones.
    pub(super) fn assignments(&self) -> impl Iterator<Item = (TensorId, Launch)> {
        let assignments = self.graph.assignments().iter();
        assignments.map(|&(state, assigned)| (state, self.copied(assigned, self.buffers.of(state))))
    }

    /// A copy of all values of a tensor.
    fn copied(&self, of: TensorId, to: &Slice) -> Launch {
        let columns = self.graph.shape(of).len();
        let shape = copy::Shape {
            rows: 1,
            columns,
            from: [0, columns],
            to: [0, columns],
        };
        let from = self.buffers.of(of);
        copy::launch(copy::Buffers { from, to }, shape)
    }

    /// The launches that end a step: rows of terms that lie elsewhere go to the others, and the objective is made
    /// of all.
    pub(super) fn objective(&self) -> Result<Vec<Launch>, GpuError> {
        let apart = self.buffers.apart.iter();
        let gathered = apart.map(|(id, to)| self.copied(*id, to));
        let mut launches: Vec<_> = gathered.collect();
        let terms = terms(self.graph);
        let buffers = objective::Buffers {
            rows: &self.buffers.rows,
            terms: &self.gpu.upload("the terms of the objective", &terms)?,
            state: &self.shared.state,
            losses: &self.shared.losses,
        };
        let rows = terms.iter().map(|term| term.rows as usize).sum();
        launches.push(objective::launch(
            buffers,
            self.graph.batch(),
            (&terms, self.buffers.stride),
            self.lanes(rows),
        ));
        Ok(launches)
    }

    fn draw(&self, draw: Draw, values: TensorId, output: draw::Output) -> Launch {
        let buffers = draw::Buffers {
            state: &self.shared.state,
            values: self.buffers.of(values),
        };
        draw::launch(buffers, self.seed, draw, output)
    }

    /// What a task's launch was made from: of pointwise work its expressions, which count where no kernel
    /// written by hand computes them.
    pub(super) fn origin(&self, task: &Task) -> Origin {
        match task {
            Task::Pointwise(work) => Origin::Pointwise(self.work(work)),
            _ => Origin::Parameters,
        }
    }

    /// Pointwise work: the hand-written kernel where there is one, or the one that its expressions make.
    fn pointwise(&self, work: &Pointwise) -> Launch {
        let of = |id: TensorId| self.buffers.of(id);
        let lanes = self.lanes(work.shape[1]);
        let bernoulli = |loss: &recognise::Loss| {
            let before = loss.gradient.and_then(|gradient| gradient.before);
            loss.score == Score::BernoulliNll && before.is_none()
        };
        if let Some(loss) = recognise::loss(work).filter(bernoulli) {
            let gradient = loss.gradient.map(|g| bernoulli_nll::Gradient {
                d_rows: of(g.d_rows),
                d_logits: of(g.result),
            });
            let buffers = bernoulli_nll::Buffers {
                logits: of(loss.prediction),
                x: of(loss.observed),
                value: loss.rows.map(of),
                gradient,
                unused: &self.gpu.unused(),
            };
            return bernoulli_nll::launch(buffers, work.shape, lanes);
        }
        if let Some(l) = recognise::latent(work) {
            let buffers = latent::Buffers {
                mu: of(l.mu),
                logvar: of(l.logvar),
                eps: of(l.eps),
                z: of(l.z),
                rows: of(l.rows),
            };
            return latent::launch(buffers, work.shape, lanes);
        }
        if let Some(l) = recognise::latent_grad(work) {
            let buffers = latent_grad::Buffers {
                mu: of(l.mu),
                logvar: of(l.logvar),
                eps: of(l.eps),
                d_z: of(l.d_z),
                d_rows: of(l.d_rows),
                d_mu: of(l.d_mu),
                d_logvar: of(l.d_logvar),
            };
            return latent_grad::launch(buffers, work.shape);
        }
        pointwise::launch(&self.work(work))
    }

    /// Pointwise work with its buffers.
    fn work(&self, work: &Pointwise) -> pointwise::Work {
        let of = |id: TensorId| self.buffers.of(id).clone();
        let results = |results: &[(Expr, TensorId)]| {
            let result = |(expr, id): &(Expr, TensorId)| (expr.clone(), of(*id));
            results.iter().map(result).collect::<Vec<_>>()
        };
        let operands = work.operands.iter();
        pointwise::Work {
            shape: work.shape,
            operands: operands.map(|o| (of(o.tensor), o.broadcast)).collect(),
            values: results(&work.values),
            sums: results(&work.sums),
            lanes: self.lanes(work.shape[1]),
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
