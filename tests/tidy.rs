//! The house rules that a compiler does not check: the direction of imports, the size of files, purity behind the record
//! stream.

use std::fs;
use std::path::{Path, PathBuf};

/// The layers of `src/`, in the order of `lib.rs`: a module uses only those before it.
fn layers() -> Vec<String> {
    let lib = fs::read_to_string("src/lib.rs").unwrap();
    lib.lines()
        .filter_map(|line| line.trim().strip_prefix("pub mod "))
        .map(|rest| rest.trim_end_matches(';').to_owned())
        .collect()
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The top-level module a file belongs to; None for `lib.rs` and `main.rs`.
fn layer_of(file: &Path) -> Option<String> {
    let first = file.strip_prefix("src").unwrap().components().next().unwrap().as_os_str().to_str().unwrap();
    let name = first.trim_end_matches(".rs");
    (!["lib", "main"].contains(&name)).then(|| name.to_owned())
}

/// Whether a file is of one of these modules, named by their paths below `src/`.
fn is_in(file: &Path, modules: &[&str]) -> bool {
    let own = file.strip_prefix("src").unwrap().with_extension("");
    modules.iter().any(|module| own.starts_with(module))
}

/// The code of a file without its unit tests, which may reach anywhere.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let end = text.find("\n#[cfg(test)]").unwrap_or(text.len());
    text[..end].to_owned()
}

fn is_test_support(file: &Path) -> bool {
    let name = file.file_stem().unwrap().to_str().unwrap();
    name.starts_with("test") || name == "sample"
}

/// The top-level modules that a line names by `crate::`.
fn uses(line: &str) -> Vec<&str> {
    let line = line.trim();
    if line.starts_with("//") {
        return Vec::new();
    }
    let names = line.split("crate::").skip(1);
    names.map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap()).collect()
}

#[test]
fn modules_use_only_the_layers_before_them() {
    let layers = layers();
    assert!(layers.len() > 10, "lib.rs lists the layers");
    let position = |name: &str| layers.iter().position(|layer| layer == name);
    let mut wrong = Vec::new();
    for file in rust_files(Path::new("src")).iter().filter(|file| !is_test_support(file)) {
        let Some(own) = layer_of(file).and_then(|name| position(&name)) else { continue };
        for (number, line) in code(file).lines().enumerate() {
            for used in uses(line) {
                if position(used).is_some_and(|used| used > own) {
                    wrong.push(format!("{}:{}: {}", file.display(), number + 1, line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "imports against the layers' order:\n{}", wrong.join("\n"));
}

#[test]
fn nothing_behind_the_record_stream_touches_clocks_sockets_or_an_async_runtime() {
    const PURE: [&str; 23] = [
        "time",
        "words",
        "yaml",
        "rng",
        "exit",
        "signals",
        "policy",
        "scenario",
        "tellus",
        "device",
        "record",
        "limiter",
        "summary",
        "measure",
        "verify",
        "probe",
        "gate",
        "assemble",
        "report",
        "dossier",
        "plan",
        "reference/tellus",
        "reference/generic",
    ];
    const IMPURE: [&str; 7] =
        ["tokio", "hyper", "reqwest", "std::net", "std::thread", "crate::clock", "std::time::Instant"];
    // Two show what limiters do when threads share them, and how fast; the other plays many probes at the same time.
    const MAY: [&str; 3] = ["limiter/suite/subject/threads", "limiter/suite/crowd", "probe/tests/matrix"];
    let mut wrong = Vec::new();
    for file in rust_files(Path::new("src")) {
        if !is_in(&file, &PURE) || is_in(&file, &MAY) {
            continue;
        }
        for (number, line) in code(&file).lines().enumerate() {
            let statement = line.trim();
            if !statement.starts_with("//") && IMPURE.iter().any(|impure| statement.contains(&format!("{impure}::"))) {
                wrong.push(format!("{}:{}: {statement}", file.display(), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "impure code in a pure layer:\n{}", wrong.join("\n"));
}

#[test]
fn files_stay_small_enough_to_read() {
    const MOST_LINES: usize = 500;
    let long: Vec<String> = rust_files(Path::new("src"))
        .iter()
        .filter(|file| !is_test_support(file))
        .map(|file| (file, code(file).lines().count()))
        .filter(|&(_, lines)| lines > MOST_LINES)
        .map(|(file, lines)| format!("{}: {lines} lines", file.display()))
        .collect();
    assert!(long.is_empty(), "split these (more than {MOST_LINES} lines without tests):\n{}", long.join("\n"));
}
