//! Public keys: read from a JWK (RFC 7517, RFC 7518) or from PEM, and what they verify.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::der::{BITS, IDENTIFIER, SEQUENCE, take, take_number};
use super::jws::{Algorithm, decode, encode};

/// The members of a JWK that are for the owner only.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The shortest modulus that is taken, in bytes: 2048 bits.
const SHORTEST_MODULUS: usize = 256;

const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

/// The elliptic curves: one for each algorithm of theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    const ALL: [Self; 3] = [Self::P256, Self::P384, Self::P521];

    /// The name in a JWK, the bytes of a coordinate, the object identifier.
    fn facts(self) -> (&'static str, usize, &'static [u8]) {
        match self {
            Self::P256 => ("P-256", 32, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]),
            Self::P384 => ("P-384", 48, &[0x2b, 0x81, 0x04, 0x00, 0x22]),
            Self::P521 => ("P-521", 66, &[0x2b, 0x81, 0x04, 0x00, 0x23]),
        }
    }
}

/// A public key of a service app, as an administrator registers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    kid: Option<String>,
    material: Material,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Material {
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// The point without compression: 4, x, y.
    Ec {
        curve: Curve,
        point: Vec<u8>,
    },
}

impl PublicKey {
    /// Reads a JWK, with its `kid` where it has one.
    ///
    /// # Errors
    /// A sentence, where it is no public RSA key of 2048 bits or more, nor one on P-256, P-384 or P-521.
    pub fn from_jwk(jwk: &Value) -> Result<Self, String> {
        if let Some(member) = PRIVATE.iter().find(|member| jwk.get(member).is_some()) {
            return Err(format!("the key has the private member \"{member}\"; give its public half only"));
        }
        let bytes = |member: &str| {
            let text = jwk[member].as_str().and_then(decode);
            text.ok_or_else(|| format!("the member \"{member}\" of the key is not base64url"))
        };
        let material = match jwk["kty"].as_str() {
            Some("RSA") => Material::rsa(bytes("n")?, bytes("e")?)?,
            Some("EC") => {
                let curve = Curve::ALL.into_iter().find(|curve| jwk["crv"] == curve.facts().0);
                let curve = curve.ok_or_else(|| format!("{} is no curve of Okta's", jwk["crv"]))?;
                Material::ec(curve, [vec![4], bytes("x")?, bytes("y")?].concat())?
            }
            _ => return Err(format!("{} is no type of key of Okta's; write RSA or EC", jwk["kty"])),
        };
        Ok(Self { kid: jwk["kid"].as_str().map(str::to_owned), material })
    }

    /// Reads PEM with a `PUBLIC KEY` (SubjectPublicKeyInfo, RFC 5280), which has no `kid`.
    ///
    /// # Errors
    /// A sentence, as for [`Self::from_jwk`].
    pub fn from_pem(text: &str) -> Result<Self, String> {
        let body =
            text.split_once("-----BEGIN PUBLIC KEY-----").and_then(|(_, rest)| rest.split_once("-----END"));
        let body: Option<String> = body.map(|(body, _)| body.split_whitespace().collect());
        let der = body.and_then(|body| STANDARD.decode(body).ok());
        let der = der.ok_or_else(|| "this is no PEM of a PUBLIC KEY".to_owned())?;
        let info = KeyInfo::read(&der).ok_or_else(|| "this is no public key".to_owned())?;
        let material = match info.scheme {
            RSA_ENCRYPTION => {
                let mut sequence = info.key;
                let mut numbers = take(&mut sequence, SEQUENCE).unwrap_or_default();
                let (modulus, exponent) = (take_number(&mut numbers), take_number(&mut numbers));
                Material::rsa(modulus.unwrap_or_default().to_vec(), exponent.unwrap_or_default().to_vec())?
            }
            EC_PUBLIC_KEY => {
                let curve = Curve::ALL.into_iter().find(|known| Some(known.facts().2) == info.curve);
                Material::ec(
                    curve.ok_or_else(|| "this is no curve of Okta's".to_owned())?,
                    info.key.to_vec(),
                )?
            }
            _ => return Err("this is no type of key of Okta's; it takes RSA and EC".to_owned()),
        };
        Ok(Self { kid: None, material })
    }

    /// Reads either form.
    ///
    /// # Errors
    /// A sentence, as for [`Self::from_jwk`].
    pub fn parse(text: &str) -> Result<Self, String> {
        match serde_json::from_str(text) {
            Ok(jwk) => Self::from_jwk(&jwk),
            Err(_) => Self::from_pem(text),
        }
    }

