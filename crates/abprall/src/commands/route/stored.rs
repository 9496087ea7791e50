//! Diagnoses that an earlier run printed with `--format json`.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use abprall_mail::Language;
use abprall_route::Diagnosis;
use anyhow::Context;

/// Earlier diagnoses taken from one file at most: a file of a whole audit is for another command.
const DIAGNOSES_MAX: usize = 1000;

/// All diagnoses of a file, one JSON object after the other. Findings speak `language`, whatever they spoke before.
pub(super) fn read(path: &Path, language: Language) -> anyhow::Result<Vec<Diagnosis>> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut diagnoses = Vec::new();
    for one in serde_json::Deserializer::from_reader(BufReader::new(file)).into_iter::<Diagnosis>() {
        let mut diagnosis =
            one.with_context(|| format!("{} is no output of `route --format json`", path.display()))?;
        for finding in &mut diagnosis.findings {
            finding.explanation =
                finding.id.knowledge(language).about(&finding.subject, finding.detail.as_deref());
        }
        diagnoses.push(diagnosis);
        anyhow::ensure!(
            diagnoses.len() <= DIAGNOSES_MAX,
            "{} holds more than {DIAGNOSES_MAX} domains",
            path.display()
        );
    }
    Ok(diagnoses)
}
