//! The operator surface.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::answer::{Problem, done, enveloped, success};
use super::fields::{Fields, kept};
use super::fleet::{ChargerId, MOST_CONNECTORS, Site};
use super::records::{EnergyStep, EnergyTotal, Granularity, RecordFilter};
use super::state::State;
use crate::reference::http::HttpOut;
use crate::time::Nanos;

type Answered = Result<HttpOut, Problem>;

/// Where a control command goes: the charger and its connector.
type Plug = (ChargerId, u8);

impl State {
    pub fn sites(&self, now: Nanos, query: &Fields) -> Answered {
        let page = query.page()?;
        let wanted = query.one_of("status", &["active", "inactive"])?.optional().map(|status| status == "active");
        let fits = |site: &&Site| wanted.is_none_or(|wanted| self.fleet.is_active(now, site) == wanted);
        let sites = self.fleet.sites().iter().filter(fits);
        Ok(success(page.of(sites).map(|site| self.fleet.site_view(now, self.anchor, site))))
    }

    pub fn device(&self, now: Nanos, device_id: &str) -> Answered {
        let id = self.fleet.known(device_id)?;
        Ok(success(self.fleet.device_view(now, self.anchor, id)))
    }

    pub fn start(&mut self, now: Nanos, plug: Plug, body: &Fields) -> Answered {
        body.positive("charge_power")?;
        body.integer("duration", 0..=i64::MAX)?;
        body.percent("target_soc")?;
        body.text("transaction_id")?;
        let params = body.only(&["charge_power", "duration", "target_soc", "transaction_id"]);
        self.control(now, plug, "start_charging", params)
    }

    pub fn stop(&mut self, now: Nanos, plug: Plug, body: &Fields) -> Answered {
        body.words("reason")?;
        self.control(now, plug, "stop_charging", body.only(&["reason"]))
    }

    pub fn discharge(&mut self, now: Nanos, plug: Plug, body: &Fields) -> Answered {
        body.positive("discharge_power")?.required()?;
        body.integer("duration", 0..=i64::MAX)?;
        body.percent("min_soc")?;
        self.control(now, plug, "discharge", body.only(&["discharge_power", "duration", "min_soc"]))
    }

    pub fn schedule(&mut self, now: Nanos, (charger, connector): Plug, body: Fields) -> Answered {
        body.text("schedule_id")?.required()?;
        body.boolean("enabled")?.required()?;
        let weekly = body.one_of("type", &["once", "daily", "weekly"])?.required()? == "weekly";
        for slot in body.objects("time_slots")?.required()? {
            check_slot(&slot, weekly)?;
        }
        body.percent("target_soc")?;
        body.time("effective_from")?;
        body.time("effective_until")?;
        body.text("timezone")?;
        let names = ["schedule_id", "enabled", "type", "time_slots", "target_soc", "effective_from", "effective_until"];
        let mut params = body.only(&names);
        params.append(&mut body.only(&["timezone"]));
        self.command(now, charger, Some(connector), "set_schedule", kept("time_slots", params)?)?;
        Ok(done())
    }

    /// Queues a command, and tells its id.
    fn control(
        &mut self,
        now: Nanos,
        (charger, connector): Plug,
        word: &'static str,
        params: Map<String, Value>,
    ) -> Answered {
        let id = self.command(now, charger, Some(connector), word, params)?;
        Ok(enveloped("Command sent", json!({ "command_id": id.text(), "status": "queued" })))
    }

    /// The connector that a path names. Errors: 3001 for the device, 1001 for the connector.
    pub fn plug(&self, device_id: &str, connector_id: &str) -> Result<Plug, Problem> {
        let charger = self.fleet.known(device_id)?;
        let connector = connector_id.parse().ok().filter(|number| (1..=MOST_CONNECTORS).contains(number));
        let connector = connector
            .ok_or_else(|| Problem::invalid("connector_id", connector_id.into(), "must be an integer from 1 to 32"))?;
        Ok((charger, connector))
    }

