//! Which adapter to use.

use std::fmt;
use std::str::FromStr;

use super::{GpuError, MatrixUnits};

/// What `--adapter` can say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AdapterChoice {
    /// Discrete over integrated over software.
    #[default]
    Auto,
    /// The best adapter of one backend, a software one included.
    Backend(wgpu::Backend),
    /// The best adapter that runs on the CPU.
    Software,
    /// No GPU: the processor, by [`crate::cpu`].
    Cpu,
    /// No GPU: the reference executor.
    Reference,
    /// By its place in the list of `vae adapters`.
    Index(usize),
    /// By a part of its name, whatever the case.
    Name(String),
}

/// An `--adapter` that cannot be meant.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "an adapter is one of auto, vulkan, metal, dx12, gl, software, cpu, reference, an index or a part of a name; it cannot be empty"
)]
pub struct ParseAdapterError;

impl FromStr for AdapterChoice {
    type Err = ParseAdapterError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.to_ascii_lowercase().as_str() {
            "" => return Err(ParseAdapterError),
            "auto" => Self::Auto,
            "vulkan" => Self::Backend(wgpu::Backend::Vulkan),
            "metal" => Self::Backend(wgpu::Backend::Metal),
            "dx12" => Self::Backend(wgpu::Backend::Dx12),
            "gl" => Self::Backend(wgpu::Backend::Gl),
            "software" => Self::Software,
            "cpu" => Self::Cpu,
            "reference" => Self::Reference,
            name => name
                .parse()
                .map_or_else(|_| Self::Name(text.to_owned()), Self::Index),
        })
    }
}

impl fmt::Display for AdapterChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Backend(backend) => f.write_str(backend.to_str()),
            Self::Software => f.write_str("software"),
            Self::Cpu => f.write_str("cpu"),
            Self::Reference => f.write_str("reference"),
            Self::Index(index) => write!(f, "{index}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// One adapter, for a table and for messages.
#[derive(Clone, Debug)]
pub struct AdapterSummary {
    /// Its name, as the driver gives it.
    pub name: String,
    /// The API it is reached through.
    pub backend: wgpu::Backend,
    /// Discrete, integrated, or a CPU.
    pub kind: wgpu::DeviceType,
    /// The driver and its version.
    pub driver: String,
    /// Lanes of a subgroup, where all subgroups have one size.
    pub subgroup_size: Option<u32>,
    /// Its matrix units, where it has some that the kernels can use.
    pub matrix_units: Option<MatrixUnits>,
    /// What a device on it may have at most.
    pub limits: wgpu::Limits,
    /// Why it cannot run the kernels, if it cannot.
    pub unusable: Option<String>,
}

impl AdapterSummary {
    fn of(adapter: &wgpu::Adapter) -> Self {
        let info = adapter.get_info();
        let compute = adapter
            .get_downlevel_capabilities()
            .flags
            .contains(wgpu::DownlevelFlags::COMPUTE_SHADERS);
        let buffers = adapter.limits().max_storage_buffers_per_shader_stage;
        let unusable = if !compute {
            Some("no compute shaders".to_owned())
        } else if buffers < 8 {
            Some(format!("{buffers} storage buffers a shader, 8 are needed"))
        } else {
            None
        };
        let sizes = [info.subgroup_min_size, info.subgroup_max_size];
        let subgroup_size = (sizes[0] == sizes[1]).then_some(sizes[0]);
        Self {
            name: info.name,
            backend: info.backend,
            kind: info.device_type,
            driver: format!("{} {}", info.driver, info.driver_info)
                .trim()
                .to_owned(),
            subgroup_size,
            matrix_units: MatrixUnits::of(adapter, subgroup_size),
            limits: adapter.limits(),
            unusable,
        }
    }

    /// `discrete`, `integrated`, `virtual`, `software` or `other`.
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            wgpu::DeviceType::DiscreteGpu => "discrete",
            wgpu::DeviceType::IntegratedGpu => "integrated",
            wgpu::DeviceType::VirtualGpu => "virtual",
            wgpu::DeviceType::Cpu => "software",
            wgpu::DeviceType::Other => "other",
        }
    }

    /// Whether the processor computes, through a driver that takes it for a GPU.
    pub fn is_software(&self) -> bool {
        self.kind == wgpu::DeviceType::Cpu
    }

    /// Lower is better.
    fn rank(&self) -> u32 {
        match self.kind {
            wgpu::DeviceType::DiscreteGpu => 0,
            wgpu::DeviceType::IntegratedGpu => 1,
            wgpu::DeviceType::VirtualGpu => 2,
            wgpu::DeviceType::Other => 3,
            wgpu::DeviceType::Cpu => 4,
        }
    }
}

