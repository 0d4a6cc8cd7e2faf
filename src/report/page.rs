//! The template.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Content, Drawing, Page, Picture, Section};

/// What the page looks like, on a telephone, on a desk, and in the dark.
const STYLE: &str = include_str!("style.css");
/// Browsers keep the page from asking for anything, whatever it may hold: pictures are within it, and scripts are none.
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

pub(super) fn document(page: &Page) -> String {
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                // A browser that finds no icon would ask the server for one.
                link rel="icon" href="data:,";
                title { (page.title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (page.title) }
                    @for line in &page.lines {
                        p { (line) }
                    }
                }
                main {
                    @for section in &page.sections {
                        (section_of(section))
                    }
                }
            }
        }
    };
    document.into_string()
}

fn section_of(section: &Section) -> Markup {
    html! {
        section {
            h2 { (section.heading) }
            @for content in &section.contents {
                (content_of(content))
            }
        }
    }
}

fn content_of(content: &Content) -> Markup {
    match content {
        Content::Text(text) => html! { p { (text) } },
        Content::Command { before, command } => html! { p { (before) " " code { (command) } } },
        Content::Table { head, rows } => table(head, rows),
        Content::Folded { summary, contents } => html! {
            details {
                summary { (summary) }
                @for content in contents {
                    (content_of(content))
                }
            }
        },
        Content::Pictures(pictures) => pictures_of(pictures, "pictures"),
        Content::Small(pictures) => pictures_of(pictures, "pictures small"),
        Content::Drawings(drawings) => html! {
            div.drawings {
                @for Drawing { caption, svg } in drawings {
                    div.drawing role="img" aria-label=(caption) { (PreEscaped(svg)) }
                }
            }
        },
    }
}

fn table(head: &[String], rows: &[Vec<String>]) -> Markup {
    html! {
        div.table {
            table {
                @if !head.is_empty() {
                    thead { tr { @for cell in head { th scope="col" { (cell) } } } }
                }
                tbody {
                    @for row in rows {
                        tr {
                            @for (index, cell) in row.iter().enumerate() {
                                @if index == 0 {
                                    th scope="row" { (cell) }
                                } @else {
                                    td { (cell) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn pictures_of(pictures: &[Picture], class: &str) -> Markup {
    html! {
        div class=(class) {
            @for picture in pictures {
                (picture_of(picture))
            }
        }
    }
}

fn picture_of(picture: &Picture) -> Markup {
    let [width, height] = picture.size;
    html! {
        figure {
            img src={ "data:image/png;base64," (STANDARD.encode(&picture.png)) } width=(width) height=(height)
                alt=(picture.caption);
            figcaption { (picture.caption) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_wherever_it_stands() {
        let text = "<b onload=\"x()\">&'</b>".to_owned();
        let picture = Picture {
            caption: text.clone(),
            png: vec![0xFF; 3],
            size: [7, 5],
        };
        let folded = vec![
            Content::Text(text.clone()),
            Content::Command {
                before: text.clone(),
                command: text.clone(),
            },
        ];
        let page = Page {
            title: text.clone(),
            lines: vec![text.clone()],
            sections: vec![Section {
                heading: text.clone(),
                contents: vec![
                    Content::Folded {
                        summary: text.clone(),
                        contents: folded,
                    },
                    Content::Table {
                        head: vec![text.clone()],
                        rows: vec![vec![text.clone(), text.clone()]],
                    },
                    Content::Pictures(vec![picture]),
                    Content::Drawings(vec![Drawing {
                        caption: text.clone(),
                        svg: "<svg></svg>".to_owned(),
                    }]),
                ],
            }],
        };
        let html = page.html();
        assert!(!html.contains("<b ") && !html.contains("</b>"), "{html}");
        // Title, h1, line, heading, summary, text, command twice, three cells, picture twice, drawing.
        assert_eq!(
            html.matches("&lt;b onload=&quot;x()&quot;&gt;&amp;")
                .count(),
            14
        );
        assert!(html.contains("src=\"data:image/png;base64,////\" width=\"7\" height=\"5\""));
        assert!(html.contains("<svg></svg>"));
    }
}
