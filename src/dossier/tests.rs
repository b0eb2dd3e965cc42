//! From runs and answers to every form of the dossier.

use std::collections::BTreeSet;

use super::model::*;
use super::sample::{all, answered, measured, on_stand_in, planned};
use super::*;
use crate::report::sample as runs;
use crate::summary::finding::{Finding, Party, Verdict};
use crate::summary::plan::QuotaAnswer;
use crate::summary::{Bucket, Driver, Safety};

fn dossier(evidence: &[Evidence]) -> Dossier {
    build(evidence, &answered(), "quotaproof dossier reports/a reports/b").unwrap()
}

fn refusal(evidence: &[Evidence]) -> String {
    build(evidence, &Answers::default(), "").unwrap_err().to_string()
}

fn page(dossier: &Dossier) -> String {
    render::html::render(dossier).unwrap()
}

#[test]
fn the_forms_read_well() {
    let dossier = dossier(&all());
    insta::assert_snapshot!("markdown", render::markdown::render(&dossier));
    insta::assert_snapshot!("summary", dossier.summary);
}

#[test]
fn a_dossier_without_answers_says_what_is_missing_and_makes_nothing_up() {
    let dossier = build(&[on_stand_in()], &Answers::default(), "quotaproof dossier reports/a").unwrap();
    assert_eq!(dossier.request.identity, Identity::default());
    insta::assert_snapshot!(
        "unanswered",
        format!("{}\n\n{}", render::view::open_items(&dossier).join("\n"), dossier.summary)
    );
    let keys: BTreeSet<&str> = dossier.open.iter().filter_map(|item| item.key.as_deref()).collect();
    let known = schemars::schema_for!(Answers);
    let known = known.as_value()["properties"].as_object().unwrap();
    assert!(keys.iter().all(|key| known.contains_key(*key)), "{keys:?}");
    // Assumptions and quotas may stay empty; all else that a person may say is asked for.
    assert_eq!(keys.len() + 2, known.len(), "{keys:?}");
    assert!(page(&dossier).contains("Draft: request for a higher quota"));
    assert!(!page(&self::dossier(&all())).contains("Draft"));
}

#[test]
fn a_dossier_reads_back_as_it_was_written() {
    let dossier = dossier(&all());
    let text = render::json(&dossier).unwrap();
    assert!(serde_json::from_str::<Dossier>(&text).unwrap() == dossier);
}

/// Every `source` in the JSON.
fn sources(value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    serde_json::Value::String(id) if name == "source" => found.push(id.clone()),
                    serde_json::Value::Array(ids) if name == "sources" => {
                        found.extend(ids.iter().filter_map(|id| id.as_str().map(str::to_owned)));
                    }
                    value => sources(value, found),
                }
            }
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| sources(value, found)),
        _ => {}
    }
}

#[test]
fn every_source_of_a_figure_is_explained_with_seed_hashes_and_command() {
    let dossier = dossier(&all());
    let mut json = serde_json::to_value(&dossier).unwrap();
    // The provider's documents have a source of their own.
    json.as_object_mut().unwrap().remove("provider");
    let mut found = Vec::new();
    sources(&json, &mut found);
    assert!(found.len() > 30, "{}", found.len());
    for id in &found {
        let reference = dossier.reference(id).unwrap_or_else(|| panic!("{id} is not explained"));
        assert!(!reference.seeds.is_empty() && reference.command.starts_with("quotaproof "), "{reference:?}");
        assert!(reference.profile_hash.len() == 64 && reference.policy_hash.len() == 64, "{reference:?}");
    }
}

