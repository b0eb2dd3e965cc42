//! Lanes keep their connections, and what comes over them is read to the byte.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use quotaproof::device::{Disconnect, Failure, Lane, Outcome};
use quotaproof::time::Nanos;

use crate::stage::*;

#[test]
fn a_lane_keeps_one_connection_and_sends_one_request_after_the_other() {
    let url = server(|stream, _| answer_all(stream, &ok("")));
    let both = (1..=10).map(|flow| request(flow, Lane::Own((flow % 2) as u8)));
    let (end, _) = play(&url, vec![at(Nanos::ZERO, both)]);
    let log = &end.observers[0];
    assert_eq!(log.outcomes(), [Outcome::Served; 10]);
    assert_eq!(end.connections, 2);
    for parity in [0, 1] {
        let lane: Vec<_> = log.records.iter().filter(|(record, _)| record.flow.0 % 2 == parity).collect();
        let in_order = |pair: &[&(quotaproof::record::Record, _)]| pair[0].0.done <= pair[1].0.sent.unwrap();
        assert!(lane.windows(2).all(in_order), "{lane:?}");
    }
}

#[test]
fn time_lost_to_the_target_is_not_the_harness_being_late() {
    let url = server(|mut stream, _| {
        while read_request(&mut stream).is_some() {
            std::thread::sleep(std::time::Duration::from_millis(50));
            stream.write_all(ok("").as_bytes()).unwrap();
        }
    });
    let (end, _) = play(&url, vec![at(Nanos::ZERO, (1..=3).map(|flow| request(flow, Lane::Own(0))))]);
    let log = &end.observers[0];
    assert_eq!(log.late.len(), 3);
    for index in [1, 2] {
        let sent = log.records[index].0.sent.unwrap();
        assert!(sent >= ms(50), "it had to wait for the one before");
        assert!(log.late[index] <= sent - log.records[index - 1].0.done);
    }
}

#[test]
fn bodies_arrive_whole_however_they_are_framed() {
    let answers = [
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nplain",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nchu\r\n4\r\nnked\r\n0\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 7\r\n\r\ninterim",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nto the end",
    ];
    for lane in [Lane::Own(0), Lane::Pool] {
        // In pieces of three bytes, so that nothing arrives at once.
        let turn = AtomicUsize::new(0);
        let url = server(move |mut stream, _| {
            while read_request(&mut stream).is_some() {
                let answer = answers[turn.fetch_add(1, Ordering::Relaxed)];
                stream.set_nodelay(true).unwrap();
                answer.as_bytes().chunks(3).for_each(|piece| stream.write_all(piece).unwrap());
                if answer.ends_with("to the end") {
                    return;
                }
            }
        });
        let (_, heard) = play(&url, in_turn((1..=5).map(|flow| request(flow, lane))));
        for (index, body) in ["plain", "chunked", "interim", "", "to the end"].iter().enumerate() {
            let expected = format!("{} Served CommandQueued {{ command_id: {body:?} }}", index + 1);
            assert_eq!(heard[index + 1], expected, "{lane:?}");
        }
    }
}

#[test]
fn a_request_carries_host_length_type_and_the_path_below_the_prefix() {
    for lane in [Lane::Own(0), Lane::Pool] {
        let seen = Arc::new(Mutex::new(String::new()));
        let keep = seen.clone();
        let url = server(move |mut stream, _| {
            *keep.lock().unwrap() = read_request(&mut stream).unwrap();
            answer_all(stream, "");
        });
        let mut only = request(1, lane);
        only.timeout = ms(100);
        play(&format!("{url}/base/"), in_turn([only]));
        let seen = seen.lock().unwrap().to_ascii_lowercase();
        assert!(seen.starts_with("post /base/flow/1 http/1.1\r\n"), "{seen}");
        let host = url.trim_start_matches("http://");
        for line in ["content-type: application/json", "content-length: 7", "authorization: bearer hunter2"] {
            assert!(seen.contains(&format!("\r\n{line}\r\n")), "{seen}");
        }
        assert_eq!(seen.matches(&format!("host: {host}\r\n")).count(), 1, "{seen}");
        assert!(seen.ends_with("\r\n\r\n{\"x\":1}"), "{seen}");
    }
}

#[test]
fn a_connection_that_the_server_ends_is_opened_again() {
    let url = server(|mut stream, _| {
        read_request(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").unwrap();
    });
    let (end, _) = play(&url, in_turn((1..=3).map(|flow| request(flow, Lane::Own(0)))));
    assert_eq!(end.observers[0].outcomes(), [Outcome::Served; 3]);
    assert_eq!((end.connections, end.stale_retries), (3, 0));
}

#[test]
fn a_connection_closed_while_it_lay_idle_costs_nothing() {
    let url = server(|mut stream, _| {
        read_request(&mut stream);
        stream.write_all(ok("").as_bytes()).unwrap();
    });
    let steps = vec![at(ms(0), [request(1, Lane::Own(0))]), at(ms(80), [request(2, Lane::Own(0))])];
    let (end, _) = play(&url, steps);
    assert_eq!(end.observers[0].outcomes(), [Outcome::Served; 2]);
    assert_eq!(end.connections, 2);
}

#[test]
fn a_request_that_met_a_dead_connection_is_sent_once_more_and_recorded_once() {
    // The second request is read and not answered: to the client it looks like an idle connection that was closed.
    let url = server(|mut stream, _| {
        read_request(&mut stream);
        stream.write_all(ok("").as_bytes()).unwrap();
        read_request(&mut stream);
    });
    let (end, _) = play(&url, in_turn((1..=2).map(|flow| request(flow, Lane::Own(0)))));
    let log = &end.observers[0];
    assert_eq!(log.outcomes(), [Outcome::Served; 2]);
    assert_eq!((log.sent.len(), end.connections, end.stale_retries), (2, 2, 1));
}

#[test]
fn dropping_the_connections_cancels_what_is_in_flight_on_them() {
    for lane in [Lane::Own(0), Lane::Pool, Lane::Stream] {
        let url = server(|mut stream, number| match number {
            0 => while read_request(&mut stream).is_some() {},
            _ => answer_all(stream, &ok("")),
        });
        let mut drops = at(ms(60), [request(3, Lane::Own(1))]);
        drops.disconnect.push(Disconnect::All);
        // The second waits behind the first; the third comes after the drop and is not hit by it.
        let steps = vec![at(ms(0), [request(1, lane), request(2, Lane::Own(0))]), drops];
        let (end, heard) = play(&url, steps);
        let outcome = |flow| {
            let mut records = end.observers[0].records.iter().filter(|(record, _)| record.flow.0 == flow);
            let outcome = records.next().unwrap().0.outcome;
            assert!(records.next().is_none(), "one ending for each");
            outcome
        };
        assert_eq!(outcome(1), Outcome::Failed(Failure::Cancelled), "{lane:?}: {heard:?}");
        assert_eq!(outcome(3), Outcome::Served, "{lane:?}: {heard:?}");
        assert_eq!(heard.iter().filter(|words| words.starts_with("1 ")).count(), 1, "{heard:?}");
    }
}
