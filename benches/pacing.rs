//! How evenly requests arrive: the live driver plays a constant rate against a witness that stamps every arrival.
//!
//! `cargo bench --bench pacing [-- --seconds 15 --rates 10,200,2000 --connections 1,10]`
//!
//! For each rate and number of connections one shard plays that many devices, which take turns; each has a connection of
//! its own. The witness is a process of its own (this program, started again) and reads the same monotonic clock. It
//! answers at once.
//!
//! How to read a row:
//! - *within 5 %, within 25 %*: the share of gaps between arrivals that are so close to the nominal gap.
//! - *early*: the share of gaps under 99 % of nominal, which a limiter without any burst refuses. A request is never early;
//!   a short gap is what follows a late request, so only less lateness makes fewer of them.
//! - *most in any 1 s*: the fullest second wherever it begins. One more than *due* is what a late request at its beginning
//!   makes; many more are a stall of the machine. A quota that is kept on paper is broken by these.
//! - *late*: arrivals against the schedule itself, through the loopback and the witness's own wake-up.
//! - *CPU*: user and system time of this process, the sender alone. Most of it is the kernel's: two sleeps, one write
//!   through the loopback and one read for each request. It is higher where the machine idles between requests, as
//!   waking it up counts.
//! - *own late*: what the driver itself reports, up to the moment before the write.
//!
//! Run it on a machine that does nothing else; two cores are needed, one for each side. On a shared machine compare two
//! builds in turns, by their medians.
//!
//! `--against 'COMMAND'` measures another load generator in turns with the driver, against the same witness on the same
//! machine: `{url}`, `{rate}`, `{seconds}` and `{connections}` stand for what it is told. Its arrivals are all that is known
//! of it; the lateness columns stay empty, and its CPU time counts all that the command used.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use quotaproof::device::{
    Actions, Body, Cause, Detail, Device, Event, Flow, HttpRequest, Lane, Outcome, Request, ServedAnswer,
};
use quotaproof::drive::live::{LiveEnd, LiveOptions, run};
use quotaproof::policy::model::Policy;
use quotaproof::record::{Observation, Observer};
use quotaproof::scenario::target::{Network, ServerSpec, Target};
use quotaproof::scenario::{DeviceId, Identities, OperationId, Operations, Scenario};
use quotaproof::time::{Anchor, Nanos};
use rustix::time::{ClockId, clock_gettime};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "--witness") {
        return witness();
    }
    let value = |name: &str, default: &str| {
        let at = arguments.iter().position(|argument| argument == name);
        at.and_then(|at| arguments.get(at + 1)).map_or(default, String::as_str).to_owned()
    };
    let list = |text: String| -> Vec<u64> { text.split(',').map(|part| part.parse().expect("a number")).collect() };
    let seconds: u64 = value("--seconds", "15").parse().expect("--seconds takes a number");
    let against = Some(value("--against", "")).filter(|command| !command.is_empty());

    println!(
        "{:>6} {:>5} | {:>8} {:>8} {:>8} | {:>8} {:>5} | {:>10} {:>10} {:>10} | {:>8} {:>9} {:>9}",
        "rate/s",
        "conns",
        "within",
        "within",
        "early",
        "most in",
        "due",
        "late p50",
        "late p99",
        "late max",
        "CPU us/",
        "own late",
        "own late"
    );
    println!(
        "{:>6} {:>5} | {:>8} {:>8} {:>8} | {:>8} {:>5} | {:>10} {:>10} {:>10} | {:>8} {:>9} {:>9}",
        "", "", "5 %", "25 %", "<99 %", "any 1 s", "", "us", "us", "us", "request", "p50 us", "p99 us"
    );
    for rate in list(value("--rates", "10,200,2000")) {
        for connections in list(value("--connections", "1,10")) {
            println!("{}", measure(rate, connections, seconds));
            if let Some(command) = &against {
                println!("{}", measure_other(command, rate, connections, seconds));
            }
        }
    }
}

/// One run: `connections` devices take turns to make `rate` requests a second.
fn measure(rate: u64, connections: u64, seconds: u64) -> String {
    let gap = 1_000_000_000 / rate;
    let mut witness = Witness::start();
    let scenario = scenario(Nanos::from_secs(seconds + 1));
    let options = LiveOptions::new(format!("http://127.0.0.1:{}", witness.port));
    let ids = (0..connections as u32).map(DeviceId).collect();
    let device = |id: DeviceId| Metronome {
        every: Nanos(gap * connections),
        next: Nanos(START.0 + u64::from(id.0) * gap),
        end: Nanos(START.0 + seconds * 1_000_000_000),
        sent: 0,
    };
    let before = cpu();
    let end: LiveEnd<Log> = run(&scenario, &options, vec![ids], device, |_| Log::default()).expect("the run");
    let cpu = cpu() - before;
    let log = &end.observers[0];
    assert_eq!(log.unserved, 0, "the witness answers everything");
    let arrivals = witness.arrivals();
    assert_eq!(arrivals.len() as u64, rate * seconds, "every request arrives once");
    assert_eq!(end.connections, connections);
    Figures::of(&arrivals, log, on_the_monotonic_clock(end.anchor), gap).row(
        rate,
        connections,
        cpu / arrivals.len() as u64,
    )
}

