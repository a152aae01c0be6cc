//! The `vertex-backup` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    vertex_backup::cli::main()
}
