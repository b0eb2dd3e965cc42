//! How a run ends: nothing more is sent, answers are awaited, everything is recorded once.

use std::io::Write;
use std::time::Duration;

use quotaproof::device::{Failure, Lane, Outcome, Request};

use crate::stage::*;

#[test]
fn answers_are_awaited_after_the_end_and_nothing_more_is_sent() {
    // Each answer takes longer than the run.
    let url = server(|mut stream, _| {
        while read_request(&mut stream).is_some() {
            std::thread::sleep(Duration::from_millis(150));
            let _ = stream.write_all(ok("").as_bytes());
        }
    });
    for lane in [Lane::Own(0), Lane::Pool] {
        let mut late = request(4, Lane::Own(3));
        late.due = ms(500);
        let first = [request(1, lane), request(2, Lane::Own(1)), request(3, Lane::Own(1)), late];
        let steps = vec![at(ms(0), first), Step { requests: vec![request(5, lane)], ..Step::default() }];
        let (end, heard) = play_on(&scenario(ms(60)), options(&url), steps);
        let log = &end.observers[0];
        let mut endings: Vec<_> = log.records.iter().map(|(r, _)| (r.flow.0, r.outcome, r.sent.is_some())).collect();
        endings.sort_unstable_by_key(|ending| ending.0);
        let cancelled = Outcome::Failed(Failure::Cancelled);
        let expected =
            [(1, Outcome::Served, true), (2, Outcome::Served, true), (3, cancelled, false), (4, cancelled, false)];
        assert_eq!(endings, expected, "{lane:?}: {heard:?}");
        assert_eq!(log.sent.len(), 2, "the device's next request after the end is not sent");
        assert!(end.stopped.is_none() && end.ended >= ms(60));
    }
}

#[test]
fn what_is_never_answered_has_timed_out_when_patience_ends() {
    let url = server(|mut stream, _| while read_request(&mut stream).is_some() {});
    for lane in [Lane::Own(0), Lane::Pool, Lane::Stream] {
        let mut options = options(&url);
        options.drain = ms(60);
        let (end, _) = play_on(&scenario(ms(60)), options, in_turn([request(1, lane)]));
        let log = &end.observers[0];
        assert_eq!(log.outcomes(), [Outcome::Failed(Failure::Timeout)], "{lane:?}");
        assert!(log.records[0].0.sent.is_some() && log.records[0].0.done >= ms(120));
        assert!(log.closed.is_empty());
    }
}

#[test]
fn a_poll_that_the_server_may_hold_is_abandoned_without_waiting() {
    let url = server(|mut stream, _| while read_request(&mut stream).is_some() {});
    let mut options = options(&url);
    // Nobody would wait for this test if it waited.
    options.drain = ms(3_600_000);
    let poll = Request { held: true, timeout: ms(3_600_000), ..request(1, Lane::Own(1)) };
    let (end, _) = play_on(&scenario(ms(60)), options, in_turn([poll]));
    assert_eq!(end.observers[0].outcomes(), [Outcome::Failed(Failure::Cancelled)]);
}

#[test]
fn a_stop_ends_the_run_at_once_and_still_awaits_answers() {
    let url = server(|mut stream, _| {
        read_request(&mut stream);
        std::thread::sleep(Duration::from_millis(100));
        let _ = stream.write_all(ok("").as_bytes());
    });
    let options = options(&url);
    let control = options.control.clone();
    let stopper = std::thread::spawn(move || {
        while control.counts().in_flight == 0 {
            std::thread::yield_now();
        }
        // Time enough to connect and send.
        std::thread::sleep(Duration::from_millis(50));
        control.stop();
    });
    let (end, _) = play_on(&scenario(ms(60_000)), options, in_turn([request(1, Lane::Own(0))]));
    stopper.join().unwrap();
    assert!(end.stopped.is_some() && end.ended < ms(60_000));
    assert_eq!(end.observers[0].outcomes(), [Outcome::Served]);
}

#[test]
fn a_run_stopped_before_it_began_sends_nothing() {
    let options = options("http://127.0.0.1:9");
    options.control.stop();
    let (end, _) = play_on(&scenario(ms(60_000)), options, vec![at(ms(1_000), [request(1, Lane::Own(0))])]);
    assert!(end.stopped.is_some() && end.observers[0].records.is_empty());
}
