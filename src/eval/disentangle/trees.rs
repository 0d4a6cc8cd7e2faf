//! Gradient boosted trees that classify (Friedman 2001, "Greedy Function Approximation: A Gradient Boosting Machine",
//! algorithm 6).
//!
//! What scikit-learn's `GradientBoostingClassifier` computes by default, which is disentanglement_lib's predictor: 100
//! rounds of a tree of depth 3 for each class, each on the gradient y − p of the log-likelihood, with every threshold
//! between two images tried; a leaf's step is Newton's, of which a tenth is made. Of two classes there is one tree a
//! round. Where two splits are equally good, a latent is drawn, so that none is preferred for its number.

use rand::seq::SliceRandom;

use crate::rng::Philox;

const ROUNDS: usize = 100;
const RATE: f64 = 0.1;
const DEPTH: u32 = 3;
/// Nodes of a full tree, a node's children at 2·node + 1 and 2·node + 2.
const NODES: usize = (1 << (DEPTH + 1)) - 1;
/// Values no farther apart than this are one.
const SAME: f32 = 1e-7;

/// What a fit leaves.
pub(in crate::eval) struct Boosted {
    /// The share of all that splits on each latent explained: `[latents]`, of sum 1, or 0 where there was no split.
    pub(in crate::eval) importance: Vec<f64>,
    /// The classes of the images that were asked for.
    pub(in crate::eval) predicted: Vec<u32>,
    /// Of two classes, the logarithm of the odds of the greater for each image that was asked for; else empty.
    pub(in crate::eval) log_odds: Vec<f64>,
}

impl Boosted {
    /// Learns the classes of images by `known` `[latents][images]`, and predicts those of `asked`, of the same form;
    /// `rng` decides between splits that are equally good.
    pub(in crate::eval) fn fit(
        rng: &mut Philox,
        known: &[Vec<f32>],
        values: &[u32],
        size: usize,
        asked: &[Vec<f32>],
    ) -> Self {
        let images = [values.len(), asked.first().map_or(0, Vec::len)];
        let mut counts = vec![0_usize; size];
        for &value in values {
            counts[value as usize] += 1;
        }
        let classes: Vec<u32> = (0..size as u32)
            .filter(|&class| counts[class as usize] > 0)
            .collect();
        let mut importance = vec![0.0; known.len()];
        let [first, .., last] = classes[..] else {
            let only = classes.first().copied().unwrap_or_default();
            return Self {
                importance,
                predicted: vec![only; images[1]],
                log_odds: Vec::new(),
            };
        };
        // One tree for the last of two classes, or one for each class.
        let learnt = if classes.len() == 2 {
            &classes[1..]
        } else {
            &classes[..]
        };
        let mut sorted: Vec<_> = known.iter().enumerate().map(Sorted::of).collect();
        let prior = |class: u32| {
            let share = counts[class as usize] as f64 / images[0] as f64;
            if classes.len() == 2 {
                (share / (1.0 - share)).ln()
            } else {
                share.ln()
            }
        };
        let mut outputs = images.map(|images| {
            let constant = |&class: &u32| vec![prior(class); images];
            learnt.iter().map(constant).collect::<Vec<_>>()
        });
        let newton = if classes.len() == 2 {
            1.0
        } else {
            1.0 - 1.0 / classes.len() as f64
        };
        let mut tree = Grower::new(images[0]);
        for _ in 0..ROUNDS {
            let gradients = gradients(&outputs[0], learnt, values);
            for (index, gradient) in gradients.iter().enumerate() {
                sorted.shuffle(rng);
                tree.grow(&sorted, known, gradient, &mut importance);
                let steps = tree.steps(gradient, newton);
                for (image, output) in outputs[0][index].iter_mut().enumerate() {
                    *output += RATE * steps[usize::from(tree.node[image])];
                }
                for (image, output) in outputs[1][index].iter_mut().enumerate() {
                    *output += RATE * steps[tree.leaf(|latent| asked[latent][image])];
                }
            }
        }
        let whole: f64 = importance.iter().sum();
        if whole > 0.0 {
            importance.iter_mut().for_each(|value| *value /= whole);
        }
        let predicted = (0..images[1]).map(|image| {
            if let [output] = &outputs[1][..] {
                return if output[image] >= 0.0 { last } else { first };
            }
            let mut best = 0;
            for (class, output) in outputs[1].iter().enumerate() {
                if output[image] > outputs[1][best][image] {
                    best = class;
                }
            }
            classes[best]
        });
        let predicted = predicted.collect();
        let [_, asked] = &mut outputs;
        let log_odds = match &mut asked[..] {
            [output] => std::mem::take(output),
            _ => Vec::new(),
        };
        Self {
            importance,
            predicted,
            log_odds,
        }
    }
}

/// y − p of each learnt class and image, with p from the outputs `[learnt][images]`: their softmax, or of one its
/// sigmoid.
fn gradients(outputs: &[Vec<f64>], learnt: &[u32], values: &[u32]) -> Vec<Vec<f64>> {
    let mut gradients = vec![vec![0.0; values.len()]; outputs.len()];
    for (image, value) in values.iter().enumerate() {
        let own = outputs.iter().map(|output| output[image]);
        // The other of two classes has the output 0.
        let other = if outputs.len() == 1 {
            0.0
        } else {
            f64::NEG_INFINITY
        };
        let most = own.clone().fold(other, f64::max);
        let total = (other - most).exp() + own.map(|output| (output - most).exp()).sum::<f64>();
        for ((gradient, output), class) in gradients.iter_mut().zip(outputs).zip(learnt) {
            let y = f64::from(u8::from(class == value));
            gradient[image] = y - (output[image] - most).exp() / total;
        }
    }
    gradients
}