/// One run of another load generator, told to do the same.
fn measure_other(command: &str, rate: u64, connections: u64, seconds: u64) -> String {
    let mut witness = Witness::start();
    let told = [
        ("{url}", format!("http://127.0.0.1:{}/tick", witness.port)),
        ("{rate}", rate.to_string()),
        ("{seconds}", seconds.to_string()),
        ("{connections}", connections.to_string()),
    ];
    let command = told.iter().fold(command.to_owned(), |command, (name, value)| command.replace(name, value));
    let mut words = command.split_whitespace();
    let before = cpu_of_children();
    let status = Command::new(words.next().expect("a command"))
        .args(words)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("the command starts");
    assert!(status.success(), "`{command}` ended with {status}");
    let cpu = cpu_of_children() - before;
    let arrivals = witness.arrivals();
    assert!(arrivals.len() > 2, "`{command}` sent next to nothing");
    let figures = Figures::of(&arrivals, &Log::default(), 0, 1_000_000_000 / rate);
    figures.row(rate, connections, cpu / arrivals.len() as u64)
}

/// Requests begin a little into the run, when threads have started.
const START: Nanos = Nanos::from_millis(300);

/// Sends a request every so often.
struct Metronome {
    every: Nanos,
    next: Nanos,
    end: Nanos,
    sent: u32,
}

impl Device for Metronome {
    fn handle(&mut self, now: Nanos, event: Event<'_>, out: &mut Actions) {
        if matches!(event, Event::Wake) && now >= self.next {
            out.requests.push(Request {
                operation: OperationId(0),
                flow: Flow(self.sent),
                attempt: 1,
                due: self.next,
                cause: Cause::Schedule,
                lane: Lane::Own(0),
                detail: Detail::None,
                timeout: Nanos::from_secs(5),
                held: false,
            });
            self.sent += 1;
            self.next += self.every;
        }
        out.wake = Some(self.next).filter(|&next| next < self.end);
    }

    fn render(&self, _now: Nanos, _request: &Request, _anchor: Anchor, http: &mut HttpRequest) {
        http.path.push_str("/tick");
    }

    fn interpret(&self, _request: &Request, _answer: &ServedAnswer<'_>) -> Option<Body> {
        Some(Body::None)
    }
}

/// What the driver says of itself.
#[derive(Default)]
struct Log {
    late: Vec<u64>,
    due: Vec<u64>,
    unserved: u32,
}

impl Observer for Log {
    fn observe(&mut self, _at: Nanos, observation: Observation<'_>) {
        match observation {
            Observation::Late { by } => self.late.push(by.0),
            Observation::Through { .. } => {}
            Observation::Done { record, .. } => {
                self.due.push(record.due.0);
                self.unserved += u32::from(record.outcome != Outcome::Served);
            }
            _ => {}
        }
    }
}

struct Figures {
    within_5: f64,
    within_25: f64,
    early: f64,
    most_in_a_second: usize,
    /// Sorted, in nanoseconds.
    late: Vec<u64>,
    own_late: Vec<u64>,
}

impl Figures {
    /// `arrivals` and the run's `zero` are readings of the monotonic clock.
    fn of(arrivals: &[u64], log: &Log, zero: u64, gap: u64) -> Figures {
        let mut arrivals = arrivals.to_vec();
        arrivals.sort_unstable();
        let gaps: Vec<u64> = arrivals.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let share = |matches: &dyn Fn(u64) -> bool| {
            gaps.iter().filter(|&&gap| matches(gap)).count() as f64 / gaps.len() as f64 * 100.0
        };
        let most_in_a_second = arrivals
            .iter()
            .enumerate()
            .map(|(index, &at)| arrivals[index..].partition_point(|&later| later < at + 1_000_000_000))
            .max()
            .unwrap_or(0);
        let mut due = log.due.clone();
        due.sort_unstable();
        let late = |(at, due): (&u64, &u64)| at.saturating_sub(zero + due);
        let mut late: Vec<u64> = arrivals.iter().zip(&due).map(late).collect();
        late.sort_unstable();
        let mut own_late = log.late.clone();
        own_late.sort_unstable();
        Figures {
            within_5: share(&|found| found.abs_diff(gap) * 20 <= gap),
            within_25: share(&|found| found.abs_diff(gap) * 4 <= gap),
            early: share(&|found| found * 100 < gap * 99),
            most_in_a_second,
            late,
            own_late,
        }
    }

