use crate::text::rows_of;

#[test]
fn powermta_says_in_one_line_that_it_gave_up() {
    let mail = concat!(
        "From: <mailer-daemon@pmta.example>\n",
        "Subject: Delivery report\n",
        "\n",
        "Hello, this is the mail server on pmta.example.\n",
        "\n",
        "I am sending you this message to inform you on the delivery status of a\n",
        "message you previously sent.  Immediately below you will find a list of\n",
        "the affected recipients;  also attached is a Delivery Status Notification\n",
        "(DSN) report in standard format, as well as the headers of the original\n",
        "message.\n",
        "\n",
        "  <user@gone.example>  delivery failed; will not continue trying\n",
    );
    assert_eq!(rows_of(mail), ["failed user@gone.example - - powermta"]);
}

#[test]
fn momentum_marks_recipients_with_arrows() {
    let mail = concat!(
        "From: Mail Delivery System <MAILER-DAEMON@here.example>\n",
        "Subject: Mail Delivery System: returning message\n",
        "\n",
        "This message was created automatically by the mail system (ecelerity).\n",
        "\n",
        "A message that you sent could not be delivered to one or more of its\n",
        "recipients. This is a permanent error. The following address(es) failed:\n",
        "\n",
        ">>> user@gone.example (after RCPT TO): 550 5.1.1 no such user\n",
        "\n",
        "------ This is a copy of the headers of the original message. ------\n",
    );
    assert_eq!(rows_of(mail), ["failed user@gone.example 550 5.1.1 momentum"]);
}

#[test]
fn groupwise_puts_the_reason_in_brackets() {
    let mail = concat!(
        "From: Mailer-Daemon@gw.example\n",
        "Subject: Message status - undeliverable\n",
        "X-Mailer: Novell GroupWise Internet Agent 7.0.3\n",
        "\n",
        "The message that you sent was undeliverable to the following:\n",
        "\tuser@gone.example (user not found)\n",
        "\n",
        "Possibly truncated original message follows:\n",
        "\n",
        "Received: from x\n",
    );
    assert_eq!(rows_of(mail), ["failed user@gone.example - - groupwise"]);
}

#[test]
fn mailmarshal_gives_the_reason_before_the_list() {
    let mail = concat!(
        "From: postmaster@mm.example\n",
        "Subject: Undeliverable Mail: hello\n",
        "X-Mailer: MailMarshal Notification\n",
        "\n",
        "Your message:\n",
        "   From:    me@here.example\n",
        "   Subject: hello\n",
        "\n",
        "Could not be delivered because of\n",
        "\n",
        "550 5.1.1 User unknown\n",
        "\n",
        "The following recipients were affected: \n",
        "    user@gone.example\n",
        "\n",
        "Additional Information\n",
        "======================\n",
        "Original Sender:    <me@here.example>\n",
        "Sender-MTA:         <192.0.2.1>\n",
    );
    assert_eq!(rows_of(mail), ["failed user@gone.example 550 5.1.1 mailmarshal"]);
}

#[test]
fn surfcontrol_labels_the_recipient() {
    let mail = concat!(
        "From: Mail Administrator <postmaster@here.example>\n",
        "Subject: Notification of non-deliverable message\n",
        "X-Mailer: SurfControl E-mail Filter\n",
        "\n",
        "Your message could not be sent.\n",
        "A transcript of the attempts to send the message follows.\n",
        "The number of attempts made: 1\n",
        "Addressed To: user@gone.example\n",
        "\n",
        "Thu 29 Apr 2010 23:34:45 +0900\n",
        "Failed to send to identified host,\n",
        "user@gone.example: [192.0.2.5], 550 user@gone.example... No such user\n",
        "\n",
        "--- Message non-deliverable.\n",
    );
    assert_eq!(rows_of(mail), ["failed user@gone.example 550 - surfcontrol"]);
}

