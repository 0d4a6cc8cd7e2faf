//! Downloads, from a server on this machine that misbehaves as told.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use vae_wgpu::data::{Mirror, Progress};

use super::*;

/// How the server treats requests.
#[derive(Clone, Copy, Default)]
struct Manners {
    /// Answers every request with the whole file.
    ignores_range: bool,
    /// Closes the connection after this many bytes of the body, this many times.
    cuts: Option<(usize, usize)>,
    /// Answers the first requests with this status instead.
    status: Option<(u16, usize)>,
    /// Leaves out how long the body is.
    no_length: bool,
}

/// What was asked for: file and `Range`.
type Log = Mutex<Vec<(String, Option<String>)>>;

struct Server {
    url: String,
    requests: Arc<Log>,
}

impl Server {
    fn start(files: HashMap<String, Vec<u8>>, mut manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/set", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&requests);
        // Ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(stream, &files, &mut manners, &log);
            }
        });
        Self { url, requests }
    }

    fn requests(&self) -> Vec<(String, Option<String>)> {
        self.requests.lock().unwrap().clone()
    }
}

fn answer(
    mut stream: TcpStream,
    files: &HashMap<String, Vec<u8>>,
    manners: &mut Manners,
    log: &Log,
) {
    let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
    let Some(first) = lines.next() else { return };
    let file = first
        .split(' ')
        .nth(1)
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned();
    let range = lines
        .take_while(|line| !line.is_empty())
        .find_map(|line| Some(line.to_lowercase().strip_prefix("range: ")?.to_owned()));
    log.lock().unwrap().push((file.clone(), range.clone()));

    let plain = |status: u16| {
        format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    };
    if let Some((status, times @ 1..)) = manners.status {
        manners.status = Some((status, times - 1));
        stream.write_all(plain(status).as_bytes()).unwrap();
        return;
    }
    let Some(contents) = files.get(&file) else {
        stream.write_all(plain(404).as_bytes()).unwrap();
        return;
    };
    let start = range.filter(|_| !manners.ignores_range).map(|range| {
        range
            .strip_prefix("bytes=")
            .unwrap()
            .strip_suffix('-')
            .unwrap()
            .parse::<usize>()
            .unwrap()
    });
    let total = contents.len();
    let mut head = match start {
        Some(start) if start >= total => {
            stream.write_all(plain(416).as_bytes()).unwrap();
            return;
        }
        Some(start) => format!(
            "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes {start}-{}/{total}\r\n",
            total - 1
        ),
        None => "HTTP/1.1 200 OK\r\n".to_owned(),
    };
    let body = &contents[start.unwrap_or(0)..];
    if !manners.no_length {
        head += &format!("content-length: {}\r\n", body.len());
    }
    stream
        .write_all(format!("{head}connection: close\r\n\r\n").as_bytes())
        .unwrap();
    let sent = match manners.cuts {
        Some((bytes, times @ 1..)) if bytes < body.len() => {
            manners.cuts = Some((bytes, times - 1));
            &body[..bytes]
        }
        _ => body,
    };
    // The client may have hung up.
    let _ = stream.write_all(sent);
}

/// The four files of a small set, compressed.
fn files() -> HashMap<String, Vec<u8>> {
    let named = |name: &str, bytes: &[u8]| (format!("{name}.gz"), gzip(bytes));
    HashMap::from([
        named(TRAIN_IMAGES, &image_bytes(&images(90, 8, 9, 3))),
        named(TRAIN_LABELS, &label_bytes(&[4; 90])),
        named(TEST_IMAGES, &image_bytes(&images(20, 8, 9, 5))),
        named(TEST_LABELS, &label_bytes(&[6; 20])),
    ])
}

fn fetch(source: &Source, dir: &Path, url: &str) -> Result<Dataset, DataError> {
    let options = LoadOptions {
        data_dir: dir.to_owned(),
        download: true,
        mirror: Some(url.parse().unwrap()),
        ..LoadOptions::default()
    };
    load(source, &options, &mut |_| {})
}

