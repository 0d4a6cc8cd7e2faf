//! `vae report`: a page that needs nothing but itself.

use std::fs;
use std::process::Command;

use crate::family::labelled;
use crate::{Place, TRAIN};

/// Elements that have no end tag.
const VOID: [&str; 4] = ["meta", "link", "img", "br"];

impl Place {
    /// A run's page.
    fn report(&self, run: &str, flags: &str) -> String {
        let args = format!("report {run} --adapter reference -o page.html {flags}");
        let ran = self.vae(&args).succeeds();
        assert!(ran.out.contains("report in page.html"), "{ran}");
        let html = fs::read_to_string(self.path("page.html")).unwrap();
        assert_self_contained(&html);
        html
    }
}

/// Fails unless all elements end in the order in which they begin, nothing is asked of a network, and nothing runs.
fn assert_self_contained(html: &str) {
    assert!(html.starts_with("<!DOCTYPE html>"));
    let mut open = Vec::new();
    // Within a style, a mark of less is no tag; ours has none.
    for tag in html.split('<').skip(2) {
        let (tag, _) = tag.split_once('>').unwrap();
        let name: String = tag.chars().take_while(|c| !c.is_whitespace()).collect();
        if let Some(name) = name.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name.to_owned()));
        } else if !VOID.contains(&&*name) && !tag.ends_with('/') {
            open.push(name.clone());
        }
        assert_ne!(name, "script");
        assert!(
            name.chars().all(|c| c.is_ascii_alphanumeric() || c == '/'),
            "{tag}"
        );
        for attribute in ["src=\"", "href=\""] {
            for value in tag.split(attribute).skip(1) {
                assert!(value.starts_with("data:"), "{name} {attribute}");
            }
        }
        // Outside of quotation marks there are the names of attributes, of which none runs a script.
        let mut names = tag.split('"').step_by(2);
        assert!(names.all(|names| !names.contains(" on")), "{name}");
    }
    assert!(open.is_empty(), "{open:?}");
    for forbidden in ["@import", "url(", "javascript:", "//fonts"] {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
    assert!(html.contains("name=\"viewport\""));
}

fn headings(html: &str) -> Vec<&str> {
    let headings = html.split("<h2>").skip(1);
    headings
        .map(|text| text.split("</h2>").next().unwrap())
        .collect()
}

#[test]
fn a_page_has_everything_about_a_run() {
    let place = Place::new();
    place
        .vae(&format!("{TRAIN} --sample-every 1 --out runs/a"))
        .succeeds();
    place
        .vae("train --resume runs/a --epochs 3 --lr 1e-4")
        .succeeds();
    let html = place.report("runs/a", "");
    let expected = [
        "Training",
        "Curves",
        "Samples",
        "Reconstructions",
        "Traversals",
        "On the way",
        "Measures",
        "Settings",
    ];
    assert_eq!(headings(&html), expected);
    assert_eq!(html.matches("<img ").count(), 3 + 3);
    assert_eq!(html.matches("<svg ").count(), 3);
    // The last epoch's figures, the command that measures, and what was changed when.
    let last = place.metrics("runs/a").pop().unwrap();
    let loss = format!("{:.3}", last["test_loss"].as_f64().unwrap());
    assert!(html.contains(&format!("<td>{loss}</td>")), "{loss}");
    assert!(html.contains("<code>vae eval runs/a</code>"));
    assert!(html.contains("<th scope=\"row\">hidden</th><td>8</td>"));
    assert!(html.contains("after-step") && html.contains("<td>0.0001</td>"));
    // The same page again, with what was measured and what other commands have drawn.
    assert_eq!(place.report("runs/a", ""), html);
    let measured = r#"{"run": "runs/a", "checkpoint": "last", "epochs": 3, "data": "tiny", "split": "test", "images": 4,
        "samples": 100, "seed": 0, "adapter": "it", "variances": [1.0, 0.5], "more": {}, "measures": [
        {"name": "nll", "value": 12.34567, "error": 0.125, "unit": "nats"},
        {"name": "active_<units>", "value": 2}, {"name": "psnr", "value": null, "unit": "dB"}]}"#;
    fs::write(place.path("runs/a/eval.json"), measured).unwrap();
    fs::copy(
        place.path("runs/a/samples/prior.png"),
        place.path("runs/a/samples/manifold.png"),
    )
    .unwrap();
    fs::write(place.path("runs/a/samples/broken.png"), "no picture").unwrap();
    let html = place.report("runs/a", "");
    assert!(
        html.contains("<td>12.35</td><td>± 0.12</td><td>nats</td>"),
        "{html}"
    );
    assert!(html.contains("active_&lt;units&gt;") && html.contains("<td>NaN</td>"));
    assert!(!html.contains("vae eval"));
    assert!(
        headings(&html).contains(&"More pictures"),
        "{:?}",
        headings(&html)
    );
    assert_eq!(html.matches("<img ").count(), 3 + 3 + 1);
    // Where it goes by itself, and to a pipe.
    place.vae("report runs/a --adapter reference").succeeds();
    let own = fs::read_to_string(place.path("runs/a/report.html")).unwrap();
    assert_eq!(own, html);
    let piped = place
        .vae("report runs/a --adapter reference -o -")
        .succeeds();
    assert_eq!(piped.out, html);
}

