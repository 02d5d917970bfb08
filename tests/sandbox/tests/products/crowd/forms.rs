//! XML beside JSON.

use serde_json::json;

use super::{ask, ask_xml, because, request, send, serve, tell, tell_xml};

const USER: &str = "<user name=\"r&amp;d\"><first-name>R &lt;</first-name><last-name>D</last-name>\
    <display-name>R<![CDATA[&]]>D</display-name><email>rd@example.com</email><active>true</active>\
    <password><value>secret</value></password>\
    <attributes><attribute name=\"id\"><values><value>1</value><value>2</value></values></attribute></attributes>\
    </user>";

#[tokio::test]
async fn xml_is_the_form_unless_json_is_asked_for() {
    let server = serve(&["ann"], &[]).await;
    let asked = || request(&server, "GET", "user?username=ann");
    send(asked()).await.xml();
    for (accept, is_json) in [
        ("*/*", false),
        ("application/xml", false),
        ("text/xml", false),
        ("application/json", true),
        ("application/json;q=0.9, application/xml;q=0.5", true),
    ] {
        let answer = send(asked().header("accept", accept)).await;
        assert_eq!(answer.header("content-type") == "application/json", is_json, "{accept}");
    }
    assert_eq!(send(asked().header("accept", "text/html")).await.status, 406);
}

