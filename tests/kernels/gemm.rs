//! `gemm_registers`, `gemm_subgroups`, `gemm_tiled` with `gemm_split_sum`, `gemm_tiled_subgroups`
//! and `gemm_cooperative_*` against their twin.

use vae_wgpu::gpu::{Gpu, Launch};
use vae_wgpu::graph::Transposed;
use vae_wgpu::kernels::KernelActivation::{self, Relu, Sigmoid, Tanh};
use vae_wgpu::kernels::gemm::{Family, Gemm, Operand, Variant, launches};
use vae_wgpu::reference::gemm::{self as twin, Operand as TwinOperand};

use crate::arrays::{Array, extreme, functions, keeps_nan, random, run, uniform, wide};
use crate::support::harness::{Test, tests};
use crate::support::tolerance::{EPS, Tolerance};

pub(crate) fn tests() -> Vec<Test> {
    macro_rules! all {
        ($kind:ident) => {
            tests![$kind:
                shapes,
                a_long_sum,
                every_epilogue,
                a_layer_of_each_kind,
                columns_of_wider_matrices,
                extreme_values,
                nothing_hides_what_is_not_finite,
                an_unknown_activation_is_nan,
                random_shapes,
            ]
        };
    }
    let of_matrix_units = tests![matrix_units:
        rows_and_columns_of_all_magnitudes,
        the_same_bits_each_time,
    ];
    // With checks in them a driver unrolls no loop, so that each turn counts for many.
    let trusted = tests![gpu: sums_longer_than_a_loop];
    // Matrix units compute one product at a time.
    let of_groups = tests![both_checks: products_side_by_side];
    let kinds = [
        all!(both_checks),
        trusted,
        of_groups,
        all!(matrix_units),
        of_matrix_units,
    ];
    kinds.into_iter().flatten().collect()
}

const fn tiled(side: u32, results: u32, parts: u32) -> Variant {
    Variant::Tiled {
        side,
        results,
        parts,
    }
}

const VARIANTS: [Variant; 11] = [
    Variant::Registers { lanes_n: 8 },
    Variant::Registers { lanes_n: 4 },
    Variant::Registers { lanes_n: 2 },
    Variant::Registers { lanes_n: 1 },
    Variant::Subgroups { transposed: false },
    Variant::Subgroups { transposed: true },
    tiled(8, 4, 1),
    tiled(16, 4, 1),
    tiled(16, 8, 1),
    tiled(8, 4, 3),
    tiled(16, 8, 2),
];

/// The variants that an adapter can run; on its matrix units, the one for those.
fn variants(gpu: &Gpu) -> Vec<Variant> {
    if let Some(units) = gpu.matrix_units() {
        return vec![Variant::Cooperative(units)];
    }
    let eight = gpu.subgroup_size() == Some(8);
    let runs = |variant: &Variant| eight || variant.family() != Family::Subgroups;
    let subgroups = gpu.subgroup_size().filter(|lanes| lanes.is_multiple_of(8));
    let subgroups = subgroups.map(|lanes| Variant::TiledSubgroups { lanes });
    let variants = VARIANTS.into_iter().filter(runs);
    variants.chain(subgroups).collect()
}

/// Which operands enter transposed.
const ORDERS: [[bool; 2]; 4] = [[false, false], [false, true], [true, false], [true, true]];

#[derive(Clone)]
struct Case {
    shape: [usize; 3],
    transposed: [bool; 2],
    a: Vec<f32>,
    b: Vec<f32>,
    bias: Option<Vec<f32>>,
    addend: Option<Vec<f32>>,
    activation: Option<KernelActivation>,
    derivative: Option<(KernelActivation, Vec<f32>)>,
    /// Columns that follow those of the left operand and the result in memory, which are others'.
    others: usize,
}

impl Case {
    /// A product with nothing after it.
    fn product(shape @ [m, n, k]: [usize; 3], transposed: [bool; 2]) -> Self {
        Self {
            shape,
            transposed,
            a: uniform(1, m * k, 1.0),
            b: uniform(2, k * n, 2.0),
            bias: None,
            addend: None,
            activation: None,
            derivative: None,
            others: 0,
        }
    }

