use std::fs;

use crate::common::{abprall, run};

fn told(settings: &str) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let settings = format!("{settings}\n[http]\nlisten = [\"127.0.0.1:8025\"]\n");
    fs::write(folder.path().join("abprall.toml"), settings).unwrap();
    let ran = run(folder.path(), ["serve", "--check"]);
    (ran.status, ran.err)
}

#[test]
fn a_service_that_signs_wants_its_key_and_one_that_does_not_a_password() {
    for service in ["sendgrid", "mailgun", "mandrill", "resend", "postal"] {
        let (status, said) = told(&format!("[intake.webhook.x]\nservice = \"{service}\"\n"));
        assert!(status == 2 && said.contains("intake.webhook.x.key: "), "{service}: {said}");
        assert!(said.contains("unsigned = \"accept\""), "{service}: {said}");
    }
    for service in ["postmark", "sparkpost", "brevo", "mailjet", "kumomta"] {
        let (status, said) = told(&format!("[intake.webhook.x]\nservice = \"{service}\"\n"));
        assert!(status == 2 && said.contains("intake.webhook.x.user: "), "{service}: {said}");
    }
    let (status, said) = told("[intake.webhook.x]\nservice = \"ses\"\n");
    assert!(status == 2 && said.contains("intake.webhook.x.topics: "), "{said}");
    for service in ["sendgrid", "mailgun", "mandrill", "resend", "postal", "postmark", "ses", "kumomta"] {
        let settings = format!("[intake.webhook.x]\nservice = \"{service}\"\nunsigned = \"accept\"\n");
        assert_eq!(told(&settings).0, 0, "{service}");
    }
}

#[test]
fn wrong_keys_are_told_and_never_shown() {
    for (service, key) in
        [("sendgrid", "KEYMATERIAL"), ("postal", "KEYMATERIAL"), ("resend", "whsec_?KEYMATERIAL")]
    {
        let (status, said) = told(&format!("[intake.webhook.x]\nservice = \"{service}\"\nkey = \"{key}\"\n"));
        assert!(status == 2 && said.contains("intake.webhook.x.key: this is not"), "{service}: {said}");
        assert!(!said.contains("KEYMATERIAL"), "{said}");
    }
    let (_, said) = told("[intake.webhook.x]\nservice = \"mandrill\"\nkey = \"k\"\n");
    assert!(said.contains("intake.webhook.x.url: "), "{said}");
    let (_, said) = told("[intake.webhook.x]\nservice = \"mailgun\"\nkey = \"k\"\nkey_env = \"K\"\n");
    assert!(said.contains("one of key, key_file and key_env is enough"), "{said}");
    let both = "[intake.webhook.x]\nservice = \"postmark\"\nuser = \"u\"\npassword = \"p\"\ntoken = \"t\"\n";
    assert!(told(both).1.contains("token: comes in the same header"), "{both}");
    let (_, said) = told("[intake.webhook.x]\nservice = \"fax\"\n[intake.log.y]\nformat = \"fax\"\n");
    assert!(said.contains("intake.webhook.x.service") && said.contains("intake.log.y.path"), "{said}");
    assert!(said.contains("\"fax\" is none of mail-log"), "{said}");
}

#[test]
fn a_place_that_stands_in_for_amazon_is_on_this_machine_or_in_a_network_that_is_named() {
    let with = |more: &str| {
        told(&format!(
            "[intake.webhook.x]\nservice = \"ses\"\ntopics = [\"arn:aws:sns:eu-central-1:1:t\"]\n{more}\n"
        ))
    };
    for wrong in ["http://10.0.0.1:1", "https://sns.internal", "http://localhost:1", "ftp://127.0.0.1:1"] {
        let (status, said) = with(&format!("sns_endpoint = \"{wrong}\""));
        assert!(status == 2 && said.contains("sns_endpoint"), "{wrong}: {said}");
    }
    assert_eq!(with("sns_endpoint = \"http://127.0.0.1:1\"").0, 0);
    assert_eq!(with("sns_endpoint = \"https://sns.internal\"\nallow_network = [\"10.0.0.0/8\"]").0, 0);
}

#[test]
fn a_secret_may_stand_in_a_file_or_in_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("key"), "secret\n").unwrap();
    let settings = "[intake.webhook.a]\nservice = \"mailgun\"\nkey_file = \"key\"\n\
        [intake.webhook.b]\nservice = \"mailgun\"\nkey_env = \"MAILGUN_KEY\"\n[http]\nlisten = [\"127.0.0.1:8025\"]\n";
    fs::write(folder.path().join("abprall.toml"), settings).unwrap();
    let mut check = abprall(folder.path());
    check.args(["serve", "--check"]);
    assert!(!check.output().unwrap().status.success());
    assert!(check.env("MAILGUN_KEY", "secret").output().unwrap().status.success());
}
