//! Signing in.

use serde_json::json;

use super::{ask, ask_xml, because, serve, tell, tell_xml};

#[tokio::test]
async fn a_user_is_authenticated_by_password() {
    let server = serve(&["ann", "bob", "new"], &[]).await;
    server.world(|world| {
        let (bob, new) = (world.user_named("bob").unwrap(), world.user_named("new").unwrap());
        world.change_user(bob, |bob| bob.active = false);
        world.change_user(new, |new| new.password.clear());
    });
    let right = tell(&server, "POST", "authentication?username=ann", json!({"value": "old"})).await;
    assert_eq!((right.status, &right.json()["email"]), (200, &json!("ann@example.com")));
    for (name, password, reason) in [
        ("ann", "wrong", "INVALID_USER_AUTHENTICATION"),
        ("new", "", "INVALID_USER_AUTHENTICATION"),
        ("bob", "old", "INACTIVE_ACCOUNT"),
        ("bob", "wrong", "INVALID_USER_AUTHENTICATION"),
        ("eve", "old", "USER_NOT_FOUND"),
    ] {
        let path = format!("authentication?username={name}");
        let refused = tell(&server, "POST", &path, json!({"value": password})).await;
        assert_eq!(refused.refused(), because(400, reason), "{name}");
    }
    let xml =
        tell_xml(&server, "POST", "authentication?username=ann", "<password><value>old</value></password>")
            .await;
    assert!(xml.xml().starts_with("<user name=\"ann\""), "{xml:?}");
    assert_eq!(server.book().of("authenticate"), 7);
}

#[tokio::test]
async fn a_session_is_opened_read_and_closed() {
    let server = serve(&["ann"], &[]).await;
    let factors = json!({"validationFactors": [{"name": "remote_address", "value": "127.0.0.1"}]});
    let body = json!({"username": "ann", "password": "old", "validation-factors": factors});
    let opened = tell(&server, "POST", "session?expand=user", body.clone()).await;
    assert_eq!((opened.status, &opened.json()["user"]["email"]), (201, &json!("ann@example.com")));
    let token = opened.json()["token"].as_str().unwrap().to_owned();
    let other =
        tell(&server, "POST", "session", body.clone()).await.json()["token"].as_str().unwrap().to_owned();
    assert_ne!(token, other);
    let path = format!("session/{token}");
    let read = ask(&server, "GET", &path).await.json();
    assert_eq!((&read["token"], &read["user"]["name"]), (&json!(token), &json!("ann")));
    assert_eq!(read["user"].get("email"), None, "it is not expanded");
    let own = format!("{}/crowd/rest/usermanagement/1/{path}", server.url());
    assert_eq!(read["link"]["href"], own);
    assert_eq!(tell(&server, "POST", &path, factors).await.json(), read, "a check of where it is used");
    let xml = ask_xml(&server, &path).await;
    assert!(
        xml.xml().starts_with(&format!("<session expand=\"user\"><token>{token}</token><user name=\"ann\">")),
        "{xml:?}"
    );
    ask(&server, "DELETE", &path).await.is_done(204);
    for method in ["GET", "DELETE"] {
        assert_eq!(
            ask(&server, method, &path).await.refused(),
            because(404, "INVALID_SSO_TOKEN"),
            "{method}"
        );
    }
    assert_eq!(ask(&server, "GET", &format!("session/{other}")).await.status, 200, "the other one stays");
    let third = tell(&server, "POST", "session", body).await.json()["token"].as_str().unwrap().to_owned();
    assert!(third != token && third != other, "no token comes twice");
    let wrong = tell(&server, "POST", "session", json!({"username": "ann", "password": "no"})).await;
    assert_eq!(wrong.refused(), because(400, "INVALID_USER_AUTHENTICATION"));
}
