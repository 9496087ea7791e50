//! What a trial comes to: counts, examples, and what it cannot know.

use std::collections::{BTreeMap, HashMap};

use abprall_mail::{Language, Reason};
use abprall_policy::{Outcome, Policy};

use super::trial::{Change, Compared, Tally, Trial};
use crate::wording::pick;

/// The counts of a trial.
pub(super) struct Answer<'t> {
    pub(super) trial: &'t Trial<'t>,
    pub(super) tally: &'t Tally,
    /// Addresses that were replayed.
    pub(super) addresses: usize,
    /// Of all changes, also those that are 0.
    pub(super) changes: BTreeMap<Change, u64>,
    /// Decisions that differ in number: outcome, decided, tried.
    pub(super) outcomes: Vec<(Outcome, u64, u64)>,
    /// Most first.
    pub(super) reasons: Vec<(Reason, Row)>,
    /// Most first, no more than are asked for.
    pub(super) providers: Vec<(&'t str, Row)>,
    /// How many providers there are in all.
    pub(super) providers_total: usize,
    /// By change, then by address.
    pub(super) examples: Vec<Compared<'t>>,
    pub(super) unknown: Vec<Unknown>,
}

/// Addresses by change, for one reason or provider.
pub(super) type Row = BTreeMap<Change, u64>;

impl<'t> Answer<'t> {
    pub(super) fn of(trial: &'t Trial<'t>, policy: &Policy, current: &Policy, rows: usize) -> Self {
        let mut changes: BTreeMap<Change, u64> = Change::ALL.into_iter().map(|change| (change, 0)).collect();
        let (mut reasons, mut providers): (HashMap<Reason, Row>, HashMap<&str, Row>) = Default::default();
        let mut examples: BTreeMap<Change, Vec<Compared<'t>>> = BTreeMap::new();
        for compared in trial.compared() {
            let change = compared.change;
            *changes.entry(change).or_default() += 1;
            if change == Change::Unchanged {
                continue;
            }
            if let Some(reason) = compared.reason() {
                *reasons.entry(reason).or_default().entry(change).or_default() += 1;
            }
            *providers.entry(compared.provider).or_default().entry(change).or_default() += 1;
            // The first by name, so that the same question has the same answer.
            let shown = examples.entry(change).or_default();
            let place = shown.partition_point(|known| known.address < compared.address);
            if place < rows {
                shown.insert(place, compared);
                shown.truncate(rows);
            }
        }
        let providers_total = providers.len();
        let mut providers: Vec<_> = providers.into_iter().collect();
        providers.sort_by(|one, other| all(&other.1).cmp(&all(&one.1)).then(one.0.cmp(other.0)));
        providers.truncate(rows);
        let mut reasons: Vec<_> = reasons.into_iter().collect();
        reasons
            .sort_by(|one, other| all(&other.1).cmp(&all(&one.1)).then(one.0.as_str().cmp(other.0.as_str())));
        let counts = trial.tally.outcomes.iter().map(|(outcome, (was, would))| (*outcome, *was, *would));
        let mut outcomes: Vec<_> = counts.filter(|(_, was, would)| was + would > 0).collect();
        outcomes.sort_by_key(|(outcome, ..)| outcome.as_str());
        Self {
            trial,
            tally: &trial.tally,
            addresses: trial.addresses(),
            changes,
            outcomes,
            reasons,
            providers,
            providers_total,
            examples: examples.into_values().flatten().collect(),
            unknown: unknown(&trial.tally, policy, current),
        }
    }

    /// Whether anybody would stand otherwise.
    pub(super) fn has_difference(&self) -> bool {
        self.changes.iter().any(|(change, count)| *change != Change::Unchanged && *count > 0)
    }
}

fn all(row: &Row) -> u64 {
    row.values().sum()
}

/// Something that a replay cannot know.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Unknown {
    pub(super) kind: UnknownKind,
    /// Reports that it is about; 0: about all.
    pub(super) reports: u64,
}

/// What a replay cannot know.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum UnknownKind {
    Sends,
    PeopleAndWatch,
    Watch,
    Fused,
    JudgedAnew,
    WithoutAddress,
    FreezesAsTheyWere,
    FreezesTried,
}

