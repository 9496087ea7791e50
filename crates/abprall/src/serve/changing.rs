use std::sync::{Arc, PoisonError, RwLock};

/// A value that is replaced as a whole while others use it. Who has got one keeps it for the question at hand.
pub(super) struct Changing<T>(Arc<RwLock<Arc<T>>>);

impl<T> Clone for Changing<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Changing<T> {
    pub(super) fn new(value: T) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(value))))
    }

    pub(super) fn get(&self) -> Arc<T> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn set(&self, value: T) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
    }
}
