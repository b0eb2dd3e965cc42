//! What README shows can be run as it stands.

use quotaproof::yaml::Source;
use quotaproof::{policy, profile};

#[test]
fn every_whole_policy_and_profile_in_the_readme_loads() {
    let readme = include_str!("../README.md");
    let blocks = readme.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let blocks: Vec<&str> = blocks.collect();
    let (policies, profiles) =
        (whole(&blocks, &["name:", "classes:"]), whole(&blocks, &["name:", "policy:", "fleet:"]));
    // As a reader would have them: in one folder, each under its name.
    let folder = tempfile::tempdir().unwrap();
    for block in policies.iter().chain(&profiles) {
        let name = block.lines().find_map(|line| line.strip_prefix("name: ")).expect("its name");
        let name = name.split(' ').next().unwrap_or(name);
        std::fs::write(folder.path().join(format!("{name}.yaml")), block).unwrap();
    }
    for path in std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()) {
        let source = Source::read(&path).unwrap();
        let is_profile = std::fs::read_to_string(&path).unwrap().contains("\nfleet:");
        let loaded = if is_profile { profile::load_source(&source).map(drop) } else { policy::load(&source).map(drop) };
        if let Err(diagnosis) = loaded {
            panic!("{diagnosis}");
        }
    }
    assert!(!policies.is_empty() && profiles.len() > 1, "README shows too little");
}

#[test]
fn the_readme_names_every_shipped_policy_and_profile() {
    let readme = include_str!("../README.md");
    let profiles = std::fs::read_dir("profiles").unwrap().map(|entry| entry.unwrap().path());
    let profiles = profiles.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let profiles = profiles.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned());
    for name in policy::builtin_names().map(str::to_owned).chain(profiles) {
        assert!(readme.contains(&format!("| `{name}` |")), "README does not list {name}");
    }
}

/// The blocks that have all of these keys; fragments, which show one thing, lack some.
fn whole<'a>(blocks: &[&'a str], keys: &[&str]) -> Vec<&'a str> {
    let has = |block: &&str, key: &&str| block.lines().any(|line| line.starts_with(*key));
    blocks.iter().copied().filter(|block| keys.iter().all(|key| has(block, key))).collect()
}
