//! The heads of an encoder as one layer: μ and log σ² of the same input, side by side.
//!
//! With W_μ stacked over W_logvar, the heads have one product in place of two: forward, in the gradient of
//! their input, whose sum then runs over the columns of both, and in the update. A product takes 32
//! columns at a time, and one head alone seldom fills them.

use super::recognise::{self, Finish};
use crate::fuse::task::{Product, Task};
use crate::graph::{TensorId, Transposed};
use crate::kernels::KernelActivation;

/// A layer's product, or both heads' in one: of μ first.
#[derive(Debug, PartialEq)]
pub(super) struct HeadsProduct {
    pub(super) transposed: Transposed,
    pub(super) left: Vec<TensorId>,
    pub(super) right: Vec<TensorId>,
    pub(super) bias: Vec<TensorId>,
    pub(super) addend: Option<TensorId>,
    pub(super) activation: Option<KernelActivation>,
    pub(super) derivative: Option<(KernelActivation, TensorId)>,
    pub(super) result: Vec<TensorId>,
    pub(super) sums: Vec<TensorId>,
}

impl HeadsProduct {
    /// The product that a task is, or that it completes; none where the other head's task will.
    ///
    /// Heads that cannot be one product stay two, which no latent can read.
    pub(super) fn of(tasks: &[Task], index: usize) -> Option<Self> {
        let product = product_at(tasks, index)?;
        let both = heads(tasks, product).and_then(|heads| {
            let both = Self::both(tasks, heads)?;
            Some((heads[0].max(heads[1]), both))
        });
        match both {
            Some((last, both)) => (index == last).then_some(both),
            None => Some(Self::single(product, recognise::finish(product)?)),
        }
    }

    fn single(product: &Product, finish: Finish) -> Self {
        Self {
            transposed: product.transposed,
            left: vec![product.left],
            right: vec![product.right],
            bias: finish.bias.into_iter().collect(),
            addend: finish.addend,
            activation: finish.activation,
            derivative: finish.derivative,
            result: vec![product.result()],
            sums: product.sums.into_iter().collect(),
        }
    }

    /// The products of μ and of log σ², where nothing comes between them. The gradient of the input is
    /// the sum of both: the last one adds the first.
    fn both(tasks: &[Task], heads: [usize; 2]) -> Option<Self> {
        let [mu, logvar] = heads.map(|index| {
            let product = product_at(tasks, index)?;
            Some((product, recognise::finish(product)?))
        });
        let (mu, logvar) = (mu?, logvar?);
        let (first, last) = match heads[0] < heads[1] {
            true => (mu, logvar),
            false => (logvar, mu),
        };
        let plain = mu.1.is_plain() && logvar.1.is_plain();
        let bias: Vec<_> = [mu, logvar].iter().filter_map(|(_, f)| f.bias).collect();
        let [mu, logvar] = [mu.0, logvar.0];
        let pair = |of: fn(&Product) -> TensorId| vec![of(mu), of(logvar)];
        let sums: Vec<_> = [mu.sums, logvar.sums].into_iter().flatten().collect();
        let (left, right, result) = match mu.transposed {
            Transposed::Right if plain && mu.left == logvar.left => {
                (vec![mu.left], pair(|p| p.right), pair(Product::result))
            }
            Transposed::Neither
                if first.1.is_linear() && last.1.addend == Some(first.0.result()) =>
            {
                (pair(|p| p.left), pair(|p| p.right), vec![last.0.result()])
            }
            Transposed::Left if plain && mu.right == logvar.right => {
                (pair(|p| p.left), vec![mu.right], pair(Product::result))
            }
            _ => return None,
        };
        let alike = bias.len() != 1 && sums.len() != 1;
        alike.then(|| Self {
            left,
            right,
            bias,
            addend: first.1.addend,
            result,
            sums,
            ..Self::single(last.0, last.1)
        })
    }
}

fn product_at(tasks: &[Task], index: usize) -> Option<&Product> {
    match &tasks[index] {
        Task::Product(product) => Some(product),
        _ => None,
    }
}

