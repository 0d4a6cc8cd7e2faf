//! How much faster this executor is than the kernels on a software adapter.

/// The time of a step over that of another step: `fixed` microseconds, and its products at `rate`
/// floating-point operations a microsecond.
struct Cost {
    fixed: f64,
    rate: f64,
}

impl Cost {
    fn of(&self, flops: u64) -> f64 {
        self.fixed + flops as f64 / self.rate
    }
}

/// llvmpipe (Mesa 22.3) and this executor on two cores of one machine, from the steps of S and M in turn in
/// `docs/performance.md`, "The processor". More cores or slower ones change both alike.
const SOFTWARE: Cost = Cost {
    fixed: 400.0,
    rate: 51e3,
};
const PROCESSOR: Cost = Cost {
    fixed: 115.0,
    rate: 350e3,
};

/// About how many times as fast as on a software adapter a step is here, by the operations of its matrix
/// products: an estimate from sizes, and no measurement of this machine.
pub fn speedup(flops: u64) -> f64 {
    SOFTWARE.of(flops) / PROCESSOR.of(flops)
}