#[test]
fn courier_quotes_the_dialogue() {
    let mail = concat!(
        "From: \"Courier mail server at here.example\" <@here.example>\n",
        "Subject: NOTICE: mail delivery status.\n",
        "\n",
        "This is a delivery status notification from here.example,\n",
        "running the Courier mail server, version 0.73.\n",
        "\n",
        "The original message was received on Thu, 29 Apr 2010 23:34:45 +0900\n",
        "from host.here.example (host.here.example [192.0.2.7])\n",
        "\n",
        "---------------------------------------------------------------------------\n",
        "\n",
        "                           UNDELIVERABLE MAIL\n",
        "\n",
        "Your message to the following recipients cannot be delivered:\n",
        "\n",
        "<user@gone.example>:\n",
        "    mx.gone.example [192.0.2.9]:\n",
        ">>> RCPT TO:<user@gone.example>\n",
        "<<< 550 5.1.1 <user@gone.example>... User Unknown\n",
        "\n",
        "---------------------------------------------------------------------------\n",
        "\n",
        "If your message was also sent to additional recipients, their delivery\n",
        "status is not included in this report.\n",
    );
    assert_eq!(rows_of(mail), ["failed user@gone.example 550 5.1.1 courier"]);
}

#[test]
fn sendmail_without_reasons_in_its_list_has_a_transcript() {
    let mail = concat!(
        "From: Mail Delivery Subsystem <MAILER-DAEMON@here.example>\n",
        "Subject: Returned mail: User unknown\n",
        "\n",
        "The original message was received at Thu, 29 Apr 2010 23:34:45 +0900\n",
        "from localhost\n",
        "\n",
        "   ----- The following addresses had permanent fatal errors -----\n",
        "user@gone.example\n",
        "\n",
        "   ----- Transcript of session follows -----\n",
        "... while talking to mx.gone.example.:\n",
        ">>> RCPT To:<user@gone.example>\n",
        "<<< 550 5.1.1 <user@gone.example>... User unknown\n",
        "550 user@gone.example... User unknown\n",
        "\n",
        "   ----- Original message follows -----\n",
        "\n",
        "Return-Path: <me@here.example>\n",
    );
    assert_eq!(rows_of(mail), ["failed user@gone.example 550 5.1.1 sendmail"]);
}

#[test]
fn sendmail_warns_of_a_delay() {
    let mail = concat!(
        "From: Mail Delivery Subsystem <MAILER-DAEMON@here.example>\n",
        "Subject: Warning: could not send message for past 4 hours\n",
        "\n",
        "    **********************************************\n",
        "    **      THIS IS A WARNING MESSAGE ONLY      **\n",
        "    **  YOU DO NOT NEED TO RESEND YOUR MESSAGE  **\n",
        "    **********************************************\n",
        "\n",
        "The original message was received at Thu, 29 Apr 2010 23:34:45 +0900\n",
        "from localhost\n",
        "\n",
        "   ----- The following addresses had transient non-fatal errors -----\n",
        "<user@gone.example>\n",
        "\n",
        "   ----- Transcript of session follows -----\n",
        "<user@gone.example>... Deferred: Connection timed out with mx.gone.example.\n",
        "Warning: message still undelivered after 4 hours\n",
        "Will keep trying until message is 5 days old\n",
    );
    assert_eq!(rows_of(mail), ["delayed user@gone.example - - sendmail"]);
}

#[test]
fn domino_gives_the_reason_below_because() {
    let mail = concat!(
        "From: postmaster@here.example\n",
        "Subject: DELIVERY FAILURE: User user (user@gone.example) not listed in Domino Directory\n",
        "\n",
        "Your message\n",
        "\n",
        "  Subject: Hi\n",
        "\n",
        "was not delivered to:\n",
        "\n",
        "  user@gone.example\n",
        "\n",
        "because:\n",
        "\n",
        "  User user (user@gone.example) not listed in Domino Directory\n",
    );
    assert_eq!(rows_of(mail), ["failed user@gone.example - - domino"]);
}

