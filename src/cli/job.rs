//! What `vae train` is to do, before anything is opened.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::anyhow;
use vae_wgpu::bench::linear_flops;
use vae_wgpu::checkpoint::{CheckpointError, RunDir, RunLock};
use vae_wgpu::cpu;
use vae_wgpu::data::{DataError, Dataset, Source};
use vae_wgpu::eval::Device;
use vae_wgpu::executor::{Executor, ExecutorError, ParameterSpec};
use vae_wgpu::gpu::{AdapterChoice, GpuError, Options, Slice};
use vae_wgpu::graph::Adam;
use vae_wgpu::machine;
use vae_wgpu::model::Support;
use vae_wgpu::plan::{Description, GpuExecutor, PlanChoice};
use vae_wgpu::threads;
use vae_wgpu::train::{self, Between, Observed, Settings, TrainError, Trainer, recorded_settings};

use super::claim::{claim, claim_unused};
use super::config::{ConfigFile, DataConfig, RunConfig, parse_source};
use super::console;
use super::failure::Usage;
use super::features::{Features, Lens};
use super::init::Init;
use super::keeping::Keeping;
use super::options::{self, AdapterOption, DataOptions};
use super::place::{absolute, absolute_source, check_recordable};
use super::run::Found;
use super::train::Args;
use super::watching::Watching;

/// A training: settings, data, adapter, and where its weights come from.
pub(crate) struct Job {
    pub(crate) settings: Settings,
    /// The same for a table, where nobody has said what its numbers' likelihood is.
    for_table: Option<Settings>,
    adapter: AdapterRequest,
    pub(crate) plan: PlanChoice,
    matrix_units: bool,
    source: Source,
    data: DataOptions,
    features: Option<Features>,
    pub(crate) keeping: Keeping,
    pub(crate) watching: Watching,
    start: Start,
}

/// Where a training starts.
enum Start {
    /// With weights that are drawn.
    Drawn,
    /// With another run's weights.
    Weights(Init),
    /// Where a run stands.
    Continued(Box<Resume>),
}

/// A run that continues. It is locked before its checkpoint is read, so that nobody writes a newer
/// one in between.
struct Resume {
    found: Found,
    lock: RunLock,
    config: RunConfig,
}

/// Which adapter, and the file that asks for it where no flag does: a file may come from a machine
/// that has others.
struct AdapterRequest {
    option: AdapterOption,
    choice: AdapterChoice,
    file: Option<PathBuf>,
}

impl Job {
    /// A new run from flags, file and preset.
    pub(crate) fn fresh(args: &Args) -> anyhow::Result<Self> {
        if let Some(out) = &args.out {
            // Said before anything is downloaded or computed.
            RunDir::check_vacant(out)?;
        }
        let file = args.config.as_deref().map(ConfigFile::read).transpose()?;
        let file = file.unwrap_or_default();
        if let (Some(path), Some(last)) = (&args.config, file.changes.last()) {
            console::note(&format!(
                "the run of {} changed its settings as late as after step {}; this one has the \
                 changed ones from its first step on",
                path.display(),
                last.after_step
            ));
        }
        let init = args.init.clone().or(file.init);
        let init = init.map(|path| Init::find(path, args.checkpoint));
        let init = init.transpose()?;
        let base = match (args.preset, &init) {
            (Some(preset), _) => preset.settings(),
            (None, Some(init)) => init.settings(),
            (None, None) => Settings::default(),
        };
        let settings = args.overrides.resolve(&file.training, base);
        let given = [&args.overrides, &file.training];
        let is_given = init.is_some()
            || given.iter().any(|of| of.likelihood.is_some())
            || settings.likelihood.density().support == Support::Real;
        let scale = given.iter().find_map(|of| of.scale);
        let for_table = (!is_given).then(|| settings.for_table(scale));
        let mut data = args.data.clone();
        data.table.or((&file.data).into());
        data.data_dir = data.data_dir.or(file.data.dir);
        data.transpose |= file.data.transpose;
        data.pictures = data.pictures.or(file.data.pictures);
        data.array = data.array.or(file.data.array);
        let given = data.data.take();
        if given.is_none() {
            // Of other data, another part is held out.
            data.holdout = data.holdout.or(file.data.holdout);
            data.only = data.only.take().or(file.data.only);
            data.of_old_run = file.data.image.is_some() && data.holdout.is_none();
        }
        let given = given.or(file.data.source.as_deref().map(parse_source));
        let source = match (given, &init) {
            (Some(source), init) => {
                if let Some(init) = init {
                    init.fit(&mut data);
                }
                source
            }
            (None, Some(init)) => init.source(&mut data)?,
            (None, None) => Source::Digits,
        };
        if let Some(init) = &init {
            init.check(&settings)?;
            // The weights belong to the columns that they were trained on.
            data.schema = init.table()?;
        }
        let recorded = file.features.as_ref();
        let recorded = recorded.or_else(|| init.as_ref().and_then(Init::features));
        let features = match (&args.features, recorded) {
            (Some(run), _) => Some(Features::find(run)?),
            (None, Some(recorded)) => Some(Features::recorded(recorded)?),
            (None, None) => None,
        };
        let keeping = args.keeping.or(file.checkpoints);
        keeping.check()?;
        let asked = file.adapter.map(|name| parse_adapter(&name)).transpose()?;
        let plan = file.plan.map(|name| parse_plan(&name)).transpose()?;
        check_recordable(&source, data.data_dir.as_deref())?;
        Ok(Self {
            settings,
            for_table,
            adapter: AdapterRequest {
                file: args
                    .config
                    .clone()
                    .filter(|_| asked.is_some() && !args.adapter.is_given()),
                choice: args.adapter.resolve(asked),
                option: args.adapter.clone(),
            },
            plan: args.plan.resolve(plan),
            matrix_units: args.plan.matrix_units(file.matrix_units),
            source,
            data,
            features,
            keeping,
            watching: args.watching.or(file.watching),
            start: init.map_or(Start::Drawn, Start::Weights),
        })
    }

