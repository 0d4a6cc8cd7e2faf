//! Images that are not all on the device at once: an epoch goes through them in windows.
//!
//! A window is what the device holds. While it is trained on, the next one is read on another thread. The order of an
//! epoch is a function of the seed, the epoch and the window's size alone: the images lie in blocks, the epoch visits
//! the blocks in an order that is drawn, cuts that sequence into windows, and visits the images of a window in an order
//! that is drawn again. So a window has images from everywhere in a file that may be sorted, and its file is read in
//! blocks and not image by image.

mod feed;
mod input;
mod order;
mod size;
mod source;

pub(super) use feed::Feed;
pub(super) use input::Input;
pub(super) use order::Order;
