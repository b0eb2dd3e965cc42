//! A Redis of one's own, on loopback, that keeps nothing.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{io, thread};

use anyhow::{Context, Result, bail};
use redis::Connection;
use tempfile::TempDir;

/// Stopped when it is dropped, also while a panic unwinds.
pub struct Server {
    process: Child,
    port: u16,
    pub version: String,
    /// Where it would write, if it wrote anything.
    _directory: TempDir,
}

const STARTS: u32 = 3;
/// So often it is asked whether it is up, so long apart.
const ATTEMPTS: u32 = 100;
const APART: Duration = Duration::from_millis(50);

impl Server {
    /// # Errors
    /// Where there is no redis-server, or none comes up.
    pub fn start() -> Result<Server> {
        // Between looking for a free port and taking it, others may take it.
        for _ in 0..STARTS {
            if let Some(server) = Server::try_start()? {
                return Ok(server);
            }
        }
        bail!("redis-server was started {STARTS} times and never came up on a free port of loopback")
    }

    fn try_start() -> Result<Option<Server>> {
        let directory = tempfile::tempdir().context("no directory can be made for redis-server")?;
        let port = free_port().context("no port is free on loopback")?;
        let process = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"])
            .arg("--dir")
            .arg(directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("redis-server cannot be started: install it (Debian: apt-get install redis-server)")?;
        let mut server = Server { process, port, version: String::new(), _directory: directory };
        for _ in 0..ATTEMPTS {
            if server.process.try_wait()?.is_some() {
                return Ok(None);
            }
            if let Some(version) = server.is_up() {
                server.version = version;
                return Ok(Some(server));
            }
            thread::sleep(APART);
        }
        Ok(None)
    }

    /// Its version, where it and no other process answers.
    fn is_up(&self) -> Option<String> {
        let told: redis::InfoDict = redis::cmd("INFO").arg("server").query(&mut self.connect().ok()?).ok()?;
        let is_mine = told.get::<u32>("process_id") == Some(self.process.id());
        told.get("redis_version").filter(|_| is_mine)
    }

    pub fn connect(&self) -> redis::RedisResult<Connection> {
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