    /// A run that continues, with its own settings or with others of those that may change.
    pub(crate) fn continued(args: &Args, run: &Path) -> anyhow::Result<Self> {
        let found = args.checkpoint.find(run)?;
        let dir = &found.dir;
        let lock = dir.lock()?;
        let config: RunConfig = dir.read_config()?;
        if config.data.check_has_data(dir.path()).is_err() {
            let run = console::quoted(dir.path());
            return Err(Usage(format!(
                "the run {run} was made of weights from elsewhere without data, so that there is no training to \
                 continue; start a new run with its weights: vae train --init {run} --data DATA"
            ))
            .into());
        }
        let mut settings = config.training.clone();
        args.overrides.apply(&mut settings);
        let differences = config.training.differences(&settings);
        let fixed = differences.iter().find_map(|d| Some((d, d.why_fixed()?)));
        if let Some((difference, reason)) = fixed {
            return Err(Usage(format!(
                "the run {} cannot be continued with other settings than it has ({key} = {} there, \
                 {key} = {} asked for): {reason}; leave the flag out, or start a new run",
                dir.path().display(),
                difference.own,
                difference.other,
                key = difference.setting,
            ))
            .into());
        }
        // Before the data are loaded: the seed chooses what is held out, and one that somebody edited
        // would look like other data.
        found.check_fixed(&settings)?;
        let own = absolute_source(&config.data.source());
        let mut data = args.data.clone();
        data.data_dir = data.data_dir.or_else(|| config.data.dir.clone());
        if data.transpose && !config.data.transpose {
            return Err(Usage(format!(
                "the run {} was trained on images as they are stored, so it cannot be continued on \
                 transposed ones; leave --transpose out, or start a new run",
                dir.path().display()
            ))
            .into());
        }
        data.transpose = config.data.transpose;
        if let Some(asked) = data.holdout.filter(|_| data.holdout != config.data.holdout) {
            let own = match config.data.holdout {
                Some(own) => format!("{own} of its images held out"),
                None => "other test images".to_owned(),
            };
            return Err(Usage(format!(
                "the run {} has been measured with {own} since its first epoch, so it cannot be continued with \
                 {asked} held out; leave --holdout out, or start a new run",
                dir.path().display()
            ))
            .into());
        }
        if let Some(asked) = data.only.as_ref().filter(|_| data.only != config.data.only) {
            let own = config.data.only.as_ref();
            let own = own.map_or("all labels".to_owned(), |own| format!("the labels {own}"));
            return Err(Usage(format!(
                "the run {} is trained on {own}, so it cannot be continued on the labels {asked}; leave --only out, \
                 or start a new run",
                dir.path().display()
            ))
            .into());
        }
        if data.table.is_given() {
            return Err(Usage(format!(
                "the run {} reads its table as it was read when it began; leave --column, --delimiter, --header and \
                 --table out, or start a new run",
                dir.path().display()
            ))
            .into());
        }
        data.repeat(&config.data);
        let source = match data.data.take().map(|source| absolute_source(&source)) {
            Some(other) if other != own && config.data.digest.is_none() => {
                return Err(Usage(format!(
                    "the run {} was trained on {own}, and does not say what that held, so it cannot \
                     be continued on {other}; leave --data out, or start a new run with its weights \
                     (--init)",
                    dir.path().display(),
                ))
                .into());
            }
            Some(other) => other,
            None => own,
        };
        let features = config.features.as_ref();
        let features = features.map(Features::recorded).transpose()?;
        let keeping = args.keeping.or(config.checkpoints);
        keeping.check()?;
        let asked = parse_adapter(&config.adapter)?;
        Ok(Self {
            settings,
            for_table: None,
            adapter: AdapterRequest {
                file: Some(dir.config()).filter(|_| !args.adapter.is_given()),
                choice: args.adapter.resolve(Some(asked)),
                option: args.adapter.clone(),
            },
            plan: args.plan.resolve(Some(parse_plan(&config.plan)?)),
            matrix_units: args.plan.matrix_units(config.matrix_units),
            source,
            data,
            features,
            keeping,
            watching: args.watching.or(config.watching),
            start: Start::Continued(Box::new(Resume {
                found,
                lock,
                config,
            })),
        })
    }

