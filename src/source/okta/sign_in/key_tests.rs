use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256K1_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED,
    ECDSA_P521_SHA512_FIXED, Ed25519KeyPair, KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::*;
use crate::source::okta::sign_in::BASE64;
use crate::source::okta::sign_in::assertion::assertion;
use crate::source::okta::sign_in::keys::{Key, pem};

/// An RSA key of 1024 bits, which nobody uses: a library that is up to date makes none that small.
const SMALL: &str = "MIICXQIBAAKBgQDVJv9I7UKasz2j9qSCbm8PfJzUXSO3y+teieB7oqwQTx8Jfxesm3OdMAzyg8VSBClpITjen67V2usdeKhep8WyoRPD\
                     FvDYJlsbnseD8K9i8EcUPBZitO+dKvU771QPZxHT7H2nboPmJjBIip6DvanmASfIVzeEQFRamAzMAOsR7wIDAQABAoGBAIamM+4ls0V2\
                     pSHG1PVwPchSt9+PVtjsgKsf/iccBAXpdXnSR2pKaSaLDCLHCwdciaxXyE0aIqAFwzDC39mrsj6V1Ao4EodUcEl0Bii95l2S3PjIYzJk\
                     tFwS4bmWI1nVrSA/z3BXt4JuXMG19AqZ7/gxfJQenk76DnP0oGpQxAMBAkEA92vebBHC9WyPxzMrRswn4r13METYCn7+vBJ7IuM+xFbV\
                     GjYGs142Cadfl2I3s/h85/RhM94is2z8OGJyQbVlsQJBANyK9CzYdSqm1G9zUkHPq0oe78YkYmYhqYTQX2VRTbxDPqejyXLsidX/YwWa\
                     L1vLhEwTELJZDLWh4KeqKMQEuZ8CQGNX0mS99POp9UjcSMISculdfZ/J5JzCRPGq0fo+GBOpccMmciZO64+Qvpb//rGqUiyoOOckh/ZX\
                     CiZxkMLFXOECQBd+3kCg1uqyV1OAT7UfMLp2zUiou6rxzyONJ3ydytBRwa0Ob/nEZXLdAGmqYX1AE1ofddnqTsZS9qImKK2pazUCQQDa\
                     8HHUa+f7NCdCXjDsGIbfOHG1eDtpFdNKGkEITGzwU1w8TsCDMdqzWv5WszZyonAFUc+M47RqRT7Y/yMMpkkr";

fn read_as(text: &str, wanted: Option<Algorithm>) -> Result<PrivateKey, KeyFault> {
    PrivateKey::read(&SecretString::from(text.to_owned()), wanted)
}

fn read(text: &str) -> Result<PrivateKey, KeyFault> {
    read_as(text, None)
}

fn verifier(algorithm: Algorithm) -> &'static dyn VerificationAlgorithm {
    match algorithm {
        Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Es256 => &ECDSA_P256_SHA256_FIXED,
        Algorithm::Es384 => &ECDSA_P384_SHA384_FIXED,
        Algorithm::Es512 => &ECDSA_P521_SHA512_FIXED,
    }
}

fn is_signed(key: &Key, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
    let public = match key {
        Key::Rsa(pair) => pair.public_key().as_ref().to_vec(),
        Key::Curve(pair, _) => pair.public_key().as_ref().to_vec(),
    };
    UnparsedPublicKey::new(verifier(algorithm), public).verify(message, signature).is_ok()
}

#[test]
fn each_algorithm_signs_with_a_key_in_each_form() {
    for algorithm in Algorithm::ALL {
        let key = Key::of(algorithm.as_str());
        let one_line = key.pem().replace('\n', " ");
        let parameters = format!("{}{}", pem("EC PARAMETERS", b"\x06\x08"), key.older_pem());
        let pretty = serde_json::to_string_pretty(&key.jwk()).unwrap();
        for text in [
            key.pem(),
            key.older_pem(),
            key.pem().replace('\n', "\r\n"),
            one_line,
            parameters,
            key.jwk().to_string(),
            pretty,
        ] {
            let read =
                read_as(&text, Some(algorithm)).unwrap_or_else(|fault| panic!("{algorithm:?}: {fault:?}"));
            let signature = read.sign(b"what is signed").unwrap();
            assert!(is_signed(&key, algorithm, b"what is signed", &signature), "{algorithm:?}");
            assert!(!is_signed(&key, algorithm, b"what is not", &signature), "{algorithm:?}");
        }
    }
}

