//! What README shows can be run as it stands.

use quotaproof::profile;
use quotaproof::yaml::Source;

#[test]
fn every_whole_profile_in_the_readme_loads() {
    let readme = include_str!("../README.md");
    let blocks = readme.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let profiles: Vec<&str> = blocks.filter(|block| is_whole_profile(block)).collect();
    for profile in &profiles {
        if let Err(diagnosis) = profile::load_source(&Source::built_in("README.md", profile)) {
            panic!("{diagnosis}");
        }
    }
    assert!(!profiles.is_empty(), "README shows no profile");
}

/// Fragments, which show one thing of a profile, lack its name or its policy.
fn is_whole_profile(block: &str) -> bool {
    ["fleet:", "name:", "policy:"].iter().all(|key| block.lines().any(|line| line.starts_with(key)))
}
