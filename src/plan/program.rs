//! A step as a program: a graph's tasks that work row by row as the stages of one, and the layers
//! whose weights a launch after it updates.
//!
//! What is fused here beyond `crate::fuse`: all tasks but the gradients of weights become stages of one
//! program; noise is drawn where it is used; both heads of the encoder are one layer (`heads.rs`); the
//! prediction, its loss and the gradient of that, with the derivative of a last non-linearity, are one
//! stage; a weight's gradient and its bias's go straight into Adam. Labels go right of the images or the
//! latent that a layer reads them with, which are written where they are read; of the gradient of both,
//! only the columns that somebody reads are computed.

mod heads;

use std::collections::{HashMap, HashSet};

use self::heads::HeadsProduct;
use super::parameters::Parameters;
use super::recognise::{self, Latent, LatentGrad};
use crate::fuse::task::{CopiedPart, Copy, Pointwise, Task};
use crate::graph::{Graph, Kind, Ramp, TensorId, Transposed};
use crate::kernels::rows::{Outcome, Program, Stage, Tensor, Weight};
use crate::kernels::update::{self, Layer};
use crate::kernels::{self, Address, SOFTWARE_ITERATIONS, rows};
use crate::rng::Draw;

/// What works row by row, and the layers to update; an evaluation has none.
#[derive(Debug)]
pub(super) struct StepProgram {
    pub(super) program: Program,
    pub(super) layers: Vec<Layer>,
    /// Words of the tape.
    pub(super) tape: usize,
    /// Every tensor on the tape, in the order of computation, with its name.
    pub(super) tensors: Vec<(String, Tensor)>,
}

impl StepProgram {
    /// Writes the program, or says why a graph cannot be one. Where a batch's tensors take more than
    /// `limit` words, the program is for as many of its rows as fit.
    pub(super) fn new(
        graph: &Graph,
        tasks: &[Task],
        parameters: &Parameters,
        seed: u64,
        limit: usize,
    ) -> Result<Self, String> {
        let batch = graph.batch();
        for term in graph.terms() {
            let values = graph.shape(term.rows).rows();
            if values != batch {
                let name = &term.name;
                return Err(format!(
                    "{name} has {values} values, not {batch}: one a row"
                ));
            }
        }
        let whole = Self::of_rows(graph, tasks, parameters, seed, batch)?;
        if whole.tape <= limit && batch <= MOST_ROWS {
            return Ok(whole);
        }
        let words = whole.tape / batch;
        let most = (limit / words).min(MOST_ROWS) / ROWS_STEP * ROWS_STEP;
        if most == 0 {
            return Err(format!(
                "a row takes {words} words, too many for one buffer"
            ));
        }
        let parts = batch.div_ceil(most);
        let rows = batch.div_ceil(parts).next_multiple_of(ROWS_STEP);
        Self::of_rows(graph, tasks, parameters, seed, rows.min(most))
    }

    /// The rows of each launch's part of a batch: all but the last are as many as the program's.
    pub(super) fn parts(&self, batch: usize) -> Vec<Program> {
        let rows = self.program.rows.min(batch).max(1);
        let starts = (0..batch).step_by(rows);
        let part = |first_row: usize| Program {
            rows: rows.min(batch - first_row),
            first_row,
            last: first_row + rows >= batch,
            ..self.program.clone()
        };
        starts.map(part).collect()
    }