#[test]
fn an_assertion_says_who_asks_whom_and_until_when() {
    let key = Key::of("ES384");
    let read = read(&key.pem()).unwrap();
    let endpoint = "https://acme.okta.com/oauth2/v1/token".parse().unwrap();
    let mut ids = std::collections::BTreeSet::new();
    for key_id in [None, Some("k1")] {
        let jwt = assertion("0oa1", (&read, key_id), &endpoint, 1_000).unwrap();
        let parts: Vec<&str> = jwt.split('.').collect();
        let [header, claims]: [Value; 2] =
            [0, 1].map(|part: usize| serde_json::from_slice(&BASE64.decode(parts[part]).unwrap()).unwrap());
        let mut expected = json!({ "alg": "ES384", "typ": "JWT" });
        if let Some(id) = key_id {
            expected["kid"] = json!(id);
        }
        assert_eq!(header, expected);
        let id = claims["jti"].as_str().unwrap().to_owned();
        assert_eq!(
            claims,
            json!({ "iss": "0oa1", "sub": "0oa1", "aud": "https://acme.okta.com/oauth2/v1/token", "iat": 1_000, "exp": 1_600, "jti": id })
        );
        let message = format!("{}.{}", parts[0], parts[1]);
        let signature = BASE64.decode(parts[2]).unwrap();
        assert!(is_signed(&key, Algorithm::Es384, message.as_bytes(), &signature));
        assert!(id.len() >= 20 && ids.insert(id), "an id is used twice");
    }
}

#[test]
fn the_algorithm_is_what_is_wanted_or_what_the_key_says_or_the_usual_one() {
    let rsa = Key::of("RS256");
    let saying = |name: &str| {
        let mut jwk = rsa.jwk();
        jwk["alg"] = json!(name);
        jwk.to_string()
    };
    let of = |text: &str, wanted| read_as(text, wanted).map(|key| key.algorithm());
    assert_eq!(of(&rsa.pem(), None), Ok(Algorithm::Rs256));
    assert_eq!(of(&saying("RS512"), None), Ok(Algorithm::Rs512));
    assert_eq!(of(&saying("RS512"), Some(Algorithm::Rs384)), Ok(Algorithm::Rs384));
    for (name, algorithm) in
        [("ES256", Algorithm::Es256), ("ES384", Algorithm::Es384), ("ES512", Algorithm::Es512)]
    {
        assert_eq!(of(&Key::of(name).pem(), None), Ok(algorithm));
    }
    let why = |text: &str, wanted| of(text, wanted).unwrap_err().why;
    assert_eq!(why(&rsa.pem(), Some(Algorithm::Es256)), "it is an RSA key, which cannot sign as ES256");
    assert_eq!(why(&Key::of("ES256").pem(), Some(Algorithm::Es384)), "it signs as ES256 and not as ES384");
    assert_eq!(why(&Key::of("ES256").pem(), Some(Algorithm::Rs256)), "it signs as ES256 and not as RS256");
    assert_eq!(why(&saying("PS256"), None), "its `alg` is none that Okta accepts for signing in");
    assert_eq!(why(&saying("ES256"), None), "it is an RSA key, which cannot sign as ES256");
}

#[test]
fn the_id_that_a_key_bears_is_read() {
    let mut jwk = Key::of("ES256").jwk();
    assert_eq!(read(&jwk.to_string()).unwrap().id(), None);
    jwk["kid"] = json!("k-1");
    assert_eq!(read(&jwk.to_string()).unwrap().id(), Some("k-1"));
    jwk["kid"] = json!("");
    assert_eq!(read(&jwk.to_string()).unwrap().id(), None);
}

/// A JSON Web Key with another value in one place, or without it.
fn with(key: &Key, name: &str, value: Option<Value>) -> String {
    let mut jwk = key.jwk();
    let members = jwk.as_object_mut().unwrap();
    match value {
        Some(value) => drop(members.insert(name.to_owned(), value)),
        None => drop(members.remove(name)),
    }
    jwk.to_string()
}

