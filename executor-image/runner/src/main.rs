//! Entry point; everything is in the library.

fn main() -> std::process::ExitCode {
    slipway_playbook::cli::main()
}
