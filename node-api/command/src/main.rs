//! The command `zenoh-pinned`.

fn main() -> std::process::ExitCode {
    zenoh_pinned_command::run(std::env::args_os()).into()
}
