//! What the columns of attributes are called.

use crate::lake::FIXED_COLUMNS;

/// The longest name of a column, in characters.
const LONGEST: usize = 100;

/// A column name for each attribute: its own, but that nothing but letters, digits, `_`, `-`, `.` and spaces is kept
/// (others become `_`), and that a name which a column before it has, or one of the fixed columns, gets `_2`, `_3` and
/// so on. Names that differ in case alone count as equal, as SQL reads them.
///
/// # Example
/// ```
/// use octaflow::ingest::column_names;
/// let names = ["intensity", "Intensity", "cost", "a\"b"].map(String::from);
/// assert_eq!(column_names(&names), ["intensity", "Intensity_2", "cost_2", "a_b"]);
/// ```
pub fn column_names(attributes: &[String]) -> Vec<String> {
    // The folders `lod=…` are a column of their own to those who read all levels at once.
    let fixed = FIXED_COLUMNS.into_iter().chain(["lod"]);
    let mut taken: Vec<String> = fixed.map(str::to_owned).collect();
    let mut names = Vec::with_capacity(attributes.len());
    for attribute in attributes {
        let plain = |c: char| c.is_alphanumeric() || "_-. ".contains(c);
        let own: String = (attribute.chars().take(LONGEST))
            .map(|c| if plain(c) { c } else { '_' })
            .collect();
        let own = if own.trim().is_empty() {
            "_".to_owned()
        } else {
            own
        };
        let mut name = own.clone();
        let mut count = 1;
        while taken.contains(&name.to_lowercase()) {
            count += 1;
            name = format!("{own}_{count}");
        }
        taken.push(name.to_lowercase());
        names.push(name);
    }
    names
}
