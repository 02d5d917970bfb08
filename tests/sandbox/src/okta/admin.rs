//! The admin interface under `/sandbox/`.

use hyper::body::Incoming;
use hyper::{Request, Response};

use super::server::Shared;
use super::wire::Reply;

/// Answers a request of the admin interface.
pub(crate) async fn handle(_request: Request<Incoming>, _shared: &Shared) -> Response<Reply> {
    Response::new(Reply::empty())
}
