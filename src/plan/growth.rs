//! How much a fleet is to grow: as a whole, or some of its groups.

use std::fmt;
use std::str::FromStr;

use crate::profile::no_such_group;
use crate::summary::plan::GroupCount;
use crate::words::{self, exactly, percent};
use crate::yaml::Diagnosis;
use crate::yaml::diagnosis::shown;

/// The growth of one group, or of every group that is not named.
#[derive(Clone, Debug, PartialEq)]
pub struct Growth {
    pub group: Option<String>,
    /// Of what there is: 0.5 is half as much again.
    pub share: f64,
}

/// Whether all named groups exist, each named once.
///
/// # Errors
/// The one that does not, or is named again.
pub fn check(growths: &[Growth], fleet: &[GroupCount]) -> Result<(), Diagnosis> {
    let known = || fleet.iter().map(|group| group.group.as_str());
    for (index, Growth { group, .. }) in growths.iter().enumerate() {
        if growths[..index].iter().any(|before| before.group == *group) {
            let whose = group.as_ref().map_or("the whole fleet".to_owned(), |group| format!("`{}`", shown(group)));
            return Err(Diagnosis::new(format!("the growth of {whose} is given twice")).help("leave one of them out"));
        }
        if let Some(name) = group.as_deref().filter(|name| !known().any(|known| known == *name)) {
            return Err(no_such_group(name, known()));
        }
    }
    Ok(())
}

/// The fleet after it. No group disappears.
pub fn grown(fleet: &[GroupCount], growths: &[Growth]) -> Vec<GroupCount> {
    let share = |name: &str| {
        let own = growths.iter().find(|growth| growth.group.as_deref() == Some(name));
        own.or_else(|| growths.iter().find(|growth| growth.group.is_none())).map_or(0.0, |growth| growth.share)
    };
    let grow = |group: &GroupCount| {
        let devices = (f64::from(group.devices) * (1.0 + share(&group.group))).round().max(1.0) as u32;
        GroupCount { devices, ..group.clone() }
    };
    fleet.iter().map(grow).collect()
}

/// `a growth of 25%`, `a growth of dashboards by 25%`.
pub fn in_words(growths: &[Growth]) -> String {
    let each = growths.iter().map(|Growth { group, share }| match group {
        None => format!("of {}", percent(*share)),
        Some(group) => format!("of {group} by {}", percent(*share)),
    });
    format!("a growth {}", each.collect::<Vec<_>>().join(" and "))
}

/// `GROUP=SHARE` or `SHARE`, which may be more than all there is.
impl FromStr for Growth {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (group, share) = match text.rsplit_once('=') {
            Some((group, share)) => (Some(group.to_owned()), share),
            None => (None, text),
        };
        let number = words::share(share).filter(|share| *share > 0.0 && *share <= 100.0);
        match number {
            Some(share) if group.as_deref() != Some("") => Ok(Growth { group, share }),
            _ => Err("write a growth as 50% or 0.5, or as dashboards=50% for one group".to_owned()),
        }
    }
}

/// As the command line has it.
impl fmt::Display for Growth {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(group) = &self.group {
            write!(out, "{group}=")?;
        }
        out.write_str(&exactly(self.share))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(texts: &[&str]) -> Vec<Growth> {
        texts.iter().map(|text| text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))).collect()
    }

    fn fleet() -> Vec<GroupCount> {
        [("depot", 200), ("desk", 2)].map(|(name, devices)| GroupCount { group: name.into(), devices }).to_vec()
    }

    #[test]
    fn a_growth_is_of_all_of_one_or_of_one_and_the_others() {
        let counts =
            |texts: &[&str]| grown(&fleet(), &read(texts)).iter().map(|group| group.devices).collect::<Vec<_>>();
        assert_eq!(counts(&["50%"]), [300, 3]);
        assert_eq!(counts(&["desk=150%"]), [200, 5]);
        assert_eq!(counts(&["desk=1.5", "10%"]), [220, 5]);
        assert_eq!(counts(&[]), [200, 2]);
        assert_eq!(in_words(&read(&["25%"])), "a growth of 25%");
        assert_eq!(in_words(&read(&["desk=25%", "depot=10%"])), "a growth of desk by 25% and of depot by 10%");
    }

    #[test]
    fn what_is_no_growth_is_refused() {
        for text in ["", "0%", "-5%", "desk", "=5%", "desk=", "desk=x", "20000%"] {
            assert!(text.parse::<Growth>().is_err(), "{text}");
        }
        let refused = |texts: &[&str]| check(&read(texts), &fleet()).unwrap_err().to_string();
        assert!(refused(&["dsk=5%"]).contains("did you mean `desk`"), "{}", refused(&["dsk=5%"]));
        assert!(refused(&["desk=5%", "desk=6%"]).contains("given twice"));
        assert!(refused(&["5%", "6%"]).contains("given twice"));
        assert!(check(&read(&["desk=5%", "6%"]), &fleet()).is_ok());
    }
}
