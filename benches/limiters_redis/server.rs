//! A Redis of one's own, on loopback, that keeps nothing.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{io, thread};

use anyhow::{Context, Result, bail};

/// Stopped when it is dropped.
pub struct Server {
    process: Child,
    pub port: u16,
}

/// So often it is asked whether it is up, so long apart.
const ATTEMPTS: u32 = 100;
const APART: Duration = Duration::from_millis(50);

impl Server {
    pub fn start() -> Result<Server> {
        let port = free_port().context("no port is free on loopback")?;
        let process = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn()
            .context("redis-server cannot be started: install it (Debian: apt-get install redis-server)")?;
        let server = Server { process, port };
        for _ in 0..ATTEMPTS {
            if server.connect().is_ok() {
                return Ok(server);
            }
            thread::sleep(APART);
        }
        bail!("redis-server was started and cannot be reached on port {port} of loopback")
    }

    pub fn connect(&self) -> redis::RedisResult<redis::Connection> {
        redis::Client::open(format!("redis://127.0.0.1:{}", self.port))?.get_connection()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