#[test]
fn what_was_only_simulated_is_never_said_to_be_measured() {
    for (evidence, expected) in [(planned(), Basis::Simulated), (on_stand_in(), Basis::MeasuredOnStandIn)] {
        let dossier = dossier(&[evidence]);
        assert!(
            dossier.references.iter().all(|it| it.basis == expected || it.part != Part::Run),
            "{:?}",
            dossier.references
        );
        let open = dossier.open.iter().any(|item| item.what == "a measurement on the provider");
        assert!(open, "{:?}", dossier.open);
        assert!(dossier.summary.contains("No figure here was taken on the provider's systems."), "{}", dossier.summary);
        let texts = [dossier.summary.clone(), render::markdown::render(&dossier), page(&dossier)];
        for text in texts {
            // A stand-in is always named beside the word.
            let rest = text.replace("measured on a stand-in", "").replace("measurement on the provider", "");
            let rest = rest.replace("simulated or measured", "");
            let rest = rest.replace("Use of each quota is measured every minute", "");
            assert!(
                !rest.contains("measured"),
                "{expected:?}: {}",
                &rest[rest.find("measured").unwrap() - 60..][..120]
            );
        }
    }
    let real = dossier(&[measured()]);
    assert!(!real.summary.contains("No figure here"), "{}", real.summary);
    assert_eq!(real.references[0].basis, Basis::Measured);
}

#[test]
fn a_server_on_this_machine_is_not_taken_for_the_provider() {
    for target in ["http://127.0.0.1:8080", "http://localhost/v1", "https://[::1]:8443"] {
        let mut evidence = measured();
        evidence.summary.run.target = target.to_owned();
        assert_eq!(dossier(&[evidence]).references[0].basis, Basis::MeasuredOnLoopback, "{target}");
    }
    for target in ["https://localhost.example.com", "https://127.example.com", "https://10.0.0.1"] {
        let mut evidence = measured();
        evidence.summary.run.target = target.to_owned();
        assert_eq!(dossier(&[evidence]).references[0].basis, Basis::Measured, "{target}");
    }
}

/// A finding that says that the server broke its word.
fn broken_word() -> Finding {
    let mut finding = runs::failing().findings[0].clone();
    finding.check = "server.limit-drift".to_owned();
    finding.party = Party::Server;
    finding.verdict = Verdict::Fail;
    finding.headline = "It grants 50 where 60 are documented".to_owned();
    finding
}

#[test]
fn what_a_stand_in_did_is_no_question_to_the_provider() {
    let with_broken_word = |mut evidence: Evidence| {
        evidence.summary.findings.push(broken_word());
        let questions = dossier(&[evidence]).questions;
        questions.iter().filter(|question| question.question.contains("It grants 50")).cloned().collect::<Vec<_>>()
    };
    assert!(with_broken_word(on_stand_in()).is_empty());
    assert!(with_broken_word(planned()).is_empty());
    let asked = with_broken_word(measured());
    assert_eq!(asked.len(), 1);
    assert_eq!(
        (asked[0].kind, asked[0].sources.as_slice()),
        (QuestionKind::Contradiction, ["R1".to_owned()].as_slice())
    );
}

#[test]
fn questions_are_numbered_those_that_matter_first_and_every_silence_among_them() {
    let mut evidence = measured();
    evidence.summary.quotas[0].safety = Safety::DependsOnReading;
    evidence.summary.findings.push(broken_word());
    let dossier = dossier(&[evidence.clone()]);
    let numbers: Vec<u32> = dossier.questions.iter().map(|question| question.number).collect();
    assert_eq!(numbers, (1..=numbers.len() as u32).collect::<Vec<_>>());
    let kinds: Vec<QuestionKind> = dossier.questions.iter().map(|question| question.kind).collect();
    assert!(kinds.is_sorted(), "{kinds:?}");
    assert_eq!(kinds[0], QuestionKind::Reading);
    let silences = kinds.iter().filter(|kind| **kind == QuestionKind::Silence).count();
    assert_eq!(silences, evidence.summary.policy.silences.len());
}

