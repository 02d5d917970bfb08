//! `schema`: the JSON Schema of the connector file.

use super::exit::{Exit, Failure};
use super::output::Output;

/// Prints it.
pub(super) fn run(output: &Output) -> Result<Exit, Failure> {
    output.print(&format!("{:#}\n", crate::config::schema::schema()))?;
    Ok(Exit::Done)
}