    pub fn query_records(&self, query: &Fields) -> Answered {
        let page = query.page()?;
        let device_id = query.text("device_id")?.optional();
        let mut filter = RecordFilter {
            charger: None,
            connector: query.connector("connector_id")?.optional(),
            from: query.time("start_time")?.optional(),
            until: query.time("end_time")?.optional(),
        };
        if let Some(device_id) = device_id {
            filter.charger = Some(self.fleet.known(device_id)?);
        }
        let page = self.records.page(filter, page);
        Ok(success(page.map(|record| record.view(&self.fleet.charger(record.charger).device_id))))
    }

    pub fn energy(&self, query: &Fields) -> Answered {
        let word = query.one_of("granularity", &["hour", "day", "month"])?.required()?;
        let granularity = match word {
            "hour" => Granularity::Hour,
            "day" => Granularity::Day,
            _ => Granularity::Month,
        };
        let filter = RecordFilter {
            from: Some(query.time("start_time")?.required()?),
            until: Some(query.time("end_time")?.required()?),
            ..RecordFilter::default()
        };
        query.one_of("group_by", &["site", "operator"])?;
        let sites = query.listed("site_ids")?.optional();
        let here = |charger: ChargerId| {
            let site = &self.fleet.sites()[self.fleet.charger(charger).site].site_id;
            sites.as_ref().is_none_or(|sites| sites.contains(&site.as_str()))
        };
        let (series, total) = self.records.energy(filter, granularity, here);
        let start_time = query.text("start_time")?.required()?;
        let end_time = query.text("end_time")?.required()?;
        Ok(success(EnergyView { granularity: word, start_time, end_time, series, total }))
    }

    /// Both group controls reach the chargers as a power limit: pausing is a limit of nothing.
    pub fn flexibility(&mut self, now: Nanos, body: &Fields) -> Answered {
        let chargers = self.targets(body)?;
        let pause = body.one_of("command", &["set_power_limit", "pause_charging"])?.required()? == "pause_charging";
        let params = body.object("params")?.required()?;
        params.integer("duration", 0..=i64::MAX)?.required()?;
        params.words("reason")?;
        let mut limit = params.only(&["duration", "reason"]);
        let percent = if pause { 0 } else { params.percent("power_limit_percent")?.required()? };
        limit.insert("power_limit_percent".to_owned(), percent.into());
        for charger in chargers {
            // A charger with a full queue has been out of reach for long: the others are limited all the same.
            let _ = self.command(now, charger, None, "set_power_limit", limit.clone());
        }
        self.controls += 1;
        Ok(success(json!({ "control_id": format!("ctl_{}", self.controls), "status": "executing" })))
    }

    /// The chargers that a group control is for. Error: 3001 for an unknown site.
    fn targets(&self, body: &Fields) -> Result<Vec<ChargerId>, Problem> {
        let kind = body.one_of("target_type", &["site", "operator", "all"])?.required()?;
        let ids = body.texts("target_ids")?;
        let ids = if kind == "all" { Vec::new() } else { ids.required()? };
        if kind != "site" {
            return Ok(self.fleet.ids().collect());
        }
        let mut chargers = Vec::new();
        for id in ids {
            chargers.extend_from_slice(&self.fleet.site_named(id)?.chargers);
        }
        chargers.sort_unstable();
        chargers.dedup();
        Ok(chargers)
    }

    pub fn command_state(&mut self, now: Nanos, command_id: &str) -> Answered {
        self.commands.view(now, self.anchor, command_id).map(success)
    }
}

fn check_slot(slot: &Fields, weekly: bool) -> Result<(), Problem> {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    slot.clock_time("start")?.required()?;
    slot.clock_time("end")?.required()?;
    slot.one_of("action", &["charge", "discharge", "idle"])?.required()?;
    slot.number("power_limit")?;
    let days = slot.texts("day_of_week")?;
    let days = if weekly { days.required()? } else { days.optional().unwrap_or_default() };
    match days.into_iter().find(|day| !DAYS.contains(day)) {
        Some(day) => Err(Problem::invalid("day_of_week", day.into(), "must list days as mon to sun")),
        None => Ok(()),
    }
}

#[derive(Serialize)]
struct EnergyView<'a> {
    granularity: &'a str,
    start_time: &'a str,
    end_time: &'a str,
    series: Vec<EnergyStep>,
    total: EnergyTotal,
}