#[test]
fn mdaemon_has_a_transcript_with_times() {
    let mail = concat!(
        "From: MAILER-DAEMON@here.example\n",
        "Subject: Permanent Delivery Failure\n",
        "X-MDaemon-Deliver-To: me@here.example\n",
        "\n",
        "The following data may contain sections which represent BASE64 encoded\n",
        "file attachments. These sections will be unreadable without MIME aware\n",
        "tools. Seek your system administrator if you need help extracting any\n",
        "files which may be embedded within this message.\n",
        "\n",
        "-----------------------------------------------------------------\n",
        "The attached message had PERMANENT fatal delivery errors!\n",
        "\n",
        "After one or more unsuccessful delivery attempts the attached message has\n",
        "been removed from the mail queue on this server.  The number and frequency\n",
        "of delivery attempts are determined by local configuration parameters.\n",
        "\n",
        "Failed address: user@gone.example\n",
        "\n",
        "--- Session Transcript ---\n",
        "Thu 2010-04-29 23:34:45: Parsing message <xxxxxxxxxxxxxxxxxx>\n",
        "Thu 2010-04-29 23:34:45: *  To: user@gone.example\n",
        "Thu 2010-04-29 23:34:45: Attempting SMTP connection to [mx.gone.example]\n",
        "Thu 2010-04-29 23:34:45: --> RCPT To:<user@gone.example>\n",
        "Thu 2010-04-29 23:34:45: <-- 550 5.1.1 User unknown\n",
    );
    assert_eq!(rows_of(mail), ["failed user@gone.example 550 5.1.1 mdaemon"]);
}

#[test]
fn hmailserver_indents_its_fields() {
    let mail = concat!(
        "From: mailer-daemon@here.example\n",
        "Subject: Message undeliverable: Hi\n",
        "\n",
        "Your message did not reach some or all of the intended recipients.\n",
        "\n",
        "   Sent: Thu, 29 Apr 2010 23:34:45 +0900\n",
        "   Subject: Hi\n",
        "\n",
        "The following recipient(s) could not be reached:\n",
        "\n",
        "user@gone.example\n",
        "   Error Type: SMTP\n",
        "   Error Description: No mail servers appear to exist for the recipient's address.\n",
        "   Additional information: Please check that you have not misspelled the recipient's email address.\n",
        "\n",
        "hMailServer\n",
    );
    assert_eq!(rows_of(mail), ["failed user@gone.example - - hmailserver"]);
}

#[test]
fn smartermail_labels_recipient_and_reason() {
    let mail = concat!(
        "From: \"System Administrator\" <postmaster@here.example>\n",
        "Subject: Delivery Failure\n",
        "\n",
        "Could not deliver message to the following recipient(s):\n",
        "\n",
        "Failed Recipient: user@gone.example\n",
        "Reason: Remote host said: 550 No such user here\n",
        "\n",
        "   -- The header and top 20 lines of the message follows --\n",
        "\n",
        "Received: from x\n",
    );
    assert_eq!(rows_of(mail), ["failed user@gone.example 550 - smartermail"]);
}

#[test]
fn communigate_quotes_the_recipient() {
    let mail = concat!(
        "From: <MAILER-DAEMON@here.example>\n",
        "Subject: Undeliverable mail: Hi\n",
        "X-Mailer: CommuniGate Pro SMTP\n",
        "\n",
        "Failed to deliver to '<user@gone.example>'\n",
        "LOCAL module(account user) reports:\n",
        " account is full (quota exceeded)\n",
    );
    assert_eq!(rows_of(mail), ["failed user@gone.example - - communigate"]);
}

#[test]
fn postfix_in_german_is_read() {
    let mail = concat!(
        "From: MAILER-DAEMON@here.example (Mail Delivery System)\n",
        "Subject: Unzustellbare Nachricht\n",
        "\n",
        "Dies ist das Mail-System auf dem Rechner here.example.\n",
        "\n",
        "Es tut uns leid, aber Ihre Nachricht konnte nicht an einen oder mehrere Empfänger zugestellt werden.\n",
        "\n",
        "                   Das Mail-System\n",
        "\n",
        "<user@gone.example>: host mx.gone.example[192.0.2.3] said: 554 5.4.6 Too many\n",
        "    hops (in reply to end of DATA command)\n",
    );
    assert_eq!(rows_of(mail), ["failed user@gone.example 554 5.4.6 postfix"]);
}

