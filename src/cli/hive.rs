//! The flags that divide the tables of a result into folders.

use super::run_args::setting;
use crate::lake::Hive;
use crate::{Error, Result};
use clap::{Args, ValueEnum};

/// The most leading bits of a key.
const MOST_KEY_BITS: u32 = 48;

/// See the module's description.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Results")]
pub(super) struct HiveArgs {
    /// Divides tables into hive folders by time (of the last epoch), level of detail and leading bits of the key
    /// [default: no folders]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "time,lod,key")]
    hive: Vec<HiveArg>,

    /// How many leading bits of a cell's 48-bit Morton key --hive key divides by
    #[arg(long, value_name = "0…48")]
    key_bits: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum HiveArg {
    Time,
    Lod,
    Key,
}

/// By what the tables of a result are divided.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HiveConfig {
    /// Tables without times of their own go to a folder of the time of the last epoch.
    pub time: bool,
    /// By what rows are divided.
    pub rows: Hive,
}

impl HiveArgs {
    /// Checks that the flags suit each other.
    pub fn check(&self) -> Result<HiveConfig> {
        let by_key = self.hive.contains(&HiveArg::Key);
        let what = match self.key_bits {
            None if by_key => {
                "--hive key needs --key-bits N, how many leading bits of the key to divide by, as in 6"
            }
            Some(_) if !by_key => "--key-bits is for --hive key alone, which should be given too",
            Some(bits) if bits > MOST_KEY_BITS => {
                "--key-bits should be at most 48: a cell's key has no more"
            }
            _ => "",
        };
        if !what.is_empty() {
            return Err(Error::input(what));
        }
        Ok(HiveConfig {
            time: self.hive.contains(&HiveArg::Time),
            rows: Hive {
                lod: self.hive.contains(&HiveArg::Lod),
                key_bits: self.key_bits,
            },
        })
    }

    /// The flags as files and other processes are told of them, in the order in which folders lie in each other.
    pub fn settings(&self) -> [(String, String); 2] {
        let mut hive = self.hive.clone();
        hive.sort_unstable();
        hive.dedup();
        let names: Vec<String> = hive
            .iter()
            .map(|h| format!("{h:?}").to_lowercase())
            .collect();
        let bits = self
            .key_bits
            .map_or_else(String::new, |bits| bits.to_string());
        [
            setting("--hive", names.join(",")),
            setting("--key-bits", bits),
        ]
    }
}