#[test]
fn a_page_is_written_of_every_kind_of_run() {
    let place = labelled();
    let features = "--features runs/plain --likelihood gaussian";
    for (run, flags) in [
        ("plain", ""),
        ("labels", "--condition both --labelled 8"),
        ("flow", "--posterior planar --prior mixture --components 3"),
        ("latents", features),
    ] {
        place
            .vae(&format!("{TRAIN} {flags} --out runs/{run}"))
            .succeeds();
        let html = place.report(&format!("runs/{run}"), "");
        assert_eq!(html.matches("<img ").count(), 3, "{run}");
    }
    place
        .vae("fit-prior runs/plain --adapter reference --steps 10")
        .succeeds();
    let html = place.report("runs/plain", "");
    assert_eq!(html.matches("<img ").count(), 4);
    assert!(html.contains("that was fitted"));
}

#[test]
fn data_that_are_elsewhere_cost_the_reconstructions_alone() {
    let place = Place::with_run();
    fs::rename(place.path("tiny"), place.path("moved")).unwrap();
    let ran = place.vae("report runs/a --adapter reference").succeeds();
    assert!(
        ran.err
            .contains("warning: the page has no reconstructions: "),
        "{ran}"
    );
    let html = fs::read_to_string(place.path("runs/a/report.html")).unwrap();
    assert_self_contained(&html);
    assert_eq!(html.matches("<img ").count(), 1);
    assert!(
        html.contains("The test images could not be loaded: "),
        "{html}"
    );
    assert_eq!(
        place
            .report("runs/a", "--data moved")
            .matches("<img ")
            .count(),
        3
    );
}

#[test]
fn what_cannot_be_is_said_in_one_message() {
    let place = Place::with_run();
    fs::write(place.path("file"), "kept").unwrap();
    for (args, code, parts) in [
        ("report nosuch", 1, &["nosuch"][..]),
        ("report file", 1, &["file"]),
        (
            "report runs/a --checkpoint 7",
            1,
            &["epoch-0007", "--checkpoint last"],
        ),
        (
            "report runs/a -o nosuch/page.html",
            1,
            &["cannot write", "nosuch/page.html"],
        ),
        (
            "report runs/a -o file/page.html",
            1,
            &["cannot write", "file/page.html"],
        ),
        ("report runs/a -o runs", 2, &["-o runs is a folder"]),
        ("report runs/a -o runs/a/config.toml", 2, &["lives by"]),
        (
            "report runs/a -o runs/a/checkpoints/a.html",
            2,
            &["lives by"],
        ),
    ] {
        place
            .vae(&format!("{args} --adapter reference"))
            .fails(code, parts);
    }
    assert_eq!(fs::read(place.path("file")).unwrap(), b"kept");
    // A file of metrics that ends within a line has the epochs before it.
    let metrics = place.path("runs/a/metrics.jsonl");
    let whole = fs::read_to_string(&metrics).unwrap();
    let first = whole.find('\n').unwrap();
    fs::write(&metrics, &whole[..first + 40]).unwrap();
    let html = place.report("runs/a", "");
    assert!(html.contains("<p>1 epoch in "), "{html}");
    // One that is cut within a line before its end is no file of metrics.
    fs::write(&metrics, format!("{}\n{whole}", &whole[..40])).unwrap();
    place
        .vae("report runs/a --adapter reference")
        .fails(1, &["metrics.jsonl", "line 1"]);
    fs::write(&metrics, "").unwrap();
    assert!(
        place
            .report("runs/a", "")
            .contains("No epoch is complete yet")
    );
    fs::write(&metrics, &whole).unwrap();
    for spoiled in ["{\"measures\": 3}", "{\"measures\": [", "[1"] {
        fs::write(place.path("runs/a/eval.json"), spoiled).unwrap();
        place
            .vae("report runs/a --adapter reference")
            .fails(1, &["eval.json"]);
    }
    fs::remove_file(place.path("runs/a/eval.json")).unwrap();
    fs::remove_dir_all(place.path("runs/a/checkpoints")).unwrap();
    place
        .vae("report runs/a --adapter reference")
        .fails(1, &["last.safetensors", "start again"]);
}

