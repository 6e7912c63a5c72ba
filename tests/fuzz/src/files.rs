//! Bytes as files, for readers that take a path.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Calls `read` with a file of this process that holds `bytes`, its name ending in `.extension`.
pub fn with_file<T>(extension: &str, bytes: &[u8], read: impl FnOnce(&Path) -> T) -> T {
    let path = folder().join(format!("octaflow-fuzz-{}.{extension}", std::process::id()));
    std::fs::write(&path, bytes).expect("the scratch folder can be written");
    let result = read(&path);
    let _ = std::fs::remove_file(&path);
    result
}

/// Memory where Linux offers it as a folder: a target writes thousands of files a second.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let memory = PathBuf::from("/dev/shm");
        if memory.is_dir() {
            memory
        } else {
            std::env::temp_dir()
        }
    })
}
