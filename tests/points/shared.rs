//! What the tests of the readers of points share.

use octaflow::Result;
use octaflow::points::{PointFile, PointOptions, Points};
use std::path::Path;

/// The names of the attributes and all points of a file, share by share, in batches of `at_most`.
pub fn try_read(
    path: &Path,
    options: &PointOptions,
    peers: usize,
    at_most: usize,
) -> Result<(Vec<String>, Points)> {
    let mut all = Points::default();
    let mut names = Vec::new();
    for index in 0..peers {
        let file = PointFile::open(path, options)?;
        names = file.attributes().to_vec();
        all.attributes.resize_with(names.len(), Vec::new);
        let mut share = file.share(index, peers)?;
        let mut batch = Points::default();
        while share.next_batch(&mut batch, at_most)? {
            assert!(!batch.is_empty() && batch.len() <= at_most.max(1));
            assert_eq!(batch.attributes.len(), names.len());
            assert!(batch.attributes.iter().all(|a| a.len() == batch.len()));
            assert!(batch.xyz.as_flattened().iter().all(|c| c.is_finite()));
            all.xyz.append(&mut batch.xyz);
            for (all, part) in all.attributes.iter_mut().zip(&mut batch.attributes) {
                all.append(part);
            }
        }
        assert!(batch.is_empty());
        assert!(!share.next_batch(&mut batch, at_most)?);
    }
    Ok((names, all))
}

/// All points of a file, which any number of shares and any size of batches give alike.
pub fn read(path: &Path, options: &PointOptions) -> (Vec<String>, Points) {
    let once = try_read(path, options, 1, usize::MAX).unwrap();
    for (peers, at_most) in [(1, 1), (2, 7), (3, 1000), (13, 0)] {
        let again = try_read(path, options, peers, at_most.max(1)).unwrap();
        assert_eq!(format!("{once:?}"), format!("{again:?}"), "{peers} shares");
    }
    once
}

/// Rows of a position and attributes.
pub fn rows(points: &Points) -> Vec<Vec<f64>> {
    let row = |n: usize| {
        let attributes = points.attributes.iter().map(move |a| a[n]);
        points.xyz[n].into_iter().chain(attributes).collect()
    };
    (0..points.len()).map(row).collect()
}

/// Names as a reader gives them.
pub fn names(words: &str) -> Vec<String> {
    words.split_whitespace().map(str::to_owned).collect()
}
