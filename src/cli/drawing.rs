//! What all workers agree on before they paint a picture.

use crate::dataflows::gather::{broadcast, gather};
use crate::picture::Span;
use timely::worker::Worker;

/// The box of the open cells of all workers, as the map stands at the end; this worker's are in `own`.
pub(super) fn agree_on_span(worker: &mut Worker, own: Span) -> Span {
    let spans = gather(worker, own);
    broadcast(worker, || {
        let mut all = Span::NONE;
        spans.iter().for_each(|span| all.merge(span));
        all
    })
}
