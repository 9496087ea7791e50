use std::fmt;

use abprall_mail::EnhancedStatus;

use super::access::Worded;

/// What is to become of one recipient, in the words of transport(5): covers local submission and mail that is queued already.
///
/// `discard:` is missing on purpose: a recipient that vanishes without a bounce is a loss that nobody sees.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Route {
    /// `error:`, a bounce at once.
    Refuse {
        /// The reason; its class is said as 5 whatever it is.
        status: EnhancedStatus,
        /// The words behind it.
        text: String,
    },
    /// `retry:`, stays in the queue.
    Later {
        /// The reason; its class is said as 4 whatever it is.
        status: EnhancedStatus,
        /// The words behind it.
        text: String,
    },
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Route::Refuse { status, text } => {
                write!(f, "error:{}", Worded { class: 5, status: *status, text })
            }
            Route::Later { status, text } => {
                write!(f, "retry:{}", Worded { class: 4, status: *status, text })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_said_as_a_real_postfix_took_them() {
        let refuse =
            Route::Refuse { status: "5.1.1".parse().unwrap(), text: "suppressed by the gate".into() };
        assert_eq!(refuse.to_string(), "error:5.1.1 suppressed by the gate");
        let later =
            Route::Later { status: "5.4.3".parse().unwrap(), text: "routing paused by the gate".into() };
        assert_eq!(later.to_string(), "retry:4.4.3 routing paused by the gate");
    }
}