/// A latent's values in ascending order, and the image of each.
struct Sorted {
    latent: usize,
    values: Vec<(f32, u32)>,
}

impl Sorted {
    fn of((latent, code): (usize, &Vec<f32>)) -> Self {
        let mut values: Vec<_> = code.iter().copied().zip(0..).collect();
        values.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self { latent, values }
    }
}

/// A split of a node's images: those with a value of the latent up to the threshold go left.
#[derive(Clone, Copy)]
struct Split {
    latent: usize,
    threshold: f64,
    /// By how much it reduces the squared error of the node's images.
    gain: f64,
}

/// Images of a node, or of its part that goes left.
#[derive(Clone, Copy, Default)]
struct Sums {
    count: f64,
    sum: f64,
    squares: f64,
    /// The last value that went left.
    last: f32,
}

/// A tree while it grows, level by level.
struct Grower {
    splits: [Option<Split>; NODES],
    /// The node that each image has come to.
    node: Vec<u8>,
}

impl Grower {
    fn new(images: usize) -> Self {
        Self {
            splits: [None; NODES],
            node: vec![0; images],
        }
    }

    /// Fits the tree to a gradient, and adds what its splits explain to their latents' importance.
    fn grow(
        &mut self,
        sorted: &[Sorted],
        known: &[Vec<f32>],
        gradient: &[f64],
        importance: &mut [f64],
    ) {
        self.splits = [None; NODES];
        self.node.fill(0);
        for depth in 0..DEPTH {
            let level = (1 << depth) - 1..(1 << (depth + 1)) - 1;
            self.split_level(level.clone(), sorted, gradient);
            for split in self.splits[level].iter().flatten() {
                importance[split.latent] += split.gain;
            }
            for (image, node) in self.node.iter_mut().enumerate() {
                if let Some(split) = self.splits[usize::from(*node)] {
                    let right = f64::from(known[split.latent][image]) > split.threshold;
                    *node = 2 * *node + 1 + u8::from(right);
                }
            }
        }
    }

    /// Finds the best split of each node of a level, in one pass over the images for each latent.
    fn split_level(&mut self, level: std::ops::Range<usize>, sorted: &[Sorted], gradient: &[f64]) {
        let mut whole = [Sums::default(); NODES];
        for (node, value) in self.node.iter().zip(gradient) {
            let sums = &mut whole[usize::from(*node)];
            sums.count += 1.0;
            sums.sum += value;
            sums.squares += value * value;
        }
        // A node whose images have one gradient is not split, nor is a leaf of a level above.
        let open: [bool; NODES] = std::array::from_fn(|node| {
            let Sums {
                count,
                sum,
                squares,
                ..
            } = whole[node];
            level.contains(&node) && squares / count - (sum / count).powi(2) > f64::EPSILON
        });
        if !open.contains(&true) {
            return;
        }
        for Sorted { latent, values } in sorted {
            let mut left = [Sums::default(); NODES];
            for &(value, image) in values {
                let node = usize::from(self.node[image as usize]);
                if !open[node] {
                    continue;
                }
                let part = &mut left[node];
                if part.count > 0.0 && value > part.last + SAME {
                    let all = &whole[node];
                    let rest = all.count - part.count;
                    let off = rest * part.sum - part.count * (all.sum - part.sum);
                    let gain = off * off / (part.count * rest * all.count);
                    if self.splits[node].is_none_or(|best| gain > best.gain) {
                        self.splits[node] = Some(Split {
                            latent: *latent,
                            threshold: 0.5 * f64::from(part.last) + 0.5 * f64::from(value),
                            gain,
                        });
                    }
                }
                part.count += 1.0;
                part.sum += gradient[image as usize];
                part.last = value;
            }
        }
    }

    /// Newton's step of each leaf: its gradients' sum over that of p(1 − p), times `scale`.
    fn steps(&self, gradient: &[f64], scale: f64) -> [f64; NODES] {
        let mut sums = [[0.0; 2]; NODES];
        for (node, &off) in self.node.iter().zip(gradient) {
            // y is 1 where y − p is above 0, so that p(1 − p) is |y − p|(1 − |y − p|).
            let sums = &mut sums[usize::from(*node)];
            sums[0] += off;
            sums[1] += off.abs() * (1.0 - off.abs());
        }
        sums.map(|[slope, curvature]| {
            if curvature > 1e-150 {
                scale * slope / curvature
            } else {
                0.0
            }
        })
    }

    /// The leaf of an image by its latents.
    fn leaf(&self, value: impl Fn(usize) -> f32) -> usize {
        let mut node = 0;
        while let Some(split) = self.splits[node] {
            let right = f64::from(value(split.latent)) > split.threshold;
            node = 2 * node + 1 + usize::from(right);
        }
        node
    }
}
