//! Policy and fleet in words.

use crate::policy::model::{Class, Policy};
use crate::policy::words::{guidance_lines, limit_text, overload_text, refusal_text};
use crate::scenario::words::behaviour;
use crate::scenario::{Group, GroupKind, Scenario};
use crate::summary::{GroupInfo, PolicyClassInfo, PolicyInfo};

pub(super) fn policy_info(policy: &Policy) -> PolicyInfo {
    PolicyInfo {
        name: policy.name.clone(),
        title: policy.title.clone(),
        source: policy.source.clone(),
        classes: policy.classes.iter().map(class_info).collect(),
        refusal: refusal_text(&policy.refusal),
        overload: overload_text(&policy.overload),
        guidance: guidance_lines(&policy.guidance),
        silences: policy.silences.iter().map(|silence| silence.text.clone()).collect(),
    }
}

fn class_info(class: &Class) -> PolicyClassInfo {
    PolicyClassInfo {
        name: class.name.clone(),
        title: class.title.clone(),
        requests: class.requests.iter().map(ToString::to_string).collect(),
        limits: class.limits.iter().map(limit_text).collect(),
    }
}

pub(super) fn group_info(scenario: &Scenario, group: &Group) -> GroupInfo {
    GroupInfo {
        name: group.name.clone(),
        kind: match group.kind {
            GroupKind::Chargers(_) => "chargers".to_owned(),
            GroupKind::Operators(_) => "operators".to_owned(),
            GroupKind::Clients(_) => "clients".to_owned(),
        },
        devices: group.count,
        behaviour: behaviour(scenario, group),
    }
}
