//! The command line word for word: what users read when they ask for help, or make a mistake.

#[test]
fn the_command_line_says_what_is_documented() {
    trycmd::TestCases::new()
        .register_bin("quotaproof", std::path::Path::new(env!("CARGO_BIN_EXE_quotaproof")))
        .case("tests/cmd/*.trycmd")
        .env("COLUMNS", "100");
}
