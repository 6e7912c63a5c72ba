//! Orders from worker 0 that every worker carries out between two epochs, and their reports: how a run is saved while
//! it goes on.
//!
//! ```text
//! order (worker 0) ──► carry out (each worker) ──► reports (worker 0)
//! ```
//!
//! **Frontiers.** None are needed: worker 0 gives an order when it has seen the end of an epoch, so that every worker is
//! done with it, and gives no epoch before it has as many reports as there are workers.
//! **Invariants.** One order is under way at a time. A worker is parked until its order arrives.

use std::cell::RefCell;
use std::rc::Rc;
use timely::ExchangeData;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::InputHandle;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::{Input, Operator, Probe, probe};
use timely::worker::Worker;

type Sent<D> = CapacityContainerBuilder<Vec<(u64, D)>>;

/// Where worker 0 gives its orders; the other workers drop or [`Orders::close`] it.
pub struct Orders<O: Clone + 'static, R> {
    input: Option<InputHandle<u64, Sent<O>>>,
    reports: Rc<RefCell<Vec<(u64, R)>>>,
    probe: probe::Handle<u64>,
    given: u64,
}

impl<O: ExchangeData + Clone, R: ExchangeData + Clone> Orders<O, R> {
    /// Builds the dataflow on every worker; `carry_out` is what a worker does with an order.
    pub fn new(worker: &mut Worker, mut carry_out: impl FnMut(O) -> R + 'static) -> Self {
        let reports: Rc<RefCell<Vec<(u64, R)>>> = Rc::default();
        let sink = reports.clone();
        let me = worker.index() as u64;
        let (input, probe) = worker.dataflow::<u64, _, _>(|scope| {
            let (input, orders) = scope.new_input::<Vec<(u64, O)>>();
            let told = Exchange::new(|(to, _): &(u64, O)| *to);
            let done = orders.unary::<Sent<R>, _, _, _>(told, "CarryOut", move |_, _| {
                move |input, output| {
                    input.for_each(|cap, orders| {
                        let mut session = output.session(&cap);
                        for (_, order) in orders.drain(..) {
                            session.give((me, carry_out(order)));
                        }
                    });
                }
            });
            let home = Exchange::new(|_: &(u64, R)| 0);
            let (probe, _) = done
                .unary::<CapacityContainerBuilder<Vec<()>>, _, _, _>(home, "Report", move |_, _| {
                    move |input, _| {
                        input.for_each(|_, reports| sink.borrow_mut().append(reports));
                    }
                })
                .probe();
            (input, probe)
        });
        Orders {
            input: Some(input),
            reports,
            probe,
            given: 0,
        }
    }

    /// Gives an order to every worker and waits for their reports, which come in the order of the workers. For
    /// worker 0 alone.
    ///
    /// # Panics
    /// If the input has been closed.
    pub fn give(&mut self, worker: &mut Worker, order: &O) -> Vec<R> {
        let input = self.input.as_mut().expect("the input is open");
        for to in 0..worker.peers() as u64 {
            input.send((to, order.clone()));
        }
        let given = self.given;
        self.given += 1;
        input.advance_to(self.given);
        let probe = &self.probe;
        worker.step_or_park_while(None, || probe.less_equal(&given));
        let mut reports = self.reports.take();
        reports.sort_by_key(|(from, _)| *from);
        reports.into_iter().map(|(_, report)| report).collect()
    }

    /// Ends the input.
    pub fn close(&mut self) {
        self.input = None;
    }
}