    fn row(&self, rate: u64, connections: u64, cpu: u64) -> String {
        let us = |sorted: &[u64], quantile: f64| match sorted.len() {
            0 => "-".to_owned(),
            count => format!("{:.1}", sorted[((count - 1) as f64 * quantile).round() as usize] as f64 / 1e3),
        };
        format!(
            "{rate:>6} {connections:>5} | {:>7.2}% {:>7.2}% {:>7.2}% | {:>8} {rate:>5} | {:>10} {:>10} {:>10} | {:>8.1} {:>9} {:>9}",
            self.within_5,
            self.within_25,
            self.early,
            self.most_in_a_second,
            us(&self.late, 0.5),
            us(&self.late, 0.99),
            us(&self.late, 1.0),
            cpu as f64 / 1e3,
            us(&self.own_late, 0.5),
            us(&self.own_late, 0.99),
        )
    }
}

/// User and system time of this process, in nanoseconds.
fn cpu() -> u64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// User and system time of the commands that have ended, in nanoseconds. The witness is still running when it is asked.
fn cpu_of_children() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux tells it");
    // Behind the name in brackets: cutime and cstime are the 14th and the 15th field, in hundredths of a second.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |field: usize| fields[field].parse::<u64>().expect("ticks");
    (ticks(13) + ticks(14)) * 10_000_000
}

/// The witness's process, seen from the sender.
struct Witness {
    child: Child,
    port: u16,
}

impl Witness {
    fn start() -> Witness {
        let program = std::env::current_exe().expect("the path of this program");
        let mut child = Command::new(program)
            .arg("--witness")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the witness starts");
        let mut port = [0; 2];
        child.stdout.as_mut().expect("its output").read_exact(&mut port).expect("its port");
        Witness { child, port: u16::from_be_bytes(port) }
    }

    /// Ends the witness and takes what it saw.
    fn arrivals(&mut self) -> Vec<u64> {
        drop(self.child.stdin.take());
        let mut bytes = Vec::new();
        self.child.stdout.take().expect("its output").read_to_end(&mut bytes).expect("its stamps");
        self.child.wait().expect("the witness ends");
        bytes.chunks_exact(8).map(|stamp| u64::from_be_bytes(stamp.try_into().expect("eight bytes"))).collect()
    }
}

/// Answers every request at once and remembers when each came, until its input ends; then it writes the stamps.
fn witness() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::io::stdout().write_all(&port.to_be_bytes()).expect("a reader");
    std::io::stdout().flush().expect("a reader");
    let stamps: Arc<Mutex<Vec<u64>>> = Arc::default();
    let all = stamps.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let all = all.clone();
            std::thread::spawn(move || serve(stream, &all));
        }
    });
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    let bytes: Vec<u8> = stamps.lock().expect("the stamps").iter().flat_map(|stamp| stamp.to_be_bytes()).collect();
    std::io::stdout().write_all(&bytes).expect("a reader");
}

fn serve(mut stream: TcpStream, stamps: &Mutex<Vec<u64>>) {
    let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
    stream.set_nodelay(true).expect("a socket");
    let mut buffer = [0; 4096];
    // A request fits in one segment, and the next one comes only after the answer.
    while let Ok(1..) = stream.read(&mut buffer) {
        let stamp = monotonic();
        stamps.lock().expect("the stamps").push(stamp);
        if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").is_err() {
            return;
        }
    }
}

/// The machine's monotonic clock, which both processes read.
fn monotonic() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// What the monotonic clock read when the run began.
#[expect(clippy::disallowed_methods, reason = "a run is anchored to the wall clock, the witness stamps on another")]
fn on_the_monotonic_clock(anchor: Anchor) -> u64 {
    let wall = Nanos::from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default());
    monotonic() - (wall.0 - anchor.unix_nanos)
}

fn scenario(duration: Nanos) -> Scenario {
    let policy = Policy { name: "none".into(), title: "no limits".into(), ..Policy::default() };
    let operations = Operations::classified(&policy, [("GET", "/tick")]);
    Scenario {
        name: "pacing".into(),
        description: None,
        profile_hash: String::new(),
        seed: 1,
        duration,
        start_of_week_offset: Nanos::ZERO,
        policy,
        target: Target::Embedded(ServerSpec::default()),
        operations,
        groups: Vec::new(),
        identities: Identities::default(),
        events: Vec::new(),
        gates: Vec::new(),
        network: Network::default(),
    }
}
