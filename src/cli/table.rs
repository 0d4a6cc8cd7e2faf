//! How tables are read: flags, and what a run's configuration says.

use std::collections::BTreeMap;

use vae_wgpu::data::table::{Delimiter, Role, TableOptions};

use super::config::{DataConfig, PartialData};

/// How a table is read, where its contents do not say it rightly.
#[derive(Clone, Debug, Default, PartialEq, clap::Args)]
#[command(next_help_heading = "Tables")]
pub(crate) struct TableArgs {
    /// What a column of a table is: number, count, category, date, label, name (of the row) or ignore; once for
    /// each column whose contents do not say it rightly. Without a header a column's name is its number from 1
    #[arg(long, value_name = "COLUMN=KIND", value_parser = parse_column)]
    column: Vec<(String, Role)>,
    /// What separates the cells of a row: a character, tab or space [default: by the first rows]
    #[arg(long, value_name = "CHAR")]
    delimiter: Option<Delimiter>,
    /// Whether a table's first row has the names of its columns [default: by the first rows]
    #[arg(long, value_name = "yes|no", value_parser = parse_header)]
    header: Option<bool>,
    /// Take the rows of an array for those of a table: each column is standardised, and NaN says that a cell is
    /// missing
    #[arg(long)]
    table: bool,
}

impl TableArgs {
    /// Whether any is given.
    pub(crate) fn is_given(&self) -> bool {
        *self != Self::default()
    }

    /// These, and where they say nothing, what a file or a run says.
    pub(crate) fn or(&mut self, recorded: Recorded<'_>) {
        self.delimiter = self.delimiter.or(recorded.delimiter);
        self.header = self.header.or(recorded.header);
        self.table |= recorded.table;
        let own = std::mem::take(&mut self.column);
        let recorded = recorded.columns.iter();
        let recorded = recorded.map(|(name, role)| (name.clone(), *role));
        // A later one wins.
        self.column = recorded.chain(own).collect();
    }

    /// As the loader takes them.
    pub(crate) fn options(&self) -> TableOptions {
        TableOptions {
            delimiter: self.delimiter,
            header: self.header,
            columns: self.columns(),
            schema: None,
            only: None,
            array: self.table,
        }
    }

    /// Puts them into a run's configuration.
    pub(crate) fn record(&self, config: &mut DataConfig) {
        config.delimiter = self.delimiter;
        config.header = self.header;
        config.table = self.table;
        config.columns = self.columns();
    }

    fn columns(&self) -> BTreeMap<String, Role> {
        self.column.iter().cloned().collect()
    }
}

/// What a configuration says of how a table is read.
#[derive(Clone, Copy)]
pub(crate) struct Recorded<'a> {
    delimiter: Option<Delimiter>,
    header: Option<bool>,
    table: bool,
    columns: &'a BTreeMap<String, Role>,
}

impl<'a> From<&'a DataConfig> for Recorded<'a> {
    fn from(config: &'a DataConfig) -> Self {
        Self {
            delimiter: config.delimiter,
            header: config.header,
            table: config.table,
            columns: &config.columns,
        }
    }
}

impl<'a> From<&'a PartialData> for Recorded<'a> {
    fn from(file: &'a PartialData) -> Self {
        Self {
            delimiter: file.delimiter,
            header: file.header,
            table: file.table,
            columns: &file.columns,
        }
    }
}

/// `NAME=KIND`; a name may have = in it.
pub(crate) fn parse_column(text: &str) -> Result<(String, Role), String> {
    let Some((name, role)) = text.rsplit_once('=') else {
        return Err("give COLUMN=KIND, such as age=count".to_owned());
    };
    Ok((name.to_owned(), role.parse()?))
}

fn parse_header(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("say yes or no".to_owned()),
    }
}
