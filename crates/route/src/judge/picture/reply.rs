use crate::{DnsAnswer, DnsFact, DnsOutcome, Rcode};

/// What an answer comes to. Extended errors are left out on purpose (RFC 8914 §6).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reply {
    Data,
    NoData,
    NxDomain,
    AliasLoop,
    Referral,
    ServFail,
    Refused,
    /// FORMERR, and the codes that Postfix treats like it.
    FormErr,
    Silence,
    Unreachable,
    Malformed,
    Forbidden,
}

impl Reply {
    pub fn of(fact: &DnsFact) -> Self {
        match &fact.outcome {
            DnsOutcome::Silence => Reply::Silence,
            DnsOutcome::Unreachable { .. } => Reply::Unreachable,
            DnsOutcome::Malformed { .. } => Reply::Malformed,
            DnsOutcome::Forbidden => Reply::Forbidden,
            DnsOutcome::Answer(answer) => Self::of_answer(answer),
        }
    }

    fn of_answer(answer: &DnsAnswer) -> Self {
        if answer.alias_loop {
            return Reply::AliasLoop;
        }
        match answer.rcode {
            Rcode::NoError if !answer.records.is_empty() => Reply::Data,
            Rcode::NoError if answer.is_referral() => Reply::Referral,
            Rcode::NoError => Reply::NoData,
            Rcode::NxDomain if answer.records.is_empty() => Reply::NxDomain,
            // A name that does not exist and has records: neither is to be believed.
            Rcode::NxDomain => Reply::Malformed,
            Rcode::ServFail => Reply::ServFail,
            Rcode::Refused => Reply::Refused,
            Rcode::FormErr | Rcode::NotImp | Rcode::NotAuth | Rcode::Other(_) => Reply::FormErr,
        }
    }

    pub fn is_negative(self) -> bool {
        matches!(self, Reply::NoData | Reply::NxDomain)
    }

    /// Nothing was learned about the name.
    pub fn is_failure(self) -> bool {
        match self {
            Reply::Data | Reply::NoData | Reply::NxDomain | Reply::AliasLoop => false,
            Reply::Referral
            | Reply::ServFail
            | Reply::Refused
            | Reply::FormErr
            | Reply::Silence
            | Reply::Unreachable
            | Reply::Malformed
            | Reply::Forbidden => true,
        }
    }
}
