//! The command line: one file per subcommand; text and JSON output.