#[test]
fn what_is_no_private_key_that_can_be_used_is_said_to_be_what_it_is() {
    let (rsa, curve) = (Key::of("RS256"), Key::of("ES256"));
    let other = Key::of("ES256").jwk()["d"].clone();
    let koblitz = EcdsaKeyPair::generate(&ECDSA_P256K1_SHA256_FIXED_SIGNING).unwrap().to_pkcs8v1().unwrap();
    let edwards = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let mut cut = rsa.pem();
    cut.truncate(200);
    let legacy = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    let cases = [
        ("00QCjAl4MlV".to_owned(), "it is neither PEM nor a JSON Web Key"),
        (pem("ENCRYPTED PRIVATE KEY", b"x"), "it is encrypted with a passphrase"),
        (legacy.to_owned(), "it is encrypted with a passphrase"),
        (pem("PUBLIC KEY", b"x"), "it is a public key"),
        (pem("RSA PUBLIC KEY", b"x"), "it is a public key"),
        (pem("CERTIFICATE", b"x"), "it is a certificate"),
        (pem("OPENSSH PRIVATE KEY", b"x"), "it is in OpenSSH's own format"),
        (cut, "its PEM block is damaged"),
        (rsa.pem().replace("MII", "M~I"), "its PEM block is damaged"),
        (pem("RSA PRIVATE KEY", b"x"), "it is a damaged RSA key"),
        (pem("EC PRIVATE KEY", b"x"), "it is damaged, or on a curve that Okta does not accept"),
        (pem("PRIVATE KEY", b"x"), "it is neither an RSA key nor one on an elliptic curve"),
        (pem("PRIVATE KEY", koblitz.as_ref()), "it is damaged, or on a curve that Okta does not accept"),
        (pem("PRIVATE KEY", edwards.as_ref()), "it is neither an RSA key nor one on an elliptic curve"),
        (pem("RSA PRIVATE KEY", &STANDARD.decode(SMALL).unwrap()), "it is an RSA key of less than 2048 bits"),
        ("{".to_owned(), "it begins like a JSON Web Key and cannot be read as one"),
        ("{}".to_owned(), "it is a JSON Web Key whose `kty` is neither RSA nor EC"),
        (r#"{"kty":"oct","k":"AAAA"}"#.to_owned(), "it is a JSON Web Key whose `kty` is neither RSA nor EC"),
        (json!({ "keys": [rsa.jwk()] }).to_string(), "it is a set of keys"),
        (rsa.public_jwk().to_string(), "it is a public key: it has no `d`"),
        (curve.public_jwk().to_string(), "it is a public key: it has no `d`"),
        (with(&rsa, "qi", None), "as an RSA key it must have all of n, e, d, p, q, dp, dq, qi"),
        (with(&rsa, "dp", Some(json!("AQAB"))), "it is a damaged RSA key"),
        (with(&rsa, "n", Some(json!("~~~"))), "it begins like a JSON Web Key and cannot be read as one"),
        (with(&curve, "x", None), "as a key on a curve it must have all of crv, x, y, d"),
        (with(&curve, "crv", Some(json!("secp256k1"))), "it is on a curve that Okta does not accept"),
        (with(&curve, "d", Some(other)), "its numbers do not belong together"),
        (with(&curve, "d", Some(json!("AQ".repeat(60)))), "its numbers do not belong together"),
    ];
    for (text, expected) in cases {
        let fault = read(&text).err().unwrap_or_else(|| panic!("{expected}: it was taken"));
        assert!(fault.why.starts_with(expected), "{expected}: {}", fault.why);
        assert!(fault.advice.ends_with('.'), "{}", fault.advice);
    }
}

#[test]
fn nothing_of_a_key_is_shown() {
    let key = Key::of("RS256");
    let modulus = key.jwk()["n"].as_str().unwrap()[..12].to_owned();
    let shown = format!("{:?}", read(&key.jwk().to_string()).unwrap());
    assert!(!shown.contains(&modulus) && shown.contains("Rs256"), "{shown}");
    let fault = read(&with(&key, "e", Some(json!(7)))).unwrap_err();
    assert!(!format!("{fault:?}").contains(&modulus), "{fault:?}");
}
