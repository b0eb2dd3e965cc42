//! The kept example of a dossier is one of today's format and today's profiles, complete and small.

use std::fs;
use std::path::Path;

use quotaproof::dossier::files::{DOSSIER, MARKDOWN, PAGE, SUMMARY};
use quotaproof::dossier::model::{Basis, Dossier, FORMAT};
use quotaproof::yaml::Source;

const LARGEST: u64 = 1 << 20;

#[test]
fn the_example_can_be_sent_and_is_of_the_profiles_beside_it() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/example-dossier");
    let read = |name: &str| {
        let path = dir.join(name);
        assert!(fs::metadata(&path).unwrap().len() < LARGEST, "{name} is too large to keep");
        fs::read_to_string(path).unwrap()
    };
    let dossier: Dossier = serde_json::from_str(&read(DOSSIER)).unwrap();
    assert_eq!(dossier.format, FORMAT);
    assert!(dossier.open.iter().all(|item| item.key.is_none()), "a person has still to answer: {:?}", dossier.open);
    assert_eq!(dossier.fleet.groups.iter().map(|group| group.devices).max(), Some(5_000));
    assert!(
        !dossier.request.quotas.is_empty() && !dossier.least.quotas.is_empty() && !dossier.least.comparisons.is_empty()
    );
    let bases: Vec<Basis> = dossier.references.iter().map(|reference| reference.basis).collect();
    assert!(bases.contains(&Basis::Simulated) && bases.contains(&Basis::MeasuredOnStandIn), "{bases:?}");

    let text = read(SUMMARY);
    assert_eq!(text.trim_end(), dossier.summary);
    assert!(text.len() <= 2_048, "{} bytes", text.len());
    assert!(read(PAGE).contains("data-charts=") && read(MARKDOWN).starts_with("# Request for a higher quota"));

    let today: Vec<String> = fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| Source::read(&path).unwrap().hash())
        .collect();
    for reference in &dossier.references {
        assert!(
            today.contains(&reference.profile_hash),
            "{} played another profile: run {}/make",
            reference.id,
            dir.display()
        );
    }
    let policy = quotaproof::policy::builtin("tellus").unwrap();
    assert_eq!(dossier.provider.policy_hash, policy.hash, "the policy has changed: run {}/make", dir.display());
}