    fn of_rows(
        graph: &Graph,
        tasks: &[Task],
        parameters: &Parameters,
        seed: u64,
        rows: usize,
    ) -> Result<Self, String> {
        if graph.terms().is_empty() || !graph.outputs().is_empty() {
            return Err("it is not a loop over a data set".to_owned());
        }
        if let Some(&(state, _)) = graph.assignments().first() {
            let name = &graph.tensor(state).name;
            return Err(format!("no program leaves new values in {name}"));
        }
        let mut builder = Builder {
            graph,
            tasks,
            parameters,
            at: HashMap::new(),
            noise: HashMap::new(),
            ramps: HashMap::new(),
            taken: HashSet::new(),
            stages: Vec::new(),
            layers: Vec::new(),
            updated: 0,
            rows,
            tape: 0,
            tensors: Vec::new(),
        };
        for (index, task) in tasks.iter().enumerate() {
            if !builder.taken.contains(&index) {
                builder.place(index, task)?;
            }
        }
        builder.check_layers()?;
        builder.check_terms()?;
        let dim = builder.stages.iter().find_map(|stage| match stage {
            Stage::Gather { x } => Some(x.width),
            _ => None,
        });
        let Builder {
            stages,
            layers,
            tape,
            tensors,
            ..
        } = builder;
        if stages.len() > kernels::rows::MAX_STAGES || layers.len() > update::MAX_LAYERS {
            return Err(format!(
                "it has {} stages and {} layers, more than {} and {}",
                stages.len(),
                layers.len(),
                kernels::rows::MAX_STAGES,
                update::MAX_LAYERS
            ));
        }
        let program = Program {
            rows,
            first_row: 0,
            last: true,
            dim: dim.ok_or("it reads no data set")?,
            seed,
            stages,
        };
        Ok(Self {
            program,
            layers,
            tape,
            tensors,
        })
    }
}

/// Parts of a batch are a multiple of this, so that none wastes much of a tile.
const ROWS_STEP: usize = 64;

/// The most rows of a part: a gradient sums over them in one loop, see [`SOFTWARE_ITERATIONS`].
const MOST_ROWS: usize = 1 << 15;
const _: () = assert!(MOST_ROWS < SOFTWARE_ITERATIONS);

struct Builder<'a> {
    graph: &'a Graph,
    tasks: &'a [Task],
    parameters: &'a Parameters,
    /// Where tensors lie on the tape: alone, or both heads side by side.
    at: HashMap<Vec<TensorId>, Tensor>,
    noise: HashMap<TensorId, Draw>,
    /// Gradients of terms' rows that follow the step: each a value times a factor.
    ramps: HashMap<TensorId, (f32, Ramp)>,
    /// Tasks that another one's stage does.
    taken: HashSet<usize>,
    stages: Vec<Stage>,
    layers: Vec<Layer>,
    /// How many parameters `layers` update, which must come to the number of gradients.
    updated: usize,
    /// Rows of every tensor on the tape.
    rows: usize,
    tape: usize,
    tensors: Vec<(String, Tensor)>,
}

