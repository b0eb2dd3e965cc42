//! A shard's one timer. On Linux a timerfd with absolute deadlines: late by microseconds where the runtime's own timers
//! are late by up to two milliseconds. It fires a little before its time, by as much as the thread takes to wake up, and the
//! rest is waited out by looking at the clock. Never early.

use std::io;

use crate::clock::Clock;
use crate::time::Nanos;

#[cfg(target_os = "linux")]
pub use linux::Timer;
#[cfg(not(target_os = "linux"))]
pub use portable::Timer;

#[cfg(target_os = "linux")]
mod linux {
    use std::os::fd::OwnedFd;

    use rustix::time::{
        ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime, timerfd_create,
        timerfd_settime,
    };
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    use super::super::lead::Lead;
    use super::{Clock, Nanos, io};

    pub struct Timer {
        fd: AsyncFd<OwnedFd>,
        /// What the monotonic clock reads when the run's reads zero, or a little more.
        zero: Nanos,
        clock: Clock,
        armed: Option<Armed>,
        lead: Lead,
    }

    /// What the timer is set for, and when it fires: a little sooner.
    struct Armed {
        at: Nanos,
        fires: Nanos,
    }

    impl Timer {
        /// For the calling thread, whose other waits become precise too.
        pub fn new(clock: Clock) -> io::Result<Self> {
            // The default slack lets the kernel wake a thread up to 50 us late. It is a favour: without it all works.
            let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
            let fd = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
            // The run's clock is read first, so that what lies between the two readings makes the timer late, not early.
            let run = clock.now();
            let machine = clock_gettime(ClockId::Monotonic);
            let machine = Nanos(machine.tv_sec as u64 * 1_000_000_000 + machine.tv_nsec as u64);
            // SAFETY: the descriptor is owned by the AsyncFd from here on and is not given away.
            let fd = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }?;
            Ok(Timer { fd, zero: machine - run, clock, armed: None, lead: Lead::default() })
        }

        /// Returns at `at` or after it; None is never. It may also return sooner, when it was set before to a time that
        /// has come since.
        pub async fn reached(&mut self, at: Option<Nanos>) -> io::Result<()> {
            let Some(at) = at else { return std::future::pending().await };
            let fires = match &self.armed {
                Some(armed) if armed.at == at => armed.fires,
                _ => self.arm(at)?,
            };
            let mut ready = self.fd.readable().await?;
            // Setting the timer again takes back what can be read from it, so nothing need be read.
            ready.clear_ready();
            self.armed = None;
            let now = self.clock.now();
            if now >= fires {
                self.lead.learn(now - fires);
                while self.clock.now() < at {
                    std::hint::spin_loop();
                }
            }
            Ok(())
        }

        /// Sets the timer a little before `at`. Returns when it fires.
        fn arm(&mut self, at: Nanos) -> io::Result<Nanos> {
            let wait = at.saturating_sub(self.clock.now());
            let fires = at.saturating_sub(self.lead.of(wait));
            let value = self.zero.saturating_add(fires);
            let value = Timespec { tv_sec: value.as_secs() as i64, tv_nsec: (value.0 % 1_000_000_000) as _ };
            let spec = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
            timerfd_settime(self.fd.get_ref(), TimerfdTimerFlags::ABSTIME, &spec)?;
            self.armed = Some(Armed { at, fires });
            Ok(fires)
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod portable {
    use super::{Clock, Nanos, io};

    pub struct Timer {
        clock: Clock,
    }

    impl Timer {
        pub fn new(clock: Clock) -> io::Result<Self> {
            Ok(Timer { clock })
        }

        /// Returns at `at` or after it; None is never.
        #[expect(clippy::disallowed_methods, reason = "the only timer there is on this system")]
        pub async fn reached(&mut self, at: Option<Nanos>) -> io::Result<()> {
            let Some(at) = at else { return std::future::pending().await };
            tokio::time::sleep(at.saturating_sub(self.clock.now()).into()).await;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_never_early_and_can_be_set_again() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let clock = Clock::start();
            let mut timer = Timer::new(clock).unwrap();
            for step in 1..20 {
                let at = clock.now() + Nanos::from_micros(step * 50);
                // A timer set for much later, and then given up, must not stand in the way of a sooner one.
                let later = timer.reached(Some(at + Nanos::from_secs(3_600)));
                tokio::select! {
                    biased;
                    _ = later => panic!("an hour early"),
                    () = std::future::ready(()) => {}
                }
                timer.reached(Some(at)).await.unwrap();
                while clock.now() < at {
                    timer.reached(Some(at)).await.unwrap();
                }
            }
        });
    }
}
