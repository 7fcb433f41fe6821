//! Lays text out in columns. Takes rows of cells, gives lines without trailing spaces.

/// The first column is set to the left, every other one to the right.
pub(super) fn lay_out(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let padding = " ".repeat(width - cell.chars().count());
            let parts = if column == 0 { [cell.as_str(), &padding] } else { [&padding, cell.as_str()] };
            line.push_str(if column == 0 { "" } else { "  " });
            line.extend(parts);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn names_stand_left_and_figures_right() {
        let rows = [row(&["", "ours", "peer"]), row(&["wall", "8.3 s", "66.4 s"]), row(&["µ", "12", ""])];
        assert_eq!(lay_out(&rows), "       ours    peer\nwall  8.3 s  66.4 s\nµ        12\n");
    }

    #[test]
    fn nothing_gives_nothing() {
        assert_eq!(lay_out(&[]), "");
    }
}
