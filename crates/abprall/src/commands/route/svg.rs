//! The map as a picture: one file without anything from outside, light and dark, readable aloud.

use std::fmt::{self, Write};

use super::labels::Labels;
use super::map::{Host, Map, Mark, Place};
use crate::terminal::{cut, plain};

const WIDTH: usize = 900;
const HEAD: usize = 84;
const ROW: usize = 44;
const FOOT: usize = 40;
const GAP: usize = 12;

/// Left edge and width of the three columns: domain, servers, addresses.
const DOMAIN: (usize, usize) = (20, 190);
const HOSTS: (usize, usize) = (270, 240);
const PLACES: (usize, usize) = (570, 310);

const STYLE: &str = "\
text{font-family:system-ui,'Segoe UI','DejaVu Sans',sans-serif;font-size:13px;fill:#1c2330}\
.paper{fill:#fff}.box{fill:#f4f6f9;stroke:#b9c2cf}.head{font-size:18px;font-weight:600}\
.name{font-weight:600}.small{font-size:11.5px;fill:#566172}.mono{font-family:ui-monospace,'DejaVu Sans Mono',monospace}\
.line{fill:none;stroke-width:1.5}.works{stroke:#1a7f45}.fails{stroke:#c0342b;stroke-dasharray:5 4}\
.unknown{stroke:#8a6d00;stroke-dasharray:1 4}.t-works{fill:#1a7f45}.t-fails{fill:#b02a22}.t-unknown{fill:#7a6000}\
@media (prefers-color-scheme:dark){text{fill:#e6eaf0}.paper{fill:#14181f}.box{fill:#1f2631;stroke:#465164}\
.small{fill:#a3aec0}.works{stroke:#4cc784}.fails{stroke:#ff7b70}.unknown{stroke:#e0be4a}\
.t-works{fill:#4cc784}.t-fails{fill:#ff8f86}.t-unknown{fill:#e0be4a}}";

/// What stands above the map.
pub(super) struct Caption<'a> {
    pub(super) title: &'a str,
    pub(super) below: &'a str,
}

pub(super) fn draw(map: &Map, caption: &Caption<'_>, labels: &Labels, language: &str) -> String {
    let mut picture = String::new();
    // Writing into a string cannot fail.
    let _never = write_picture(&mut picture, map, caption, labels, language);
    picture
}

fn write_picture(
    out: &mut String,
    map: &Map,
    caption: &Caption<'_>,
    labels: &Labels,
    language: &str,
) -> fmt::Result {
    let body: usize = map.hosts.iter().map(|host| height(host) + GAP).sum::<usize>().max(ROW + GAP);
    let more = if map.more.is_some() { FOOT / 2 } else { 0 };
    let height_all = HEAD + body + more + FOOT;
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height_all}\" width=\"{WIDTH}\" \
         height=\"{height_all}\" role=\"img\" aria-labelledby=\"title desc\" xml:lang=\"{language}\">"
    )?;
    writeln!(out, "<title id=\"title\">{}</title>", xml(caption.title))?;
    writeln!(out, "<desc id=\"desc\">{}</desc>", xml(&aloud(map, caption)))?;
    writeln!(out, "<style>{STYLE}</style>")?;
    writeln!(out, "<rect class=\"paper\" width=\"{WIDTH}\" height=\"{height_all}\"/>")?;
    text(out, DOMAIN.0, 34, "head", &cut(caption.title, 88))?;
    text(out, DOMAIN.0, 56, "small", &cut(caption.below, 130))?;

    let middle = HEAD + body / 2 - GAP / 2;
    boxed(out, DOMAIN, middle - 18, 36)?;
    text(out, DOMAIN.0 + 12, middle + 5, "name", &cut(&map.domain, 23))?;
    let from = (DOMAIN.0 + DOMAIN.1, middle);
    if map.hosts.is_empty() {
        let (mark, words) = map.without_hosts;
        line(out, from, (HOSTS.0, middle), mark)?;
        marked(out, HOSTS.0 + 8, middle + 5, mark, words)?;
    }
    let mut top = HEAD;
    for host in &map.hosts {
        draw_host(out, host, from, top)?;
        top += height(host) + GAP;
    }
    if let Some(more) = &map.more {
        text(out, HOSTS.0, top + 12, "small", more)?;
    }
    text(out, DOMAIN.0, height_all - 16, "small", labels.legend)?;
    writeln!(out, "</svg>")
}

fn rows(host: &Host) -> usize {
    (host.places.len() + usize::from(host.more.is_some())).max(1)
}

fn height(host: &Host) -> usize {
    rows(host) * ROW
}

