//! What a limiter costs whose state is in Redis, and what a naive one admits too many: with a real server on loopback,
//! which this starts and stops.
//!
//! `cargo bench --bench limiters_redis [-- --quick]` needs redis-server and adds its figures to the report that
//! `cargo bench --bench limiters` writes.

#[path = "../limiters/in_short.rs"]
mod in_short;
mod limiters;
mod race;
#[path = "../limiters/report/mod.rs"]
mod report;
mod server;

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use hdrhistogram::Histogram;
use quotaproof::limiter::suite::{Request, Threads, Workload, examine};
use redis::{Connection, RedisResult};

use limiters::{OverTheWire, Pool, RATE, gcra, gcra_in_two_steps, rolling_log};
use report::data::{self, Machine, Race, Waited};
use server::Server;

/// Callers at a time, each with a connection of its own.
const CONNECTIONS: [usize; 2] = [1, 8];
const RACES: u64 = 100;
const A_SECOND: u64 = 1_000_000_000;

fn main() -> Result<()> {
    let quick = report::is_quick();
    let lasting = if quick { Duration::from_millis(500) } else { Duration::from_secs(3) };
    let server = Server::start()?;
    let pool = Pool::new(&server);
    let trials = [(gcra(), "1"), (rolling_log(), "1"), (gcra_in_two_steps(|| {}), "2, or 1 to refuse")];
    let figures = data::Redis {
        machine: Machine::this(),
        quick,
        version: server.version.clone(),
        allow: RATE.allow,
        per: RATE.per.to_string(),
        ping: each_crowd(&server, lasting, &|connection, _| redis::cmd("PING").exec(connection))?,
        limiters: trials.iter().map(|it| trial(&server, &pool, it, lasting)).collect::<Result<_>>()?,
    };
    report::keep("redis", &figures)?;
    report::write()
}

/// A limiter, and its round trips for one decision.
type Contender = (OverTheWire, &'static str);

fn trial(
    server: &Server,
    pool: &Pool<'_>,
    (limiter, round_trips): &Contender,
    lasting: Duration,
) -> Result<data::OverTheWire> {
    println!("{}: waits, races, rightness", limiter.name);
    pool.clear();
    let us = each_crowd(server, lasting, &|connection, Request { now, key, .. }| {
        (limiter.check)(connection, now, key).map(drop)
    })?;
    let report = examine(limiter.name, &limiter.claim(), || {
        pool.clear();
        Threads(|now, key, _| pool.with(|connection| (limiter.check)(connection, now, key)))
    });
    Ok(data::OverTheWire {
        name: limiter.name.to_owned(),
        round_trips: (*round_trips).to_owned(),
        us,
        race: races(pool, limiter),
        rightness: in_short::in_short(&report),
    })
}

fn races(pool: &Pool<'_>, limiter: &OverTheWire) -> Race {
    let [_, callers] = CONNECTIONS;
    pool.clear();
    let rounds: Vec<u64> =
        (0..RACES).map(|key| race::admitted(pool, limiter, key, callers, RATE.allow as usize)).collect();
    Race {
        callers,
        rounds: RACES,
        allowed: RACES * u64::from(limiter.claim().ceiling()),
        admitted: rounds.iter().sum(),
        most: rounds.iter().copied().max().unwrap_or(0),
    }
}

type Ask<'a> = &'a (dyn Fn(&mut Connection, Request) -> RedisResult<()> + Sync);

fn each_crowd(server: &Server, lasting: Duration, ask: Ask<'_>) -> Result<BTreeMap<usize, Waited>> {
    CONNECTIONS.into_iter().map(|callers| Ok((callers, crowd(server, callers, lasting, ask)?))).collect()
}

/// Each caller asks again as soon as it has its answer.
fn crowd(server: &Server, callers: usize, lasting: Duration, ask: Ask<'_>) -> Result<Waited> {
    let play = |caller: usize| waits(&mut server.connect()?, caller, lasting, ask);
    let told: RedisResult<Vec<Histogram<u64>>> = thread::scope(|scope| {
        let playing: Vec<_> = (0..callers).map(|caller| scope.spawn(move || play(caller))).collect();
        playing.into_iter().map(|caller| caller.join().expect("callers do not panic")).collect()
    });
    let mut waits = Histogram::<u64>::new(3)?;
    told?.iter().try_for_each(|of| waits.add(of))?;
    let us = |quantile| waits.value_at_quantile(quantile) as f64 / 1_000.0;
    let decisions_a_second = waits.len() as f64 / lasting.as_secs_f64();
    Ok(Waited { p50_us: us(0.5), p99_us: us(0.99), decisions_a_second })
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn waits(connection: &mut Connection, caller: usize, lasting: Duration, ask: Ask<'_>) -> RedisResult<Histogram<u64>> {
    let mix = Workload::ALL.into_iter().find(|workload| workload.name == "a mix").expect("it is one of them");
    let mut replay = mix.requests(RATE, caller as u64).replay(100_000);
    let mut waits = Histogram::new_with_max(A_SECOND, 3).expect("three digits are few enough");
    let begun = Instant::now();
    loop {
        let asked = Instant::now();
        if asked - begun >= lasting {
            return Ok(waits);
        }
        ask(connection, replay.draw())?;
        waits.saturating_record(asked.elapsed().as_nanos() as u64);
    }
}