impl Builder<'_> {
    fn place(&mut self, index: usize, task: &Task) -> Result<(), String> {
        let stage = match task {
            Task::Gather { x } => Stage::Gather {
                x: self.allocate_first(*x),
            },
            Task::OneHot { .. } => return Ok(()),
            Task::Copy(copy) => self.labels(copy)?,
            Task::Normal { draw, eps } => {
                self.noise.insert(*eps, *draw);
                return Ok(());
            }
            &Task::Ramp {
                scale,
                ramp,
                values,
            } => {
                self.ramps.insert(values, (scale as f32, ramp));
                return Ok(());
            }
            Task::Product(_) => match HeadsProduct::of(self.tasks, index) {
                None => return Ok(()),
                Some(product) if product.transposed == Transposed::Left => {
                    let layer = self.layer(&product)?;
                    self.layers.push(layer);
                    return Ok(());
                }
                Some(product) => Stage::Product(self.product(&product)?),
            },
            Task::Pointwise(work) => self.pointwise(work)?,
            Task::ColumnSum { .. }
            | Task::BatchedProduct { .. }
            | Task::Uniform { .. }
            | Task::Reduce { .. }
            | Task::Lookup { .. } => return Err(self.is_alone(task)),
        };
        self.stages.push(stage);
        Ok(())
    }

    fn pointwise(&mut self, work: &Pointwise) -> Result<Stage, String> {
        if let Some(latent) = recognise::latent(work) {
            return self.latent(latent);
        }
        match recognise::latent_grad(work) {
            Some(grad) => self.latent_grad(grad),
            None => Err(self.is_alone(&Task::Pointwise(work.clone()))),
        }
    }

    fn is_alone(&self, task: &Task) -> String {
        format!(
            "{} is a launch of its own",
            self.names(&task.writes(), ", ")
        )
    }

    /// Puts tensors on the tape, side by side.
    fn allocate(&mut self, ids: &[TensorId]) -> Tensor {
        let widths = ids.iter().map(|&id| self.graph.shape(id).columns());
        let tensor = Tensor::whole(self.tape, widths.sum());
        self.tape = tensor.words(self.rows).end;
        self.at.insert(ids.to_vec(), tensor);
        self.tensors.push((self.names(ids, " or "), tensor));
        tensor
    }

    /// Puts a tensor on the tape: where a layer reads it with labels, as the first columns of both.
    fn allocate_first(&mut self, id: TensorId) -> Tensor {
        let wider = self.tasks.iter().find_map(|task| match task {
            Task::Copy(copy) if self.labelled(copy) == Some(id) => Some(copy.parts[0].to),
            _ => None,
        });
        let Some(wider) = wider else {
            return self.allocate(&[id]);
        };
        let tensor = Tensor {
            width: self.graph.shape(id).columns(),
            ..self.allocate(&[wider])
        };
        self.at.insert(vec![id], tensor);
        self.tensors.push((self.name(id), tensor));
        tensor
    }

    /// What a copy puts labels right of, if that is what it does.
    fn labelled(&self, copy: &Copy) -> Option<TensorId> {
        let [left, right] = copy.parts.as_slice() else {
            return None;
        };
        let labels = Task::OneHot { y: right.from };
        self.tasks.contains(&labels).then_some(left.from)
    }

    /// The labels right of what an earlier stage has written.
    fn labels(&self, copy: &Copy) -> Result<Stage, String> {
        let to = copy.parts[0].to;
        let y = self.at.get([to].as_slice());
        let left = self.labelled(copy);
        let left = left.and_then(|left| self.at.get([left].as_slice()));
        match (left, y) {
            (Some(left), Some(&y)) if left.at == y.at => Ok(Stage::Labels {
                y,
                first: left.width,
            }),
            _ => Err(format!(
                "{}: only labels go right of another tensor, which is the images or a latent",
                self.name(to)
            )),
        }
    }

    fn name(&self, id: TensorId) -> String {
        self.graph.tensor(id).name.clone()
    }

    fn names(&self, ids: &[TensorId], between: &str) -> String {
        let names: Vec<_> = ids.iter().map(|&id| self.name(id)).collect();
        names.join(between)
    }

    /// What an earlier stage has written: a tensor, or two side by side.
    fn operand(&self, ids: &[TensorId]) -> Result<Tensor, String> {
        let tensor = self.written(ids)?;
        if !tensor.is_whole() {
            let names = self.names(ids, " and ");
            return Err(format!("{names}: read both with labels and without"));
        }
        Ok(tensor)
    }

    /// Likewise, or the first columns of one.
    fn written(&self, ids: &[TensorId]) -> Result<Tensor, String> {
        let missing = || {
            let apart = ids.len() > 1 || self.at.keys().any(|of| of.contains(&ids[0]));
            let reason = match apart {
                true => "not the heads of one hidden layer, or used elsewhere too",
                false => "not computed from the data set",
            };
            format!("{}: {reason}", self.names(ids, " and "))
        };
        self.at.get(ids).copied().ok_or_else(missing)
    }

    /// Where a parameter lies, or the same one of both heads.
    fn parameter(&self, ids: &[TensorId]) -> Result<Address, String> {
        let offset = |id| {
            let name = &self.graph.tensor(id).name;
            let missing = || format!("{name} is no parameter");
            self.parameters.offset(name).ok_or_else(missing)
        };
        let first = offset(ids[0])?;
        let Some(&second) = ids.get(1) else {
            return Ok(first.into());
        };
        let split = self.graph.shape(ids[0]).len();
        let gap = offset(second)?.checked_sub(first + split);
        let before = || format!("{} lies before {}", self.name(second), self.name(ids[0]));
        Ok(Address {
            first,
            split,
            gap: gap.ok_or_else(before)?,
        })
    }

    /// The value that all elements of a tensor have.
    fn constant(&self, id: TensorId) -> Result<f32, String> {
        match self.graph.tensor(id).kind {
            Kind::Constant(value) => Ok(value as f32),
            _ if self.ramps.contains_key(&id) => Err(format!(
                "{} follows the step, and of terms only a latent's divergence may",
                self.name(id)
            )),
            _ => Err(format!("{} is not constant", self.name(id))),
        }
    }

    /// The draw that ε is.
    fn draw(&self, eps: TensorId) -> Result<Draw, String> {
        let missing = || format!("{} is not drawn from a stream", self.name(eps));
        self.noise.get(&eps).copied().ok_or_else(missing)
    }

    fn term(&self, rows: TensorId) -> Result<usize, String> {
        let position = self.graph.terms().iter().position(|term| term.rows == rows);
        position.ok_or_else(|| format!("{} is no term of the objective", self.name(rows)))
    }

    fn product(&mut self, product: &HeadsProduct) -> Result<rows::Product, String> {
        let [fan_out, fan_in] = self.fans(&product.right);
        let at = self.parameter(&product.right)?;
        let (inner, column, width) = match product.transposed {
            Transposed::Right => (1, fan_in, fan_out),
            Transposed::Neither | Transposed::Left => (fan_in, 1, fan_in),
        };
        let weight = Weight { at, inner, column };
        let bias = match product.bias.as_slice() {
            [] => None,
            bias => Some(self.parameter(bias)?),
        };
        let addend = product.addend.map(|id| self.operand(&[id])).transpose()?;
        let derivative = match product.derivative {
            Some((function, output)) => Some((function, self.operand(&[output])?)),
            None => None,
        };
        let input = self.operand(&product.left)?;
        let (result, width) = match self.first_columns(product) {
            Some((copy, part)) => {
                self.taken.insert(copy);
                (Outcome::Stored(self.allocate(&[part.to])), part.columns)
            }
            None => (self.outcome(product)?, width),
        };
        Ok(rows::Product {
            input,
            weight,
            width,
            bias,
            addend,
            activation: product.activation,
            derivative,
            result,
        })
    }

    /// The copy of the first columns of an input's gradient, where it is all that reads that gradient:
    /// labels, which lie right of these columns, have none.
    fn first_columns(&self, product: &HeadsProduct) -> Option<(usize, CopiedPart)> {
        let plain = product.addend.is_none() && product.derivative.is_none();
        let mut readers =
            (0..self.tasks.len()).filter(|&n| self.tasks[n].reads().contains(&product.result[0]));
        let (copy, None) = (readers.next()?, readers.next()) else {
            return None;
        };
        let Task::Copy(Copy { parts }) = &self.tasks[copy] else {
            return None;
        };
        let fits = product.transposed == Transposed::Neither && plain;
        match parts.as_slice() {
            [part] if fits && part.from_first == 0 => Some((copy, part.clone())),
            _ => None,
        }
    }

    /// [fan_out, fan_in] of a weight, or of both heads' together.
    fn fans(&self, weights: &[TensorId]) -> [usize; 2] {
        let fan_out = weights.iter().map(|&id| self.graph.shape(id).rows());
        [fan_out.sum(), self.graph.shape(weights[0]).columns()]
    }

    /// Stored, or, where only a loss reads it, scored.
    fn outcome(&mut self, product: &HeadsProduct) -> Result<Outcome, String> {
        let scored = product.addend.is_none() && product.derivative.is_none();
        let result = product.result[0];
        let readers: Vec<usize> = (0..self.tasks.len())
            .filter(|&n| self.tasks[n].reads().contains(&result))
            .collect();
        let loss = readers.iter().find_map(|&n| match &self.tasks[n] {
            Task::Pointwise(work) => recognise::loss(work)
                .filter(|loss| loss.prediction == result)
                .map(|loss| (n, loss)),
            _ => None,
        });
        let Some((index, loss)) = loss.filter(|_| scored) else {
            return Ok(Outcome::Stored(self.allocate(&product.result)));
        };
        let rows = loss.rows.ok_or("a loss has a gradient and no value")?;
        self.taken.insert(index);
        let mut gradient = None;
        if let Some(of) = &loss.gradient {
            if of.before != product.activation {
                return Err(format!("{} has no derivative", self.name(result)));
            }
            gradient = Some((self.allocate(&[of.result]), self.constant(of.d_rows)?));
        }
        if readers.iter().any(|n| !self.taken.contains(n)) {
            return Err(format!(
                "{} has other readers",
                self.name(product.result[0])
            ));
        }
        Ok(Outcome::Scored {
            score: loss.score,
            observed: self.written(&[loss.observed])?,
            term: self.term(rows)?,
            gradient,
        })
    }

    fn latent(&mut self, latent: Latent) -> Result<Stage, String> {
        Ok(Stage::Latent {
            heads: self.operand(&[latent.mu, latent.logvar])?,
            draw: self.draw(latent.eps)?,
            z: self.allocate_first(latent.z),
            term: self.term(latent.rows)?,
        })
    }

    fn latent_grad(&mut self, grad: LatentGrad) -> Result<Stage, String> {
        let (upstream, ramp) = match self.ramps.get(&grad.d_rows) {
            Some(&ramped) => ramped,
            None => (self.constant(grad.d_rows)?, Ramp::NONE),
        };
        Ok(Stage::LatentGrad {
            heads: self.operand(&[grad.mu, grad.logvar])?,
            draw: self.draw(grad.eps)?,
            d_z: self.operand(&[grad.d_z])?,
            upstream,
            ramp,
            d_heads: self.allocate(&[grad.d_mu, grad.d_logvar]),
        })
    }

    /// The layer whose weight's gradient a product is.
    fn layer(&mut self, product: &HeadsProduct) -> Result<Layer, String> {
        let weights = self.parameters_of(&product.result)?;
        let biases = self.parameters_of(&product.sums)?;
        self.updated += weights.len() + biases.len();
        let [fan_out, fan_in] = self.fans(&weights);
        Ok(Layer {
            d_y: self.operand(&product.left)?.at,
            x: self.operand(&product.right)?.at,
            fan_out,
            fan_in,
            weight: self.parameter(&weights)?,
            bias: match biases.as_slice() {
                [] => None,
                biases => Some(self.parameter(biases)?),
            },
        })
    }

    /// The parameters whose gradients these are.
    fn parameters_of(&self, gradients: &[TensorId]) -> Result<Vec<TensorId>, String> {
        let of = |gradient: &TensorId| {
            let mut known = self.graph.gradients().iter();
            let of = known.find(|(_, g)| g == gradient).map(|&(p, _)| p);
            of.ok_or_else(|| format!("{} is not of a parameter", self.name(*gradient)))
        };
        gradients.iter().map(of).collect()
    }

    /// Every term's rows are logged by a stage: of two terms with the same rows only the first is.
    fn check_terms(&self) -> Result<(), String> {
        for (number, term) in self.graph.terms().iter().enumerate() {
            if !self.stages.iter().any(|stage| stage.term() == Some(number)) {
                return Err(format!("no stage computes the term {}", term.name));
            }
        }
        Ok(())
    }

    /// Every gradient is some layer's.
    fn check_layers(&self) -> Result<(), String> {
        if self.graph.optimizer().is_none() {
            return Ok(());
        }
        let updated = self.updated;
        let wanted = self.graph.gradients().len();
        if updated == wanted {
            return Ok(());
        }
        Err(format!(
            "{updated} of {wanted} parameters belong to a linear layer with a bias"
        ))
    }
}