fn assert_complete(set: &Dataset) {
    assert_eq!(set.train.images, images(90, 8, 9, 3));
    assert_eq!(set.test.images, images(20, 8, 9, 5));
    assert_eq!(set.train.labels.as_deref(), Some(&[4; 90][..]));
    assert_eq!(set.test.labels.as_deref(), Some(&[6; 20][..]));
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .map(|entries| {
            entries
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect()
        })
        .unwrap_or_default();
    names.sort();
    names
}

const ALL: [&str; 4] = [
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
];

#[test]
fn a_set_is_fetched_once_and_progress_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(files(), Manners::default());
    let options = LoadOptions {
        data_dir: dir.path().join("deep/down"),
        download: true,
        mirror: Some(format!("{}/", server.url).parse().unwrap()),
        ..LoadOptions::default()
    };
    let mut heard: Vec<(String, u64, Option<u64>)> = Vec::new();
    let mut listen = |p: Progress<'_>| heard.push((p.file.to_owned(), p.done, p.total));
    assert_complete(&load(&Source::Kmnist, &options, &mut listen).unwrap());
    assert_eq!(names(&options.data_dir.join("kmnist")), ALL);
    assert_eq!(server.requests().len(), 4);
    for (file, contents) in files() {
        let len = contents.len() as u64;
        let of_file: Vec<_> = heard.iter().filter(|h| h.0 == file).collect();
        assert_eq!(of_file[0].1, 0, "{file}");
        assert_eq!(
            (of_file.last().unwrap().1, of_file.last().unwrap().2),
            (len, Some(len)),
            "{file}"
        );
        assert!(of_file.is_sorted_by_key(|h| h.1));
    }

    assert_complete(&load(&Source::Kmnist, &options, &mut |_| panic!("again")).unwrap());
    assert_eq!(server.requests().len(), 4, "fetched what was there");

    // Only the file that is gone is fetched again.
    fs::remove_file(options.data_dir.join("kmnist").join(ALL[1])).unwrap();
    assert_complete(&load(&Source::Kmnist, &options, &mut |_| {}).unwrap());
    assert_eq!(server.requests()[4..], [(ALL[1].to_owned(), None)]);
}

#[test]
fn a_broken_connection_is_continued_where_it_broke() {
    let dir = tempfile::tempdir().unwrap();
    let cuts = Some((40, 3));
    let server = Server::start(
        files(),
        Manners {
            cuts,
            ..Manners::default()
        },
    );
    assert_complete(&fetch(&Source::FashionMnist, dir.path(), &server.url).unwrap());
    let ranges: Vec<_> = server
        .requests()
        .into_iter()
        .filter_map(|(_, range)| range)
        .collect();
    assert_eq!(ranges.len(), 3, "{ranges:?}");
    assert_eq!(ranges[0], "bytes=40-");
}

#[test]
fn a_later_run_continues_an_earlier_one() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("kmnist");
    fs::create_dir(&folder).unwrap();
    let file = ALL[2];
    put(&folder, &format!("{file}.part"), &files()[file][..50]);
    let server = Server::start(files(), Manners::default());
    let mut first = None;
    let options = LoadOptions {
        data_dir: dir.path().to_owned(),
        download: true,
        mirror: Some(server.url.parse().unwrap()),
        ..LoadOptions::default()
    };
    let mut listen = |p: Progress<'_>| {
        first.get_or_insert((p.done, p.total));
    };
    assert_complete(&load(&Source::Kmnist, &options, &mut listen).unwrap());
    assert_eq!(first, Some((50, Some(files()[file].len() as u64))));
    assert_eq!(
        server.requests()[0],
        (file.to_owned(), Some("bytes=50-".to_owned()))
    );
    assert_eq!(names(&folder), ALL);
}