impl fmt::Display for AdapterSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ({}, {})",
            self.name,
            self.backend.to_str(),
            self.kind_name()
        )
    }
}

/// Every adapter there is, in the order that indices count.
#[derive(Debug)]
pub struct AdapterList {
    adapters: Vec<(wgpu::Adapter, AdapterSummary)>,
}

impl AdapterList {
    /// Finds all adapters; `WGPU_BACKEND` restricts the backends, as everywhere in wgpu.
    ///
    /// # Errors
    /// Where that variable names a backend that does not exist.
    pub fn find() -> Result<Self, GpuError> {
        let allowed = allowed_backends()?;
        let mut list = Self::of(PRIMARY & allowed);
        let more = Self::of(wgpu::Backends::GL & allowed);
        list.adapters.extend(more.adapters);
        Ok(list)
    }

    fn of(backends: wgpu::Backends) -> Self {
        if backends.is_empty() {
            return Self {
                adapters: Vec::new(),
            };
        }
        let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle().with_env();
        descriptor.backends = backends;
        let instance = wgpu::Instance::new(descriptor);
        let adapters = pollster::block_on(instance.enumerate_adapters(backends))
            .into_iter()
            .map(|adapter| {
                let summary = AdapterSummary::of(&adapter);
                (adapter, summary)
            })
            .collect();
        Self { adapters }
    }

    /// What there is.
    pub fn summaries(&self) -> impl Iterator<Item = &AdapterSummary> {
        self.adapters.iter().map(|(_, summary)| summary)
    }

    /// The index that a choice names, if one fits.
    ///
    /// # Errors
    /// Where nothing fits; the message lists the candidates.
    pub fn index_of(&self, choice: &AdapterChoice) -> Result<usize, GpuError> {
        let usable = |&index: &usize| self.adapters[index].1.unusable.is_none();
        let all = 0..self.adapters.len();
        let best = |fits: &dyn Fn(&AdapterSummary) -> bool| {
            all.clone()
                .filter(usable)
                .filter(|&index| fits(&self.adapters[index].1))
                .min_by_key(|&index| (self.adapters[index].1.rank(), index))
        };
        let found = match choice {
            AdapterChoice::Auto => best(&|_| true),
            AdapterChoice::Backend(backend) => best(&|s| s.backend == *backend),
            AdapterChoice::Software => best(&|s| s.kind == wgpu::DeviceType::Cpu),
            AdapterChoice::Cpu | AdapterChoice::Reference => return Err(GpuError::NotAGpu),
            AdapterChoice::Index(index) => all.clone().filter(usable).find(|i| i == index),
            AdapterChoice::Name(name) => {
                let name = name.to_lowercase();
                best(&|s| s.name.to_lowercase().contains(&name))
            }
        };
        found.ok_or_else(|| self.nothing(choice))
    }

    /// The error where nothing fits.
    fn nothing(&self, choice: &AdapterChoice) -> GpuError {
        if self.adapters.is_empty() {
            let tried = variable("WGPU_BACKEND").map_or_else(String::new, |backends| {
                format!("; WGPU_BACKEND={backends} restricts the search: unset it to see them all")
            });
            return GpuError::NoAdapter { tried };
        }
        if *choice == AdapterChoice::Auto {
            let lines = self.lines();
            let tried = format!(" that can run the kernels; there are\n{}", lines.trim_end());
            return GpuError::NoAdapter { tried };
        }
        let wanted = choice.to_string();
        let origin = match variable("WGPU_ADAPTER_NAME") {
            Some(name) if name == wanted => ", as WGPU_ADAPTER_NAME asks",
            _ => "",
        };
        GpuError::NoMatch {
            wanted,
            origin,
            candidates: self.lines(),
        }
    }

