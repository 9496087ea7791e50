//! What an RDAP answer says of the people behind an object.

use abprall_mail::EmailAddress;
use icann_rdap_common::response::{Domain, Entity, ObjectCommon, ObjectCommonFields};

use super::{RdapError, Registration};
use crate::ContactRole;
use crate::limits::{RDAP_ENTITIES_MAX, RDAP_ENTITY_DEPTH_MAX, RDAP_STATUSES_MAX, RDAP_TEXT_BYTES_MAX};

/// What was found out about an object.
#[derive(Debug, Default)]
pub(in crate::contact) struct Registered {
    pub(in crate::contact) contacts: Vec<RegisteredContact>,
    pub(in crate::contact) registration: Option<Registration>,
    /// URLs that told nothing.
    pub(in crate::contact) failures: Vec<(String, RdapError)>,
}

/// One person or organisation with an address.
#[derive(Debug)]
pub(in crate::contact) struct RegisteredContact {
    pub(in crate::contact) address: EmailAddress,
    pub(in crate::contact) role: ContactRole,
    pub(in crate::contact) name: Option<String>,
    /// The URL that told.
    pub(in crate::contact) url: String,
}

/// All contacts of an object with a role that helps; entities stand in each other.
pub(super) fn contacts_of(object: &ObjectCommon, url: &str) -> Vec<RegisteredContact> {
    let mut walk = Walk { contacts: Vec::new(), left: RDAP_ENTITIES_MAX, url };
    walk.entities(object.entities.as_deref().unwrap_or_default(), Within::Object, 0);
    walk.contacts
}

/// Whose an entity is.
#[derive(Clone, Copy, PartialEq)]
enum Within {
    Object,
    Registrar,
}

struct Walk<'a> {
    contacts: Vec<RegisteredContact>,
    left: usize,
    url: &'a str,
}

impl Walk<'_> {
    fn entities(&mut self, entities: &[Entity], within: Within, depth: usize) {
        if depth >= RDAP_ENTITY_DEPTH_MAX {
            return;
        }
        for entity in entities {
            let Some(left) = self.left.checked_sub(1) else { return };
            self.left = left;
            let role = role(entity);
            let within = if role == Some(ContactRole::Registrar) { Within::Registrar } else { within };
            if let Some(role) = role {
                // The registrar's technical contact is not the domain's.
                self.entity(entity, if within == Within::Registrar { ContactRole::Registrar } else { role });
            }
            self.entities(entity.entities(), within, depth + 1);
        }
    }

    fn entity(&mut self, entity: &Entity, role: ContactRole) {
        let Some(contact) = entity.contact() else { return };
        let name = contact.full_name().or(contact.organization_name()).and_then(text);
        for email in contact.emails().iter().take(RDAP_ENTITIES_MAX) {
            let written = email.email();
            let Ok(address) = EmailAddress::parse(written.strip_prefix("mailto:").unwrap_or(written).trim())
            else {
                continue;
            };
            self.contacts.push(RegisteredContact {
                address,
                role,
                name: name.clone(),
                url: self.url.to_owned(),
            });
        }
    }
}

/// The role that helps most, of those that an entity has (RFC 9083 §10.2.4).
fn role(entity: &Entity) -> Option<ContactRole> {
    [
        ("registrar", ContactRole::Registrar),
        ("technical", ContactRole::Technical),
        ("noc", ContactRole::Noc),
        ("administrative", ContactRole::Administrative),
        ("abuse", ContactRole::Abuse),
        ("registrant", ContactRole::Registrant),
    ]
    .into_iter()
    .find(|(word, _)| entity.roles().iter().any(|role| role.eq_ignore_ascii_case(word)))
    .map(|(_, role)| role)
}

pub(super) fn registration_of(domain: &Domain) -> Registration {
    let registrar = domain.entity_by_role("registrar").and_then(Entity::contact);
    let expiration = domain.events().iter().find(|event| event.event_action() == Some("expiration"));
    Registration {
        domain: domain.ldh_name().and_then(text),
        statuses: domain.status().iter().filter_map(|status| text(status)).take(RDAP_STATUSES_MAX).collect(),
        expires: expiration.and_then(|event| event.event_date()).and_then(text),
        registrar: registrar
            .and_then(|contact| contact.full_name().or(contact.organization_name()).and_then(text)),
    }
}

