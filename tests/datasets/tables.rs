//! Tables: how they are read, what their columns are taken for, and what is refused.

use std::sync::Arc;

use vae_wgpu::data::table::{
    self, Cell, Filler, Form, Kind, Origin, Role, Rows, Schema, TableOptions, Writer, schema_of,
};
use vae_wgpu::data::{Examples, Part};

use super::*;

/// A table of the kinds there are, with a header and holes, whose 40 rows a formula makes.
fn mixed() -> String {
    let mut text = "age;city;visits;since;weight;\"a; b\"\r\n".to_owned();
    for i in 0..40 {
        let city = ["Bern", "Basel", "Chur"][i % 3];
        let weight = if i % 8 == 0 {
            "NA".to_owned()
        } else {
            format!("{}.5", 50 + i)
        };
        let visits = (i * i) % 97;
        text += &format!(
            "{},{};{city};{visits};2024-01-{:02};{weight};{}\r\n",
            20 + i,
            i % 10,
            1 + i % 28,
            i % 2
        );
    }
    text
}

fn origin(name: &str, text: &str) -> Origin {
    Origin::memory(name, text.as_bytes().to_vec())
}

fn with(columns: &[(&str, Role)]) -> LoadOptions {
    let columns = columns
        .iter()
        .map(|(name, role)| ((*name).to_owned(), *role));
    LoadOptions {
        table: TableOptions {
            columns: columns.collect(),
            ..TableOptions::default()
        },
        ..LoadOptions::default()
    }
}

fn kinds(schema: &Schema) -> Vec<(&str, &str)> {
    let kind = |kind: &Kind, form: Form| match kind {
        Kind::Number { .. } if form.is_date() => "date",
        Kind::Number { .. } => "number",
        Kind::Count => "count",
        Kind::Category { .. } => "category",
    };
    let columns = schema.columns.iter();
    columns
        .map(|column| (column.name.as_str(), kind(&column.kind, column.seen.form)))
        .collect()
}

#[test]
fn columns_are_what_is_in_them_and_rows_come_back_as_they_were() {
    let options = LoadOptions::default();
    let data = table::load(&origin("mixed.csv", &mixed()), &options).unwrap();
    let schema = data.table.clone().unwrap();
    let expected = [
        ("age", "number"),
        ("city", "category"),
        ("visits", "count"),
        ("since", "date"),
        ("weight", "number"),
        ("a; b", "category"),
    ];
    assert_eq!(kinds(&schema), expected);
    assert!(schema.masked && data.held_out);
    let layout = schema.layout();
    assert_eq!(
        (layout.numbers, layout.counts, layout.width()),
        (3, 1, 4 + 5 + 6)
    );
    assert_eq!([data.train.images.count, data.test.images.count], [36, 4]);
    assert_eq!(data.train.images.dim(), layout.width());
    // Standardised by the rows to train on alone, where their cells are there.
    let values = data.train.images.pixels.as_floats().unwrap();
    for number in 0..layout.numbers {
        let there = |row: &&[f32]| row[layout.values() + number] == 1.0;
        let column = values
            .chunks(layout.width())
            .filter(there)
            .map(|row| f64::from(row[number]));
        let count = column.clone().count() as f64;
        let mean = column.clone().sum::<f64>() / count;
        let variance = column.map(|x| x * x).sum::<f64>() / count;
        assert!(
            mean.abs() < 1e-6 && (variance - 1.0).abs() < 1e-5,
            "{number}: {mean} {variance}"
        );
    }

    // What was read is written with the same cells, but that decimal commas are points.
    let mut rows = Rows::open(&origin("mixed.csv", &mixed()), &options.table, schema).unwrap();
    let mut filler = Filler::new(&rows, Vec::new()).unwrap();
    let mut writer = Writer::new(Arc::clone(rows.codec().schema()), b';', &[], Vec::new()).unwrap();
    while let Some(found) = rows.next_rows(7).unwrap() {
        let values = found.block.images.pixels.as_floats().unwrap();
        for (texts, row) in found.texts.iter().zip(values.chunks(layout.width())) {
            let cells = rows.codec().decode(row);
            let filled = cells
                .iter()
                .map(|cell| (*cell == Cell::Missing).then_some(Cell::Number(7.25)));
            filler.write(texts, &filled.collect::<Vec<_>>()).unwrap();
        }
        writer.write_rows(values, layout.width()).unwrap();
    }
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let expected = mixed()
        .replace("\r\n", "\n")
        .replace(',', ".")
        .replace(".0;", ";");
    let written = text(writer.finish().unwrap());
    assert_eq!(written, expected.replace(";NA;", ";;"));
    // One decimal is what the weights have.
    let filled = text(filler.finish().unwrap());
    assert_eq!(
        filled,
        mixed()
            .replace("\r\n", "\n")
            .replace(',', ".")
            .replace(";NA;", ";7.3;")
    );
}