    /// Finds what a choice names, as `vae adapters` would, without waking OpenGL where that cannot
    /// change the answer: it takes time, and some of its drivers print complaints on machines
    /// without a display.
    pub(super) fn choose(
        choice: &AdapterChoice,
    ) -> Result<(wgpu::Adapter, AdapterSummary), GpuError> {
        if matches!(choice, AdapterChoice::Cpu | AdapterChoice::Reference) {
            return Err(GpuError::NotAGpu);
        }
        let allowed = allowed_backends()?;
        let mut list = Self::of(PRIMARY & allowed);
        let settled = |summary: &AdapterSummary| match choice {
            // OpenGL may reach a GPU where Vulkan has software alone.
            AdapterChoice::Auto | AdapterChoice::Name(_) => summary.kind != wgpu::DeviceType::Cpu,
            _ => true,
        };
        let found = list.index_of(choice).ok();
        if !found.is_some_and(|index| settled(&list.adapters[index].1)) {
            let more = Self::of(wgpu::Backends::GL & allowed);
            list.adapters.extend(more.adapters);
        }
        let index = list.index_of(choice)?;
        Ok(list.adapters.swap_remove(index))
    }

    fn lines(&self) -> String {
        let line = |(index, s): (usize, &AdapterSummary)| {
            let note = s
                .unusable
                .as_ref()
                .map_or_else(String::new, |why| format!(", unusable: {why}"));
            format!("  {index}  {s}{note}\n")
        };
        self.summaries().enumerate().map(line).collect()
    }
}

/// The backends that `WGPU_BACKEND` allows, all without it. wgpu passes over a word that it does not know.
fn allowed_backends() -> Result<wgpu::Backends, GpuError> {
    variable("WGPU_BACKEND").map_or(Ok(wgpu::Backends::all()), |words| parse_backends(&words))
}

fn parse_backends(words: &str) -> Result<wgpu::Backends, GpuError> {
    let mut backends = wgpu::Backends::empty();
    for word in words.split(',').map(str::trim) {
        let named = wgpu::Backends::from_comma_list(word);
        if named.is_empty() && !word.is_empty() && !word.eq_ignore_ascii_case("none") {
            let word = word.to_owned();
            return Err(GpuError::Backend { word });
        }
        backends |= named;
    }
    Ok(backends)
}

/// A variable of the environment; an empty one counts as none.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The backends that run compute shaders well.
const PRIMARY: wgpu::Backends = wgpu::Backends::VULKAN
    .union(wgpu::Backends::METAL)
    .union(wgpu::Backends::DX12);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backends_are_read_as_wgpu_reads_them_but_for_unknown_words() {
        use wgpu::Backends;
        let gl_and_vulkan = Backends::GL | Backends::VULKAN;
        for (words, backends) in [
            ("vulkan", Backends::VULKAN),
            (" GL , vk", gl_and_vulkan),
            ("gles,vulkan,", gl_and_vulkan),
            ("none", Backends::empty()),
        ] {
            assert_eq!(parse_backends(words).unwrap(), backends, "{words}");
        }
        for words in ["vulcan", "gl,vulcan", "vulkan gl"] {
            assert!(parse_backends(words).is_err(), "{words}");
        }
    }

    #[test]
    fn choices_are_read_as_they_are_printed() {
        for text in [
            "auto",
            "vulkan",
            "metal",
            "dx12",
            "gl",
            "software",
            "reference",
            "3",
            "GeForce",
        ] {
            let choice: AdapterChoice = text.parse().unwrap();
            assert_eq!(choice.to_string(), text);
        }
        assert!("".parse::<AdapterChoice>().is_err());
        assert_eq!(
            "Vulkan".parse::<AdapterChoice>().unwrap().to_string(),
            "vulkan"
        );
        assert_eq!(
            "12".parse::<AdapterChoice>().unwrap(),
            AdapterChoice::Index(12)
        );
    }
}