#[test]
fn runs_that_cannot_stand_together_are_refused_with_a_way_out() {
    let mut other_policy = measured();
    other_policy.summary.run.policy_hash = "ff".repeat(32);
    other_policy.summary.policy.name = "telair".to_owned();
    insta::assert_snapshot!(refusal(&[on_stand_in(), other_policy]));

    let mut other_host = measured();
    other_host.dir = "elsewhere".to_owned();
    other_host.summary.run.target = "https://api.other.example".to_owned();
    insta::assert_snapshot!(refusal(&[measured(), other_host]));

    let mut plan_of_another_policy = planned();
    plan_of_another_policy.plan.as_mut().unwrap().quota.as_mut().unwrap().origin.policy_hash = "ee".repeat(32);
    insta::assert_snapshot!(refusal(&[plan_of_another_policy]));

    let mut mixed = planned();
    mixed.plan.as_mut().unwrap().quota.as_mut().unwrap().origin.profile_hash = "ee".repeat(32);
    insta::assert_snapshot!(refusal(&[mixed]));

    insta::assert_snapshot!(refusal(&[on_stand_in(), Evidence { dir: "copy".to_owned(), ..on_stand_in() }]));

    let mut old = on_stand_in();
    old.summary.format = 0;
    insta::assert_snapshot!(refusal(&[old]));
    assert!(refusal(&[]).starts_with("no run is given"));
}

#[test]
fn a_run_that_proves_nothing_is_refused_wherever_it_stands() {
    let mut late = measured();
    late.summary.harness.valid = false;
    late.summary.harness.problems = vec!["requests left up to 80 ms late".to_owned()];
    insta::assert_snapshot!(refusal(&[on_stand_in(), late]));
    let mut idle = measured();
    idle.summary.classes.iter_mut().for_each(|class| class.requests = 0);
    assert!(refusal(&[on_stand_in(), idle]).contains("nothing was asked in it"));
    let mut unreached = measured();
    unreached.summary.run.gave_up = true;
    assert!(refusal(&[on_stand_in(), unreached]).contains("its target was never reached"));
}

#[test]
fn a_run_cut_short_is_evidence_with_its_reservation_but_no_demand() {
    let mut cut = measured();
    cut.summary.run.interrupted = true;
    cut.summary.run.duration_s = 12.0;
    insta::assert_snapshot!(refusal(&[cut.clone()]));
    let dossier = dossier(&[on_stand_in(), cut]);
    let told = "It understates the demand: it was stopped after 12 s of 60 s.";
    assert_eq!(dossier.references[1].reservations[0], told);
    assert!(page(&dossier).contains(told) && render::markdown::render(&dossier).contains(told));

    let mut missing = measured();
    let service = Finding { check: "fleet.in-service".to_owned(), looked_at: 200, wrong: 3, ..broken_word() };
    missing.summary.findings.push(service);
    assert!(refusal(&[missing]).contains("3 of 200 chargers never came into service"));
}

/// A run over a limit of ten a second with a burst of fifteen; the fleet would have needed twenty at once.
fn over_a_bucket() -> Evidence {
    let mut run = on_stand_in();
    let quota = &mut run.summary.quotas[0];
    quota.limit = "10 per 1s, 15 at once, for each user".to_owned();
    (quota.allow, quota.bucket) = (15, Some(Bucket { rate: 10, burst: 15 }));
    (quota.safety, quota.retries, quota.first_attempts_peak) = (Safety::Over, 1, Some(20));
    run
}

