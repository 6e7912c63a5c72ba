//! Heavy queries as a loop of stages: all workers answer them together.
//!
//! ```text
//! tokens ─► ┌───────┐ ─► done
//!           │ heavy │
//!           └─◄──►──┘ words to workers, and distances on borders to the owners of the bricks beside
//! ```
//!
//! **Frontiers.** The time inside the loop is a stage and a round of messages in it, the stage in the upper half. A
//! worker that has nothing to do keeps capabilities for the next stage alone. So when the frontier of what may come in
//! passes to the next stage, no worker has anything left of this one and nothing is under way: all begin the next one
//! ([`Router::next_stage`]), or end, since all know the same.
//! **Invariants.** What comes of a stage that this worker has not begun waits. It is the next one, never a later one.

use super::Time;
use super::field::owner_of;
use super::route::SharedRouter;
use super::wire::PodVec;
use crate::engine::Message;
use crate::partition::Plan;
use crate::search::Word;
use std::sync::Arc;
use timely::container::{CapacityContainerBuilder, DrainContainer};
use timely::dataflow::channels::pact::{ExchangeCore, Pipeline};
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::operators::{
    Capability, ConnectLoop, Enter, Feedback, InputCapability, Leave,
};
use timely::dataflow::{Scope, StreamVec};
use timely::order::Product;

#[cfg(doc)]
use crate::search::Router;

/// How many bricks are visited before messages are passed on.
const SLICE: usize = 160;

/// The epoch, and the stage and the round.
type StageTime = Product<Time, u64>;

/// Where the bits of the stage begin.
const STAGE: u32 = 32;

/// The first time of a stage of an epoch.
fn first_of(epoch: Time, stage: u64) -> StageTime {
    Product::new(epoch, stage << STAGE)
}

/// A worker in the loop, from its token to the end.
struct Under {
    epoch: Time,
    stage: u64,
    /// Of the stage, while there is something to do, for words and messages.
    working: Option<[Capability<StageTime>; 2]>,
    /// Of the next stage, for words, messages and the end.
    next: [Capability<StageTime>; 3],
}

impl Under {
    /// Whether what comes with a capability is of the worker's stage, which then goes on.
    fn joins(&mut self, cap: &InputCapability<StageTime>) -> bool {
        let mut times = cap.stamp().iter();
        let time = times.find(|time| time.inner >> STAGE == self.stage);
        if let Some(time) = time {
            let caps = || [cap.delayed(time, 0), cap.delayed(time, 1)];
            self.working.get_or_insert_with(caps);
        }
        time.is_some()
    }
}

/// Answers the heavy queries of an epoch when all workers have ended their searches; gives the tokens on.
pub(super) fn heavy<'scope>(
    scope: Scope<'scope, Time>,
    tokens: StreamVec<'scope, Time, ()>,
    router: &SharedRouter,
    plan: &Arc<Plan>,
) -> StreamVec<'scope, Time, ()> {
    router.borrow_mut().join(scope.index(), Arc::clone(plan));
    scope.iterative::<u64, _, _>(|inner| {
        let one_round = Product::new(Default::default(), 1);
        let (word_handle, word_cycle) = inner.feedback::<PodVec<Word>>(one_round);
        let (message_handle, message_cycle) = inner.feedback::<PodVec<Message>>(one_round);
        let mut builder = OperatorBuilder::new("Heavy".to_owned(), inner);
        let activator = inner.activator_for(builder.operator_info().address);
        let mut tokens_in = builder.new_input(tokens.enter(inner), Pipeline);
        let mut words_in = builder.new_input(word_cycle, ExchangeCore::new(Word::to));
        let mut owner = owner_of(plan);
        let to_owner = ExchangeCore::new(move |message: &Message| owner(message.brick()));
        let mut messages_in = builder.new_input(message_cycle, to_owner);
        let (words_out, words) = builder.new_output();
        let (messages_out, messages) = builder.new_output();
        let (done_out, done) = builder.new_output();
        let router = router.clone();
        builder.build(move |_| {
            let mut words_out: OutputBuilder<_, CapacityContainerBuilder<PodVec<Word>>> =
                OutputBuilder::from(words_out);
            let mut messages_out: OutputBuilder<_, CapacityContainerBuilder<PodVec<Message>>> =
                OutputBuilder::from(messages_out);
            let mut done_out: OutputBuilder<_, CapacityContainerBuilder<Vec<()>>> =
                OutputBuilder::from(done_out);
            let mut under: Option<Under> = None;
            let (mut early_words, mut early_messages) = (Vec::new(), Vec::new());
            move |frontiers| {
                let mut router = router.borrow_mut();
                tokens_in.for_each(|cap, _| {
                    for time in cap.stamp().iter() {
                        // Each is told of this worker's queries while others search yet.
                        let next = first_of(time.outer, 1);
                        under = Some(Under {
                            epoch: time.outer,
                            stage: 0,
                            working: Some([cap.delayed(time, 0), cap.delayed(time, 1)]),
                            next: [0, 1, 2].map(|port| cap.delayed(&next, port)),
                        });
                        router.next_stage();
                        router.receive_words(early_words.drain(..));
                    }
                });
                words_in.for_each(|cap, words| {
                    if under.as_mut().is_some_and(|under| under.joins(&cap)) {
                        router.receive_words(words.drain());
                    } else {
                        early_words.extend(words.drain());
                    }
                });
                messages_in.for_each(|cap, messages| {
                    if under.as_mut().is_some_and(|under| under.joins(&cap)) {
                        router.receive_messages(messages.drain());
                    } else {
                        early_messages.extend(messages.drain());
                    }
                });
                let Some(now) = &mut under else {
                    return;
                };
                if now.working.is_none() {
                    let next = first_of(now.epoch, now.stage + 1);
                    if frontiers[1].less_than(&next) || frontiers[2].less_than(&next) {
                        return;
                    }
                    if !router.next_stage() {
                        done_out.activate().session(&now.next[2]).give(());
                        under = None;
                        return;
                    }
                    now.stage += 1;
                    now.working = Some([now.next[0].clone(), now.next[1].clone()]);
                    let next = first_of(now.epoch, now.stage + 1);
                    now.next.iter_mut().for_each(|cap| cap.downgrade(&next));
                    router.receive_words(early_words.drain(..));
                    router.receive_messages(early_messages.drain(..));
                }
                let more = router.work_heavy(SLICE);
                if let Some([to_words, to_messages]) = &now.working {
                    let mut output = words_out.activate();
                    let mut session = output.session(to_words);
                    router.take_words(|word| session.give(word));
                    drop(session);
                    let mut output = messages_out.activate();
                    let mut session = output.session(to_messages);
                    router.take_messages(|message| session.give(message));
                }
                if more {
                    activator.activate();
                } else {
                    now.working = None;
                }
            }
        });
        words.connect_loop(word_handle);
        messages.connect_loop(message_handle);
        done.leave(scope)
    })
}
