//! `ctl backup`.

use std::io::IsTerminal as _;
use std::path::Path;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::ctl::Ctl;
use super::exit::{Exit, Failure};
use super::file::Draft;
use super::output::Versioned;
use super::text::size;
use super::watch::interruption;
use crate::telemetry::escape::escape;

/// What was written.
#[derive(Debug, Serialize)]
struct Written {
    file: String,
    bytes: u64,
}

/// Writes a backup to `file`, or to standard output for `-`. Only a whole one takes the place of an older one.
pub(super) async fn run(ctl: &Ctl, file: &Path) -> Result<Exit, Failure> {
    let to_standard_output = file == Path::new("-");
    if to_standard_output && std::io::stdout().is_terminal() {
        return Err(Failure::new(
            Exit::Usage,
            "a backup is no text for a terminal; name a file, or send it on with `| ssh HOST 'cat > FILE'`",
        ));
    }
    if to_standard_output {
        fetch(ctl, |part| ctl.output.print_whole(part)).await?;
        return Ok(Exit::Done);
    }
    let bytes = keep(ctl, file, interruption()).await?;
    if ctl.output.json {
        ctl.output.print_json(&Versioned::new(Written { file: file.display().to_string(), bytes }))?;
    }
    ctl.output.say(&format!(
        "wrote {} ({}): state.db and directory.db as they were when it began; only you may read it, since it has names of \
         people",
        escape(&file.display().to_string()),
        size(bytes)
    ));
    Ok(Exit::Done)
}

/// Writes a backup to `file`; returns how many bytes it has. `interrupted` gives it up, and leaves nothing behind.
async fn keep(ctl: &Ctl, file: &Path, interrupted: CancellationToken) -> Result<u64, Failure> {
    // Before anything is asked of the daemon: a place that cannot be written to costs no copy of the state.
    let mut draft = Draft::begin(file, "backup")?;
    let bytes = tokio::select! {
        fetched = fetch(ctl, |part| draft.write(part)) => fetched?,
        () = interrupted.cancelled() => {
            return Err(Failure::new(Exit::Failed, "interrupted; nothing was written, and an older backup is as it was"));
        }
    };
    draft.finish()?;
    Ok(bytes)
}

/// Hands all of the backup to `write`, part by part; returns how many bytes it has.
async fn fetch(ctl: &Ctl, mut write: impl FnMut(&[u8]) -> Result<(), Failure>) -> Result<u64, Failure> {
    let mut download = ctl.client.download(&["v1", "backup"]).await?;
    let mut bytes = 0;
    while let Some(part) = download.next().await? {
        let part = part.as_ref();
        bytes += part.len() as u64;
        write(part)?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::routing::post;

    use super::*;
    use crate::cli::ctl::fake::session;

    /// A daemon that sends `sent` and had said that it would be `length` bytes.
    fn daemon(sent: &'static [u8], length: &'static str) -> Router {
        let answer = move || async move {
            let bytes = futures_util::stream::iter([Ok::<_, std::io::Error>(sent)]);
            ([("content-length", length)], Body::from_stream(bytes))
        };
        Router::new().route("/v1/backup", post(answer))
    }

    #[tokio::test]
    async fn a_whole_backup_is_kept_and_its_size_said() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("b.tar");
        let session = session(false, daemon(b"archive", "7"));
        assert_eq!(run(&session.ctl, &file).await.unwrap(), Exit::Done);
        assert_eq!(std::fs::read(&file).unwrap(), b"archive");
        let said = session.messages.text();
        assert!(said.contains("b.tar (1 kB)"), "{said}");
    }

    #[tokio::test]
    async fn a_cut_backup_leaves_the_older_one() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("b.tar");
        std::fs::write(&file, "older").unwrap();
        let session = session(false, daemon(b"arch", "7"));
        let failure = run(&session.ctl, &file).await.unwrap_err();
        assert!(failure.message.contains("ended before its answer did"), "{}", failure.message);
        assert_eq!(std::fs::read(&file).unwrap(), b"older");
        assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn an_interrupted_backup_leaves_the_older_one_and_no_draft() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("b.tar");
        std::fs::write(&file, "older").unwrap();
        let never = Router::new().route("/v1/backup", post(std::future::pending::<()>));
        let interrupted = CancellationToken::new();
        interrupted.cancel();
        let failure = keep(&session(false, never).ctl, &file, interrupted).await.unwrap_err();
        assert!(failure.message.starts_with("interrupted; nothing was written"), "{}", failure.message);
        assert_eq!(std::fs::read(&file).unwrap(), b"older");
        assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 1);
    }
}