#[test]
fn labels_and_names_are_no_part_of_a_row_and_any_order_of_columns_will_do() {
    let options = with(&[
        ("city", Role::Label),
        ("age", Role::Name),
        ("weight", Role::Ignore),
    ]);
    let data = table::load(&origin("mixed.csv", &mixed()), &options).unwrap();
    let schema = data.table.unwrap();
    assert_eq!(data.classes, ["Basel", "Bern", "Chur"]);
    assert_eq!(
        kinds(&schema).iter().map(|kind| kind.0).collect::<Vec<_>>(),
        ["visits", "since", "a; b"]
    );
    assert!(!schema.masked);
    let counts =
        |labels: &[u8]| [0, 1, 2].map(|class| labels.iter().filter(|&&l| l == class).count());
    assert_eq!(
        counts(data.test.labels.as_deref().unwrap())
            .iter()
            .sum::<usize>(),
        4
    );
    assert_eq!(
        counts(data.train.labels.as_deref().unwrap())
            .iter()
            .sum::<usize>(),
        36
    );

    let other =
        "more\ta; b\tsince\tcity\tvisits\n1\t1\t2024-01-05\tBern\t3\n1\t0\t2024-01-06\tChur\t4\n";
    let mut rows = Rows::open(
        &origin("other.tsv", other),
        &options.table,
        Arc::clone(&schema),
    )
    .unwrap();
    let block = rows.next_block(10).unwrap().unwrap();
    assert_eq!(block.labels, Some(vec![1, 2]));
    let cells = rows
        .codec()
        .decode(&block.images.pixels.as_floats().unwrap()[..4]);
    let january = 1_704_412_800.0;
    let Cell::Number(since) = cells[1] else {
        panic!("{cells:?}");
    };
    assert_eq!(Form::Date.round(since), january);
    assert_eq!([cells[0], cells[2]], [Cell::Number(3.0), Cell::Word(1)]);
    assert!(rows.notes()[0].contains("`more`"), "{:?}", rows.notes());

    // A run that knows of no missing cell refuses one, by row and column.
    let unknown = "a; b,since,city,visits\n1,2024-01-05,Bern,3\n2,2024-01-06,Chur,4\n";
    let mut rows = Rows::open(
        &origin("other.csv", unknown),
        &options.table,
        Arc::clone(&schema),
    )
    .unwrap();
    let error = rows.next_block(10).unwrap_err();
    assert_says(
        &error,
        &[
            "other.csv",
            "line 3 (row 2)",
            "`a; b`",
            "`2` is none of the words",
        ],
    );
    let lacking = Rows::open(
        &origin("l.csv", "a; b,visits\n1,2\n"),
        &options.table,
        schema,
    )
    .err()
    .unwrap();
    assert_says(&lacking, &["l.csv", "`since`", "`a; b`, `visits`"]);
}

#[test]
fn words_that_a_run_does_not_know_count_as_missing() {
    let (schema, _) = schema_of(&origin("mixed.csv", &mixed()), &TableOptions::default()).unwrap();
    let text = mixed().replace("Chur", "Sion");
    let options = TableOptions::default();
    let mut rows = Rows::open(&origin("mixed.csv", &text), &options, Arc::new(schema)).unwrap();
    let block = rows.next_block(100).unwrap().unwrap();
    assert_eq!(block.images.count, 40);
    assert!(
        rows.notes()[0].contains("13 cells of column `city`"),
        "{:?}",
        rows.notes()
    );
    assert!(rows.notes()[0].contains("`Sion`"), "{:?}", rows.notes());
}