#[test]
fn a_bucket_s_rate_is_never_held_against_its_burst() {
    let asked = |answers: &Answers| build(&[over_a_bucket()], answers, "").unwrap().request.quotas;
    // Seen alone, a peak is the burst that today's rate would have needed.
    let peak = &asked(&Answers::default())[0];
    assert_eq!(format!("{} -> {}", peak.today(), peak.wish()), "10 with a burst of 15 -> 10 with a burst of 20");

    let stated = |text: &str| {
        let source = crate::yaml::Source::built_in("a.yaml", text);
        let answers = answers::read(&source).unwrap();
        answers::fit(&answers, &source, &over_a_bucket().summary.quotas).map_err(|error| error.to_string())?;
        let dossier = build(&[over_a_bucket()], &answers, "").unwrap();
        let unsure = dossier.open.iter().find(|item| item.what.starts_with("whether the requested"));
        Ok((dossier.request.quotas[0].wish().to_string(), unsure.map_or(String::new(), |item| item.what.clone())))
    };
    let wish = |text: &str, unsure: &str| Ok::<_, String>((text.to_owned(), unsure.to_owned()));
    let (below, together) =
        ("whether the requested value is enough", "whether the requested rate and burst are enough together");
    assert_eq!(stated("quotas: [{class: queries, requested: 12}]"), wish("12 with a burst of 15", together));
    assert_eq!(stated("quotas: [{class: queries, requested: 12, burst: 30}]"), wish("12 with a burst of 30", ""));
    assert_eq!(stated("quotas: [{class: queries, requested: 10, burst: 16}]"), wish("10 with a burst of 16", below));
    let refused = |text: &str| stated(text).unwrap_err();
    assert!(
        refused("quotas: [{class: queries, requested: 10}]").contains("`queries` allows 10 with a burst of 15 already")
    );
    assert!(
        refused("quotas: [{class: queries, requested: 10, burst: 15}]")
            .contains("allows 10 with a burst of 15 already")
    );
    assert!(
        refused("quotas: [{class: queries, requested: 9, burst: 16}]").contains("allows 10 with a burst of 15 already")
    );
    assert!(refused("quotas: [{class: queries, requested: 12, burst: 14}]").contains("allows a burst of 15 already"));
    assert_eq!(stated("quotas: [{class: queries, requested: 12, burst: 15}]"), wish("12 with a burst of 15", together));
    let plain = crate::yaml::Source::built_in("a.yaml", "quotas: [{class: queries, requested: 90, burst: 99}]");
    let unfit = answers::fit(&answers::read(&plain).unwrap(), &plain, &on_stand_in().summary.quotas).unwrap_err();
    assert!(unfit.to_string().contains("has no burst of its own"), "{unfit}");
}

#[test]
fn the_requested_value_is_the_answer_s_else_the_search_s_else_the_peak() {
    let asked = |evidence: &[Evidence], answers: &Answers| build(evidence, answers, "").unwrap().request.quotas;
    let searched = asked(&[planned()], &Answers::default());
    assert_eq!(searched.len(), 1, "what suffices today is not asked for");
    assert_eq!(searched[0].requested, 268, "the largest over readings and seeds");
    assert_eq!(searched[0].because, Requested::Searched { source: "R2".to_owned(), growth: None });

    let peak = asked(&[on_stand_in()], &Answers::default());
    assert_eq!((peak[0].requested, peak[0].current), (252, 60));
    assert_eq!(peak[0].because, Requested::Peak { source: "R1".to_owned() });

    let source = crate::yaml::Source::built_in("a.yaml", "quotas: [{class: queries, requested: 300}]");
    let stated = asked(&[planned()], &answers::read(&source).unwrap());
    assert_eq!(stated[0].requested, 300);
    assert_eq!(stated[0].because, Requested::Stated { least: Some((268, "R2".to_owned())), least_burst: None });

    // A search of another fleet says nothing of this one.
    let other = asked(
        &[on_stand_in(), {
            let mut other = planned();
            rename(&mut other);
            other
        }],
        &Answers::default(),
    );
    assert_eq!(other[0].because, Requested::Peak { source: "R1".to_owned() });
    assert!(asked(&[measured()], &Answers::default()).is_empty());
}

#[test]
fn a_search_of_another_fleet_is_named_as_that_and_never_taken_for_this_one_s() {
    let mut other = planned();
    rename(&mut other);
    let told = |dossier: &Dossier| {
        let summary = dossier.summary.lines().find(|line| line.starts_with("Least limit")).unwrap().to_owned();
        (summary, render::markdown::render(dossier))
    };
    let whose = "another profile, tellus-polling-dashboard (abababababab)";
    let (summary, markdown) = told(&dossier(&[on_stand_in(), other.clone()]));
    assert!(
        summary.starts_with(&format!(
            "Least limit of queries that suffices for {whose}, 10% of it to stay unused: 260 to 268"
        )),
        "{summary}"
    );
    let foreign = format!("This fleet is that of {whose}, not the one of part 2.");
    assert_eq!(markdown.matches(&foreign).count(), 3, "of the least quota, the largest fleet and the sweep");
    assert!(markdown.contains("no search for the least of this fleet was made"), "{markdown}");

    // This fleet's own comes first, wherever it stands.
    other.plan.as_mut().unwrap().quota.as_mut().unwrap().needs[0].least.max = 999;
    let (summary, markdown) = told(&dossier(&[on_stand_in(), other, planned()]));
    assert!(
        summary.starts_with("Least limit of queries that suffices, 10% of it to stay unused: 260 to 268"),
        "{summary}"
    );
    assert_eq!(markdown.matches(&foreign).count(), 3);
}