/// A real browser opens the page at the widths of a telephone and of a desk: nothing is wider than the window, nothing is
/// said on the console, nothing is asked of a network. `VAE_BROWSER` names another than `chromium`.
#[test]
fn a_browser_shows_the_page_at_both_widths() {
    let place = Place::new();
    place
        .vae(&format!("{TRAIN} --sample-every 1 --out runs/a"))
        .succeeds();
    let html = place.report("runs/a", "");
    let quoted = html.replace('&', "&amp;").replace('"', "&quot;");
    let frames = [390, 1280].map(|width| {
        format!(
            "<iframe width={width} height=2000 style=\"border:0\" srcdoc=\"{quoted}\"></iframe>"
        )
    });
    // A window is no narrower than 500 pixels; a frame within it is.
    let frame = format!(
        "<!DOCTYPE html><body>{}<pre id=out></pre><script>onload = () => {{ out.textContent = \
         [...document.querySelectorAll('iframe')].map(f => {{ const d = f.contentDocument, e = d.documentElement; \
         return 'in ' + f.clientWidth + ' too wide ' + (e.scrollWidth - e.clientWidth) + ', broken ' + \
         [...d.images].filter(i => !i.naturalWidth).length + ' of ' + d.images.length; }}).join('; '); }}\
         </script></body>",
        frames.concat()
    );
    fs::write(place.path("frame.html"), frame).unwrap();
    let browser = std::env::var_os("VAE_BROWSER").unwrap_or_else(|| "chromium".into());
    let mut command = Command::new(browser);
    let profile = place.path("profile");
    let log = place.path("net.json");
    command
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ])
        .args([
            "--enable-logging=stderr",
            "--v=0",
            "--virtual-time-budget=3000",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("--log-net-log={}", log.display()))
        .arg(format!("file://{}", place.path("frame.html").display()));
    let Ok(said) = command.output() else {
        return eprintln!("skipped: there is no chromium");
    };
    let [out, err] =
        [&said.stdout, &said.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(said.status.success(), "{err}");
    assert!(!err.contains("CONSOLE"), "{err}");
    let expected = "in 390 too wide 0, broken 0 of 5; in 1280 too wide 0, broken 0 of 5<";
    let found = out.split("<pre id=\"out\">").nth(1).unwrap();
    assert!(
        found.starts_with(expected),
        "{}",
        &found[..200.min(found.len())]
    );
    // Of what is asked for, nothing is of the page: the browser's own requests name its maker's servers.
    let log = fs::read_to_string(log).unwrap_or_default();
    let urls = log.split("\"url\":\"http").skip(1);
    let urls: Vec<_> = urls.map(|url| url.split('"').next().unwrap()).collect();
    let foreign = urls
        .iter()
        .filter(|url| !url.contains("google") && !url.contains("gvt1"));
    assert_eq!(foreign.count(), 0, "{urls:?}");
}
