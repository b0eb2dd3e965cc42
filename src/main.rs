//! Parses the command line, runs the verb, and turns its outcome into an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(quotaproof::cli::main().code())
}
