//! Our resolver, and the way out on port 25, by domains that surely work. No mail server is contacted that nobody named.

use std::net::SocketAddr;
use std::time::Duration;

use abprall_mail::{Domain, FindingId, Language, Verdict};
use abprall_route::observe::{MailServers, Scope, Walk, default_canaries};
use abprall_route::{AddressState, Diagnosis, JudgeContext, Observer, ObserverConfig, judge};
use anyhow::Context;
use ipnet::IpNet;

use super::check::Checks;
use crate::wording::pick;

/// A person waits for it.
const DEADLINE: Duration = Duration::from_secs(20);

pub(super) fn look(
    checks: &mut Checks,
    named: Vec<Domain>,
    allowed_networks: Vec<IpNet>,
    resolvers: Vec<SocketAddr>,
) -> anyhow::Result<()> {
    let language = checks.language();
    let is_named = !named.is_empty();
    let canaries = if is_named { named } else { default_canaries() };
    let config = ObserverConfig {
        resolvers,
        allowed_networks,
        canaries: canaries.clone(),
        deadline: DEADLINE,
        mail_servers: if is_named { MailServers::Probe } else { MailServers::Leave },
        scope: Scope::RouteOnly,
        walk: Walk::Never,
        ..ObserverConfig::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the network part")?;
    let surveys = runtime.block_on(async {
        let observer = Observer::new(config).await?;
        anyhow::Ok(observer.surveys(&canaries).await)
    })?;
    let context = JudgeContext { language, earlier: &[] };
    let seen: Vec<Diagnosis> = surveys.into_iter().map(|survey| judge(survey, &context)).collect();
    resolver(checks, &seen);
    if is_named {
        port_25(checks, &seen);
        for one in &seen {
            canary(checks, one);
        }
    } else {
        checks.warn("port-25", pick(language, "not tested: no canary is named", "nicht geprüft: kein Kanarienvogel ist genannt"), (
            "name a domain whose mail surely works: --canary example.com, or [watch] canaries",
            "eine Domain nennen, deren Mail sicher funktioniert: --canary example.com oder [watch] canaries",
        ));
    }
    Ok(())
}

fn resolver(checks: &mut Checks, seen: &[Diagnosis]) {
    let language = checks.language();
    let name = seen.first().map_or_else(String::new, |one| one.vantage.resolver.clone());
    let fault = seen.iter().find_map(|one| {
        let finding = one.findings.iter().find(|finding| finding.id == FindingId::OwnResolverFault)?;
        Some(finding.explanation.clone())
    });
    let answered = seen.iter().filter(|one| !one.mx.is_empty()).count();
    let all = seen.len();
    let counted = match language {
        Language::En => format!("{name} answers for {answered} of {all} domains that surely work"),
        Language::De => {
            format!("{name} antwortet für {answered} von {all} Domains, die sicher funktionieren")
        }
    };
    let advice = (
        "mend the resolver first: with a resolver that fails, Postfix returns mail as 5.4.3 that is well; until then abprall decides nothing about domains",
        "zuerst den Resolver richten: mit einem kranken Resolver gibt Postfix gute Mail als 5.4.3 zurück; bis dahin entscheidet abprall nichts über Domains",
    );
    match fault {
        Some(explanation) => checks.bad("resolver", &format!("{counted}. {explanation}"), advice),
        None if answered == 0 => checks.bad("resolver", &counted, advice),
        None if answered < all => checks.warn(
            "resolver",
            &counted,
            (
                "see whether those domains are well named; ask again in a minute",
                "prüfen, ob diese Domains richtig genannt sind; in einer Minute erneut fragen",
            ),
        ),
        None => checks.ok("resolver", &counted),
    }
}

fn port_25(checks: &mut Checks, seen: &[Diagnosis]) {
    let states: Vec<_> = seen
        .iter()
        .flat_map(|one| &one.mx)
        .flat_map(|mx| &mx.addresses)
        .map(|address| address.state)
        .filter(|state| !matches!(state, AddressState::NotProbed | AddressState::Forbidden))
        .collect();
    if states.is_empty() {
        let what = pick(
            checks.language(),
            "no canary has a mail server that may be contacted",
            "kein Kanarienvogel hat einen Mailserver, der angesprochen werden darf",
        );
        checks.warn(
            "port-25",
            what,
            (
                "mend the resolver first; in a private network, name it in [watch] allow_networks",
                "zuerst den Resolver richten; in einem privaten Netz dieses in [watch] allow_networks nennen",
            ),
        );
        return;
    }
    let connected = states.iter().filter(|state| came_through(**state)).count();
    let what = match checks.language() {
        Language::En => {
            format!("{connected} of {} mail servers of canaries can be connected to", states.len())
        }
        Language::De => {
            format!("{connected} von {} Mailservern der Kanarienvögel sind erreichbar", states.len())
        }
    };
    if connected > 0 {
        checks.ok("port-25", &what);
    } else {
        checks.bad("port-25", &what, (
            "many networks close outgoing port 25: ask the provider, or look at routes from another machine; until then no domain is judged",
            "viele Netze sperren Port 25 nach außen: den Anbieter fragen oder von einem anderen Rechner aus prüfen; bis dahin wird über keine Domain geurteilt",
        ));
    }
}

/// The connection stood: the way is open, whatever was said then.
fn came_through(state: AddressState) -> bool {
    match state {
        AddressState::Ok
        | AddressState::Closed
        | AddressState::GreetingTimeout
        | AddressState::Greeting4xx
        | AddressState::Greeting5xx
        | AddressState::EhloRejected => true,
        AddressState::Refused
        | AddressState::Timeout
        | AddressState::Unreachable
        | AddressState::Forbidden
        | AddressState::NotProbed => false,
    }
}

fn canary(checks: &mut Checks, one: &Diagnosis) {
    let verdict: &str = one.verdict.into();
    let what = format!("{}: {verdict}", one.domain);
    match one.verdict {
        Verdict::Deliverable | Verdict::Degraded => checks.ok("canary", &what),
        Verdict::NoMailByIntent
        | Verdict::UndeliverableTransient
        | Verdict::UndeliverablePermanent
        | Verdict::VantageBlind
        | Verdict::Unknown => checks.warn("canary", &what, (
            "`abprall route DOMAIN` says why; a canary that fails is none: name another where it stays so",
            "`abprall route DOMAIN` sagt, warum; ein Kanarienvogel, der versagt, taugt nicht: bleibt es so, einen anderen nennen",
        )),
    }
}