/// The message that a table is refused with.
fn refused(name: &str, bytes: &[u8], options: &LoadOptions) -> DataError {
    let origin = Origin::memory(name, bytes.to_vec());
    table::load(&origin, options)
        .err()
        .unwrap_or_else(|| panic!("{name} was read"))
}

#[test]
fn what_is_wrong_is_named_by_line_and_column() {
    let plain = LoadOptions::default();
    let numbers: String = (0..30).map(|i| format!("{}.5,{i}\n", i * i)).collect();
    let words: String = (0..1500).map(|i| format!("w{i},{i}.5\n")).collect();
    for (name, text, parts) in [
        ("empty.csv", String::new(), &["no rows"][..]),
        (
            "header.csv",
            "a,b\n".to_owned(),
            &["no rows below its header"],
        ),
        (
            "ragged.csv",
            format!("a,b\n{numbers}1,2,3\n"),
            &["line 32 (row 31)", "3 cells", "2 columns"],
        ),
        (
            "inf.csv",
            format!("a,b\n{numbers}-inf,2\n"),
            &["line 32 (row 31)", "`a`", "-inf"],
        ),
        (
            "same.csv",
            format!("a,a\n{numbers}"),
            &["both called `a`", "1", "2"],
        ),
        (
            "words.csv",
            format!("a,b\n{words}"),
            &["`a`", "more than 1000", "`w0`", "leave it out"],
        ),
        ("utf16.csv", "\u{feff}a".to_owned(), &["no rows"]),
        ("one.csv", "a,b\n1,2\n".to_owned(), &["single"]),
    ] {
        assert_says(&refused(name, text.as_bytes(), &plain), parts);
    }
    assert_says(
        &refused("latin.csv", b"a,b\n1,2\n\xe9,3\n", &plain),
        &["line 3", "UTF-8"],
    );
    assert_says(&refused("wide.csv", b"\xff\xfea\0,\0", &plain), &["UTF-16"]);
    let stray = format!("a,b\n{numbers}unknown,2\n").repeat(1);
    for (role, parts) in [
        (Role::Number, ["`unknown`", "number"]),
        (Role::Count, ["`unknown`", "count"]),
        (Role::Date, ["`unknown`", "date"]),
    ] {
        assert_says(
            &refused("stray.csv", stray.as_bytes(), &with(&[("a", role)])),
            &parts,
        );
    }
    assert_says(
        &refused(
            "c.csv",
            mixed().as_bytes(),
            &with(&[("nobody", Role::Count)]),
        ),
        &["`nobody`", "`city`"],
    );
    let half = gzip(mixed().as_bytes());
    assert_says(
        &refused("half.csv.gz", &half[..half.len() / 2], &plain),
        &["cut short"],
    );
    // A row without an end, which is small as long as it is compressed.
    let bomb = gzip(&vec![b'x'; 20 << 20]);
    assert_says(
        &refused("bomb.csv.gz", &bomb, &plain),
        &["line 1", "goes on for more than"],
    );
    #[cfg(not(feature = "arrow"))]
    assert_says(
        &refused("rows.parquet", b"PAR1", &plain),
        &["Parquet", "feature arrow"],
    );
}

#[test]
fn columns_without_a_spread_are_noted_and_harmless() {
    let rows: String = (0..30).map(|i| format!("7.5,same,,{i}.25\n")).collect();
    let origin = origin("flat.csv", &rows);
    let data = table::load(&origin, &with(&[("1", Role::Number)])).unwrap();
    let schema = data.table.unwrap();
    assert_eq!(
        kinds(&schema),
        [("1", "number"), ("2", "category"), ("4", "number")]
    );
    assert_eq!(
        schema.columns[0].kind,
        Kind::Number {
            mean: 7.5,
            deviation: 1.0
        }
    );
    let notes = data.notes.join("\n");
    for part in [
        "`1` has the same value",
        "`2` has the same value",
        "`3` has no cell",
    ] {
        assert!(notes.contains(part), "{part}: {notes}");
    }
}