    /// Checks the settings, as far as they say something without data.
    pub(crate) fn check(&self) -> Result<(), TrainError> {
        let checked = self.settings.check();
        match &self.for_table {
            // What lies at a path may be a table.
            Some(other) if matches!(self.source, Source::Path(_)) => checked.or(other.check()),
            _ => checked,
        }
    }

    /// The settings as a run has them that began with the same flags: where nobody has said a likelihood, and the run
    /// has that of a table, its data are one.
    pub(crate) fn settings_beside(self, recorded: &Settings) -> Settings {
        let of_table = self.for_table;
        let of_table = of_table.filter(|other| other.likelihood == recorded.likelihood);
        of_table.unwrap_or(self.settings)
    }

    /// Takes the likelihood that goes with a table where the data are one and nobody has said another, and says so.
    pub(crate) fn suit(&mut self, data: &Dataset, aloud: bool) -> Result<(), TrainError> {
        match self.for_table.take().filter(|_| data.table.is_some()) {
            Some(settings) => self.settings = settings,
            None => return self.settings.check(),
        }
        if aloud {
            console::note(&format!(
                "{} is a table: its numbers have the likelihood {}, with the scale {} (--likelihood and --scale choose \
                 others)",
                data.name,
                self.settings.likelihood.density().name,
                self.settings.scale.name()
            ));
        }
        self.settings.check()
    }

    /// What the data are called where they have not been loaded.
    pub(crate) fn source_name(&self) -> String {
        match &self.source {
            Source::Path(path) => {
                let name = path.file_name().unwrap_or(path.as_os_str());
                name.to_string_lossy().into_owned()
            }
            named => named.to_string(),
        }
    }

    /// Whether a run was trained on what this training asks for: the same data by name, and the same run's latents.
    pub(crate) fn is_of(&self, run: &RunConfig) -> bool {
        let source = absolute_source(&self.source).to_string();
        let features = self.features.as_ref().map(|of| &of.recorded);
        source == run.data.source
            && self.data.transpose == run.data.transpose
            && self
                .data
                .holdout
                .is_none_or(|asked| Some(asked) == run.data.holdout)
            && self.data.only == run.data.only
            && self.data.array == run.data.array
            && features == run.features.as_ref()
    }

