//! A page of HTML that holds everything it shows: text, tables, pictures, drawings. It asks for nothing, neither of a
//! network nor of a script, so that it can be sent, kept and opened anywhere.
//!
//! The template (`page.rs`) escapes all text; only drawings are taken as they are ([`Content::Drawings`]).

mod page;

/// A page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// Its title.
    pub title: String,
    /// What is said below it, in lines.
    pub lines: Vec<String>,
    /// Its sections.
    pub sections: Vec<Section>,
}

/// A part of a page under a heading.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Section {
    /// Its heading.
    pub heading: String,
    /// What it has, in order.
    pub contents: Vec<Content>,
}

/// Something on a page.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A paragraph.
    Text(String),
    /// A paragraph with a command in it, which is told from the rest.
    Command {
        /// What is said before it.
        before: String,
        /// The command.
        command: String,
    },
    /// Rows of cells below a heading of each column. The first cell of a row is its name.
    Table {
        /// The columns' headings; none, where each row says what it is.
        head: Vec<String>,
        /// The rows.
        rows: Vec<Vec<String>>,
    },
    /// What is shown when somebody asks for it.
    Folded {
        /// What it is.
        summary: String,
        /// What there is.
        contents: Vec<Content>,
    },
    /// Pictures beside each other, as far as there is room.
    Pictures(Vec<Picture>),
    /// The same for pictures that are compared with each other: smaller than they are, where there is no room.
    Small(Vec<Picture>),
    /// Drawings beside each other: SVG, which is taken as it is.
    Drawings(Vec<Drawing>),
}

/// A PNG file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// What it shows.
    pub caption: String,
    /// The file.
    pub png: Vec<u8>,
    /// Width and height, in pixels.
    pub size: [u32; 2],
}

/// An element `svg`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawing {
    /// What it shows, for who does not see it.
    pub caption: String,
    /// The element, of this program's own making: nothing in it is escaped here.
    pub svg: String,
}

impl Page {
    /// The page as one HTML document.
    pub fn html(&self) -> String {
        page::document(self)
    }
}
