//! The command line program; see `octaflow --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    match octaflow::cli::run(std::env::args_os().collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            octaflow::cluster::tell(&error);
            ExitCode::from(error.exit_status())
        }
    }
}
