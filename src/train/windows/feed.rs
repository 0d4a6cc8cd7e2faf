//! A pass over the images of a split, all of which are on the device, or a window of them at a time.

use std::sync::Arc;

use super::input::Input;
use super::order::{Order, Windows};
use super::source::Source;
use crate::executor::{Executor, ExecutorError, Pass, Rows, Start};
use crate::graph::Graph;
use crate::threads::{self, Ahead};

/// A pass, and where its images come from.
pub(in crate::train) struct Feed {
    pass: Box<dyn Pass>,
    /// Images of an epoch.
    count: usize,
    /// Where not all of them are on the device.
    moving: Option<Moving>,
}

/// Where a pass in windows stands.
struct Moving {
    source: Arc<Source>,
    windows: Windows,
    batch: usize,
    order: Order,
    /// The step that comes next.
    step: u32,
    /// Images of the epoch that are done.
    position: usize,
    /// The window that the steps are in.
    window: usize,
    /// The window that is on the device.
    loaded: Option<(Order, usize)>,
    /// The window that is read meanwhile.
    next: Option<((Order, usize), Ahead<Rows<'static>>)>,
    /// The log of the windows before this one.
    log: Vec<f32>,
}

impl Feed {
    /// Prepares a pass as [`Executor::pass`] does.
    pub(in crate::train) fn new(
        executor: &mut dyn Executor,
        input: Input<'_>,
        batch: usize,
        graph: &dyn Fn(usize) -> Graph,
    ) -> Result<Self, ExecutorError> {
        let count = input.count();
        let moving = match &input {
            Input::Whole(_) => None,
            Input::InWindows(source, windows) => Some(Moving {
                source: Arc::clone(source),
                windows: *windows,
                batch,
                order: Order::Stored,
                step: 0,
                position: 0,
                window: 0,
                loaded: None,
                next: None,
                log: Vec::new(),
            }),
        };
        let pass = executor.pass(input.into_most(), batch, graph)?;
        Ok(Self {
            pass,
            count,
            moving,
        })
    }

    /// [`Pass::begin`], with `position` images of an epoch done that visits them in this order.
    pub(in crate::train) fn begin(
        &mut self,
        step: u32,
        position: usize,
        order: Order,
    ) -> Result<(), ExecutorError> {
        if let Some(moving) = &mut self.moving {
            moving.log.clear();
            (moving.order, moving.step, moving.position) = (order, step, position);
            return moving.begin(&mut *self.pass);
        }
        self.pass.begin(Start {
            step,
            position,
            order: &order.of_all(self.count),
        })
    }

    /// [`Pass::advance`], at most to the end of the window.
    pub(in crate::train) fn advance(&mut self, steps: usize) -> Result<usize, ExecutorError> {
        let Some(moving) = &mut self.moving else {
            return self.pass.advance(steps);
        };
        moving.go_on(&mut *self.pass)?;
        let done = self.pass.advance(steps)?;
        moving.step += done as u32;
        moving.position = (moving.position + done * moving.batch).min(self.count);
        Ok(done)
    }

    /// [`Pass::losses`].
    pub(in crate::train) fn losses(&mut self) -> Result<Vec<f32>, ExecutorError> {
        let log = self.pass.losses()?;
        Ok(self.whole_log(log))
    }

    /// [`Pass::watch`].
    pub(in crate::train) fn watch(&mut self, watched: bool) {
        self.pass.watch(watched);
    }

    /// [`Pass::recent_losses`].
    pub(in crate::train) fn recent_losses(&mut self) -> Result<Option<Vec<f32>>, ExecutorError> {
        let recent = self.pass.recent_losses()?;
        Ok(recent.map(|log| self.whole_log(log)))
    }

    /// [`Pass::find_non_finite`].
    pub(in crate::train) fn find_non_finite(&mut self) -> Result<Option<String>, ExecutorError> {
        if let Some(moving) = &mut self.moving {
            moving.go_on(&mut *self.pass)?;
        }
        self.pass.find_non_finite()
    }

    /// The log of a window behind those of the windows before it.
    fn whole_log(&self, log: Vec<f32>) -> Vec<f32> {
        match &self.moving {
            Some(moving) if !moving.log.is_empty() => [moving.log.as_slice(), &log].concat(),
            _ => log,
        }
    }
}

impl Moving {
    /// Goes on to the next window, where the epoch has one and this one is done.
    fn go_on(&mut self, pass: &mut dyn Pass) -> Result<(), ExecutorError> {
        if self.windows.at(self.position) == self.window {
            return Ok(());
        }
        self.log.extend(pass.losses()?);
        self.begin(pass)
    }

