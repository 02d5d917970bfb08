//! usersyncd: parses the command line, runs it, maps the outcome to an exit code.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    usersyncd::cli::main(std::env::args_os()).into()
}