#[test]
fn postfix_in_german_delays() {
    let mail = concat!(
        "From: MAILER-DAEMON@here.example\n",
        "Subject: Zustellung verzögert\n",
        "\n",
        "Dies ist das Mail-System auf dem Rechner here.example.\n",
        "\n",
        "Ihre Nachricht konnte seit 4 Stunden noch nicht zugestellt werden. Es wird weiter versucht, sie zuzustellen.\n",
        "\n",
        "                   Das Mail-System\n",
        "\n",
        "<user@gone.example> (expanded from <alias@here.example>): connect to mx.gone.example[192.0.2.3]:25: Connection refused\n",
    );
    assert_eq!(rows_of(mail), ["delayed user@gone.example - - postfix"]);
}

#[test]
fn imail_names_the_recipient_after_its_reason() {
    let mail = concat!(
        "From: \"Postmaster\" <postmaster@here.example>\n",
        "Subject: Undeliverable Mail\n",
        "X-Mailer: <SMTP32 v8.22>\n",
        "\n",
        "User mailbox exceeds allowed size: user@gone.example\n",
        "\n",
        "Original message follows.\n",
    );
    assert_eq!(rows_of(mail), ["failed user@gone.example - - imailserver"]);
}

#[test]
fn imail_quotes_the_reply_below() {
    let mail = concat!(
        "From: \"Postmaster\" <postmaster@here.example>\n",
        "Subject: Undeliverable Mail\n",
        "X-Mailer: <SMTP32 v8.22>\n",
        "\n",
        "undeliverable to user@gone.example\n",
        "Body of message generated response:\n",
        "550 no such user\n",
        "\n",
        "Original message follows.\n",
    );
    assert_eq!(rows_of(mail), ["failed user@gone.example 550 - imailserver"]);
}

#[test]
fn docomo_keeps_odd_dots_in_quotes() {
    let mail = concat!(
        "From: Mail Delivery System <MAILER-DAEMON@docomo.ne.jp>\n",
        "Subject: =?ISO-2022-JP?B?VW5kZWxpdmVyZWQgTWFpbA==?=\n",
        "\n",
        "This message was created automatically by mail delivery software.\n",
        "\n",
        "<\"user..x.\"@docomo.ne.jp>\n",
        "\tUnknown user\n",
    );
    assert_eq!(rows_of(mail), ["failed \"user..x.\"@docomo.ne.jp - - docomo"]);
}

#[test]
fn amavis_heads_a_paragraph_with_the_recipient() {
    let mail = concat!(
        "From: Content-filter at mx.example <postmaster@mx.example>\n",
        "Subject: Undeliverable mail, MTA-BLOCKED\n",
        "\n",
        "This nondelivery report was generated by the program amavisd-new at host\n",
        "mx.example. Our internal reference code for your message\n",
        "is 12345-01/abc\n",
        "\n",
        "Your email \"Hi\" could not be delivered to:\n",
        "  <user@gone.example>:\n",
        "554 5.7.0 Reject, id=12345-01 - SPAM\n",
    );
    assert_eq!(rows_of(mail), ["failed user@gone.example 554 5.7.0 amavis"]);
}

#[test]
fn trend_micro_quotes_the_dialogue_in_words() {
    let mail = concat!(
        "From: \"InterScan\" <postmaster@here.example>\n",
        "Subject: Mail could not be delivered\n",
        "X-Mailer: InterScan\n",
        "\n",
        "Sent >>> RCPT TO: <user@gone.example>\n",
        "Received <<< 550 User unknown\n",
        "\n",
        "Unable to deliver message to <user@gone.example>.\n",
    );
    assert_eq!(rows_of(mail), ["failed user@gone.example 550 - trendmicro"]);
}

#[test]
fn messagelabs_quotes_the_remote_server() {
    let mail = concat!(
        "From: MAILER-DAEMON@messagelabs.com\n",
        "Subject: Mail delivery failure\n",
        "\n",
        "    We were unable to deliver the message to the recipient.\n",
        "\n",
        "    The response from the remote server was:\n",
        "\n",
        "    <user@gone.example>: 550 No such recipient\n",
    );
    assert_eq!(rows_of(mail), ["failed user@gone.example 550 - messagelabs"]);
}

