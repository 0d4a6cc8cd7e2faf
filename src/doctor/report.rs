//! What the doctor says: verdicts, and what they are of.

use serde::Serialize;

/// How one thing went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// All is within its tolerance.
    Ok,
    /// Something is not.
    Deviates,
    /// It could not run here.
    Skipped,
}

/// The value that is off by most of what is allowed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Deviation {
    /// The array's name in the shader.
    pub array: String,
    /// Its place in the array.
    pub word: usize,
    /// What the kernel left.
    pub found: f64,
    /// What its twin leaves.
    pub expected: f64,
    /// How far they are apart.
    pub error: f64,
    /// How far they may be.
    pub allowed: f64,
    /// Values of the launch that deviate.
    pub count: usize,
    /// Values that the launch leaves.
    pub of: usize,
    /// What ran: shapes and settings, all of which follow from the seed.
    pub case: String,
    /// What a generated kernel computes there.
    pub formula: Option<String>,
    /// Of these operands #0, #1, and so on.
    pub operands: Vec<f32>,
}

/// A kernel beside its twin.
#[derive(Clone, Debug, Serialize)]
pub struct KernelReport {
    /// Its name.
    pub kernel: String,
    /// How it went.
    pub verdict: Verdict,
    /// Launches that were compared.
    pub launches: usize,
    /// Values that were.
    pub values: usize,
    /// The largest share that an error has of its tolerance.
    pub worst: f64,
    /// The worst of the first launch that deviates.
    pub deviation: Option<Deviation>,
    /// Why it did not run, where it did not.
    pub reason: Option<String>,
}

/// A short training beside the reference's.
#[derive(Clone, Debug, Serialize)]
pub struct TrainingReport {
    /// By which executor and plan.
    pub way: String,
    /// How it went.
    pub verdict: Verdict,
    /// The largest relative difference of a step's losses.
    pub worst: f64,
    /// How large it may be.
    pub allowed: f64,
    /// The first step whose losses differ by more.
    pub step: Option<usize>,
    /// Why it did not run, where it did not; or what the losses are there.
    pub note: Option<String>,
}

/// A time, or what follows from one.
#[derive(Clone, Debug, Serialize)]
pub struct Measurement {
    /// What.
    pub name: String,
    /// How much.
    pub value: f64,
    /// Of what.
    pub unit: String,
    /// What it says, where that is not plain.
    pub note: Option<String>,
}

/// What runs the kernels.
#[derive(Clone, Debug, Serialize)]
pub struct Subject {
    /// The adapter's name, or what runs without one.
    pub name: String,
    /// `vulkan`, `metal`, `dx12` or `gl`; `cpu` without a GPU.
    pub backend: String,
    /// `discrete`, `integrated`, `virtual`, `software`, `other`, or `none` without a GPU.
    pub kind: String,
    /// The driver and its version.
    pub driver: String,
    /// Limits and features that decide which kernels run, each with its value.
    pub limits: Vec<(String, String)>,
}

/// All of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The program's version.
    pub version: String,
    /// The system and the processor's architecture.
    pub system: String,
    /// What all shapes and values follow from.
    pub seed: u64,
    /// What was checked.
    pub subject: Subject,
    /// The kernels, by name.
    pub kernels: Vec<KernelReport>,
    /// The trainings.
    pub trainings: Vec<TrainingReport>,
    /// The times.
    pub measurements: Vec<Measurement>,
    /// What is slow, as these times show.
    pub slow: Vec<String>,
}

impl Report {
    /// Whether anything deviates.
    pub fn deviates(&self) -> bool {
        let kernels = self.kernels.iter().map(|of| of.verdict);
        let trainings = self.trainings.iter().map(|of| of.verdict);
        kernels.chain(trainings).any(|of| of == Verdict::Deviates)
    }
}
