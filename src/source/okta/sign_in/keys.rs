//! Private keys of service apps, made for each test, in all the forms in which Okta and others hand them out.

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsBigEndian, AsDer, EcPrivateKeyBin, EcPrivateKeyRfc5915Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, KeyPair, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// RSA keys take long to make, so all tests of a binary share one.
static RSA: LazyLock<RsaKeyPair> = LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap());

/// A private key.
pub(crate) enum Key {
    Rsa(&'static RsaKeyPair),
    Curve(EcdsaKeyPair, &'static str),
}

impl Key {
    /// One that signs as that algorithm.
    pub(crate) fn of(algorithm: &str) -> Self {
        let (curve, name) = match algorithm {
            "ES256" => (&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256"),
            "ES384" => (&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384"),
            "ES512" => (&ECDSA_P521_SHA512_FIXED_SIGNING, "P-521"),
            _ => return Self::Rsa(&RSA),
        };
        Self::Curve(EcdsaKeyPair::generate(curve).unwrap(), name)
    }

    /// As PEM in PKCS #8, which Okta and OpenSSL write.
    pub(crate) fn pem(&self) -> String {
        pem("PRIVATE KEY", &self.pkcs8())
    }

    /// As PEM in the older form of its kind.
    pub(crate) fn older_pem(&self) -> String {
        match self {
            Self::Rsa(_) => pem("RSA PRIVATE KEY", &self.pkcs1()),
            Self::Curve(pair, _) => {
                let der: EcPrivateKeyRfc5915Der<'_> = pair.private_key().as_der().unwrap();
                pem("EC PRIVATE KEY", der.as_ref())
            }
        }
    }

    /// As a JSON Web Key.
    pub(crate) fn jwk(&self) -> Value {
        let mut jwk = self.public_jwk();
        match self {
            Self::Rsa(_) => {
                let numbers = integers(&self.pkcs1());
                for (name, number) in ["d", "p", "q", "dp", "dq", "qi"].into_iter().zip(&numbers[3..]) {
                    jwk[name] = json!(URL_SAFE_NO_PAD.encode(number));
                }
            }
            Self::Curve(pair, _) => {
                let number: EcPrivateKeyBin<'_> = pair.private_key().as_be_bytes().unwrap();
                jwk["d"] = json!(URL_SAFE_NO_PAD.encode(number.as_ref()));
            }
        }
        jwk
    }

    /// Its public half, as it is registered with the app.
    pub(crate) fn public_jwk(&self) -> Value {
        match self {
            Self::Rsa(_) => {
                let numbers = integers(&self.pkcs1());
                let [n, e] = [1, 2].map(|at: usize| URL_SAFE_NO_PAD.encode(&numbers[at]));
                json!({ "kty": "RSA", "n": n, "e": e })
            }
            Self::Curve(pair, name) => {
                let point = &pair.public_key().as_ref()[1..];
                let [x, y] = [&point[..point.len() / 2], &point[point.len() / 2..]]
                    .map(|half| URL_SAFE_NO_PAD.encode(half));
                json!({ "kty": "EC", "crv": name, "x": x, "y": y })
            }
        }
    }

    fn pkcs8(&self) -> Vec<u8> {
        match self {
            Self::Rsa(pair) => pair.as_der().unwrap().as_ref().to_vec(),
            Self::Curve(pair, _) => pair.to_pkcs8v1().unwrap().as_ref().to_vec(),
        }
    }

    /// What PKCS #8 wraps: the last thing in it.
    fn pkcs1(&self) -> Vec<u8> {
        let whole = self.pkcs8();
        let (_, inside, _) = element(&whole);
        let (_, _, behind_version) = element(inside);
        let (_, _, behind_kind) = element(behind_version);
        element(behind_kind).1.to_vec()
    }
}

/// The lines around a block and the block in lines.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// The first element of DER: its tag, its contents, and what follows it.
fn element(der: &[u8]) -> (u8, &[u8], &[u8]) {
    let (length, begin) = match der[1] {
        short if short < 0x80 => (usize::from(short), 2),
        long => {
            let digits = usize::from(long & 0x7f);
            (der[2..2 + digits].iter().fold(0, |sum, byte| (sum << 8) | usize::from(*byte)), 2 + digits)
        }
    };
    (der[0], &der[begin..begin + length], &der[begin + length..])
}

/// The integers of a sequence, without the zeros before them.
fn integers(der: &[u8]) -> Vec<Vec<u8>> {
    let (_, mut rest, _) = element(der);
    let mut integers = Vec::new();
    while !rest.is_empty() {
        let (_, digits, behind) = element(rest);
        integers.push(digits.iter().copied().skip_while(|byte| *byte == 0).collect());
        rest = behind;
    }
    integers
}
