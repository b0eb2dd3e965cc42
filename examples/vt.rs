use quotaproof::*;
use std::path::Path;
use std::sync::Arc;
fn main() {
    let scenario = Arc::new(profile::load(Path::new(&std::env::args().nth(1).unwrap())).unwrap());
    let anchor = time::Anchor { unix_nanos: 1_735_689_600_000_000_000 };
    let mode = std::env::args().nth(2).unwrap();
    let start = std::time::Instant::now();
    struct Count(u64);
    impl record::Observer for Count {
        fn observe(&mut self, _: time::Nanos, o: record::Observation<'_>) {
            if let record::Observation::Done { .. } = o {
                self.0 += 1
            }
        }
    }
    let mut count = Count(0);
    if mode == "null" {
        drive::virtual_time::run(&scenario, &mut count);
    }
    if mode == "measure" {
        let mut m = measure::Measure::new(&scenario);
        drive::virtual_time::run(&scenario, &mut m);
        count.0 = m.requests();
    }
    if let Some(threads) = mode.strip_prefix("on") {
        let progress = Default::default();
        let make = || assemble::Recorder::new(scenario.clone(), anchor);
        let (recorder, end) = drive::virtual_time::run_on(
            &scenario,
            threads.parse().unwrap(),
            &progress,
            make,
            assemble::Recorder::merge,
        );
        let t = start.elapsed().as_secs_f64();
        let _ = (recorder, end);
        println!("{mode} {t:.2}s");
    }
    if mode == "full" {
        struct Both(Count, assemble::Recorder);
        impl record::Observer for Both {
            fn observe(&mut self, at: time::Nanos, o: record::Observation<'_>) {
                self.0.observe(at, o);
                self.1.observe(at, o);
            }
        }
        let mut b = Both(Count(0), assemble::Recorder::new(scenario.clone(), anchor));
        drive::virtual_time::run(&scenario, &mut b);
        count.0 = b.0.0;
    }
    let t = start.elapsed().as_secs_f64();
    println!(
        "{mode}: {} requests {:.2}s {:.0} ns/req {:.2} M/s",
        count.0,
        t,
        t * 1e9 / count.0 as f64,
        count.0 as f64 / t / 1e6
    );
}
