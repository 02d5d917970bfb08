//! The stand-in for Bitbucket Data Center answers as is published.

mod access;
mod groups;
mod lists;
mod members;
mod users;

use sandbox::bitbucket::Bitbucket;
use sandbox::product::{Serving, StandIn, World};
use serde_json::{Value, json};

use crate::confluence::client::{Answer, Client};

/// A stand-in over a world, and a client below `/rest/api/latest`.
async fn start(bitbucket: Bitbucket, world: World) -> (StandIn<Bitbucket>, Client) {
    let root = format!("{}/rest/api/latest", bitbucket.context);
    let stand_in = StandIn::start(bitbucket, world, Serving::default()).await.unwrap();
    let client = Client::new(&stand_in, &root);
    (stand_in, client)
}

/// With everything as it is by default.
async fn start_usual(world: World) -> (StandIn<Bitbucket>, Client) {
    start(Bitbucket::default(), world).await
}

/// Status, context and message of the only error of a refusal.
fn refused(answer: &Answer) -> (u16, Value, String) {
    let body = answer.json();
    assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
    let errors = body["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 1, "{body}");
    for field in ["context", "message", "exceptionName"] {
        assert!(errors[0].get(field).is_some(), "{field} is missing in {body}");
    }
    (answer.status, errors[0]["context"].clone(), errors[0]["message"].as_str().unwrap().to_owned())
}

/// The query of a new user whom every rule allows, but for what is replaced.
fn new_user(name: &str) -> String {
    format!(
        "/admin/users?name={name}&emailAddress=new%2Btag%40example.com&displayName=New+Person&password=p%26w"
    )
}

/// The names of a page.
fn names(page: &Value) -> Vec<String> {
    let values = page["values"].as_array().unwrap();
    values.iter().map(|value| value["name"].as_str().unwrap().to_owned()).collect()
}

/// A body that names a membership by `context` and `itemName`.
fn pair(context: &str, item: &str) -> Value {
    json!({ "context": context, "itemName": item })
}