    /// Everything resolved, for the run's `config.toml`. How a run that continues is computed this time
    /// is no matter of its configuration: another machine may take it up next.
    pub(crate) fn config(&self, data: &DataConfig, ready: &Ready) -> RunConfig {
        if let Start::Continued(resume) = &self.start {
            let mut config = RunConfig {
                data: data.clone(),
                checkpoints: self.keeping,
                watching: self.watching,
                ..resume.config.clone()
            };
            config.change(&ready.until_now, &self.settings, ready.trainer.steps_done());
            return config;
        }
        RunConfig {
            adapter: self.adapter.choice.to_string(),
            plan: self.plan.to_string(),
            matrix_units: self.matrix_units,
            init: match &self.start {
                Start::Weights(init) => Some(absolute(init.path())),
                _ => None,
            },
            data: data.clone(),
            features: self.features.as_ref().map(|of| of.recorded.clone()),
            checkpoints: self.keeping,
            watching: self.watching,
            training: self.settings.clone(),
            changes: Vec::new(),
        }
    }

    /// Loads the data while the adapter opens: both take a tenth of a second.
    pub(crate) fn load_and_open<'a>(
        &self,
        shared: Option<&'a Shared>,
    ) -> anyhow::Result<(Loaded<'a>, Result<Device, ExecutorError>)> {
        let (device, data) = threads::both(|| self.open(), || self.load(shared));
        let mut loaded = data?;
        if let Some(features) = &self.features {
            let device = device?;
            let mut lens = features
                .clone()
                .open(|specs| Ok(device.executor(specs, 0)?.executor))?;
            loaded.data = Cow::Owned(lens.latents(loaded.data.into_owned())?);
            let images = &loaded.data.train.images;
            loaded.config.image = images.size();
            loaded.lens = Some(lens);
            return Ok((loaded, Ok(device)));
        }
        Ok((loaded, device))
    }

    /// Loads the data for several trainings; `None` where each seed has others, since it draws what is held
    /// out for testing.
    pub(crate) fn share(&self) -> anyhow::Result<Option<Shared>> {
        let Loaded { data, config, .. } = self.load(None)?;
        Ok((!data.held_out).then(|| Shared {
            data: data.into_owned(),
            digest: config.digest,
        }))
    }

    /// Opens the adapter. Where a file asks for one that this machine lacks, the best is as good: the
    /// run has moved.
    fn open(&self) -> Result<Device, ExecutorError> {
        let options = Options {
            matrix_units: self.matrix_units,
            ..Options::default()
        };
        let opened = Device::open_with(&self.adapter.choice, &options);
        match (&self.adapter.file, opened) {
            (Some(file), Err(ExecutorError::Gpu(GpuError::NoMatch { .. }))) => {
                console::note(&format!(
                    "{} asks for the adapter '{}', which this machine does not have: the best that \
                     it has is taken (--adapter chooses)",
                    file.display(),
                    self.adapter.choice
                ));
                Device::open_with(&AdapterChoice::Auto, &options)
            }
            (_, opened) => opened,
        }
    }

    /// Loads the data, where those that are shared are not the same, and checks that they are those of the
    /// run that continues.
    fn load<'a>(&self, shared: Option<&'a Shared>) -> anyhow::Result<Loaded<'a>> {
        let load = || self.data.load(&self.source, self.settings.seed);
        let Start::Continued(resume) = &self.start else {
            return match shared {
                Some(shared) => Ok(self.shared(shared)),
                None => Ok(self.loaded(load()?)),
            };
        };
        let recorded = &resume.config.data;
        if let Some(shared) = shared.filter(|shared| shared.digest == recorded.digest) {
            return Ok(self.shared(shared));
        }
        let run = resume.found.dir.path().display();
        let data = load().map_err(|error| match error.downcast_ref::<DataError>() {
            Some(
                DataError::UnknownSource { .. }
                | DataError::NotDownloaded { .. }
                | DataError::NoImages { .. },
            ) => error.context(format!(
                "the run {run} was trained on data that are not there (if they were moved, --data \
                 says where they are now)"
            )),
            _ => error,
        })?;
        let images = &data.train.images;
        let found = images.size();
        // Where latents are learned from, the run that makes them says what images there are.
        if self.features.is_none() && recorded.image != found {
            return Err(TrainError::ImageSize {
                found: found.to_string(),
                expected: recorded.image.to_string(),
            }
            .into());
        }
        let loaded = self.loaded(data);
        match &recorded.digest {
            Some(digest) if Some(digest) != loaded.config.digest.as_ref() => Err(anyhow!(
                "the data at {} are not those that the run {run} was trained on: their contents \
                 differ; put the run's data back, say with --data where they are, or start a new run \
                 with its weights (--init {run})",
                loaded.config.source,
            )),
            Some(_) => Ok(loaded),
            None => {
                console::note(&format!(
                    "the run {run} is an older program's, which did not record what its data held: \
                     whether these are the same cannot be told"
                ));
                Ok(loaded)
            }
        }
    }

    fn shared<'a>(&self, shared: &'a Shared) -> Loaded<'a> {
        Loaded {
            config: DataConfig::new(
                &self.source,
                &self.data,
                &shared.data,
                shared.digest.clone(),
            ),
            data: Cow::Borrowed(&shared.data),
            lens: None,
        }
    }

    fn loaded(&self, data: Dataset) -> Loaded<'static> {
        Loaded {
            config: DataConfig::new(&self.source, &self.data, &data, Some(data.digest())),
            data: Cow::Owned(data),
            lens: None,
        }
    }

    /// Says how many images are on the device at once, where a new run's are too many for it.
    pub(crate) fn fit_window(&mut self, data: &Dataset, device: &Result<Device, ExecutorError>) {
        let (Ok(device), None) = (device, self.settings.window) else {
            return;
        };
        if matches!(self.start, Start::Continued(_)) {
            return;
        }
        let wanted = self.settings.bytes_of(data);
        let room = device
            .room(wanted)
            .min(self.data.data_memory.unwrap_or(u64::MAX));
        self.settings.window = self.settings.window_within(data, room);
        if let Some(window) = self.settings.window {
            console::note(&format!(
                "the images ({}) are more than the {} that they may take of the device's memory: they are shuffled \
                 in windows of {window} (--window)",
                machine::size(wanted),
                machine::size(room),
            ));
        }
    }

    /// Puts the model on the adapter, with its first weights or from a checkpoint. Whether the adapter
    /// could be opened counts only once the data is seen to fit.
    pub(crate) fn trainer(
        &self,
        data: Cow<'_, Dataset>,
        device: Result<Device, ExecutorError>,
    ) -> anyhow::Result<Ready> {
        let images = &data.train.images;
        self.settings.check_images(images.count)?;
        let image = images.size();
        let observed = Observed::from(&*data);
        let vae = self.settings.vae(observed.clone())?;
        let device = self.adapter.option.limit(device?)?.with_plan(self.plan);
        if device.gpu().is_some_and(|gpu| gpu.adapter().is_software()) {
            let step = vae.training_graph(self.settings.batch_size, Adam::default());
            console::note(&format!(
                "a software driver runs the kernels here; with --adapter cpu the processor itself computes \
                 the same model, about {:.0} times as fast",
                cpu::speedup(linear_flops(&step))
            ));
        }
        let executor = options::executor(device, vae.parameters(), self.settings.seed)
            .map_err(|error| self.with_layers_that_fit(error, observed))?;
        let settings = self.settings.clone();
        let mut until_now = settings.clone();
        let trainer = match &self.start {
            Start::Drawn => Trainer::new(vae, executor, settings, data)?,
            Start::Weights(init) => {
                let weights = init.load(&settings, image)?;
                Trainer::with_weights(vae, executor, settings, data, weights)
                    .map_err(|error| init.blame(error))?
            }
            Start::Continued(resume) => {
                let found = &resume.found;
                let blame = |error| found.blame(error);
                let checkpoint = found.load()?;
                if let Some(recorded) = recorded_settings(&checkpoint).map_err(blame)? {
                    until_now = recorded;
                }
                let trainer = Trainer::resume(vae, executor, settings, data, checkpoint);
                let trainer = trainer.map_err(blame)?;
                let (done, asked) = (trainer.epochs_done(), trainer.settings().epochs);
                if done > asked {
                    return Err(Usage(format!(
                        "the run {} has done {done} epochs, so it cannot end after {asked}; --epochs \
                         counts from the start: give {done} or more",
                        found.dir.path().display()
                    ))
                    .into());
                }
                trainer
            }
        };
        Ok(Ready { trainer, until_now })
    }

    /// What a step would run, and on which adapter; on the processor, which has no launches, `Err` with
    /// what computes there.
    pub(crate) fn describe(
        &self,
        data: Cow<'_, Dataset>,
        device: Result<Device, ExecutorError>,
    ) -> anyhow::Result<Result<(String, Description), String>> {
        self.settings.check_images(data.train.images.count)?;
        let observed = Observed::from(&*data);
        let vae = self.settings.vae(observed.clone())?;
        let device = self.adapter.option.limit(device?)?;
        let Some(gpu) = device.gpu() else {
            let opened = device.executor(Vec::new(), self.settings.seed)?;
            return Ok(Err(opened.executor.name()));
        };
        let executor = GpuExecutor::new(Arc::clone(gpu), vae.parameters(), self.settings.seed)
            .map_err(|error| self.with_layers_that_fit(error, observed))?;
        let mut executor = executor.with_plan(self.plan);
        let description = train::describe(vae, &mut executor, &self.settings, data)?;
        Ok(Ok((executor.name(), description)))
    }

    /// The folder of the run, with the right to write it: the one that continues, or a new one.
    pub(crate) fn claim(
        self,
        out: Option<&Path>,
        data: &str,
    ) -> Result<(RunDir, RunLock), CheckpointError> {
        match (self.start, out) {
            (Start::Continued(resume), _) => Ok((resume.found.dir, resume.lock)),
            (_, Some(out)) => claim(out),
            (_, None) => claim_unused(data),
        }
    }

    /// Names layers whose parameters fit into what an adapter or the reference executor allows, where
    /// these do not.
    fn with_layers_that_fit(&self, mut error: ExecutorError, observed: Observed) -> ExecutorError {
        let ExecutorError::Gpu(GpuError::TooLarge { limit, remedy, .. }) = &mut error else {
            return error;
        };
        let mut smaller = self.settings.clone();
        let values = |settings: &Settings| -> Option<u64> {
            let specs = settings.vae(observed.clone()).ok()?.parameters();
            let room = |spec: &ParameterSpec| spec.shape.len().next_multiple_of(Slice::ALIGNMENT);
            Some(specs.iter().map(room).sum::<usize>() as u64)
        };
        while values(&smaller).is_some_and(|values| values > *limit / 4) {
            let between = smaller.between.iter_mut().flat_map(Between::lists_mut);
            let latent = match smaller.stochastic_layers.is_empty() {
                true => std::slice::from_mut(&mut smaller.latent),
                false => smaller.stochastic_layers.as_mut_slice(),
            };
            let sizes = smaller
                .hidden
                .iter_mut()
                .chain(between.flatten())
                .chain(latent);
            match sizes.max().filter(|size| **size > 1) {
                Some(largest) => *largest /= 2,
                // The images alone are too large.
                None => return error,
            }
        }
        let list = |sizes: &[usize]| -> String {
            let sizes: Vec<_> = sizes.iter().map(usize::to_string).collect();
            sizes.join(",")
        };
        let latent = match (smaller.stochastic_layers.as_slice(), &smaller.between) {
            ([], _) => format!("--latent {}", smaller.latent),
            (layers, None) => format!("--stochastic-layers {}", list(layers)),
            (layers, Some(between)) => {
                format!("--stochastic-layers {} --between {between}", list(layers))
            }
        };
        *remedy = format!("--hidden {} {latent} would fit", list(&smaller.hidden));
        error
    }
}

/// The data of a training, and what the run's configuration says of them.
pub(crate) struct Loaded<'a> {
    pub(crate) data: Cow<'a, Dataset>,
    pub(crate) config: DataConfig,
    /// What made latents of its images, where these are learned from.
    pub(crate) lens: Option<Lens>,
}

/// The data of several trainings.
pub(crate) struct Shared {
    data: Dataset,
    digest: Option<String>,
}

impl Shared {
    /// The data themselves, where they are those that a run was trained on.
    pub(crate) fn of_run(&self, run: &DataConfig) -> Option<&Dataset> {
        (self.digest.is_some() && self.digest == run.digest).then_some(&self.data)
    }
}

/// A trainer, and the settings up to where it stands.
pub(crate) struct Ready {
    pub(crate) trainer: Trainer,
    until_now: Settings,
}

fn parse_adapter(name: &str) -> Result<AdapterChoice, Usage> {
    name.parse()
        .map_err(|error| Usage(format!("in the configuration, adapter '{name}': {error}")))
}

fn parse_plan(name: &str) -> Result<PlanChoice, Usage> {
    name.parse()
        .map_err(|error| Usage(format!("in the configuration, plan '{name}': {error}")))
}
