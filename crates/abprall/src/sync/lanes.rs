//! Tells many addresses at a time, and one address one thing after the other.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::Event;
use super::doubt::{Turn, by_person};
use super::target::{Answer, Failure, Told, Trouble};

/// Somebody who is told one event a time.
pub(super) trait Api: Send + Sync + 'static {
    fn tell_one(&self, event: &Event) -> impl Future<Output = Result<(), Failure>> + Send;
}

type Lane = Vec<(usize, Event)>;

pub(super) fn tell<A: Api>(
    runtime: &Runtime,
    api: &Arc<A>,
    events: &[Event],
    until: Instant,
    parallel: usize,
) -> Answer {
    let lanes: VecDeque<Lane> = by_person(events)
        .into_iter()
        .map(|person| person.into_iter().map(|place| (place, events[place].clone())).collect())
        .collect();
    let lanes = Arc::new(Mutex::new(lanes));
    let is_over = Arc::new(AtomicBool::new(false));
    let turn = Arc::new(Mutex::new(Turn::default()));
    let mut answer = Answer { told: vec![Told::NotTried; events.len()], trouble: None };
    runtime.block_on(async {
        let mut workers = JoinSet::new();
        for _ in 0..parallel {
            workers.spawn(work(
                Arc::clone(api),
                Arc::clone(&lanes),
                Arc::clone(&is_over),
                Arc::clone(&turn),
                until,
            ));
        }
        while let Some(ended) = workers.join_next().await {
            match ended {
                Ok((told, trouble)) => {
                    for (place, told) in told {
                        answer.told[place] = told;
                    }
                    answer.trouble = answer.trouble.take().or(trouble);
                }
                Err(panic) => std::panic::resume_unwind(panic.into_panic()),
            }
        }
    });
    answer
}

async fn work<A: Api>(
    api: Arc<A>,
    lanes: Arc<Mutex<VecDeque<Lane>>>,
    is_over: Arc<AtomicBool>,
    turn: Arc<Mutex<Turn>>,
    until: Instant,
) -> (Vec<(usize, Told)>, Option<Trouble>) {
    let next = || {
        let turn = *turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lanes = lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let next = turn.next(lanes.len());
        lanes.remove(next)
    };
    let mut told = Vec::new();
    while let Some(lane) = next() {
        for (place, event) in lane {
            if is_over.load(Ordering::Relaxed) || Instant::now() >= until {
                return (told, None);
            }
            match api.tell_one(&event).await {
                Ok(()) => {
                    turn.lock().unwrap_or_else(PoisonError::into_inner).took();
                    told.push((place, Told::Done));
                }
                Err(Failure::Refused(error)) => {
                    let mut turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
                    turn.was_refused();
                    is_over.fetch_or(turn.is_hopeless(), Ordering::Relaxed);
                    told.push((place, Told::Refused(error)));
                    // What comes after it waits for it.
                    break;
                }
                Err(Failure::Trouble(trouble)) => {
                    is_over.store(true, Ordering::Relaxed);
                    return (told, Some(trouble));
                }
            }
        }
    }
    (told, None)
}