    /// The same key under this `kid`.
    pub fn with_kid(mut self, kid: &str) -> Self {
        self.kid = Some(kid.to_owned());
        self
    }

    /// The `kid` it was registered with.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The key as a JWK, with its `kid` where it has one.
    pub fn jwk(&self) -> Value {
        let mut jwk = match &self.material {
            Material::Rsa { modulus, exponent } => {
                json!({ "kty": "RSA", "n": encode(modulus), "e": encode(exponent) })
            }
            Material::Ec { curve, point } => {
                let (name, size, _) = curve.facts();
                let (x, y) = point[1..].split_at(size);
                json!({ "kty": "EC", "crv": name, "x": encode(x), "y": encode(y) })
            }
        };
        if let Some(kid) = &self.kid {
            jwk["kid"] = kid.as_str().into();
        }
        jwk
    }

    /// The SHA-256 thumbprint of the key (RFC 7638), as `cnf.jkt` bears it.
    pub fn thumbprint(&self) -> String {
        let jwk = self.jwk();
        // The required members in alphabetic order, without any space.
        let members: &[&str] = match self.material {
            Material::Rsa { .. } => &["e", "kty", "n"],
            Material::Ec { .. } => &["crv", "kty", "x", "y"],
        };
        let pairs: Vec<String> = members.iter().map(|name| format!("\"{name}\":{}", jwk[*name])).collect();
        encode(digest::digest(&digest::SHA256, format!("{{{}}}", pairs.join(",")).as_bytes()).as_ref())
    }

    /// Whether this key signed the message so. A key and an algorithm that do not go together never do.
    pub(crate) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let rsa = match algorithm {
            Algorithm::Rs256 => Some(&RSA_PKCS1_2048_8192_SHA256),
            Algorithm::Rs384 => Some(&RSA_PKCS1_2048_8192_SHA384),
            Algorithm::Rs512 => Some(&RSA_PKCS1_2048_8192_SHA512),
            Algorithm::Es256 | Algorithm::Es384 | Algorithm::Es512 => None,
        };
        let outcome = match (&self.material, rsa, algorithm) {
            (Material::Rsa { modulus, exponent }, Some(parameters), _) => {
                RsaPublicKeyComponents { n: modulus, e: exponent }.verify(parameters, message, signature)
            }
            (Material::Ec { curve: Curve::P256, point }, None, Algorithm::Es256) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            (Material::Ec { curve: Curve::P384, point }, None, Algorithm::Es384) => {
                UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).verify(message, signature)
            }
            (Material::Ec { curve: Curve::P521, point }, None, Algorithm::Es512) => {
                UnparsedPublicKey::new(&ECDSA_P521_SHA512_FIXED, point).verify(message, signature)
            }
            _ => return false,
        };
        outcome.is_ok()
    }
}

impl Material {
    fn rsa(modulus: Vec<u8>, exponent: Vec<u8>) -> Result<Self, String> {
        let plain = |number: &[u8]| number.first().is_some_and(|first| *first != 0);
        match plain(&modulus) && plain(&exponent) && modulus.len() >= SHORTEST_MODULUS {
            true => Ok(Self::Rsa { modulus, exponent }),
            false => Err("this is no RSA key of 2048 bits or more".to_owned()),
        }
    }

    fn ec(curve: Curve, point: Vec<u8>) -> Result<Self, String> {
        let (name, size, _) = curve.facts();
        match point.first() == Some(&4) && point.len() == 1 + 2 * size {
            true => Ok(Self::Ec { curve, point }),
            false => Err(format!("this is no point of {name} without compression")),
        }
    }
}

/// A SubjectPublicKeyInfo, taken apart.
struct KeyInfo<'a> {
    scheme: &'a [u8],
    curve: Option<&'a [u8]>,
    key: &'a [u8],
}

impl<'a> KeyInfo<'a> {
    fn read(mut der: &'a [u8]) -> Option<Self> {
        let mut info = take(&mut der, SEQUENCE)?;
        let mut algorithm = take(&mut info, SEQUENCE)?;
        let (unused, key) = take(&mut info, BITS)?.split_first()?;
        let scheme = take(&mut algorithm, IDENTIFIER)?;
        (*unused == 0).then_some(Self { scheme, curve: take(&mut algorithm, IDENTIFIER), key })
    }
}
