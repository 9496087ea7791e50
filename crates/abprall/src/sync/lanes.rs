//! Tells many addresses at a time, and one address one thing after the other.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::Event;
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
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut lanes: VecDeque<Lane> = VecDeque::new();
    for (place, event) in events.iter().enumerate() {
        let lane = *places.entry(event.name()).or_insert_with(|| {
            lanes.push_back(Lane::new());
            lanes.len() - 1
        });
        lanes[lane].push((place, event.clone()));
    }
    let lanes = Arc::new(Mutex::new(lanes));
    let is_over = Arc::new(AtomicBool::new(false));
    let mut answer = Answer { told: vec![Told::NotTried; events.len()], trouble: None };
    runtime.block_on(async {
        let mut workers = JoinSet::new();
        for _ in 0..parallel {
            workers.spawn(work(Arc::clone(api), Arc::clone(&lanes), Arc::clone(&is_over), until));
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
    until: Instant,
) -> (Vec<(usize, Told)>, Option<Trouble>) {
    let next = || lanes.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let mut told = Vec::new();
    while let Some(lane) = next() {
        for (place, event) in lane {
            if is_over.load(Ordering::Relaxed) || Instant::now() >= until {
                return (told, None);
            }
            match api.tell_one(&event).await {
                Ok(()) => told.push((place, Told::Done)),
                Err(Failure::Refused(error)) => {
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
