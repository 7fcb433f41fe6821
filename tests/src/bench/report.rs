//! What a scenario found: figures beside the peer's and the aim. Takes numbers, gives text or JSON; never judges
//! more than whether a figure is within its aim.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::table::lay_out;

/// What one scenario found.
#[derive(Debug, Clone)]
pub struct Report {
    scenario: &'static str,
    title: String,
    /// What stands in the column beside ours.
    peer: &'static str,
    rows: Vec<Row>,
    /// Requests by verb and resource, under what they were sent for.
    requests: Vec<(String, Vec<(String, u64)>)>,
    notes: Vec<String>,
}

/// The unit of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    Milliseconds,
    Microseconds,
    Mebibytes,
    Count,
}

/// One figure.
#[derive(Debug, Clone)]
pub(super) struct Row {
    figure: String,
    unit: Unit,
    ours: f64,
    peer: Option<f64>,
    aim: Option<Aim>,
}

/// How small a figure should be.
#[derive(Debug, Clone, Copy)]
enum Aim {
    AtMost(f64),
    /// The peer's figure divided by this.
    PartOfPeer(f64),
}

impl Report {
    pub(super) fn new(scenario: &'static str, title: impl Into<String>) -> Self {
        Self {
            scenario,
            title: title.into(),
            peer: "peer",
            rows: Vec::new(),
            requests: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Names what ours are compared with.
    pub(super) fn beside(&mut self, peer: &'static str) {
        self.peer = peer;
    }

    pub(super) fn row(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub(super) fn requests(&mut self, what: impl Into<String>, requests: Vec<(String, u64)>) {
        self.requests.push((what.into(), requests));
    }

    pub(super) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// A table for people.
    pub fn to_text(&self) -> String {
        let mut cells = vec![["", "windlass", self.peer, "ratio", "aim", ""].map(str::to_owned).to_vec()];
        cells.extend(self.rows.iter().map(Row::cells));
        let mut text = format!("{}: {}\n\n{}", self.scenario, self.title, lay_out(&cells));
        for (what, requests) in &self.requests {
            let list: Vec<_> = requests.iter().map(|(request, count)| format!("{count} {request}")).collect();
            let list = if list.is_empty() { "none".to_owned() } else { list.join(", ") };
            let _ = write!(text, "\n{what}: {list}");
        }
        for note in &self.notes {
            let _ = write!(text, "\n- {note}");
        }
        text.push('\n');
        text
    }

    /// The same for programs.
    pub fn to_json(&self) -> Value {
        let requests: serde_json::Map<_, _> = self
            .requests
            .iter()
            .map(|(what, requests)| {
                let counts: serde_json::Map<_, _> =
                    requests.iter().map(|(request, count)| (request.clone(), (*count).into())).collect();
                (what.clone(), Value::Object(counts))
            })
            .collect();
        json!({
            "scenario": self.scenario,
            "title": self.title,
            "peer": self.peer,
            "figures": self.rows.iter().map(Row::to_json).collect::<Vec<_>>(),
            "requests": requests,
            "notes": self.notes,
        })
    }
}

impl Row {
    pub(super) fn new(figure: impl Into<String>, unit: Unit, ours: f64) -> Self {
        Self { figure: figure.into(), unit, ours, peer: None, aim: None }
    }

    /// The peer's figure, where there is one to compare with.
    pub(super) fn peer(mut self, peer: Option<f64>) -> Self {
        self.peer = peer;
        self
    }

    /// An aim that does not depend on the peer.
    pub(super) fn at_most(mut self, most: f64) -> Self {
        self.aim = Some(Aim::AtMost(most));
        self
    }

    /// The aim is this part of the peer's figure.
    pub(super) fn part_of_peer(mut self, part: f64) -> Self {
        self.aim = Some(Aim::PartOfPeer(part));
        self
    }

    /// The aim as a figure.
    fn most(&self) -> Option<f64> {
        match self.aim? {
            Aim::AtMost(most) => Some(most),
            Aim::PartOfPeer(part) => Some(self.peer? / part),
        }
    }

    fn within(&self) -> Option<bool> {
        self.most().map(|most| self.ours <= most)
    }

    fn cells(&self) -> Vec<String> {
        let aim = match self.aim {
            None => String::new(),
            Some(Aim::AtMost(most)) => format!("≤ {}", self.unit.text(most)),
            Some(Aim::PartOfPeer(part)) => format!("≤ 1/{part}"),
        };
        let within = match self.within() {
            None => "",
            Some(true) => "yes",
            Some(false) => "no",
        };
        vec![
            self.figure.clone(),
            self.unit.text(self.ours),
            self.peer.map(|peer| self.unit.text(peer)).unwrap_or_default(),
            self.peer.map(|peer| ratio(self.ours, peer)).unwrap_or_default(),
            aim,
            within.to_owned(),
        ]
    }

    fn to_json(&self) -> Value {
        json!({
            "figure": self.figure,
            "unit": self.unit.symbol(),
            "windlass": self.ours,
            "peer": self.peer,
            "ratio": self.peer.filter(|peer| *peer > 0.0).map(|peer| self.ours / peer),
            "aim": self.most(),
            "within_aim": self.within(),
        })
    }
}

impl Unit {
    fn symbol(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Milliseconds => "ms",
            Self::Microseconds => "µs",
            Self::Mebibytes => "MiB",
            Self::Count => "",
        }
    }

    /// With as many digits as mean something.
    fn text(self, value: f64) -> String {
        let digits = match self {
            Self::Count if value.fract() == 0.0 => 0,
            Self::Seconds | Self::Count => 2,
            _ => 1,
        };
        let space = if self == Self::Count { "" } else { " " };
        format!("{value:.digits$}{space}{}", self.symbol())
    }
}

/// `1/8.0` where ours is the smaller one, `2.0×` where it is not.
fn ratio(ours: f64, peer: f64) -> String {
    if ours <= 0.0 {
        "0".to_owned()
    } else if ours < peer {
        format!("1/{:.1}", peer / ours)
    } else {
        format!("{:.1}×", ours / peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut report = Report::new("first-sync", "200 applications");
        report.row(Row::new("wall", Unit::Seconds, 8.3).peer(Some(66.4)).part_of_peer(8.0));
        report.row(Row::new("memory", Unit::Mebibytes, 96.25).at_most(80.0));
        report.row(Row::new("renders", Unit::Count, 200.0));
        report.requests("requests", vec![("APPLY configmaps".to_owned(), 200)]);
        report.note("a note");
        report
    }

    #[test]
    fn a_table_has_ours_beside_the_peers_and_the_aim() {
        let text = report().to_text();
        let expected = "first-sync: 200 applications

         windlass    peer  ratio         aim
wall       8.30 s  66.40 s  1/8.0       ≤ 1/8  yes
memory   96.2 MiB                  ≤ 80.0 MiB   no
renders       200

requests: 200 APPLY configmaps
- a note
";
        let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(squeeze(&text), squeeze(expected));
    }

    #[test]
    fn json_has_the_same_figures_as_numbers() {
        let json = report().to_json();
        assert_eq!(json["figures"][0]["aim"], 66.4 / 8.0);
        assert_eq!(json["figures"][0]["within_aim"], true);
        assert_eq!(json["figures"][2]["peer"], Value::Null);
        assert_eq!(json["requests"]["requests"]["APPLY configmaps"], 200);
    }

    #[test]
    fn a_part_of_a_peer_that_is_not_comparable_is_no_aim_to_judge_by() {
        let row = Row::new("wall", Unit::Seconds, 1.0).peer(None).part_of_peer(8.0);
        assert_eq!((row.within(), row.to_json()["aim"].clone()), (None, Value::Null));
    }

    #[test]
    fn a_ratio_reads_as_a_part_or_as_a_multiple() {
        assert_eq!(
            [ratio(1.0, 20.0), ratio(30.0, 20.0), ratio(0.0, 20.0)],
            ["1/20.0".to_owned(), "1.5×".to_owned(), "0".to_owned()]
        );
    }
}