/// What the heads' products of a kind differ in.
fn own(product: &Product) -> TensorId {
    match product.transposed {
        Transposed::Right => product.result(),
        Transposed::Neither | Transposed::Left => product.left,
    }
}

/// The tasks that are μ's and log σ²'s products of this kind, if it is one of them.
fn heads(tasks: &[Task], product: &Product) -> Option<[usize; 2]> {
    let mut pairs = tasks.iter().filter_map(heads_of);
    let pair = pairs.find(|pair| pair.contains(&own(product)))?;
    let [mu, logvar] = pair.map(|id| {
        (0..tasks.len()).find(|&index| {
            let same = |p: &Product| p.transposed == product.transposed && own(p) == id;
            product_at(tasks, index).is_some_and(same)
        })
    });
    Some([mu?, logvar?])
}

/// μ and log σ² of a latent, or their gradients.
fn heads_of(task: &Task) -> Option<[TensorId; 2]> {
    let Task::Pointwise(work) = task else {
        return None;
    };
    let latent = recognise::latent(work).map(|of| [of.mu, of.logvar]);
    latent.or_else(|| recognise::latent_grad(work).map(|of| [of.d_mu, of.d_logvar]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuse::fuse;
    use crate::graph::{Activation, Adam, Graph};
    use crate::kernels::gemm::Epilogue;
    use crate::kernels::rows::Score;
    use crate::rng::Stream;

    /// The tasks of a VAE's training step, whose heads have one input or each their own.
    fn tasks(one_input: bool) -> Vec<Task> {
        let mut g = Graph::new();
        let x = g.gather("x", 8, 6);
        let layer = |g: &mut Graph, name: &str, x, size: [usize; 2]| {
            let weight = g.parameter(&format!("{name}.weight"), size);
            let bias = g.parameter(&format!("{name}.bias"), [size[0]]);
            g.linear(name, x, weight, bias)
        };
        let [a, b] = ["a", "b"].map(|name| {
            let h = layer(&mut g, name, x, [5, 6]);
            g.activation("relu", Activation::Relu, h)
        });
        let mu = layer(&mut g, "mu", a, [2, 5]);
        let logvar = layer(&mut g, "logvar", if one_input { a } else { b }, [2, 5]);
        let eps = g.normal("eps", Stream::Noise, [8, 2]);
        let z = g.reparameterize("z", mu, logvar, eps);
        let logits = layer(&mut g, "output", z, [6, 2]);
        let nll = Score::BernoulliNll.expr();
        let recon = g.row_sum("recon", [8, 6], nll, &[logits.into(), x.into()]);
        let kl = g.kl("kl", mu, logvar);
        g.add_term("recon", recon, 1.0);
        g.add_term("kl", kl, 1.0);
        g.minimize(Adam::default());
        fuse(&g, recognise::takes(Epilogue::All))
    }

    /// What is of both heads.
    fn both(tasks: &[Task]) -> Vec<HeadsProduct> {
        let products = (0..tasks.len()).filter_map(|index| HeadsProduct::of(tasks, index));
        let both = products.filter(|product| product.left.len().max(product.right.len()) == 2);
        both.collect()
    }

    #[test]
    fn heads_of_one_input_are_one_product_of_each_kind() {
        let tasks = tasks(true);
        let mut pairs = tasks.iter().filter_map(heads_of);
        let (heads, d_heads) = (pairs.next(), pairs.next());
        let both = both(&tasks);
        let of = |transposed| both.iter().find(|product| product.transposed == transposed);
        assert_eq!(both.len(), 3, "{both:#?}");
        assert_eq!(of(Transposed::Right).unwrap().result, heads.unwrap());
        assert_eq!(of(Transposed::Left).unwrap().left, d_heads.unwrap());
        let sum = of(Transposed::Neither).unwrap();
        assert_eq!(sum.left, d_heads.unwrap());
        // ReLU's derivative is taken of the sum.
        assert!(sum.addend.is_none() && sum.derivative.is_some());
    }

    #[test]
    fn heads_of_two_inputs_stay_two() {
        assert_eq!(both(&tasks(false)), []);
    }
}