#[test]
fn kerio_labels_recipient_and_error() {
    let mail = concat!(
        "From: \"Kerio Connect\" <postmaster@here.example>\n",
        "Subject: Delivery failed\n",
        "\n",
        "Kerio Connect could not deliver your message.\n",
        "\n",
        "Failed recipient: user@gone.example\n",
        "Error: User does not exist\n",
    );
    assert_eq!(rows_of(mail), ["failed user@gone.example - - kerio"]);
}

#[test]
fn yandex_writes_as_postfix_does() {
    let mail = concat!(
        "From: mailer-daemon@yandex.ru\n",
        "Subject: Недоставленное сообщение\n",
        "\n",
        "This is the mail system at host forward1.mail.yandex.net.\n",
        "\n",
        "I'm sorry to have to inform you that your message could not\n",
        "be delivered to one or more recipients. It's attached below.\n",
        "\n",
        "<user@gone.example>: host mx.gone.example[192.0.2.5] said: 550 5.1.1 no such user (in reply to RCPT TO command)\n",
    );
    assert_eq!(rows_of(mail), ["failed user@gone.example 550 5.1.1 yandex"]);
}

#[test]
fn x3_stars_its_recipients() {
    let mail = concat!(
        "From: Mail Delivery System <MAILER-DAEMON@here.example>\n",
        "Subject: Delivery status notification\n",
        "\n",
        "          Unable to deliver message to the following recipients, because the message was forwarded more than the maximum allowed times.\n",
        "\n",
        "    ============================================================================\n",
        "\n",
        "       * user@gone.example\n",
        "\n",
        "    ============================================================================\n",
        "\n",
        "Your message could not be delivered for the following reason:\n",
        "\n",
        "   SMTP: 550 User unknown\n",
    );
    assert_eq!(rows_of(mail), ["failed user@gone.example 550 - x3"]);
}

#[test]
fn x5_puts_the_reason_below_the_address() {
    let mail = concat!(
        "From: MAILER-DAEMON@here.example\n",
        "Subject: Mail delivery failed: returning message to sender\n",
        "\n",
        "The mail system was unable to deliver your message\n",
        "to the following recipients:\n",
        "\n",
        "user@gone.example\n",
        "Mailbox full\n",
    );
    assert_eq!(rows_of(mail), ["failed user@gone.example - - x5"]);
}

#[test]
fn x6_names_the_recipient_within_a_sentence() {
    let mail = concat!(
        "From: Mail Delivery Service <postmaster@here.example>\n",
        "Subject: There was an error sending your mail\n",
        "\n",
        "We had trouble delivering your message. Full details follow:\n",
        "\n",
        "Subject: 'Hi'\n",
        "Date: 'Thu, 29 Apr 2010 23:34:45 +0900'\n",
        "\n",
        "1 error(s):\n",
        "\n",
        "SMTP Server <mx.gone.example> rejected recipient <user@gone.example> (Error following RCPT command). It responded as follows: [550 5.1.1 no such user]\n",
    );
    assert_eq!(rows_of(mail), ["failed user@gone.example 550 5.1.1 x6"]);
}

#[test]
fn axigen_labels_the_reply() {
    let mail = concat!(
        "From: Mail Delivery Subsystem <mailer-daemon@here.example>\n",
        "Subject: Undeliverable Mail\n",
        "X-Mailer: Axigen\n",
        "\n",
        "Failed to deliver message to the following recipients:\n",
        "\n",
        "user@gone.example\n",
        "Reason: Remote server returned: 550 5.1.1 no such user\n",
    );
    assert_eq!(rows_of(mail), ["failed user@gone.example 550 5.1.1 axigen"]);
}

#[test]
fn barracuda_names_the_recipient_in_a_sentence() {
    let mail = concat!(
        "From: Barracuda <postmaster@here.example>\n",
        "Subject: **Message you sent blocked by our bulk email filter**\n",
        "X-Barracuda-Bayes: x\n",
        "\n",
        "Your message to: user@gone.example\n",
        "was blocked by our Spam Firewall. The email you sent with the following subject has NOT BEEN DELIVERED:\n",
        "\n",
        "Subject: Hi\n",
    );
    assert_eq!(rows_of(mail), ["failed user@gone.example - - barracuda"]);
}
