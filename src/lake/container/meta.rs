//! What a container says about itself: the metadata of its schema, and its columns.

use super::{CHECKSUM, FieldType, ID, MAX_FIELDS};
use crate::brick::BRICK_CELLS;
use crate::lattice::{Frame, Header, TICKS_PER_CELL_SIZE};
use arrow::datatypes::{DataType, Field, Schema};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The version of the layout that this program reads and writes.
const VERSION: &str = "1";

/// The version of the lattice: identifiers, neighbours, order.
const LATTICE_VERSION: &str = "1";

const SETTING: &str = "octaflow.setting.";

/// What a container says about its bricks.
#[derive(Clone, Debug, PartialEq)]
pub struct ContainerMeta {
    /// Where the cells lie in the world.
    pub frame: Frame,
    /// The name of the partition plan by which the bricks were chosen.
    pub plan: String,
    /// The time as of which the values hold.
    pub epoch: i64,
    /// Further settings, a key once each; they are read back sorted by key.
    pub settings: Vec<(String, String)>,
}

impl ContainerMeta {
    /// The schema of a container with these fields, or what is wrong with the fields or the settings.
    pub(super) fn schema(&self, fields: &[(String, FieldType)]) -> Result<Schema, String> {
        check_fields(fields)?;
        let value = |name: &str, arrow| Field::new(name, arrow, false);
        let lists = fields.iter().map(|(name, field)| {
            let item = Arc::new(value("item", field.arrow()));
            value(name, DataType::FixedSizeList(item, BRICK_CELLS as i32))
        });
        let columns: Vec<Field> = std::iter::once(value(ID, DataType::UInt64))
            .chain(lists)
            .chain([value(CHECKSUM, DataType::UInt32)])
            .collect();
        Ok(Schema::new_with_metadata(columns, self.pairs()?))
    }

    fn pairs(&self) -> Result<HashMap<String, String>, String> {
        let [x, y, z] = self.frame.origin_m();
        let fixed = [
            ("octaflow.container.version", VERSION.to_owned()),
            ("octaflow.version", env!("CARGO_PKG_VERSION").to_owned()),
            ("octaflow.frame.origin_m", format!("{x},{y},{z}")),
            (
                "octaflow.frame.cell_size_m",
                self.frame.cell_size_m().to_string(),
            ),
            ("octaflow.lattice.version", LATTICE_VERSION.to_owned()),
            ("octaflow.lattice.lod", Header::CELL.lod.to_string()),
            (
                "octaflow.lattice.ticks_per_cell_size",
                TICKS_PER_CELL_SIZE.to_string(),
            ),
            ("octaflow.plan", self.plan.clone()),
            ("octaflow.epoch", self.epoch.to_string()),
        ];
        let mut pairs: HashMap<String, String> = fixed
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect();
        for (key, value) in &self.settings {
            if pairs
                .insert(format!("{SETTING}{key}"), value.clone())
                .is_some()
            {
                return Err(format!(
                    "the setting {key:?} is given twice; give each key once"
                ));
            }
        }
        Ok(pairs)
    }

    /// What the metadata of a schema say, or what is wrong with them.
    pub(super) fn of_pairs(pairs: &BTreeMap<&str, &str>) -> Result<Self, String> {
        let wanted = |key: &str| {
            let value = pairs.get(key).copied();
            value.ok_or_else(|| {
                format!("its schema lacks the metadata {key}, which a container has")
            })
        };
        let only = |key: &str, known: &str| {
            let value = wanted(key)?;
            let same = value == known;
            same.then_some(())
                .ok_or_else(|| format!("its {key} is {value:?}, but this program reads {known:?}"))
        };
        only("octaflow.container.version", VERSION)?;
        only("octaflow.lattice.version", LATTICE_VERSION)?;
        only("octaflow.lattice.lod", &Header::CELL.lod.to_string())?;
        let origin = wanted("octaflow.frame.origin_m")?;
        let origin_m = numbers(origin).ok_or_else(|| {
            format!("its octaflow.frame.origin_m is {origin:?} and should be three numbers X,Y,Z")
        })?;
        let size = wanted("octaflow.frame.cell_size_m")?;
        let cell_size_m = size.parse().map_err(|_| {
            format!("its octaflow.frame.cell_size_m is {size:?} and should be a number")
        })?;
        let epoch = wanted("octaflow.epoch")?;
        let settings = pairs.iter().filter_map(|(key, value)| {
            let key = key.strip_prefix(SETTING)?;
            Some((key.to_owned(), (*value).to_owned()))
        });
        Ok(ContainerMeta {
            frame: Frame::new(origin_m, cell_size_m).map_err(|e| format!("in its metadata {e}"))?,
            plan: wanted("octaflow.plan")?.to_owned(),
            epoch: epoch.parse().map_err(|_| {
                format!("its octaflow.epoch is {epoch:?} and should be a whole number")
            })?,
            settings: settings.collect(),
        })
    }
}

fn numbers(text: &str) -> Option<[f64; 3]> {
    let numbers: Vec<f64> = text
        .split(',')
        .map(|number| number.parse().ok())
        .collect::<Option<_>>()?;
    numbers.try_into().ok()
}

/// Checks the names and the number of the fields of a container.
pub(super) fn check_fields(fields: &[(String, FieldType)]) -> Result<(), String> {
    if fields.is_empty() || fields.len() > MAX_FIELDS {
        let count = fields.len();
        return Err(format!(
            "it has {count} fields; a container has 1 to {MAX_FIELDS}"
        ));
    }
    for (at, (name, _)) in fields.iter().enumerate() {
        let plain = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
        if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
            return Err(format!(
                "its field {name:?} needs a name of up to 64 ASCII letters, digits and underscores"
            ));
        }
        let taken = name == ID || name == CHECKSUM;
        if taken || fields[..at].iter().any(|(other, _)| other == name) {
            return Err(format!(
                "two of its columns are named {name}; names must differ"
            ));
        }
    }
    Ok(())
}
