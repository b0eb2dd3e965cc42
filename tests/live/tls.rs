//! `https`: every kind of connection, against a certificate of our own.

use std::io::Write;
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;

use quotaproof::device::{Failure, Lane, Outcome};
use quotaproof::drive::live::{LiveError, run};
use quotaproof::scenario::target::{RemoteSpec, Target};
use quotaproof::scenario::{DeviceId, Scenario};
use quotaproof::time::Nanos;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_tungstenite::tungstenite::accept;

use crate::stage::*;

/// A server with a certificate for 127.0.0.1, and the PEM of the authority that made it.
fn secure_server() -> (String, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let url = server(move |stream, _| serve(stream, config.clone()));
    (url.replace("http", "https"), authority.pem())
}

fn serve(stream: TcpStream, config: Arc<rustls::ServerConfig>) {
    let connection = rustls::ServerConnection::new(config).unwrap();
    let mut stream = rustls::StreamOwned::new(connection, stream);
    let Some(request) = read_request(&mut stream) else { return };
    if !request.contains("websocket") {
        stream.write_all(ok("sealed").as_bytes()).unwrap();
        return answer_all(stream, &ok("sealed"));
    }
    let mut stream = accept(Replay(request.into_bytes(), stream)).unwrap();
    while stream.read().is_ok() {}
}

/// Reads again what was read to see what it is.
struct Replay<S>(Vec<u8>, S);

impl<S: std::io::Read> std::io::Read for Replay<S> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.0.is_empty() {
            return self.1.read(buffer);
        }
        let count = buffer.len().min(self.0.len());
        buffer[..count].copy_from_slice(&self.0[..count]);
        self.0.drain(..count);
        Ok(count)
    }
}

impl<S: Write> Write for Replay<S> {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        self.1.write(buffer)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.1.flush()
    }
}

fn trusting(ca_file: Option<PathBuf>) -> Scenario {
    let target = Target::Remote(RemoteSpec { url: String::new(), authorized: false, ca_file });
    Scenario { target, ..scenario(Nanos::from_secs(60)) }
}

const LANES: [Lane; 3] = [Lane::Own(0), Lane::Pool, Lane::Stream];

#[test]
fn each_kind_of_connection_speaks_tls_to_an_authority_it_was_told_to_trust() {
    let (url, authority) = secure_server();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), authority).unwrap();
    for lane in LANES {
        let steps = in_turn((1..=2).map(|flow| request(flow, lane)));
        let (end, heard) = play_to_end(&trusting(Some(file.path().to_owned())), options(&url), steps);
        assert_eq!(end.observers[0].outcomes(), [Outcome::Served; 2], "{lane:?}: {:?}", end.observers[0].records);
        assert_eq!(heard[1].contains("sealed"), lane != Lane::Stream, "{heard:?}");
        if lane == Lane::Own(0) {
            assert_eq!(end.connections, 1, "a session ticket does not look like a dead connection");
        }
    }
}

#[test]
fn an_unknown_authority_is_not_trusted() {
    let (url, _) = secure_server();
    let (_, other_authority) = secure_server();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), other_authority).unwrap();
    for lane in LANES {
        let steps = in_turn([request(1, lane)]);
        let (end, _) = play_to_end(&trusting(Some(file.path().to_owned())), options(&url), steps);
        assert_eq!(end.observers[0].outcomes(), [Outcome::Failed(Failure::TlsFailed)], "{lane:?}");
        assert!(!end.ever_connected);
    }
}

#[test]
fn a_server_without_tls_is_told_from_one_that_is_not_there() {
    let without_tls = server(|mut stream, _| stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap());
    let hangs_up = server(|stream, _| drop(stream));
    for (url, lane) in [without_tls, hangs_up].iter().flat_map(|url| LANES.map(|lane| (url, lane))) {
        let (end, _) =
            play_to_end(&trusting(None), options(&url.replace("http", "https")), in_turn([request(1, lane)]));
        assert_eq!(end.observers[0].outcomes(), [Outcome::Failed(Failure::TlsFailed)], "{url} {lane:?}");
        assert!(!end.ever_connected);
    }
}

#[test]
fn a_file_without_certificates_is_refused_by_name() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for path in [file.path().to_owned(), PathBuf::from("/nowhere/ca.pem")] {
        let device = |_| Scripted::new(Vec::new(), Heard::default(), None);
        let scenario = trusting(Some(path.clone()));
        let options = options("https://127.0.0.1:9");
        let error = run(&scenario, &options, vec![vec![DeviceId(0)]], device, |_| Log::default()).unwrap_err();
        assert!(matches!(error, LiveError::CaFile { .. }), "{error}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
}

#[test]
fn certificates_that_nobody_would_look_at_are_refused() {
    let device = |_| Scripted::new(Vec::new(), Heard::default(), None);
    let scenario = trusting(Some(PathBuf::from("ca.pem")));
    let error = run(&scenario, &options("http://127.0.0.1:9"), vec![vec![DeviceId(0)]], device, |_| Log::default());
    let error = error.unwrap_err();
    assert!(matches!(error, LiveError::NeedlessCaFile(_)), "{error}");
}
