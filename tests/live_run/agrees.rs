//! `agree`: a run over real sockets and its simulation come to the same, and what cannot be compared is refused.

use std::path::Path;

use quotaproof::exit::Exit;
use quotaproof::summary::Summary;

use crate::stage::{Ended, Stage, end};
use crate::verdicts::WELL_BEHAVED;

fn agree(stage: &Stage, dir: &Path) -> Ended {
    end(stage.command("agree").arg("profile.yaml").arg(dir))
}

/// Writes the summary of a run with something changed, and compares again.
fn agree_with(stage: &Stage, dir: &Path, summary: &Summary, change: impl FnOnce(&mut Summary)) -> Ended {
    let mut changed = summary.clone();
    change(&mut changed);
    std::fs::write(dir.join("summary.json"), serde_json::to_vec(&changed).unwrap()).unwrap();
    agree(stage, dir)
}

#[test]
fn a_run_agrees_with_its_simulation_and_one_that_was_changed_does_not() {
    let stage = Stage::new(WELL_BEHAVED);
    let (_, summary) = stage.run_to(Exit::Pass);
    let dir = stage.reports().pop().unwrap();

    // On a machine that was too busy for the run there is nothing to compare; its figures are those of a run all the same.
    let kept_up = |summary: &mut Summary| (summary.harness.valid, summary.harness.problems) = (true, Vec::new());
    if summary.harness.valid {
        let ended = agree(&stage, &dir);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.says("charger-high-frequency: requests") && ended.says("agree in"), "{ended:?}");
    }

    let ended = agree_with(&stage, &dir, &summary, |changed| {
        kept_up(changed);
        changed.classes.iter_mut().for_each(|class| class.served = 3 * class.served + 40);
    });
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.says("disagree in"), "{ended:?}");

    let ended = agree_with(&stage, &dir, &summary, |changed| {
        changed.harness.valid = false;
        changed.harness.problems = vec!["The harness sent its requests late: p99 80 ms.".to_owned()];
    });
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let told = format!("{}: the run proves nothing: The harness sent its requests late: p99 80 ms", dir.display());
    assert!(ended.err.contains(&told) && ended.err.contains("run the profile again"), "{ended:?}");
    assert_eq!(ended.out, "", "nothing was compared");
}