    /// Whether a variant can do all of it in one launch.
    fn fits(&self, variant: Variant) -> bool {
        let epilogue = variant.family().epilogue();
        self.activation
            .is_none_or(|function| epilogue.takes_activation(function))
            && (epilogue.takes_operands() || self.addend.is_none() && self.derivative.is_none())
    }

    fn compare(&self, gpu: &Gpu, variant: Variant) {
        let c = self.run(gpu, variant);
        self.check(&format!("{variant:?} {}", self.title()), &c, variant);
    }

    fn run(&self, gpu: &Gpu, variant: Variant) -> Vec<f32> {
        self.run_changed(gpu, variant, |launch| launch)
    }

    fn run_changed(
        &self,
        gpu: &Gpu,
        variant: Variant,
        change: impl Fn(Launch) -> Launch,
    ) -> Vec<f32> {
        assert!(self.fits(variant), "{variant:?} cannot do {}", self.title());
        let [m, n, k] = self.shape;
        let a_columns = if self.transposed[0] { m } else { k };
        let a = Array::of(gpu, &self.apart(&self.a, a_columns));
        let b = Array::of(gpu, &self.b);
        let bias = self.bias.as_ref().map(|values| Array::of(gpu, values));
        let wide = |values: &Vec<f32>| Array::of(gpu, &self.apart(values, n));
        let addend = self.addend.as_ref().map(wide);
        let output = self.derivative.as_ref().map(|(_, output)| wide(output));
        let len = self.apart(&vec![0.0; m * n], n).len();
        let [c, sums] = [len, m].map(|len| Array::output(gpu, len));
        let partial = Array::output(gpu, variant.partial(self.shape));
        let gemm = Gemm {
            shape: self.shape,
            groups: 1,
            a: Operand::of(a.slice(), self.transposed[0]),
            a_stride: (self.others > 0).then_some(a_columns + self.others),
            b: Operand::of(b.slice(), self.transposed[1]),
            bias: bias.as_ref().map(Array::slice),
            addend: addend.as_ref().map(Array::slice),
            activation: self.activation,
            derivative: self
                .derivative
                .as_ref()
                .zip(output.as_ref())
                .map(|((function, _), output)| (*function, output.slice())),
            c: c.slice(),
            c_stride: (self.others > 0).then_some(n + self.others),
            sums: Some(sums.slice()),
            partial: Some(partial.slice()),
            unused: &gpu.unused(),
        };
        let epilogue = [&bias, &addend, &output].into_iter().flatten();
        let arrays: Vec<_> = [&a, &b, &c, &sums, &partial]
            .into_iter()
            .chain(epilogue)
            .collect();
        for launch in launches(gemm, variant) {
            run(gpu, change(launch), &arrays);
        }
        // Without columns there is no workgroup.
        if n > 0 && self.a.iter().all(|value| value.is_finite()) {
            self.check_sums(&sums.read());
        }
        partial.read::<f32>();
        self.together(&c.read(), n)
    }

    /// Rows of `columns` values with the others' columns between them, where there is NaN.
    fn apart(&self, values: &[f32], columns: usize) -> Vec<f32> {
        let rows = values.chunks(columns.max(1));
        let gap = vec![f32::NAN; self.others];
        rows.collect::<Vec<_>>().join(gap.as_slice())
    }

    /// The rows without what lies between them, which is still NaN.
    fn together(&self, values: &[f32], columns: usize) -> Vec<f32> {
        let mut rows = Vec::new();
        for row in values.chunks((columns + self.others).max(1)) {
            let (own, others) = row.split_at(columns.min(row.len()));
            assert!(others.iter().all(|v| v.is_nan()), "others' columns written");
            rows.extend_from_slice(own);
        }
        rows
    }

    /// Σ_k a rounds once a term.
    fn check_sums(&self, actual: &[f32]) {
        let [m, _, k] = self.shape;
        let entering = |row: usize, inner: usize| match self.transposed[0] {
            false => f64::from(self.a[row * k + inner]),
            true => f64::from(self.a[inner * m + row]),
        };
        let over = |of: fn(f64) -> f64| -> Vec<f64> {
            let sum = |row| (0..k).map(|inner| of(entering(row, inner))).sum();
            (0..m).map(sum).collect()
        };
        let what = format!("sums of {}", self.title());
        Tolerance::relative(EPS * k as f64).check_against(
            &what,
            actual,
            &over(|v| v),
            &over(f64::abs),
        );
    }

