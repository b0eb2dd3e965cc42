//! What a run leaves behind.

use std::collections::BTreeMap;
use std::path::Path;

use crate::stage::{Stage, end};
use crate::verdicts::WELL_BEHAVED;

const FILES: [&str; 5] = ["junit.xml", "latency.hlog", "report.html", "summary.json", "summary.md"];

fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    entries.map(|it| (it.file_name().into_string().unwrap(), std::fs::read(it.path()).unwrap())).collect()
}

#[test]
fn a_run_writes_five_files_that_say_what_ran_and_report_renders_them_again() {
    let stage = Stage::new(WELL_BEHAVED);
    let ended = end(stage.command("run").args(["profile.yaml", "--seed", "77", "--duration", "1s", "--shards", "1"]));
    let summary = stage.summary(&ended);
    let dir = stage.reports().pop().unwrap();
    assert!(dir.file_name().unwrap().to_str().unwrap().starts_with("well-behaved-20"), "{dir:?}");

    let run = &summary.run;
    assert_eq!((run.seed, run.planned_s, run.version.as_str()), (77, 1.0, env!("CARGO_PKG_VERSION")));
    assert_eq!(run.command, "quotaproof run profile.yaml --seed 77 --duration 1s --shards 1");
    assert_eq!(run.policy_hash, quotaproof::policy::builtin("tellus").unwrap().hash);
    assert_eq!(run.profile_hash, quotaproof::profile::load(&stage.path("profile.yaml")).unwrap().profile_hash);
    assert_ne!(run.policy_hash, run.profile_hash);

    let written = files(&dir);
    assert_eq!(written.keys().collect::<Vec<_>>(), FILES);
    assert!(written.values().all(|content| !content.is_empty()));
    for file in ["report.html", "summary.md"] {
        let text = String::from_utf8_lossy(&written[file]);
        for fact in ["77", &run.version, &run.policy_hash[..12], &run.profile_hash[..12]] {
            assert!(text.contains(fact), "{file} says `{fact}`");
        }
    }
    for file in FILES.iter().filter(|file| !["summary.json", "latency.hlog"].contains(file)) {
        std::fs::remove_file(dir.join(file)).unwrap();
    }
    let again = end(stage.command("report").arg(&dir));
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_eq!(
        again.out.replace(dir.to_str().unwrap(), ""),
        ended.out.replace("reports/", "").replace(dir.file_name().unwrap().to_str().unwrap(), "")
    );
    for (file, content) in files(&dir) {
        assert!(content == written[&file], "{file} differs");
    }
    assert_eq!(files(&dir).len(), FILES.len());
}