#[tokio::test]
async fn a_body_says_which_form_it_has() {
    let server = serve(&[], &[]).await;
    let sent = |kind: &str, body: &str| {
        let request = request(&server, "POST", "group").header("accept", "application/json");
        send(request.header("content-type", kind.to_owned()).body(body.to_owned()))
    };
    let (json, xml) = (r#"{"name":"g","type":"GROUP"}"#, "<group name=\"h\"><type>GROUP</type></group>");
    assert_eq!(sent("application/json; charset=utf-8", json).await.status, 201);
    assert_eq!(sent("text/xml", xml).await.status, 201);
    assert_eq!(sent("text/plain", json).await.status, 415);
    assert_eq!(sent("application/json", xml).await.refused(), because(400, "ILLEGAL_ARGUMENT"));
    assert_eq!(sent("application/xml", json).await.refused(), because(400, "ILLEGAL_ARGUMENT"));
    assert_eq!(
        sent("application/xml", "<group name=\"h\">").await.refused(),
        because(400, "ILLEGAL_ARGUMENT")
    );
}

#[tokio::test]
async fn a_user_is_written_and_read_in_xml() {
    let server = serve(&[], &[]).await;
    let base = format!("{}/crowd/rest/usermanagement/1/user", server.url());
    let entity = |inner: &str| {
        format!(
            "<user name=\"r&amp;d\" expand=\"attributes\"><link href=\"{base}?username=r%26d\" rel=\"self\"/>\
            <first-name>R &lt;</first-name><last-name>D</last-name><display-name>R&amp;D</display-name>\
            <email>rd@example.com</email>\
            <password><link href=\"{base}/password?username=r%26d\" rel=\"edit\"/></password><active>true</active>\
            <created-date>1700000000000</created-date><updated-date>1700000000000</updated-date>\
            <key>1:00000000-0000-4000-8000-000000000001</key>\
            <attributes><link href=\"{base}/attribute?username=r%26d\" rel=\"self\"/>{inner}</attributes></user>"
        )
    };
    let attribute = format!(
        "<attribute name=\"id\"><link href=\"{base}/attribute?username=r%26d&amp;attributename=id\" rel=\"self\"/>\
        <values><value>1</value><value>2</value></values></attribute>"
    );
    let created = tell_xml(&server, "POST", "user", USER).await;
    assert_eq!((created.status, created.xml()), (201, entity(&attribute).as_str()));
    assert_eq!(ask_xml(&server, "user?username=r%26d").await.xml(), entity(""));
    let listed = ask_xml(&server, "search?entity-type=user&expand=user").await;
    assert_eq!(listed.xml(), format!("<users expand=\"user\">{}</users>", entity("")));
    let listed = ask_xml(&server, "search?entity-type=user").await;
    let link = format!("<link href=\"{base}?username=r%26d\" rel=\"self\"/>");
    assert_eq!(listed.xml(), format!("<users expand=\"user\"><user name=\"r&amp;d\">{link}</user></users>"));
    let attributes = ask_xml(&server, "user/attribute?username=r%26d").await;
    let link = format!("<link href=\"{base}/attribute?username=r%26d\" rel=\"self\"/>");
    assert_eq!(attributes.xml(), format!("<attributes>{link}{attribute}</attributes>"));
}

#[tokio::test]
async fn a_group_is_written_and_read_in_xml() {
    let server = serve(&[], &[]).await;
    let base = format!("{}/crowd/rest/usermanagement/1/group", server.url());
    let body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><group name=\"g\"><description>d</description>\
        <type>GROUP</type><active>true</active></group>";
    let entity = format!(
        "<group name=\"g\" expand=\"attributes\"><link href=\"{base}?groupname=g\" rel=\"self\"/>\
        <description>d</description><type>GROUP</type><active>true</active>\
        <attributes><link href=\"{base}/attribute?groupname=g\" rel=\"self\"/></attributes></group>"
    );
    let created = tell_xml(&server, "POST", "group", body).await;
    assert_eq!((created.status, created.xml()), (201, entity.as_str()));
    let listed = ask_xml(&server, "search?entity-type=group&expand=group").await;
    assert_eq!(listed.xml(), format!("<groups expand=\"group\">{entity}</groups>"));
    let changed =
        tell_xml(&server, "PUT", "group?groupname=g", "<group name=\"g\"><type>GROUP</type></group>").await;
    assert!(changed.xml().contains("<description></description>"), "{changed:?}");
}

#[tokio::test]
async fn every_change_is_told_in_xml_too() {
    let server = serve(&["ann"], &["g", "h"]).await;
    let rename = "<rename><new-name>anna</new-name></rename>";
    let renamed = tell_xml(&server, "POST", "user/rename?username=ann", rename).await;
    assert!(renamed.status == 200 && renamed.xml().starts_with("<user name=\"anna\""), "{renamed:?}");
    let attributes =
        "<attributes><attribute name=\"a\"><values><value>b</value></values></attribute></attributes>";
    for (method, path, body, status) in [
        ("PUT", "user?username=anna", "<user name=\"anna\"><active>false</active></user>", 204),
        ("POST", "user/attribute?username=anna", attributes, 204),
        ("PUT", "user/password?username=anna", "<password><value>new</value></password>", 204),
        ("POST", "group/user/direct?groupname=g", "<user name=\"anna\"/>", 201),
        ("POST", "user/group/direct?username=anna", "<group name=\"h\"/>", 201),
        ("POST", "group/child-group/direct?groupname=g", "<group name=\"h\"/>", 201),
    ] {
        tell_xml(&server, method, path, body).await.is_done(status);
    }
    server.world(|world| {
        let user = &world.users()[&world.user_named("anna").unwrap()];
        assert_eq!((user.active, user.email.as_str(), user.password.as_str()), (false, "", "new"));
        assert_eq!(user.attributes["a"], ["b"]);
        assert_eq!(world.member_names("g"), world.member_names("h"));
        assert_eq!(world.groups()[&world.group_named("g").unwrap()].children.len(), 1);
    });
}

#[tokio::test]
async fn errors_come_in_the_form_that_was_asked_for() {
    let server = serve(&[], &[]).await;
    let refused = ask_xml(&server, "user?username=%3Cx%3E").await;
    let expected = "<error><reason>USER_NOT_FOUND</reason><message>User &lt;&lt;x&gt;&gt; does not exist</message></error>";
    assert_eq!((refused.status, refused.xml()), (404, expected));
    assert_eq!(ask(&server, "GET", "user?username=x").await.refused(), because(404, "USER_NOT_FOUND"));
    let sent = request(&server, "POST", "user").header("content-type", "application/xml");
    let refused = send(sent.header("accept", "application/json").body("<user/>")).await;
    assert_eq!(refused.refused(), because(400, "INVALID_USER"));
}

#[tokio::test]
async fn the_cookie_is_told_in_both_forms() {
    let server = serve(&[], &[]).await;
    let expected = json!({"domain": ".localhost", "secure": false, "name": "crowd.token_key"});
    assert_eq!(ask(&server, "GET", "config/cookie").await.json(), expected);
    let xml = "<cookie-config><domain>.localhost</domain><secure>false</secure><name>crowd.token_key</name>\
        </cookie-config>";
    assert_eq!(ask_xml(&server, "config/cookie").await.xml(), xml);
    let created = tell(&server, "POST", "group", json!({"name": "g", "type": "GROUP"})).await;
    assert_eq!(created.status, 201);
}
