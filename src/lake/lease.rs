//! Whether a stage's run still lives: every process of a run holds a shared lock on the file of its host in the
//! stage, and the system lets go of it however the process ends.

use super::refused;
use crate::Result;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Creates the stage `folder` unless it is there, and locks it for as long as the returned file is open.
pub(super) fn enter(folder: &Path) -> Result<File> {
    let try_enter = || -> io::Result<File> {
        fs::create_dir_all(folder.join("result"))?;
        let host = File::options()
            .create(true)
            .append(true)
            .open(folder.join(host_file()))?;
        // Without locks on this file system nobody can show that the stage is dead, which is all that they are for.
        let _ = flock(&host, FlockOperation::LockShared);
        Ok(host)
    };
    // A run that starts at the same moment may take the stage for dead before it is locked, and remove it.
    for _ in 0..100 {
        match try_enter() {
            Ok(host) if host.metadata().is_ok_and(|meta| meta.nlink() > 0) => return Ok(host),
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(refused(folder, "created", &e)),
        }
    }
    Err(refused(
        folder,
        "created",
        &"another process keeps removing it",
    ))
}

/// The name of the file that this host's processes lock.
fn host_file() -> String {
    format!(
        "host-{}",
        rustix::system::uname().nodename().to_string_lossy()
    )
}

/// Removes a stage if it was entered from this host alone and no process holds its lock.
pub(super) fn remove_if_dead(folder: &Path) -> io::Result<()> {
    let mine = host_file();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        if name.to_string_lossy().starts_with("host-") && name != *mine {
            return Ok(());
        }
    }
    let host = File::options().append(true).open(folder.join(mine))?;
    flock(&host, FlockOperation::NonBlockingLockExclusive)?;
    fs::remove_dir_all(folder)
}
