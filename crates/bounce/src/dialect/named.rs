//! Generators that the shared reader understands as they are: only their names and marks.

use super::Place::{Head, Sign, Subject, Text};
use super::{Dialect, Place};
use crate::Generator;

const fn named(name: &'static str, marks: &'static [(Place, &'static str)]) -> Dialect {
    Dialect { generator: Generator::new(name), marks, read: None, kind: None }
}

pub(super) const WORKMAIL: Dialect = named("amazonworkmail", &[(Sign, "x-mailer: amazon workmail")]);
pub(super) const MAILRU: Dialect = named(
    "mailru",
    &[(Sign, "from: mailer-daemon@corp.mail.ru"), (Text, "создано автоматически сервером Mail.Ru")],
);
pub(super) const KUNDENSERVER: Dialect = named(
    "1&1",
    &[
        (Sign, "mailer-daemon@kundenserver"),
        (Sign, "mailer-daemon@perfora.net"),
        (Sign, "mailer-daemon@mout."),
    ],
);
pub(super) const GMX: Dialect = named(
    "gmx",
    &[
        (Sign, "from: mailer-daemon@mail.gmx"),
        (Sign, "<mailer-daemon@gmx."),
        (Sign, "<mailer-daemon@mail.gmx"),
    ],
);
pub(super) const MXLOGIC: Dialect = named("mxlogic", &[(Head, "mxlogic.net>"), (Head, "x-mxl-hash:")]);
pub(super) const EZMLM: Dialect = named("ezmlm", &[(Text, "this is the ezmlm program")]);
pub(super) const QMAIL_LDAP: Dialect = named("qmail-ldap", &[(Text, "this is the qmail-ldap program")]);
pub(super) const YAHOO: Dialect = named(
    "yahoo",
    &[
        (Head, "x-yahoofilteredbulk:"),
        (Sign, "x-yahoo-newman-property: bmbounce"),
        (Text, "sorry, we were unable to deliver your message to the following address"),
    ],
);
pub(super) const OPENSMTPD: Dialect = named(
    "opensmtpd",
    &[(Subject, "delivery status notification: "), (Text, "this is the mailer-daemon, please do not reply")],
);
pub(super) const DMA: Dialect = named("dma", &[(Text, "this is the dragonfly mail agent")]);
pub(super) const NULLMAILER: Dialect =
    named("nullmailer", &[(Text, "this is the nullmailer"), (Subject, "nullmailer notification")]);
pub(super) const COURIER: Dialect = named(
    "courier",
    &[
        (Text, "this is a delivery status notification from"),
        (Text, "courier mail server"),
        (Text, "the original message was received on"),
        (Subject, "notice: mail delivery status"),
        (Subject, "warning: delayed mail"),
    ],
);
pub(super) const HARAKA: Dialect = named("haraka", &[(Text, "haraka mailer")]);
pub(super) const ACTIVE_HUNTER: Dialect =
    named("activehunter", &[(Sign, "x-ahmailid:"), (Subject, "failure notice : ")]);
pub(super) const M_FILTER: Dialect =
    named("mfilter", &[(Sign, "x-mailer: m-filter"), (Text, "「m-FILTER」")]);
pub(super) const MAIL_FOUNDRY: Dialect =
    named("mailfoundry", &[(Text, "unable to deliver message to: <"), (Head, "mailfoundry")]);
pub(super) const DOMINO: Dialect = named(
    "domino",
    &[
        (Subject, "delivery failure: "),
        (Text, "not listed in domino directory"),
        (Text, "not listed in public name & address book"),
        (Text, "Domino-Verzeichnis"),
        (Text, "l'annuaire Domino"),
        (Text, "Domino ディレクトリ"),
        (Text, "directorio de Domino"),
    ],
);
pub(super) const NOTES: Dialect =
    named("notes", &[(Text, "failure reasons  ------"), (Text, "------- returned message ----")]);
pub(super) const GROUPWISE: Dialect = named(
    "groupwise",
    &[(Head, "novell groupwise"), (Head, "groupwise internet agent"), (Text, "groupwise agent")],
);
pub(super) const MAIL_MARSHAL: Dialect = named(
    "mailmarshal",
    &[(Head, "mailmarshal"), (Text, "mailmarshal"), (Text, "the following recipients were affected")],
);
pub(super) const SURFCONTROL: Dialect = named(
    "surfcontrol",
    &[
        (Head, "x-mailer: surfcontrol"),
        (Head, "x-sef-"),
        (Text, "a transcript of the attempts to send the message follows"),
    ],
);
pub(super) const MCAFEE: Dialect = named("mcafee", &[(Head, "x-nai-header:")]);
pub(super) const MIMECAST: Dialect = named("mimecast", &[(Head, "mimecast"), (Text, "mimecast")]);
pub(super) const MESSAGELABS: Dialect = named(
    "messagelabs",
    &[(Sign, "mailer-daemon@messagelabs.com"), (Head, "x-msg-ref: server-"), (Text, "messagelabs")],
);
pub(super) const BARRACUDA: Dialect =
    named("barracuda", &[(Head, "x-barracuda-"), (Text, "barracuda networks")]);
pub(super) const TREND_MICRO: Dialect = named(
    "trendmicro",
    &[(Text, "interscan messaging security suite"), (Head, "interscan"), (Text, "trend micro")],
);
pub(super) const SYMANTEC: Dialect = named(
    "symantec",
    &[(Text, "symantec messaging gateway"), (Text, "brightmail"), (Text, "symantec email security")],
);
pub(super) const IMAIL: Dialect =
    named("imailserver", &[(Sign, "x-mailer: <smtp32"), (Text, "invalid final delivery userid")]);
pub(super) const MDAEMON: Dialect =
    named("mdaemon", &[(Head, "x-mdaemon"), (Text, "mdaemon"), (Head, "x-mdrcpt-to:")]);
pub(super) const KERIO: Dialect =
    named("kerio", &[(Text, "kerio connect"), (Text, "kerio mailserver"), (Head, "kerio")]);
pub(super) const COMMUNIGATE: Dialect = named(
    "communigate",
    &[(Head, "communigate pro"), (Head, "x-mailer: cgp"), (Subject, "undeliverable mail: ")],
);
pub(super) const AXIGEN: Dialect = named("axigen", &[(Head, "axigen"), (Text, "axigen")]);
pub(super) const HMAILSERVER: Dialect = named("hmailserver", &[(Text, "hmailserver"), (Head, "hmailserver")]);
pub(super) const SMARTERMAIL: Dialect = named(
    "smartermail",
    &[(Head, "smartermail"), (Text, "could not deliver message to the following recipient(s)")],
);
pub(super) const MAILMAN: Dialect =
    named("mailman", &[(Head, "x-mailman-version:"), (Sign, "mailman-bounces@")]);
pub(super) const MAJORDOMO: Dialect = named("majordomo", &[(Sign, "from: majordomo")]);
pub(super) const AMAVIS: Dialect = named("amavis", &[(Sign, "content-filter at"), (Text, "amavisd-new")]);
pub(super) const FACEBOOK: Dialect =
    named("facebook", &[(Sign, "mailer-daemon@mx.facebook.com"), (Text, "facebook.com/mail")]);
pub(super) const EZWEB: Dialect =
    named("ezweb", &[(Sign, "postmaster@ezweb.ne.jp"), (Sign, "postmaster@au.com")]);
pub(super) const KDDI: Dialect =
    named("kddi", &[(Text, "as their mailbox is full"), (Sign, "no-reply@app.auone-net.jp")]);
pub(super) const DOCOMO: Dialect =
    named("docomo", &[(Sign, "mailer-daemon@docomo.ne.jp"), (Head, "@mfsmax.docomo.ne.jp")]);
pub(super) const SOFTBANK: Dialect = named(
    "softbank",
    &[
        (Sign, "mailer-daemon@softbank.ne.jp"),
        (Sign, "mailer-daemon@i.softbank.jp"),
        (Head, ".vodafone.ne.jp>"),
    ],
);
pub(super) const BIGLOBE: Dialect = named(
    "biglobe",
    &[(Sign, "from: postmaster@biglobe.ne.jp"), (Text, "----- non-delivered information -----")],
);
pub(super) const VERIZON: Dialect = named(
    "verizon",
    &[(Sign, "from: post_master@vtext.com"), (Head, "@vzwpix.com"), (Sign, "sysadmin@vzwpix.com")],
);
pub(super) const POSTFIX: Dialect = named(
    "postfix",
    &[
        (Text, "this is the mail system at host"),
        (Text, "this is the postfix program at host"),
        (Text, "the mail system\n"),
        (Text, "das mail-system"),
        (Text, "dies ist das mailsystem"),
        (Text, "le système de messagerie"),
        (Text, "el sistema de correo"),
        (Text, "il sistema di posta"),
        (Text, "het mailsysteem"),
        (Text, "o sistema de correio"),
        (Text, "system pocztowy"),
        (Text, "почтовая система"),
        (Text, "Почтовая система"),
        (Text, "メールシステム"),
        (Text, "邮件系统"),
    ],
);
pub(super) const POWERMTA: Dialect =
    named("powermta", &[(Text, "i am sending you this message to inform you on the delivery status")]);
pub(super) const MOMENTUM: Dialect = named("momentum", &[(Text, "(ecelerity)")]);
pub(super) const SENDGRID: Dialect = named(
    "sendgrid",
    &[(Text, "automatically generated message from sendgrid"), (Sign, "mailer-daemon@sendgrid.net")],
);
pub(super) const YANDEX: Dialect =
    named("yandex", &[(Sign, "mailer-daemon@yandex."), (Sign, "mailer-daemon@ya.ru")]);
pub(super) const AOL: Dialect =
    named("aol", &[(Sign, "postmaster@aol.com"), (Sign, "mailer-daemon@aol.com")]);
pub(super) const X3: Dialect =
    named("x3", &[(Text, "unable to deliver message to the following recipients, because")]);
pub(super) const X5: Dialect = named("x5", &[(Text, "the mail system was unable to deliver your message")]);
pub(super) const X6: Dialect =
    named("x6", &[(Text, "we had trouble delivering your message. full details follow")]);
pub(super) const X1: Dialect = named("x1", &[(Text, "---the following addresses had delivery errors---")]);
pub(super) const X2: Dialect =
    named("x2", &[(Text, "unable to deliver message to the following address(es).")]);
pub(super) const SENDMAIL: Dialect = named(
    "sendmail",
    &[
        (Text, "----- the following addresses had"),
        (Text, "----- transcript of session follows"),
        (Text, "----- transient non-fatal errors"),
        (Text, "the original message was received at"),
        (Subject, "returned mail: "),
    ],
);

#[cfg(test)]
mod tests;