fn draw_host(out: &mut String, host: &Host, from: (usize, usize), top: usize) -> fmt::Result {
    let middle = top + height(host) / 2;
    line(out, from, (HOSTS.0, middle), host.mark)?;
    boxed(out, HOSTS, middle - 20, 40)?;
    let preference = if host.preference.is_empty() { "–" } else { &host.preference };
    let label = format!("MX {preference}");
    let name = cut(&host.name, 26);
    if host.note.is_empty() || host.places.is_empty() {
        text(out, HOSTS.0 + 12, middle - 4, "small", &label)?;
    } else {
        text(out, HOSTS.0 + 12, middle - 4, "small", &cut(&format!("{label}, {}", host.note), 40))?;
    }
    text(out, HOSTS.0 + 12, middle + 12, "name", &name)?;
    let start = (HOSTS.0 + HOSTS.1, middle);
    if host.places.is_empty() && host.more.is_none() {
        line(out, start, (PLACES.0, middle), host.mark)?;
        return marked(out, PLACES.0 + 8, middle + 5, host.mark, &cut(host.note, 40));
    }
    for (row, place) in host.places.iter().enumerate() {
        draw_place(out, place, start, top + row * ROW + ROW / 2)?;
    }
    match &host.more {
        Some(more) => text(out, PLACES.0 + 8, top + host.places.len() * ROW + ROW / 2 + 5, "small", more),
        None => Ok(()),
    }
}

fn draw_place(out: &mut String, place: &Place, start: (usize, usize), middle: usize) -> fmt::Result {
    line(out, start, (PLACES.0, middle), place.mark)?;
    let class = class(place.mark);
    writeln!(
        out,
        "<text x=\"{}\" y=\"{}\"><tspan class=\"t-{class} name\">{}</tspan> <tspan class=\"mono\">{}</tspan></text>",
        PLACES.0 + 8,
        middle - 4,
        place.mark.symbol(),
        xml(&place.ip),
    )?;
    writeln!(
        out,
        "<text x=\"{}\" y=\"{}\"><tspan class=\"t-{class}\">{}</tspan><tspan class=\"small\">{}</tspan></text>",
        PLACES.0 + 24,
        middle + 12,
        xml(place.word),
        xml(&particulars(place)),
    )
}

/// Behind the word, in what room is left.
fn particulars(place: &Place) -> String {
    if place.particulars.is_empty() {
        return String::new();
    }
    let room = 46_usize.saturating_sub(place.word.chars().count() + 2);
    format!(", {}", cut(&place.particulars, room))
}

fn boxed(out: &mut String, (x, width): (usize, usize), y: usize, height: usize) -> fmt::Result {
    writeln!(out, "<rect class=\"box\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"7\"/>")
}

fn text(out: &mut String, x: usize, y: usize, class: &str, words: &str) -> fmt::Result {
    writeln!(out, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{}</text>", xml(words))
}

fn marked(out: &mut String, x: usize, y: usize, mark: Mark, words: &str) -> fmt::Result {
    text(out, x, y, &format!("t-{}", class(mark)), &format!("{} {words}", mark.symbol()))
}

/// A curve from one column to the next.
fn line(out: &mut String, (x, y): (usize, usize), (to_x, to_y): (usize, usize), mark: Mark) -> fmt::Result {
    let bend = usize::midpoint(x, to_x);
    writeln!(
        out,
        "<path class=\"line {}\" d=\"M{x} {y}C{bend} {y} {bend} {to_y} {to_x} {to_y}\"/>",
        class(mark)
    )
}

fn class(mark: Mark) -> &'static str {
    match mark {
        Mark::Works => "works",
        Mark::Fails => "fails",
        Mark::Unknown => "unknown",
    }
}

/// The picture in words, for those who hear it.
fn aloud(map: &Map, caption: &Caption<'_>) -> String {
    let mut words = format!("{}. {}", caption.title, caption.below);
    if map.hosts.is_empty() {
        words = format!("{words} {}.", map.without_hosts.1);
    }
    for host in &map.hosts {
        words = format!("{words} MX {} {}: {}", host.preference, host.name, host.note);
        for place in &host.places {
            words = format!("{words} {} {}, {};", place.ip, place.word, place.particulars);
        }
    }
    if let Some(more) = &map.more {
        words = format!("{words} {more}.");
    }
    words
}

/// Text that is nothing but text, in XML 1.0: without control characters and what is no character.
fn xml(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '&' => result.push_str("&amp;"),
            '<' => result.push_str("&lt;"),
            '>' => result.push_str("&gt;"),
            '"' => result.push_str("&quot;"),
            '\'' => result.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => result.push('\u{fffd}'),
            _ => result.push(c),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_server_stays_text() {
        assert_eq!(
            xml("</text><a b='\"'>&\u{1b}\u{ffff}"),
            "&lt;/text&gt;&lt;a b=&#39;&quot;&#39;&gt;&amp; \u{fffd}"
        );
    }
}