#[test]
fn a_search_that_saw_less_than_the_run_is_not_taken_for_its_need() {
    let asked = |change: &dyn Fn(&mut QuotaAnswer)| {
        let mut searched = planned();
        change(searched.plan.as_mut().unwrap().quota.as_mut().unwrap());
        let dossier = dossier(&[on_stand_in(), searched]);
        let open = dossier.open.iter().any(|item| item.what == "the least quota that suffices");
        (matches!(dossier.request.quotas[0].because, Requested::Searched { .. }), open)
    };
    assert_eq!(asked(&|_| {}), (true, false));
    assert_eq!(asked(&|answer| answer.origin.duration_s = Some(20.0)), (false, true));
    assert_eq!(asked(&|answer| answer.unproven = vec![format!("queries: {}", answer.needs[0].limit)]), (false, true));
    assert_eq!(
        asked(&|answer| answer.unproven = vec!["tokens: 10 per 1m for each client_id".to_owned()]),
        (true, false)
    );
}

#[test]
fn a_least_quota_that_still_refuses_is_an_open_item_and_told_in_short() {
    let mut searched = planned();
    let answer = searched.plan.as_mut().unwrap().quota.as_mut().unwrap();
    answer.checks[0].holds = false;
    let dossier = dossier(&[searched]);
    assert!(dossier.open.iter().any(|item| item.what == "which quota is enough"), "{:?}", dossier.open);
    assert!(dossier.summary.contains("; enforced, it still refused or delayed more than that"), "{}", dossier.summary);
}

#[test]
fn of_a_bucket_that_cannot_keep_up_the_lasting_rate_is_the_demand() {
    let mut run = over_a_bucket();
    let quota = &mut run.summary.quotas[0];
    quota.lasting_rate = 12;
    let dossier = dossier(&[run]);
    let limit = &dossier.demand.limits[0];
    assert_eq!((limit.mean, limit.p95, limit.not_lasting()), (None, None, Some(12)));
    assert!(page(&dossier).contains("12 on and on, of 10"));
    let asked: Vec<&str> = dossier.request.quotas.iter().map(|asked| asked.class.as_str()).collect();
    assert_eq!(asked, ["charger-high-frequency"], "how much of queries it takes is not known");
    assert!(dossier.open.iter().any(|item| item.what.starts_with("how much of queries is needed")));
}

#[test]
fn what_is_asked_for_is_enough_after_the_growth_that_was_searched_for() {
    let mut grown = planned();
    let answer = grown.plan.as_mut().unwrap().quota.as_mut().unwrap();
    answer.sensitivity[0].is_growth = true;
    let dossier = dossier(&[grown]);
    let asked = &dossier.request.quotas[0];
    assert_eq!(asked.requested, 295, "the largest of the grown fleet");
    assert_eq!(
        asked.because,
        Requested::Searched { source: "R2".to_owned(), growth: Some("10% more devices".to_owned()) }
    );
    assert!(render::markdown::render(&dossier).contains("under every reading after 10% more devices"));
}

#[test]
fn a_value_that_is_asked_for_below_the_need_is_an_open_item() {
    let open = |evidence: Evidence, requested: u32| {
        let text = format!("quotas: [{{class: queries, requested: {requested}}}]");
        let answers = answers::read(&crate::yaml::Source::built_in("a.yaml", &text)).unwrap();
        build(&[evidence], &answers, "").unwrap().open.into_iter().map(|item| item.what).collect::<Vec<_>>()
    };
    let is_open = |open: &[String], what: &str| open.iter().any(|item| item == what);
    let (too_little, no_search) = ("whether the requested value is enough", "the least quota that suffices");
    assert!(is_open(&open(planned(), 267), too_little) && !is_open(&open(planned(), 268), too_little));
    assert!(!is_open(&open(planned(), 268), no_search));
    assert!(is_open(&open(on_stand_in(), 300), no_search), "a peak is no search");
}