fn unknown(tally: &Tally, policy: &Policy, current: &Policy) -> Vec<Unknown> {
    use UnknownKind as Kind;
    let about_all = |kind| Unknown { kind, reports: 0 };
    let mut unknown = vec![about_all(Kind::Sends), about_all(Kind::PeopleAndWatch)];
    if policy.watch != current.watch || policy.reinstate != current.reinstate {
        unknown.push(about_all(Kind::Watch));
    }
    unknown.push(about_all(if policy.brake == current.brake {
        Kind::FreezesAsTheyWere
    } else {
        Kind::FreezesTried
    }));
    let some = [
        (Kind::Fused, tally.fused),
        (Kind::JudgedAnew, tally.judged_anew),
        (Kind::WithoutAddress, tally.without_address),
    ];
    unknown.extend(
        some.into_iter().filter(|(_, reports)| *reports > 0).map(|(kind, reports)| Unknown { kind, reports }),
    );
    unknown
}

impl UnknownKind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Sends => "sends",
            Self::PeopleAndWatch => "people_and_watch",
            Self::Watch => "watch",
            Self::Fused => "fused",
            Self::JudgedAnew => "judged_anew",
            Self::WithoutAddress => "without_address",
            Self::FreezesAsTheyWere => "freezes_as_they_were",
            Self::FreezesTried => "freezes_tried",
        }
    }

    pub(super) fn text(self, language: Language) -> &'static str {
        match self {
            Self::Sends => pick(
                language,
                "The mail that was sent is the mail that was sent. Whoever had been stopped earlier would not have bounced later; \
                 whoever had stayed would have got more mail, and perhaps bounced again.",
                "Es zählt die Post, die verschickt wurde. Wer früher gestoppt worden wäre, hätte später keinen Bounce erzeugt; wer \
                 geblieben wäre, hätte mehr Post bekommen, vielleicht mit neuen Bounces.",
            ),
            Self::PeopleAndWatch => pick(
                language,
                "Only what reports lead to is compared. What people did (stopped, lifted, rewound, settled) and what the watch found \
                 (confirmed, released, stopped whole domains, brought people back) is left out on both sides.",
                "Verglichen wird nur, wozu Meldungen führen. Was Menschen taten (gesperrt, aufgehoben, zurückgenommen, entschieden) und \
                 was die Überwachung ergab (bestätigt, freigegeben, ganze Domains gesperrt, zurückgeholt), bleibt auf beiden Seiten weg.",
            ),
            Self::Watch => pick(
                language,
                "[watch] or [reinstate] differ from the policy in force: they act on what is seen in the network, which cannot be \
                 replayed. They are not tried.",
                "[watch] oder [reinstate] weichen von der geltenden Richtlinie ab: Sie wirken auf das, was im Netz zu sehen ist; das \
                 lässt sich nicht wiederholen. Sie werden nicht erprobt.",
            ),
            Self::Fused => pick(
                language,
                "reports told of a failure that another report had told of before. They were not decided again: with other demands on \
                 trust, one of them might have counted instead.",
                "Meldungen sprachen von einem Fehler, von dem schon eine andere Meldung gesprochen hatte. Sie wurden nicht neu \
                 entschieden: Bei anderen Ansprüchen an das Vertrauen hätte vielleicht eine von ihnen gezählt.",
            ),
            Self::JudgedAnew => pick(
                language,
                "reports first waited for a person and were judged anew by other rules. Only the later decision is compared.",
                "Meldungen warteten erst auf einen Menschen und wurden später nach anderen Regeln beurteilt. Nur die spätere \
                 Entscheidung wird verglichen.",
            ),
            Self::WithoutAddress => pick(
                language,
                "reports name no recipient. They stop nobody, whatever the policy.",
                "Meldungen nennen keinen Empfänger. Sie stoppen niemanden, nach keiner Richtlinie.",
            ),
            Self::FreezesAsTheyWere => pick(
                language,
                "The brake is that of the policy in force: removals were frozen when they were frozen. Where this policy removes \
                 somebody who was not removed then, the provider's last removal before tells whether it was frozen.",
                "Die Bremse ist die der geltenden Richtlinie: Sperrungen waren ausgesetzt, wann sie ausgesetzt waren. Wo diese \
                 Richtlinie jemanden sperrt, der damals nicht gesperrt wurde, gilt, was zuletzt bei diesem Anbieter galt.",
            ),
            Self::FreezesTried => pick(
                language,
                "The brake differs from the policy in force and is tried by the hourly numbers of each provider, as if the watch had \
                 been running. Freezes of everything at once rest on looks at the network and are not tried.",
                "Die Bremse weicht von der geltenden Richtlinie ab und wird an den stündlichen Zahlen jedes Anbieters erprobt, als wäre \
                 die Überwachung gelaufen. Bremsen für alles zugleich beruhen auf Blicken ins Netz und werden nicht erprobt.",
            ),
        }
    }
}