    fn title(&self) -> String {
        let Self {
            shape,
            transposed,
            activation,
            ..
        } = self;
        let [bias, addend] = [self.bias.is_some(), self.addend.is_some()];
        let derivative = self.derivative.as_ref().map(|(function, _)| function);
        format!(
            "{shape:?}, transposed {transposed:?}, bias {bias}, addend {addend}, \
             activation {activation:?}, gradient of {derivative:?}"
        )
    }

    /// Σ a·b rounds twice a term, and once for bias and addend each. Activations have slopes of at
    /// most 1, so that they pass the error on and add their own: 10⁻⁵ for tanh, 7 ULP of 1 for the
    /// sigmoid. Derivatives are at most 1 too, and round three times, the product once.
    ///
    /// On matrix units a sum is that of halves, see the header of `gemm_cooperative.wgsl`. A term
    /// rounds once there, as products of halves are exact; the split costs four roundings of EPS and
    /// its join one, so that k + 6 holds them all; and there is a share of the row's and the column's
    /// largest.
    fn check(&self, what: &str, actual: &[f32], variant: Variant) {
        let expected = self.twin(|v| v.into());
        let sums = Self {
            activation: None,
            derivative: None,
            ..self.clone()
        };
        let mut sums = sums.twin(|v| v.abs().into());
        let roundings = (self.shape[2] + 6) as f64;
        if matches!(variant, Variant::Cooperative(_)) {
            let share = 2f64.powi(-38) / (roundings * EPS);
            for (sum, largest) in sums.iter_mut().zip(self.largest()) {
                *sum += share * largest;
            }
        }
        let own = match self.activation {
            None | Some(Relu) => 0.0,
            Some(Tanh) => 1e-5 + 4.0 * EPS,
            Some(Sigmoid) => (7.0 + 4.0) * EPS,
        };
        let tolerance = Tolerance::relative(roundings * EPS).plus(own);
        tolerance.check_against(what, actual, &expected, &sums);
    }

    /// max|a|·Σ|b| + max|b|·Σ|a| over each result's row and column.
    fn largest(&self) -> Vec<f64> {
        let [m, n, k] = self.shape;
        let magnitude = |values: &[f32], at: usize| f64::from(values[at]).abs();
        let row = |m_at: usize| -> Vec<f64> {
            let at = |k_at| match self.transposed[0] {
                false => m_at * k + k_at,
                true => k_at * m + m_at,
            };
            (0..k).map(|k_at| magnitude(&self.a, at(k_at))).collect()
        };
        let column = |n_at: usize| -> Vec<f64> {
            let at = |k_at| match self.transposed[1] {
                false => k_at * n + n_at,
                true => n_at * k + k_at,
            };
            (0..k).map(|k_at| magnitude(&self.b, at(k_at))).collect()
        };
        let both = |values: Vec<f64>| -> [f64; 2] {
            let largest = values.iter().copied().fold(0.0, f64::max);
            [largest, values.iter().sum()]
        };
        let rows: Vec<_> = (0..m).map(|at| both(row(at))).collect();
        let columns: Vec<_> = (0..n).map(|at| both(column(at))).collect();
        let pairs = rows
            .iter()
            .flat_map(|a| columns.iter().map(move |b| (a, b)));
        pairs.map(|(a, b)| a[0] * b[1] + b[0] * a[1]).collect()
    }

    /// The twin's result for operands that `convert` has passed.
    fn twin(&self, convert: fn(f32) -> f64) -> Vec<f64> {
        let all = |values: &Vec<f32>| values.iter().copied().map(convert).collect::<Vec<f64>>();
        let [a, b] = [&self.a, &self.b].map(all);
        let output = self
            .derivative
            .as_ref()
            .map(|(function, output)| (*function, wide(output)));
        twin::value(&twin::Gemm {
            shape: self.shape,
            a: TwinOperand::of(&a, self.transposed[0]),
            b: TwinOperand::of(&b, self.transposed[1]),
            bias: self.bias.as_ref().map(all).as_deref(),
            addend: self.addend.as_ref().map(all).as_deref(),
            activation: self.activation,
            derivative: output
                .as_ref()
                .map(|(function, output)| (*function, output.as_slice())),
        })
    }
}

