//! What this process has used of the machine.

use crate::time::Nanos;

/// The peak of this process's resident memory in bytes, where the system tells it (Linux).
pub fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// The time that this process has spent on all cores together, where the system tells it (Linux).
pub fn cpu_time() -> Option<Nanos> {
    #[cfg(target_os = "linux")]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        let secs = u64::try_from(time.tv_sec).ok()?;
        Some(Nanos(secs * Nanos::from_secs(1).0 + u64::try_from(time.tv_nsec).ok()?))
    }
    #[cfg(not(target_os = "linux"))]
    None
}
