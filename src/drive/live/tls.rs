//! One TLS configuration for all connections of a run: building it per connection costs milliseconds and memory.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::LiveError;
use super::endpoint::Endpoint;

/// What it takes to open TLS connections to one host.
#[derive(Clone)]
pub struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Tls {
    pub fn new(config: &ClientConfig, host: &str) -> Result<Self, LiveError> {
        let name = ServerName::try_from(host.to_owned()).map_err(|error| LiveError::Tls(error.to_string()))?;
        let mut config = config.clone();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Tls { connector: TlsConnector::from(Arc::new(config)), name })
    }

    pub async fn connect(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        self.connector.connect(self.name.clone(), stream).await
    }
}

/// How connections to a target are secured, if they are.
pub struct Security {
    /// For connections of their own; None without TLS.
    pub own: Option<Tls>,
    /// For those that are pooled.
    pub pooled: ClientConfig,
}

impl Security {
    /// Errors: certificates are named that cannot be used, or that nobody would look at.
    pub fn of(endpoint: &Endpoint, ca_file: Option<&Path>) -> Result<Security, LiveError> {
        if endpoint.https {
            let pooled = verifying(ca_file)?;
            return Ok(Security { own: Some(Tls::new(&pooled, &endpoint.host)?), pooled });
        }
        match ca_file {
            Some(file) => Err(LiveError::NeedlessCaFile(file.to_owned())),
            None => Ok(Security { own: None, pooled: unused()? }),
        }
    }
}

/// Trusts what the system trusts, and the certificates in `ca_file`.
fn verifying(ca_file: Option<&Path>) -> Result<ClientConfig, LiveError> {
    let extra = ca_file.map(certificates).transpose()?.unwrap_or_default();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let failed = |error: rustls::Error| LiveError::Tls(error.to_string());
    let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(extra, provider.clone()).map_err(failed)?;
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

/// Trusts nobody: for targets without TLS, where a client wants a configuration all the same.
fn unused() -> Result<ClientConfig, LiveError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| LiveError::Tls(error.to_string()))?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth())
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, LiveError> {
    let unusable = |why: String| LiveError::CaFile { file: file.to_owned(), why };
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| unusable(error.to_string()))?;
    let certificates: Result<Vec<_>, _> = certificates.collect();
    let certificates = certificates.map_err(|error| unusable(error.to_string()))?;
    if certificates.is_empty() {
        return Err(unusable("it holds no PEM certificate".to_owned()));
    }
    Ok(certificates)
}
