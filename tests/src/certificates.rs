//! A private certificate authority for one test server: takes names and addresses, gives a certificate and its
//! key in PEM. Keys are ECDSA P-256 and leave this process only where the caller writes them.

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// The names under which everything here is reached.
pub(crate) const LOOPBACK_NAMES: [&str; 2] = ["127.0.0.1", "localhost"];

/// A certificate authority that exists only in memory.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    der: Vec<u8>,
}

/// A certificate with its private key, both PEM.
pub(crate) struct Issued {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new(common_name: &str) -> anyhow::Result<Self> {
        let key = KeyPair::generate().context("generate the key of the certificate authority")?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).context("sign the certificate authority")?;
        let (pem, der) = (certificate.pem(), certificate.der().to_vec());
        Ok(Self { issuer: Issuer::new(params, key), pem, der })
    }

    /// The authority's own certificate, what a client has to trust.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// The same in DER.
    pub(crate) fn der(&self) -> &[u8] {
        &self.der
    }

    /// A server certificate for `names` (DNS names or IP addresses).
    pub(crate) fn issue(&self, names: &[&str]) -> anyhow::Result<Issued> {
        let key = KeyPair::generate().context("generate the key of a server certificate")?;
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).context("name a server certificate")?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer).context("sign a server certificate")?;
        Ok(Issued { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

/// A pair of keys that belongs to no certificate, both PEM.
pub(crate) struct SigningKey {
    pub(crate) private: String,
    pub(crate) public: String,
}

impl SigningKey {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let key = KeyPair::generate().context("generate a signing key")?;
        Ok(Self { private: key.serialize_pem(), public: key.public_key_pem() })
    }
}

/// A secret of 128 random bits, in hexadecimal.
pub(crate) fn random_token() -> anyhow::Result<String> {
    let mut bytes = [0_u8; 16];
    rustls::crypto::ring::default_provider()
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| anyhow::anyhow!("the system gives no random bytes for a token"))?;
    Ok(hex::encode(bytes))
}