    /// Begins the pass in the window that the position lies in.
    fn begin(&mut self, pass: &mut dyn Pass) -> Result<(), ExecutorError> {
        self.window = self.windows.at(self.position);
        let wanted = (self.order, self.window);
        if self.loaded != Some(wanted) {
            self.loaded = None;
            let rows = match self.next.take() {
                Some((next, rows)) if next == wanted => rows.join(),
                _ => rows(&self.source, self.windows, wanted),
            };
            pass.load(rows)?;
            self.loaded = Some(wanted);
        }
        if self.window + 1 < self.windows.number() && self.next.is_none() {
            let next = (self.order, self.window + 1);
            let (source, windows) = (Arc::clone(&self.source), self.windows);
            let read = threads::ahead(move || rows(&source, windows, next));
            self.next = Some((next, read));
        }
        pass.begin(Start {
            step: self.step,
            position: self.position - self.windows.places(self.window).start,
            order: &self.order.of_window(self.windows, self.window),
        })
    }
}

/// The images of a window.
fn rows(source: &Source, windows: Windows, (order, window): (Order, usize)) -> Rows<'static> {
    source.rows(&order.images(windows, window))
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::num::NonZeroUsize;

    use super::*;
    use crate::cpu::CpuExecutor;
    use crate::data::digits;
    use crate::model::Condition;
    use crate::reference::ReferenceExecutor;
    use crate::train::rows::Part;
    use crate::train::{Binarize, Observed, Scaling, Settings};

    /// A pass in windows is a pass over all images in the order that the windows give, to the bit.
    #[test]
    fn windows_are_an_order_of_all_images() {
        let settings = Settings {
            hidden: vec![7],
            latent: 2,
            batch_size: 8,
            window: Some(16),
            condition: Condition::Both,
            binarize: Binarize::Static,
            ..Settings::default()
        };
        let observed = Observed {
            dim: 784,
            classes: 10,
            table: None,
        };
        let vae = settings.vae(observed).unwrap();
        let split = digits::generate(1, 0, 67);
        let scaling = Scaling::of(&settings, &split.images).unwrap();
        let optimizer = settings.optimizer_of(&vae, 67).unwrap();
        let order = Order::Drawn { seed: 5, epoch: 2 };
        let windows = Windows::new(67, 16, 8).unwrap();
        let images = (0..windows.number()).flat_map(|window| {
            let images: Vec<_> = order
                .images(windows, window)
                .into_iter()
                .flatten()
                .collect();
            let places = order.of_window(windows, window);
            places
                .into_iter()
                .map(move |place| images[place as usize] as u32)
        });
        let images: Vec<u32> = images.collect();
        let specs = || vae.parameters();
        let threads = NonZeroUsize::MIN;
        let executors = || -> [Box<dyn Executor>; 2] {
            [
                Box::new(CpuExecutor::new(specs(), 3, threads)),
                Box::new(ReferenceExecutor::new(specs(), 3)),
            ]
        };
        let initial = vae.initial(3, Vec::new).unwrap();
        let graph = |rows| vae.training_graph(rows, optimizer.clone());
        for (mut at_once, mut in_windows) in executors().into_iter().zip(executors()) {
            let input = |settings: &Settings| {
                let split = Cow::Borrowed(&split);
                Input::of(&vae, settings, &scaling, split, Part::Training).unwrap()
            };
            in_windows.restore(&initial).unwrap();
            let mut feed = Feed::new(&mut *in_windows, input(&settings), 8, &graph).unwrap();
            feed.begin(0, 0, order).unwrap();
            while feed.advance(3).unwrap() > 0 {}
            at_once.restore(&initial).unwrap();
            let all = Settings {
                window: None,
                ..settings.clone()
            };
            let mut pass = at_once.pass(input(&all).into_most(), 8, &graph).unwrap();
            pass.begin(Start {
                step: 0,
                position: 0,
                order: &images,
            })
            .unwrap();
            while pass.advance(3).unwrap() > 0 {}
            let losses = pass.losses().unwrap();
            assert_eq!(losses.len() % 9, 0);
            assert_eq!(feed.losses().unwrap(), losses);
            assert!(in_windows.snapshot().unwrap() == at_once.snapshot().unwrap());
        }
    }
}