/// About the edges of the tiles: 16×128 to 128×16 of registers, 64×32 and 32×64 of subgroups, 32×32
/// to 128×128 of workgroup memory, 16 or 32 deep, with whole vectors of four in both operands, in one
/// and in none; parts of sums that are empty; an empty sum, and no rows or columns at all.
fn shapes(gpu: &Gpu) {
    let shapes = [
        [1, 1, 1],
        [2, 3, 5],
        [3, 2, 0],
        [0, 5, 3],
        [5, 0, 3],
        [16, 64, 16],
        [15, 63, 17],
        [17, 65, 15],
        [31, 33, 1],
        [64, 64, 32],
        [65, 67, 33],
        [128, 16, 9],
        [129, 17, 8],
        [17, 129, 5],
        [16, 127, 7],
        [13, 129, 7],
        [127, 1, 61],
        [1, 131, 31],
        [132, 140, 36],
        [136, 132, 100],
        [132, 131, 68],
        [131, 132, 33],
    ];
    for variant in variants(gpu) {
        for transposed in ORDERS {
            for shape in shapes {
                Case::product(shape, transposed).compare(gpu, variant);
            }
        }
    }
}

fn a_long_sum(gpu: &Gpu) {
    for variant in variants(gpu) {
        Case::product([19, 37, 1009], [false, true]).compare(gpu, variant);
    }
}

/// A software adapter ends a loop after 65,535 turns, of which `gemm_subgroups` takes one for two
/// summands; what follows a sum follows that of its parts.
fn sums_longer_than_a_loop(gpu: &Gpu) {
    let software = |v: &Variant| matches!(v.family(), Family::Registers | Family::Subgroups);
    for variant in variants(gpu).into_iter().filter(software) {
        for (transposed, k) in ORDERS.into_iter().zip([60_001, 70_000, 131_073, 262_144]) {
            let [m, n] = [5, 3];
            assert!(variant.partial([m, n, k]) > 0);
            let case = Case {
                bias: Some(uniform(3, n, 3.0)),
                activation: Some(Relu),
                others: 2,
                ..Case::product([m, n, k], transposed)
            };
            case.compare(gpu, variant);
        }
        assert_eq!(variant.partial([5, 3, 60_000]), 0, "bits of shorter sums");
    }
}

/// All that each variant takes along, and nothing less than bias and ReLU.
fn every_epilogue(gpu: &Gpu) {
    let [m, n] = [17, 35];
    for variant in variants(gpu) {
        let mut done = 0;
        for (index, activation) in functions().into_iter().enumerate() {
            for derivative in functions() {
                for (bias, addend) in [(false, false), (true, false), (false, true), (true, true)] {
                    let output = uniform(5, m * n, 1.0);
                    let case = Case {
                        bias: bias.then(|| uniform(3, n, 3.0)),
                        addend: addend.then(|| uniform(4, m * n, 3.0)),
                        activation,
                        derivative: derivative.map(|function| (function, output)),
                        ..Case::product([m, n, 5], ORDERS[index % ORDERS.len()])
                    };
                    if case.fits(variant) {
                        case.compare(gpu, variant);
                        done += 1;
                    }
                }
            }
        }
        let all = variant.family() != Family::Registers;
        // With and without bias and addend.
        let every = 4 * functions().len().pow(2);
        assert_eq!(done, if all { every } else { 4 }, "{variant:?}: epilogues");
    }
}

/// The products that training consists of: forward, and the adjoints of input and weight.
fn a_layer_of_each_kind(gpu: &Gpu) {
    let [batch, fan_in, fan_out] = [128, 97, 53];
    for variant in variants(gpu) {
        let forward = Case {
            bias: Some(uniform(3, fan_out, 1.0)),
            activation: Some(Relu),
            ..Case::product([batch, fan_out, fan_in], [false, true])
        };
        forward.compare(gpu, variant);
        let d_x = Case::product([batch, fan_in, fan_out], [false, false]);
        d_x.compare(gpu, variant);
        let fused = Case {
            addend: Some(uniform(4, batch * fan_in, 1.0)),
            derivative: Some((Tanh, uniform(5, batch * fan_in, 1.0))),
            ..d_x
        };
        if fused.fits(variant) {
            fused.compare(gpu, variant);
        }
        Case::product([fan_out, fan_in, batch], [true, false]).compare(gpu, variant);
    }
}

