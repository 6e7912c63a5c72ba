//! Small exchanges at the edges of a run: every worker to the first, and the first to every worker.
//!
//! ```text
//! gather      each worker's value ──► worker 0
//! broadcast   worker 0's value    ──► each worker
//! ```
//!
//! **Frontiers.** Each is a dataflow of its own that is complete when it returns.
//! **Invariants.** All workers call the same functions in the same order.

use timely::ExchangeData;
use timely::dataflow::InputHandle;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::{Input, Operator, Probe};
use timely::worker::Worker;

/// Gives worker 0 the values of all workers, in the order of the workers; the others get none.
pub fn gather<D: ExchangeData + Clone>(worker: &mut Worker, value: D) -> Vec<D> {
    let me = worker.index();
    let mut values = exchange(worker, vec![(0, (me, value))]);
    values.sort_by_key(|(from, _)| *from);
    values.into_iter().map(|(_, value)| value).collect()
}

/// Gives every worker the value of worker 0, which `make` makes there.
pub fn broadcast<D: ExchangeData + Clone>(worker: &mut Worker, make: impl FnOnce() -> D) -> D {
    let sent = if worker.index() == 0 {
        let value = make();
        (0..worker.peers()).map(|to| (to, value.clone())).collect()
    } else {
        Vec::new()
    };
    let mut received = exchange(worker, sent);
    received.pop().expect("worker 0 has sent a value")
}

/// Sends values to workers and gives back those that came to this one.
fn exchange<D: ExchangeData + Clone>(worker: &mut Worker, values: Vec<(usize, D)>) -> Vec<D> {
    let received = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let sink = received.clone();
    let (mut input, probe) = worker.dataflow::<(), _, _>(|scope| {
        let (input, stream) = scope.new_input::<Vec<(usize, D)>>();
        let pact = Exchange::new(|(to, _): &(usize, D)| *to as u64);
        let (probe, _) = stream
            .unary::<timely::container::CapacityContainerBuilder<Vec<()>>, _, _, _>(
                pact,
                "Gather",
                move |_, _| {
                    move |input, _| {
                        input.for_each(|_, values| {
                            sink.borrow_mut().extend(values.drain(..).map(|(_, v)| v));
                        });
                    }
                },
            )
            .probe();
        (input, probe)
    });
    send(&mut input, values);
    drop(input);
    worker.step_or_park_while(None, || !probe.done());
    received.take()
}

fn send<D: ExchangeData + Clone>(
    input: &mut InputHandle<(), timely::container::CapacityContainerBuilder<Vec<(usize, D)>>>,
    values: Vec<(usize, D)>,
) {
    for value in values {
        input.send(value);
    }
}
