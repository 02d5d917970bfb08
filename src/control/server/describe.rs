//! One place where a route gets its handler and its description, so that what the router serves and what
//! `/v1/openapi.json` says of it cannot differ in their paths, methods, and parameters.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post, put};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

use super::Control;
use super::request::body;
use crate::control::api::ErrorKind;
use crate::control::fault::Fault;

/// How the schema of a type is made.
pub(super) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// What a route is about: a tag of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// The daemon as a whole.
    Daemon,
    /// Connectors and what they are asked to do.
    Connectors,
    /// What runs did.
    Runs,
    /// Plans that are kept.
    Plans,
    /// What waits for a decision.
    Holds,
    /// What a connector manages.
    Ledger,
    /// The built-in directory.
    Directory,
}

impl Subject {
    /// All subjects, in the order of the document.
    pub(super) const ALL: [Subject; 7] =
        [Self::Daemon, Self::Connectors, Self::Runs, Self::Plans, Self::Holds, Self::Ledger, Self::Directory];

    /// The name of the tag.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Daemon => "daemon",
            Self::Connectors => "connectors",
            Self::Runs => "runs",
            Self::Plans => "plans",
            Self::Holds => "holds",
            Self::Ledger => "ledger",
            Self::Directory => "directory",
        }
    }

    /// What stands beside the tag.
    pub(super) fn description(self) -> &'static str {
        match self {
            Self::Daemon => "The daemon as a whole: its state, its files, its log.",
            Self::Connectors => "Connectors: their state, and what they are asked to do.",
            Self::Runs => "What runs did, and taking it back.",
            Self::Plans => "Plans: what a sync would do, kept until somebody has exactly that done.",
            Self::Holds => "What was not done because a limit says that a person must look first.",
            Self::Ledger => "What a connector remembers of the users and groups that it manages.",
            Self::Directory => "The built-in directory.",
        }
    }
}

/// What a route answers when all goes well.
#[derive(Clone, Copy)]
pub(super) enum Answer {
    /// One JSON document.
    Document(SchemaOf),
    /// One JSON document per line.
    Lines,
    /// A tar archive.
    Archive,
}

/// What is said of a route beside its path and method.
#[derive(Clone)]
pub(super) struct Operation {
    /// Its name for programs that are generated from the document, unique.
    pub(super) id: &'static str,
    /// What it does, in a few words.
    pub(super) summary: &'static str,
    /// What else there is to know, in whole sentences.
    pub(super) notes: &'static str,
    /// The parameters of its query: the properties of one type.
    pub(super) query: Option<SchemaOf>,
    /// What its body must be.
    pub(super) body: Option<SchemaOf>,
    /// What it answers: one of these.
    pub(super) answers: Vec<Answer>,
    /// How it can fail beside what every route of its kind can.
    pub(super) failures: Vec<StatusCode>,
}

impl Operation {
    /// A route that takes no query and no body, and answers nothing yet.
    pub(super) fn new(id: &'static str, summary: &'static str) -> Self {
        let (query, body) = (None, None);
        Self { id, summary, notes: "", query, body, answers: Vec::new(), failures: Vec::new() }
    }

    /// With more to know about it.
    pub(super) fn notes(self, notes: &'static str) -> Self {
        Self { notes, ..self }
    }

    /// With the properties of `T` as parameters of the query.
    pub(super) fn asks<T: JsonSchema>(self) -> Self {
        Self { query: Some(T::json_schema), ..self }
    }

    /// With a `T` as its body.
    pub(super) fn takes<T: JsonSchema>(self) -> Self {
        Self { body: Some(SchemaGenerator::subschema_for::<T>), ..self }
    }

    /// With a `T` as its answer.
    pub(super) fn answers<T: JsonSchema>(mut self) -> Self {
        self.answers.push(Answer::Document(SchemaGenerator::subschema_for::<T>));
        self
    }

    /// With events as its answer, one per line.
    pub(super) fn streams(mut self) -> Self {
        self.answers.push(Answer::Lines);
        self
    }

    /// With a tar archive as its answer.
    pub(super) fn sends_an_archive(mut self) -> Self {
        self.answers.push(Answer::Archive);
        self
    }

    /// With 404 where something is named that there is not. A route that names something in its path has it anyway.
    pub(super) fn may_not_find(mut self) -> Self {
        self.failures.push(StatusCode::NOT_FOUND);
        self
    }

    /// With 409 where the present state does not allow it.
    pub(super) fn may_conflict(mut self) -> Self {
        self.failures.push(StatusCode::CONFLICT);
        self
    }
}

/// A route with all that is known of it.
pub(super) struct Described {
    /// `GET`, `POST` or `PUT`.
    pub(super) method: Method,
    /// The path, with the names of its variable parts in braces.
    pub(super) path: &'static str,
    /// What it is about.
    pub(super) subject: Subject,
    /// What is said of it.
    pub(super) operation: Operation,
}

/// Nothing, as a body: none at all, or `{}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Passes requests on whose body says nothing.
async fn without_body(request: Request, next: Next) -> Result<Response, Fault> {
    let (head, sent) = request.into_parts();
    let Nothing {} =
        body(Request::from_parts(head.clone(), sent)).await.map_err(|fault| match fault.kind {
            ErrorKind::BadRequest => Fault::bad_request(format!(
                "{} takes no body, or an empty object, and this is another one; nothing was done",
                head.uri.path()
            )),
            _ => fault,
        })?;
    Ok(next.run(Request::from_parts(head, Body::empty())).await)
}

/// Routes about one subject, or, joined, about several.
pub(super) struct Routes {
    subject: Subject,
    router: Router<Arc<dyn Control>>,
    described: Vec<Described>,
}

impl Routes {
    /// None yet.
    pub(super) fn about(subject: Subject) -> Self {
        Self { subject, router: Router::new(), described: Vec::new() }
    }

    /// With one that shows something.
    pub(super) fn get<H: Handler<T, Arc<dyn Control>>, T: 'static>(
        self,
        path: &'static str,
        handler: H,
        operation: Operation,
    ) -> Self {
        self.with(Method::GET, path, get(handler), operation)
    }

    /// With one that has something done.
    pub(super) fn post<H: Handler<T, Arc<dyn Control>>, T: 'static>(
        self,
        path: &'static str,
        handler: H,
        operation: Operation,
    ) -> Self {
        self.with(Method::POST, path, post(handler), operation)
    }

    /// With one that sets something.
    pub(super) fn put<H: Handler<T, Arc<dyn Control>>, T: 'static>(
        self,
        path: &'static str,
        handler: H,
        operation: Operation,
    ) -> Self {
        self.with(Method::PUT, path, put(handler), operation)
    }

    fn with(
        mut self,
        method: Method,
        path: &'static str,
        handler: MethodRouter<Arc<dyn Control>>,
        operation: Operation,
    ) -> Self {
        // What says that it takes no body refuses one: whoever sends `{"hours": 2}` means something by it.
        let bodiless = method != Method::GET && operation.body.is_none();
        let handler = if bodiless { handler.layer(from_fn(without_body)) } else { handler };
        self.described.push(Described { method, path, subject: self.subject, operation });
        Self { router: self.router.route(path, handler), ..self }
    }

    /// With all of the others.
    pub(super) fn and(mut self, others: Routes) -> Self {
        self.described.extend(others.described);
        Self { router: self.router.merge(others.router), ..self }
    }

    /// What is said of them, in the order in which they were added.
    pub(super) fn described(&self) -> &[Described] {
        &self.described
    }

    /// What serves them.
    pub(super) fn into_router(self) -> Router<Arc<dyn Control>> {
        self.router
    }
}