/// What a block of a large weight computes: some columns of wider operands and results; wider by so
/// much that rows are apart farther than all parts of sums are long, and by whole vectors.
fn columns_of_wider_matrices(gpu: &Gpu) {
    let shapes = [
        [1, 1, 1],
        [67, 33, 18],
        [13, 130, 7],
        [130, 9, 64],
        [36, 132, 68],
    ];
    for (variant, others) in variants(gpu).into_iter().flat_map(|v| [(v, 5), (v, 400)]) {
        for transposed in ORDERS {
            for shape @ [m, n, _] in shapes {
                let plain = Case {
                    bias: Some(uniform(3, n, 1.0)),
                    activation: Some(Relu),
                    others,
                    ..Case::product(shape, transposed)
                };
                plain.compare(gpu, variant);
                let all = Case {
                    addend: Some(uniform(4, m * n, 1.0)),
                    derivative: Some((Tanh, uniform(5, m * n, 1.0))),
                    ..plain
                };
                if all.fits(variant) {
                    all.compare(gpu, variant);
                }
            }
        }
    }
}

/// Sums of ±10⁴ and of ±10³⁰ go through activations without NaN.
/// Groups whose operands begin off any alignment, and with values of their own.
fn products_side_by_side(gpu: &Gpu) {
    let variants = variants(gpu)
        .into_iter()
        .filter(|v| v.takes_groups() && v.parts(1) == 1);
    for variant in variants {
        for transposed in [Transposed::Neither, Transposed::Left, Transposed::Right] {
            for (groups, shape @ [m, n, k]) in [
                (1, [3, 5, 7]),
                (3, [3, 5, 7]),
                (2, [17, 33, 20]),
                (5, [1, 1, 1]),
                (3, [64, 36, 8]),
                (2, [70, 130, 33]),
            ] {
                let values = [
                    uniform(1, groups * m * k, 1.0),
                    uniform(2, groups * k * n, 2.0),
                ];
                let [a, b] = [&values[0], &values[1]].map(|values| Array::of(gpu, values));
                let c = Array::output(gpu, groups * m * n);
                let [left, right] = transposed.sides();
                let operands = [Operand::of(a.slice(), left), Operand::of(b.slice(), right)];
                let unused = gpu.unused();
                let gemm = Gemm {
                    groups,
                    ..Gemm::product(shape, operands, c.slice(), &unused)
                };
                for launch in launches(gemm, variant) {
                    run(gpu, launch, &[&a, &b, &c]);
                }
                let twin = |of: fn(f64) -> f64| -> Vec<f64> {
                    let [a, b] = [&values[0], &values[1]]
                        .map(|values| wide(values).into_iter().map(of).collect::<Vec<_>>());
                    twin::batched([&a, &b], transposed, groups, shape)
                };
                let what = format!("{variant:?} {groups} of {shape:?}, transposed {transposed:?}");
                // Each term rounds twice.
                Tolerance::relative(2.0 * EPS * k as f64).check_against(
                    &what,
                    &c.read(),
                    &twin(|v| v),
                    &twin(f64::abs),
                );
            }
        }
    }
}

fn extreme_values(gpu: &Gpu) {
    let shape @ [m, n, k] = [9, 70, 11];
    for variant in variants(gpu) {
        for activation in functions() {
            for [a, b] in [[1e2, 1e2], [1e15, 1e15]] {
                let case = Case {
                    a: extreme(6, m * k, a),
                    b: extreme(7, k * n, b),
                    activation,
                    ..Case::product(shape, [false, false])
                };
                if case.fits(variant) {
                    case.compare(gpu, variant);
                }
            }
        }
    }
}

