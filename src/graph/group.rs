//! Parameters that the optimiser treats otherwise than the rest, as PyTorch's `param_groups`.

use std::collections::{BTreeSet, HashMap};

use super::{Graph, Kind, Optimizer, Tensor, TensorId};

/// Some parameters, and how they are updated.
///
/// ```
/// use vae_wgpu::graph::{Adam, GroupUpdate, Optimizer, ParameterGroup};
///
/// let optimizer = Optimizer {
///     groups: vec![ParameterGroup {
///         names: ["bias".to_owned()].into(),
///         update: GroupUpdate::Trained {
///             rate: 0.1,
///             weight_decay: 0.0,
///         },
///     }],
///     ..Adam::default().into()
/// };
/// let bias = optimizer.of_parameter("bias").expect("it is trained");
/// assert_eq!(bias.schedule.rate(0), 1e-4);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterGroup {
    /// Their names.
    pub names: BTreeSet<String>,
    /// How they are updated.
    pub update: GroupUpdate,
}

/// How the parameters of a group are updated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum GroupUpdate {
    /// As the optimiser updates others, but for these.
    Trained {
        /// By what its learning rate is multiplied; a positive number.
        rate: f64,
        /// λ of the decay, in the place of its own.
        weight_decay: f64,
    },
    /// Not at all: they have no gradient, and their moments stay as they are.
    Frozen,
}

/// A parameter that is updated at the end of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// What is updated.
    pub parameter: TensorId,
    /// Its gradient.
    pub gradient: TensorId,
    /// What updates it, without groups.
    pub optimizer: Optimizer,
}

impl Optimizer {
    /// What updates the parameter of this name, without groups; `None` where it is frozen. Of several
    /// groups with this name the first counts.
    pub fn of_parameter(&self, name: &str) -> Option<Self> {
        let group = self.groups.iter().find(|group| group.names.contains(name));
        let alone = Self {
            groups: Vec::new(),
            ..self.clone()
        };
        match group.map(|group| group.update) {
            None => Some(alone),
            Some(GroupUpdate::Frozen) => None,
            Some(GroupUpdate::Trained { rate, weight_decay }) => Some(Self {
                schedule: alone.schedule.scaled(rate),
                weight_decay,
                ..alone
            }),
        }
    }
}

impl Graph {
    /// What the optimiser updates, if there is one.
    pub fn updates(&self) -> Vec<Update> {
        let update = |&(parameter, gradient): &(TensorId, TensorId)| {
            let optimizer = self.optimizer.as_ref()?;
            Some(Update {
                parameter,
                gradient,
                optimizer: optimizer.of_parameter(&self.tensor(parameter).name)?,
            })
        };
        self.gradients.iter().filter_map(update).collect()
    }

    /// Takes frozen parameters for constants: what depends on no other parameter has no gradient.
    ///
    /// # Panics
    /// Where a group names no parameter of the graph.
    pub(super) fn freeze(&mut self, optimizer: &Optimizer) {
        for name in optimizer.groups.iter().flat_map(|group| &group.names) {
            let is_it = |id: TensorId| self.tensor(id).kind == Kind::Parameter;
            assert!(self.find(name).is_some_and(is_it), "{name} is no parameter");
        }
        self.depend_on(|_, tensor| {
            let parameter = tensor.kind == Kind::Parameter;
            parameter && optimizer.of_parameter(&tensor.name).is_some()
        });
    }

    /// Takes these tensors, of those that no operation computes, for the variables: what depends on none of
    /// them has no gradient.
    pub(super) fn depend_on(&mut self, is_variable: impl Fn(TensorId, &Tensor) -> bool) {
        let nodes = self.nodes.iter().map(|node| (node.output, node));
        let nodes: HashMap<_, _> = nodes.collect();
        // What a tensor depends on comes before it.
        for index in 0..self.tensors.len() {
            let id = TensorId(index);
            let depends = |id: &TensorId| self.tensors[id.0].differentiable;
            let differentiable = match (&self.tensors[index].kind, nodes.get(&id)) {
                (Kind::View(of), _) => depends(of),
                (_, Some(node)) => node.op.passes_gradients() && node.inputs.iter().any(depends),
                (_, None) => is_variable(id, &self.tensors[index]),
            };
            self.tensors[index].differentiable = differentiable;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Activation, Adam};

    fn group(names: &[&str], update: GroupUpdate) -> ParameterGroup {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        ParameterGroup { names, update }
    }

    /// Two layers, of which the second gives the term.
    fn graph(groups: Vec<ParameterGroup>) -> Graph {
        let mut g = Graph::new();
        let mut x = g.input("x", [4, 3]);
        for (name, [fan_out, fan_in]) in [("first", [5, 3]), ("second", [1, 5])] {
            let weight = g.parameter(&format!("{name}.weight"), [fan_out, fan_in]);
            let bias = g.parameter(&format!("{name}.bias"), [fan_out]);
            let y = g.linear(name, x, weight, bias);
            x = g.activation(&format!("{name}.tanh"), Activation::Tanh, y);
        }
        let rows = g.row_sum("term", [4, 1], crate::expr::operand(0), &[x.into()]);
        g.add_term("term", rows, 1.0);
        g.minimize(Optimizer {
            groups,
            ..Adam::default().into()
        });
        g
    }

    fn gradients(g: &Graph) -> Vec<String> {
        let names = g.nodes().iter().map(|node| node.output);
        let names = names.map(|id| g.tensor(id).name.clone());
        names.filter(|name| name.starts_with("d_")).collect()
    }

    #[test]
    fn nothing_is_computed_for_what_is_frozen() {
        let first = ["first.weight", "first.bias"];
        let g = graph(vec![group(&first, GroupUpdate::Frozen)]);
        let expected = [
            "d_second.tanh",
            "d_second",
            "d_second.weight",
            "d_second.bias",
        ];
        assert_eq!(gradients(&g), expected);
        assert_eq!(g.updates().len(), 2);
        // Behind what is frozen the gradient goes on.
        let g = graph(vec![group(&["second.weight"], GroupUpdate::Frozen)]);
        let found = gradients(&g);
        assert!(!found.contains(&"d_second.weight".to_owned()), "{found:?}");
        assert!(found.contains(&"d_first.weight".to_owned()), "{found:?}");
        let all = ["first.weight", "first.bias", "second.weight", "second.bias"];
        let g = graph(vec![group(&all, GroupUpdate::Frozen)]);
        assert!(gradients(&g).is_empty() && g.updates().is_empty());
    }

    #[test]
    fn the_first_group_of_a_parameter_counts() {
        let slow = GroupUpdate::Trained {
            rate: 0.5,
            weight_decay: 0.2,
        };
        let g = graph(vec![
            group(&["first.bias"], GroupUpdate::Frozen),
            group(&["first.bias", "first.weight"], slow),
        ]);
        let updates = g.updates();
        let found = updates.iter().map(|update| {
            let name = g.tensor(update.parameter).name.as_str();
            let Optimizer {
                schedule,
                weight_decay,
                groups,
                ..
            } = &update.optimizer;
            assert!(groups.is_empty());
            (name, schedule.rate(7), *weight_decay)
        });
        let expected = [
            ("first.weight", 5e-4, 0.2),
            ("second.weight", 1e-3, 0.0),
            ("second.bias", 1e-3, 0.0),
        ];
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }

    #[test]
    #[should_panic(expected = "third.weight is no parameter")]
    fn a_name_of_no_parameter_is_a_mistake() {
        graph(vec![group(&["third.weight"], GroupUpdate::Frozen)]);
    }
}