/// A text of a bounded length without control characters; `None` where nothing is left.
fn text(written: &str) -> Option<String> {
    let mut text: String = written.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.truncate(text.floor_char_boundary(RDAP_TEXT_BYTES_MAX));
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use icann_rdap_common::response::RdapResponse;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn contacts(answer: Value) -> Vec<(ContactRole, String)> {
        let RdapResponse::Domain(domain) = serde_json::from_value(answer).unwrap() else { panic!() };
        let contacts = contacts_of(domain.object_common(), "https://rdap.example/");
        contacts.into_iter().map(|contact| (contact.role, contact.address.to_string())).collect()
    }

    fn entity(roles: &[&str], address: &str, inner: &[Value]) -> Value {
        json!({ "objectClassName": "entity", "roles": roles, "entities": inner,
                "vcardArray": ["vcard", [["version", {}, "text", "4.0"], ["fn", {}, "text", "A"],
                                         ["email", {}, "text", address]]] })
    }

    #[test]
    fn contacts_below_a_registrar_are_the_registrars() {
        let registrar = entity(
            &["registrar"],
            "sales@registrar.example",
            &[entity(&["abuse"], "abuse@registrar.example", &[])],
        );
        let technical = entity(&["administrative", "technical"], "tech@hoster.example", &[]);
        let billing = entity(&["billing"], "billing@hoster.example", &[]);
        assert_eq!(
            contacts(json!({ "objectClassName": "domain", "entities": [registrar, technical, billing] })),
            [
                (ContactRole::Registrar, "sales@registrar.example".to_owned()),
                (ContactRole::Registrar, "abuse@registrar.example".to_owned()),
                (ContactRole::Technical, "tech@hoster.example".to_owned()),
            ]
        );
    }

    #[test]
    fn addresses_that_are_none_are_left_out() {
        for address in
            ["REDACTED FOR PRIVACY", "a@example.org\r\nBcc: b@example.org", "", "https://form.example"]
        {
            let answer =
                json!({ "objectClassName": "domain", "entities": [entity(&["technical"], address, &[])] });
            assert_eq!(contacts(answer), [], "{address}");
        }
    }

    #[test]
    fn entities_in_entities_end_at_the_bounds() {
        let mut deep = Vec::new();
        for _ in 0..20 {
            deep = vec![entity(&["technical"], "a@example.org", &deep)];
        }
        assert_eq!(
            contacts(json!({ "objectClassName": "domain", "entities": deep })).len(),
            RDAP_ENTITY_DEPTH_MAX
        );
        let wide: Vec<_> = (0..1000).map(|_| entity(&["technical"], "a@example.org", &[])).collect();
        assert_eq!(
            contacts(json!({ "objectClassName": "domain", "entities": wide })).len(),
            RDAP_ENTITIES_MAX
        );
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            prop_oneof![
                Just("vcard"),
                Just("email"),
                Just("tel"),
                Just("adr"),
                Just("n"),
                Just("fn"),
                Just("text"),
                Just("a@b.example"),
                Just("")
            ]
            .prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 64, 8, |inner| {
            let key = prop_oneof![
                Just("type"),
                Just("pref"),
                Just("label"),
                Just("emails"),
                Just("email"),
                Just("@type"),
                Just("version"),
                Just("name"),
                Just("phones"),
                Just("addresses"),
                Just("components"),
                Just("value"),
                Just("kind"),
            ];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::btree_map(key.prop_map(str::to_owned), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_answer_of_a_server_brings_the_reading_down(
            vcard in any_json(), property in prop::collection::vec(any_json(), 0..6), card in any_json(), roles in any_json()
        ) {
            for vcard in [vcard, json!(["vcard", [property]])] {
                let answer = json!({ "objectClassName": "domain", "status": roles, "entities": [
                    { "objectClassName": "entity", "roles": ["technical"], "vcardArray": vcard },
                    { "objectClassName": "entity", "roles": ["technical"], "jscontact_card": card },
                ] });
                if let Ok(RdapResponse::Domain(domain)) = serde_json::from_value(answer) {
                    contacts_of(domain.object_common(), "");
                    registration_of(&domain);
                }
            }
        }
    }
}