/// What diverged must show: neither bias nor ReLU may make a number of it.
fn nothing_hides_what_is_not_finite(gpu: &Gpu) {
    if !keeps_nan(gpu) {
        return;
    }
    let shape @ [m, n, k] = [5, 67, 3];
    for variant in variants(gpu) {
        for activation in [None, Some(Relu)] {
            for poison in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut b = vec![1.0; k * n];
                b[n] = poison;
                let case = Case {
                    a: vec![1.0; m * k],
                    b,
                    bias: Some(vec![-1.0; n]),
                    activation,
                    ..Case::product(shape, [false, false])
                };
                let c = case.run(gpu, variant);
                let hit: Vec<usize> = (0..m * n).filter(|&at| !c[at].is_finite()).collect();
                // ReLU is right to take −∞ for 0.
                let rows = if activation.is_some() && poison < 0.0 {
                    0
                } else {
                    m
                };
                let expected: Vec<usize> = (0..rows).map(|row| row * n).collect();
                assert_eq!(hit, expected, "{variant:?}, {activation:?} of {poison}");
            }
        }
    }
}

/// It would pass for the identity otherwise, forward or as the function that a gradient goes through.
fn an_unknown_activation_is_nan(gpu: &Gpu) {
    if !keeps_nan(gpu) {
        return;
    }
    let shape @ [m, n, _] = [5, 67, 100];
    for variant in variants(gpu) {
        let product = Case::product(shape, [false, false]);
        let forward = Case {
            activation: Some(Relu),
            ..product.clone()
        };
        let backward = Case {
            derivative: Some((Relu, vec![1.0; m * n])),
            ..product
        };
        for (case, place) in [(forward, 0), (backward, 1)] {
            if case.fits(variant) {
                let c = case.run_changed(gpu, variant, |launch| with_unknown(launch, place));
                assert!(c.iter().all(|c| c.is_nan()), "{variant:?} {}", case.title());
            }
        }
    }
}

/// The launch with a code that no function has, where it has one: in place of `activation`, or of
/// `derivative` after it.
fn with_unknown(mut launch: Launch, place: usize) -> Launch {
    let activation = match launch.kernel.name.as_ref() {
        "gemm_split_sum" => 5,
        _ => 9,
    };
    let at = 4 * (activation + place);
    let code = &mut launch.params[at..at + 4];
    if code != [0; 4] {
        code.copy_from_slice(&99_u32.to_le_bytes());
    }
    launch
}

fn random_shapes(gpu: &Gpu) {
    let dimension = || 1usize..150;
    let variants = variants(gpu);
    let choices = (0..variants.len(), 0..ORDERS.len());
    random(
        (dimension(), dimension(), dimension(), choices),
        |(m, n, k, (variant, order))| {
            let case = Case {
                bias: Some(uniform(3, n, 1.0)),
                activation: Some(Relu),
                ..Case::product([m, n, k], ORDERS[order])
            };
            case.compare(gpu, variants[variant]);
        },
    );
}

/// Rows and columns each of a magnitude of its own, from 10⁻²² to 10²², and within one factors from 1
/// to 10⁻¹²: f16 ends at 65,504 and 6·10⁻⁸.
fn rows_and_columns_of_all_magnitudes(gpu: &Gpu) {
    let shape @ [m, n, k] = [67, 70, 45];
    let scaled = |values: Vec<f32>, lines: usize, down: i32| -> Vec<f32> {
        let scale = |at: usize| {
            let line = (at / k % lines) as i32;
            10f64.powi(down * (line % 23)) * 10f64.powi(-((at % 13) as i32))
        };
        let values = values.iter().enumerate();
        values
            .map(|(at, &v)| (f64::from(v) * scale(at)) as f32)
            .collect()
    };
    for variant in variants(gpu) {
        for [down_a, down_b] in [[-1, 1], [-1, 0], [0, -1], [1, -1]] {
            let case = Case {
                a: scaled(uniform(1, m * k, 1.0), m, down_a),
                b: scaled(uniform(2, n * k, 1.0), n, down_b),
                ..Case::product(shape, [false, true])
            };
            case.compare(gpu, variant);
        }
    }
}

fn the_same_bits_each_time(gpu: &Gpu) {
    for variant in variants(gpu) {
        let case = Case::product([130, 70, 333], [false, true]);
        let first = case.run(gpu, variant);
        for _ in 0..3 {
            assert_eq!(case.run(gpu, variant), first);
        }
    }
}