#[test]
fn servers_that_cannot_continue_start_again() {
    for (manners, left_over) in [
        // The whole file is sent although a part was asked for.
        (
            Manners {
                ignores_range: true,
                ..Manners::default()
            },
            50,
        ),
        // 416: what is here is longer than the file.
        (Manners::default(), 100_000),
        (
            Manners {
                no_length: true,
                ..Manners::default()
            },
            0,
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("kmnist");
        fs::create_dir(&folder).unwrap();
        put(&folder, &format!("{}.part", ALL[2]), &vec![b'x'; left_over]);
        let server = Server::start(files(), manners);
        assert_complete(&fetch(&Source::Kmnist, dir.path(), &server.url).unwrap());
        assert_eq!(names(&folder), ALL);
    }
}

#[test]
fn a_passing_trouble_of_the_server_is_waited_out_and_a_lasting_one_reported() {
    let dir = tempfile::tempdir().unwrap();
    let status = Some((503, 2));
    let server = Server::start(
        files(),
        Manners {
            status,
            ..Manners::default()
        },
    );
    assert_complete(&fetch(&Source::Kmnist, dir.path(), &server.url).unwrap());

    let dir = tempfile::tempdir().unwrap();
    let status = Some((503, 1_000));
    let server = Server::start(
        files(),
        Manners {
            status,
            ..Manners::default()
        },
    );
    let error = fetch(&Source::Kmnist, dir.path(), &server.url).unwrap_err();
    assert_says(&error, &[&server.url, ALL[2], "503", "try again later"]);
    assert_eq!(server.requests().len(), 4);
}

#[test]
fn a_file_that_the_server_does_not_have_is_asked_for_once() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(HashMap::new(), Manners::default());
    let error = fetch(&Source::Mnist, dir.path(), &server.url).unwrap_err();
    let url = format!("{}/{}", server.url, ALL[2]);
    assert_says(&error, &[&url, "404 Not Found", "mirror"]);
    assert_eq!(server.requests().len(), 1);
    assert_eq!(names(&dir.path().join("mnist")), [""; 0]);
}

#[test]
fn other_contents_under_a_known_name_are_refused_and_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(files(), Manners::default());
    let error = fetch(&Source::Mnist, dir.path(), &server.url).unwrap_err();
    let known = "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db";
    assert_says(
        &error,
        &[&server.url, TRAIN_IMAGES, "SHA-256", known, "deleted"],
    );
    assert_eq!(names(&dir.path().join("mnist")), [""; 0]);
}

#[test]
fn what_is_no_idx_file_is_refused_and_deleted() {
    let cut = files()[ALL[2]][..60].to_vec();
    for (contents, says) in [
        (b"<html>log in</html>".to_vec(), "another kind"),
        (cut, "cut short"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let mut files = files();
        files.insert(ALL[2].to_owned(), contents);
        let server = Server::start(files, Manners::default());
        let error = fetch(&Source::Kmnist, dir.path(), &server.url).unwrap_err();
        assert_says(
            &error,
            &[&server.url, "not the wanted file", "deleted", says],
        );
        assert_eq!(names(&dir.path().join("kmnist")), [""; 0]);
    }
}

#[test]
fn no_server_ends_in_one_clear_message_and_keeps_what_is_there() {
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("kmnist");
    fs::create_dir(&folder).unwrap();
    let part = format!("{}.part", ALL[2]);
    put(&folder, &part, b"begun");
    let url = format!("http://127.0.0.1:{port}");
    let error = fetch(&Source::Kmnist, dir.path(), &url).unwrap_err();
    assert!(
        matches!(error, DataError::Network { attempts: 4, .. }),
        "{error:?}"
    );
    assert_says(&error, &[&url, "check the network"]);
    assert_eq!(fs::read(folder.join(part)).unwrap(), b"begun");
}

#[test]
fn a_mirror_is_a_url_of_a_web_server() {
    for url in [
        "http://127.0.0.1:8000",
        "https://example.org/a/b/",
        "HTTP://example.org",
    ] {
        assert!(url.parse::<Mirror>().is_ok(), "{url}");
    }
    for text in [
        "foo",
        "",
        "not a url",
        "example.org/mnist",
        "ftp://example.org",
        "http://",
        "/data",
    ] {
        let error = text.parse::<Mirror>().unwrap_err();
        assert_says(&error, &[&format!("`{text}`"), "http://", "https://"]);
    }
}

#[test]
fn two_processes_do_not_write_one_file() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("kmnist");
    fs::create_dir(&folder).unwrap();
    let other = fs::File::create(folder.join(format!("{}.part", ALL[2]))).unwrap();
    other.lock().unwrap();
    let server = Server::start(files(), Manners::default());
    let error = fetch(&Source::Kmnist, dir.path(), &server.url).unwrap_err();
    assert_says(&error, &["another process", ALL[2]]);
    drop(other);
    assert_complete(&fetch(&Source::Kmnist, dir.path(), &server.url).unwrap());
}
