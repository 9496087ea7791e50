//! Suppression lists of unknown origin: any bytes, in any format or found out.

#![no_main]
#![allow(dead_code, unused_imports, reason = "the program has no library: its module is taken in as it is")]

use std::convert::Infallible;
use std::io::Cursor;

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/abprall/src"]
mod program {
    pub(crate) mod lists;
}

use program::lists::{self, Defaults, Format, Item, Layout, ListWriter, read_list};

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let formats = <Format as clap::ValueEnum>::value_variants();
    let format = formats.get(usize::from(*choice) % (formats.len() + 1)).copied();
    let classify = |text: &str| text.contains('5').then_some(abprall_mail::Reason::MailboxFull);
    let defaults = Defaults {
        reason: abprall_mail::Reason::Unsubscribe,
        hard: abprall_mail::Reason::UserUnknown,
        classify: &classify,
    };
    let Ok(mut input) = lists::open(Cursor::new(bytes.to_vec())) else { return };
    let mut lines = 0;
    let _io_error = read_list(&mut input.bytes, format, &defaults, &mut |item| -> Result<(), Infallible> {
        let line = match &item {
            Item::Stop(stop) => stop.line,
            Item::Other { line, .. } | Item::Bad { line, .. } => *line,
        };
        assert!(line >= lines, "items come in order");
        lines = line;
        if let Item::Stop(stop) = &item {
            for format in formats {
                let mut list = ListWriter::new(*format, Vec::new()).expect("writing to memory");
                list.write(&stop.into()).expect("writing to memory");
            }
        }
        Ok(())
    });
    let _layout = Layout::guess(bytes, true);
});