/// Makes it a run and a plan of another profile.
fn rename(evidence: &mut Evidence) {
    let hash = "ab".repeat(32);
    let plan = evidence.plan.as_mut().unwrap();
    evidence.summary.run.profile_hash = hash.clone();
    plan.quota.as_mut().unwrap().origin.profile_hash = hash.clone();
    plan.fleet.as_mut().unwrap().origin.profile_hash = hash.clone();
    plan.sweep.as_mut().unwrap().origin.profile_hash = hash;
}

#[test]
fn one_limit_binds_and_it_is_the_one_with_the_least_headroom() {
    let dossier = dossier(&all());
    let binding: Vec<&LimitDemand> = dossier.demand.limits.iter().filter(|limit| limit.binds).collect();
    assert_eq!(binding.len(), 1);
    let least = dossier.demand.limits.iter().filter_map(|limit| limit.headroom).fold(f64::MAX, f64::min);
    assert_eq!(binding[0].headroom, Some(least));
    assert_eq!(binding[0].elsewhere.len(), 2, "both other runs show it too");
}

#[test]
fn a_check_without_data_is_shown_as_that_and_proves_nothing_in_the_summary() {
    let mut evidence = measured();
    let unseen = Finding {
        check: "client.obeys-hint".to_owned(),
        party: Party::Client,
        subject: String::new(),
        verdict: Verdict::NoData,
        looked_at: 0,
        ..broken_word()
    };
    evidence.summary.findings.push(unseen);
    let dossier = dossier(&[evidence]);
    assert!(
        dossier
            .client
            .checks
            .iter()
            .any(|shown| shown.check == "client.obeys-hint" && shown.verdict == Verdict::NoData)
    );
    assert!(!dossier.summary.contains("Clients "), "{}", dossier.summary);
    assert!(render::markdown::render(&dossier).contains("– no data"));
}

#[test]
fn a_peak_that_may_be_higher_and_first_attempts_beside_retries_are_told_everywhere() {
    let mut evidence = measured();
    evidence.summary.quotas[0] = runs::failing().quotas[0].clone();
    evidence.summary.quotas[0].readings[0].at_least = true;
    evidence.summary.quotas[0].retries = 90;
    evidence.summary.quotas[0].first_attempts_peak = Some(88);
    let dossier = dossier(&[evidence]);
    assert_eq!(dossier.request.quotas[0].requested, 88, "retries are no demand");
    let told = "peak ≥ 252 of 60 (at least 320% over; 88 by first attempts alone), measured [R1]";
    assert!(dossier.summary.contains(told), "{}", dossier.summary);
    let markdown = render::markdown::render(&dossier);
    assert!(markdown.contains("| ≥ 252 | 88 | 60 | at least 320% over |"), "{markdown}");
    let why = "The most first attempts of the fleet in one window; ≥ 252 with what was sent again after a refusal or a failure";
    assert!(markdown.contains(why), "{markdown}");
}

#[test]
fn hostile_text_stays_text_in_every_form() {
    let mut evidence = Evidence { dir: "<img src=x>`[R1]".to_owned(), summary: runs::hostile(), plan: None };
    evidence.summary.run.driver = Driver::Live;
    let dossier = dossier(&[evidence]);
    let page = page(&dossier);
    for absent in ["<script", "<img", "href=\"javascript"] {
        assert!(!page.contains(absent), "{absent}");
    }
    assert!(page.chars().chain(dossier.summary.chars()).all(|c| (c == '\n' || !c.is_control()) && c != '\u{202e}'));
    let markdown = render::markdown::render(&dossier);
    let mut in_code = false;
    let outside_code: String = markdown
        .lines()
        .filter(|line| {
            let is_fence = line.len() >= 3 && line.bytes().all(|b| b == b'`');
            in_code ^= is_fence;
            !in_code && !is_fence
        })
        .collect();
    assert!(outside_code.len() > 5_000, "the text itself was looked at");
    for absent in ["<script", "<img", "@everyone"] {
        assert!(!outside_code.contains(absent), "{absent}");
    }
}
