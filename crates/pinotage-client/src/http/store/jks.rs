//! Java's own key stores, the default of `keytool` until Java 8.
//!
//! ```text
//! magic FEEDFEED, version, number of entries, entries, SHA-1 of the password, a phrase and all before
//! key          1, alias, time, length, encrypted PKCS#8, number of certificates, certificates
//! certificate  2, alias, time, certificate
//! certificate  type "X.509" (version 2), length, DER
//! ```
//!
//! Numbers have four bytes, times eight, the lengths of names two, all big-endian.
//! The libraries that read it allocate whatever a length says.

use pinotage_common::{Error, Result};
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY as SHA1};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::{Entries, wrong_password};

const DIGEST_BYTES: usize = 20;
const PHRASE: &[u8] = b"Mighty Aphrodite";

/// ASN.1 tags.
const SEQUENCE: u8 = 0x30;
const OCTETS: u8 = 0x04;

/// Without a password only certificates can be read, and nobody checks that they are as they were written: so does Java.
pub(super) fn read(bytes: &[u8], password: Option<&str>, key_password: Option<&str>) -> Result<Entries> {
    let (body, digest) = bytes.split_last_chunk::<DIGEST_BYTES>().ok_or_else(damaged)?;
    if let Some(password) = password
        && sha1(&[&utf16(password), PHRASE, body]) != *digest
    {
        return Err(wrong_password());
    }
    let mut rest = Reader(body);
    rest.number()?;
    let version = rest.number()?;
    let mut entries = Entries::default();
    for _ in 0..rest.number()? {
        let tag = rest.number()?;
        let alias = rest.name()?;
        rest.bytes(8)?;
        match tag {
            1 => {
                let encrypted = rest.sized()?;
                let chain = (0..rest.number()?).map(|_| rest.certificate(version)).collect::<Result<_>>()?;
                let key = PrivatePkcs8KeyDer::from(decrypt(encrypted, key_password.or(password).unwrap_or_default())?);
                entries.identities.push((alias, (chain, PrivateKeyDer::from(key))));
            }
            2 => entries.trusted.push(rest.certificate(version)?),
            _ => return Err(damaged()),
        }
    }
    Ok(entries)
}

/// The key is the text XOR a chain of digests, between a salt and a digest of password and key.
fn decrypt(encrypted: &[u8], password: &str) -> Result<Vec<u8>> {
    let password = utf16(password);
    // EncryptedPrivateKeyInfo: the algorithm, of which there is only one, and the bytes.
    let mut info = Reader(Reader(encrypted).value(SEQUENCE)?);
    info.value(SEQUENCE)?;
    let octets = info.value(OCTETS)?;
    let (salt, rest) = octets.split_first_chunk::<DIGEST_BYTES>().ok_or_else(damaged)?;
    let (hidden, digest) = rest.split_last_chunk::<DIGEST_BYTES>().ok_or_else(damaged)?;
    let mut key = Vec::with_capacity(hidden.len());
    let mut mask = *salt;
    for piece in hidden.chunks(DIGEST_BYTES) {
        mask = sha1(&[&password, &mask]);
        key.extend(piece.iter().zip(mask).map(|(byte, mask)| byte ^ mask));
    }
    if sha1(&[&password, &key]) != *digest {
        return Err(Error::invalid_config("the password of the private key is wrong").action("set `keyPassword`"));
    }
    Ok(key)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(damaged)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u32> {
        let (number, rest) = self.0.split_first_chunk().ok_or_else(damaged)?;
        self.0 = rest;
        Ok(u32::from_be_bytes(*number))
    }

    fn sized(&mut self) -> Result<&'a [u8]> {
        let length = self.number()?;
        self.bytes(length as usize)
    }

    fn name(&mut self) -> Result<String> {
        let length = self.bytes(2)?.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        Ok(String::from_utf8_lossy(self.bytes(length)?).into_owned())
    }

    fn certificate(&mut self, version: u32) -> Result<CertificateDer<'static>> {
        if version > 1 {
            self.name()?;
        }
        Ok(CertificateDer::from(self.sized()?.to_vec()))
    }

    /// The content of an ASN.1 value.
    fn value(&mut self, tag: u8) -> Result<&'a [u8]> {
        let &[found, first] = self.bytes(2)? else { return Err(damaged()) };
        let length = match first {
            0..=0x7F => usize::from(first),
            0x81..=0x84 => {
                self.bytes(usize::from(first & 0x7F))?.iter().fold(0, |length, byte| length << 8 | usize::from(*byte))
            }
            0x80 | 0x85.. => return Err(damaged()),
        };
        if found == tag { self.bytes(length) } else { Err(damaged()) }
    }
}

fn sha1(parts: &[&[u8]]) -> [u8; DIGEST_BYTES] {
    let mut context = Context::new(&SHA1);
    parts.iter().for_each(|part| context.update(part));
    let mut digest = [0; DIGEST_BYTES];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

fn utf16(password: &str) -> Vec<u8> {
    password.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

fn damaged() -> Error {
    Error::invalid_config("expected a whole JKS file").action("make the key store again, best as PKCS#12")
}
