//! Time steps as a timely dataflow: each worker steps its blocks, and their mirrors go to the workers beside.
//!
//! ```text
//!  start ──► ┌──────┐ ──► done
//!            │ step │
//!            └─◄──►─┘ mirrors of blocks, to the owners of the blocks beside them
//! ```
//!
//! **Frontiers.** One epoch is a whole run: worker by worker it ends when all blocks have come to the last step, and the
//! frontier behind the loop passes it when the last worker's have. Within it nobody waits for a frontier: a block goes on
//! when the ghosts of its 26 neighbours are there, wherever other blocks stand.
//! **Overlap.** Blocks beside other workers' go first; while their mirrors travel, the worker steps its inner blocks. A
//! worker that can do nothing is parked until a message comes.
//! **Invariants.** Messages between two workers keep their order, so what a block receives from a direction comes in
//! the order of the rounds.

use super::Time;
use super::wire::PodVec;
use crate::partition::Plan;
use crate::stencil::{Halo, Kernel, Stepper};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use timely::container::{CapacityContainerBuilder, DrainContainer};
use timely::dataflow::channels::pact::{ExchangeCore, Pipeline};
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::operators::{Capability, ConnectLoop, Enter, Feedback, Leave, Probe};
use timely::dataflow::{ProbeHandle, Scope, StreamVec};
use timely::order::Product;

/// How many rounds of blocks are done before messages are passed on.
const SLICE: usize = 2;

/// The stepper that the operators of one worker share.
pub type SharedStepper<K> = Rc<RefCell<Stepper<K>>>;

/// Builds the dataflow of one run around a stepper; `start` gives each worker one record. The probe tells when all
/// workers are done.
pub fn step<'scope, K: Kernel>(
    scope: Scope<'scope, Time>,
    start: StreamVec<'scope, Time, ()>,
    stepper: &SharedStepper<K>,
    plan: &Arc<Plan>,
) -> ProbeHandle<Time> {
    let done = scope.iterative::<u32, _, _>(|inner| {
        let one_round = Product::new(Default::default(), 1);
        let (handle, cycle) = inner.feedback::<PodVec<Halo>>(one_round);
        let mut builder = OperatorBuilder::new("Step".to_owned(), inner);
        let activator = inner.activator_for(builder.operator_info().address);
        let mut start_in = builder.new_input(start.enter(inner), Pipeline);
        let owners = plan.clone();
        let to_owner = ExchangeCore::new(move |halo: &Halo| owners.owner(halo.block()) as u64);
        let mut halos_in = builder.new_input(cycle, to_owner);
        let (halos_out, halos) = builder.new_output();
        let (done_out, done) = builder.new_output();
        let stepper = stepper.clone();
        builder.build(move |_| {
            let mut halos_out: OutputBuilder<_, CapacityContainerBuilder<PodVec<Halo>>> =
                OutputBuilder::from(halos_out);
            let mut done_out: OutputBuilder<_, CapacityContainerBuilder<Vec<()>>> =
                OutputBuilder::from(done_out);
            let mut working: Option<[Capability<Product<Time, u32>>; 2]> = None;
            move |_| {
                let mut stepper = stepper.borrow_mut();
                start_in.for_each(|cap, tokens| {
                    for time in cap.stamp().iter() {
                        working = Some([cap.delayed(time, 0), cap.delayed(time, 1)]);
                        stepper.begin();
                    }
                    tokens.clear();
                });
                halos_in.for_each(|_, halos| stepper.receive(halos.drain()));
                let Some([to_halos, to_done]) = &working else {
                    return;
                };
                let more = stepper.work(SLICE);
                let mut output = halos_out.activate();
                let mut session = output.session(to_halos);
                stepper.take_messages(|halo| session.give(halo));
                drop(session);
                if stepper.is_done() {
                    done_out.activate().session(to_done).give(());
                    working = None;
                } else if more {
                    activator.activate();
                }
            }
        });
        halos.connect_loop(handle);
        done.leave(scope)
    });
    done.probe().0
}
