//! The routes of ledgers: what a connector remembers of what it manages.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};

use super::answer::done;
use super::describe::{Operation, Routes, Subject};
use super::request::{Name, body, decoded};
use super::routes::Shared;
use crate::control::api::{
    Done, RebindAnswer, RebindRequest, ReleaseRequest, RelinkAnswer, RelinkRequest, RenameRequest,
};
use crate::control::fault::Fault;

pub(super) fn routes() -> Routes {
    Routes::about(Subject::Ledger)
        .post(
            "/v1/connectors/{name}/rebind",
            rebind,
            Operation::new("rebind", "Bind the ledger to the present source and target")
                .notes("Without confirm it only says what that would change.")
                .takes::<RebindRequest>()
                .answers::<RebindAnswer>()
                .may_conflict(),
        )
        .post(
            "/v1/connectors/{name}/relink",
            relink,
            Operation::new("relink", "Rebuild a lost ledger from what the target keeps")
                .notes("Reads both sides. Without confirm it only says what would be linked.")
                .takes::<RelinkRequest>()
                .answers::<RelinkAnswer>()
                .may_conflict(),
        )
        .post(
            "/v1/connectors/{name}/rename",
            rename,
            Operation::new("rename", "Give the ledger of a connector to the new name of its file")
                .notes("Rename the file first.")
                .takes::<RenameRequest>()
                .answers::<Done>()
                .may_conflict(),
        )
        .post(
            "/v1/connectors/{name}/release",
            release,
            Operation::new("release", "Stop managing a user, and leave the account as it is")
                .takes::<ReleaseRequest>()
                .answers::<Done>()
                .may_conflict(),
        )
}

async fn rebind(State(control): Shared, name: Name, request: Request) -> Result<Response, Fault> {
    let name = decoded(name)?;
    let RebindRequest { confirm } = body(request).await?;
    let answer = control.rebind(&name, confirm).await?;
    if answer.done {
        tracing::info!(
            "the ledger of {name} belongs to {} and {} now",
            answer.after.source,
            answer.after.target
        );
    }
    Ok(Json(answer).into_response())
}

async fn relink(State(control): Shared, name: Name, request: Request) -> Result<Response, Fault> {
    let name = decoded(name)?;
    let RelinkRequest { confirm } = body(request).await?;
    let answer = control.relink(&name, confirm).await?;
    if answer.done {
        let (by_id, by_name) = (answer.by_id.len(), answer.by_name.len());
        tracing::info!(
            "{by_id} users and groups of {name} were linked again, {by_name} wait for an approval"
        );
    }
    Ok(Json(answer).into_response())
}

async fn rename(State(control): Shared, name: Name, request: Request) -> Result<Response, Fault> {
    let name = decoded(name)?;
    let RenameRequest { to } = body(request).await?;
    control.rename(&name, &to).await.map(done)
}

async fn release(State(control): Shared, name: Name, request: Request) -> Result<Response, Fault> {
    let name = decoded(name)?;
    let ReleaseRequest { login } = body(request).await?;
    control.release(&name, &login).await.map(done)
}