#[test]
fn matrices_are_rows_of_counts() {
    let text = "%%MatrixMarket matrix coordinate integer general\n% genes\n3 4 5\n1 1 5\n2 1 1\n3 4 7\n1 3 2\n1 3 1\n";
    let rows = table::read_mtx(&origin("cells.mtx", text), false).unwrap();
    let dense = [5., 0., 3., 0., 1., 0., 0., 0., 0., 0., 0., 7.];
    assert_eq!((rows.count, rows.width), (3, 4));
    assert_eq!(rows.pixels.as_floats().unwrap(), dense);
    let columns = table::read_mtx(&origin("cells.mtx", text), true).unwrap();
    assert_eq!((columns.count, columns.width), (4, 3));
    assert_eq!(
        columns.pixels.as_floats().unwrap()[..6],
        [5., 1., 0., 0., 0., 0.]
    );
    let array = "%%MatrixMarket matrix array real general\n2 2\n1\n2.5\n3\n4\n";
    let array = table::read_mtx(&origin("array.mtx", array), false).unwrap();
    assert_eq!(array.pixels.as_floats().unwrap(), [1., 3., 2.5, 4.]);
    for (text, parts) in [
        ("a,b\n1,2\n", &["line 1", "%%MatrixMarket"][..]),
        (&text.replace("3 4 5", "3 4 6"), &["ends after 5 of the 6"]),
        (&text.replace("3 4 5", "3 4 4"), &["line 8", "more entries"]),
        (&text.replace("3 4 7", "4 4 7"), &["line 6"]),
        (&text.replace("3 4 7", "3 4 inf"), &["line 6", "finite"]),
        (&text.replace("3 4 5", "300000 400000 5"), &["too many"]),
    ] {
        let error = table::read_mtx(&origin("wrong.mtx", text), false).unwrap_err();
        assert_says(&error, parts);
    }
}

#[test]
fn arrays_are_tables_of_numbers_with_holes() {
    let values = [1.0, 5.0, 3.0, f32::NAN, 5.0, 5.0, 100.0, 100.0];
    let schema = Arc::new(table::schema_of_array(&values, 2, |row| row < 3));
    assert_eq!(
        schema.columns[0].kind,
        Kind::Number {
            mean: 3.0,
            deviation: (8.0_f64 / 3.0).sqrt()
        }
    );
    assert_eq!(
        schema.columns[1].kind,
        Kind::Number {
            mean: 5.0,
            deviation: 1.0
        }
    );
    let rows = table::rows_of_array(&values, &schema).unwrap();
    assert_eq!(rows[4..8], [0.0, 0.0, 1.0, 0.0]);
}

#[test]
fn an_array_with_holes_is_standardised_by_its_rows_to_train_on() {
    let values: Vec<f32> = (0..40)
        .map(|i| if i % 8 == 5 { f32::NAN } else { (i * i) as f32 })
        .collect();
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (20, 2), }".to_owned();
    let header = format!("{header:<117}\n");
    let mut npy = b"\x93NUMPY\x01\0".to_vec();
    npy.extend((header.len() as u16).to_le_bytes());
    npy.extend(header.as_bytes());
    npy.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "rows.npy", &npy);
    let source = Source::Path(dir.path().join("rows.npy"));
    let mut options = LoadOptions::default();
    let error = load(&source, &options, &mut |_| {}).unwrap_err();
    assert_says(&error, &["row 2, column 1"]);
    options.table.array = true;
    let data = load(&source, &options, &mut |_| {}).unwrap();
    let schema = data.table.unwrap();
    assert_eq!((data.train.images.dim(), schema.masked), (4, true));
    let rows = data.train.images.pixels.as_floats().unwrap().chunks(4);
    let first: f32 = rows.clone().map(|row| row[0]).sum();
    assert!(first.abs() < 1e-4, "{first}");
    assert!(rows.clone().any(|row| row[1..] == [0.0, 1.0, 0.0]));
    // A run's schema makes the same rows of a stream.
    options.table.schema = Some(schema);
    let mut stream = vae_wgpu::data::examples(&source, &options, Part::All, &mut |_| {}).unwrap();
    let block = stream.next_block(100).unwrap().unwrap();
    let all = block.images.pixels.as_floats().unwrap();
    assert!(
        rows.clone()
            .all(|row| all.chunks(4).any(|other| other == row))
    );
}
