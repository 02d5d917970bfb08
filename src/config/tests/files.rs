//! Files that are no proper files, or whose contents are meant to do harm.

use super::*;
use crate::config::{connector_files, overlooked_files};

/// The one error of a file, which has no position.
fn whole_file_error(checked: &Checked<Connector>) -> &Diagnostic {
    let [diagnostic] = checked.diagnostics.as_slice() else { panic!("{:?}", checked.diagnostics) };
    assert!(checked.value.is_none() && diagnostic.is_error());
    assert_eq!((diagnostic.line, diagnostic.column, &diagnostic.snippet), (0, 0, &None));
    diagnostic
}

#[test]
fn what_is_no_file_is_a_diagnostic() {
    let house = House::new();
    std::fs::create_dir(house.path("directory.yaml")).unwrap();
    std::os::unix::fs::symlink("nowhere", house.path("dangling.yaml")).unwrap();
    std::os::unix::fs::symlink("loop.yaml", house.path("loop.yaml")).unwrap();
    nix::unistd::mkfifo(&house.path("pipe.yaml"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    for (name, expected) in [
        ("absent.yaml", "The file does not exist."),
        ("directory.yaml", "The file is a directory, not a file."),
        ("dangling.yaml", "The file is a symbolic link to nowhere, which does not exist."),
        ("loop.yaml", "The file cannot be read: "),
        ("pipe.yaml", "The file is a device, a pipe or a socket, not a file."),
    ] {
        let checked = house.check_at(name);
        let error = whole_file_error(&checked);
        assert!(error.message.starts_with(expected), "{error}");
        assert_eq!(error.file, house.path(name));
    }
}

#[test]
fn a_huge_file_is_refused_unread() {
    let house = House::new();
    let file = std::fs::File::create(house.path("huge.yaml")).unwrap();
    // Sparse: it takes no room.
    file.set_len(100 * 1024 * 1024).unwrap();
    let checked = house.check_at("huge.yaml");
    assert_eq!(whole_file_error(&checked).message, "The file is larger than 1024 KiB and was not read.");
}

#[test]
fn a_link_to_a_file_is_as_good_as_the_file() {
    let house = House::new();
    std::fs::write(house.path("target"), with("")).unwrap();
    std::os::unix::fs::symlink("target", house.path("link.yaml")).unwrap();
    assert_eq!(house.check_at("link.yaml").value.unwrap().name, "link");
}

#[test]
fn an_empty_file_is_told_what_is_missing() {
    for contents in ["", "# nothing\n", "---\n", "~\n"] {
        let checked = check(contents);
        assert_eq!(whole_file_error(&checked).message, "The file is empty, but a connector needs a source.");
    }
}

#[test]
fn the_name_of_the_file_must_do_as_the_name_of_a_connector() {
    let house = House::new();
    let accepts = |name: &str| {
        std::fs::write(house.path(name), with("")).unwrap();
        let checked = house.check_at(name);
        if checked.value.is_none() {
            let error = whole_file_error(&checked);
            assert_eq!(error.message, "The name of the file cannot be the name of a connector.");
        }
        checked.value.is_some()
    };
    for name in ["a.yaml", "Acme-2_x.y.yaml", "_.yaml", &format!("{}.yaml", "x".repeat(64))] {
        assert!(accepts(name), "{name}");
    }
    for name in ["-a.yaml", "..yaml", "a b.yaml", "ä.yaml", "a\nb.yaml", &format!("{}.yaml", "x".repeat(65))]
    {
        assert!(!accepts(name), "{name}");
    }
    let not_unicode = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"a\xff.yaml");
    let path = house.directory.path().join(not_unicode);
    std::fs::write(&path, with("")).unwrap();
    whole_file_error(&crate::config::check_connector_in(&path, Some(&|name| house.environment(name))));
}

#[test]
fn the_digest_is_that_of_the_contents() {
    let first = valid(&with(""));
    assert_eq!(first.digest.len(), 64);
    assert_eq!(first.digest, valid(&with("")).digest);
    assert_ne!(first.digest, valid(&with("# a comment\n")).digest);
}

#[test]
fn an_alias_bomb_does_not_go_off() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..30 {
        let last = level - 1;
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![format!("*a{last}"); 10].join(", ")));
    }
    let diagnostics = check(&bomb).diagnostics;
    assert!(diagnostics.iter().any(|diagnostic| diagnostic.message.contains("YAML alias")));
    assert!(diagnostics.len() <= 101);
}

#[test]
fn deep_nesting_is_refused() {
    for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", ""), ("a:\n ", "")] {
        let contents = format!("a: {}1{}", open.repeat(20_000), close.repeat(20_000));
        assert!(!check(&contents).diagnostics.is_empty(), "{open}");
    }
    let deep = errors(format!("a: {}{}", "[".repeat(40), "]".repeat(40)));
    assert!(
        deep[0].ends_with("[No valid file nests that deep: remove what is not meant to be here.]"),
        "{deep:?}"
    );
}

#[test]
fn a_large_file_of_nonsense_is_judged_in_no_time() {
    let many_keys: String = (0..60_000).map(|number| format!("scpe{number}: 1\n")).collect();
    let long_key = format!("{}: 1\n", "s".repeat(900));
    let long_line = format!("a: \"{}\"\n", "00QCjAl4MlV-".repeat(80_000));
    let many_globs = with(&format!("groups: {{ include: [{}] }}", "a*,".repeat(2_000)));
    for contents in [many_keys, long_key, long_line] {
        assert!(check(&contents).value.is_none());
    }
    // Many patterns are either accepted or refused, but not fatal.
    let _either = check(&many_globs);
}

#[test]
fn connector_files_are_those_that_end_in_yaml_and_are_not_hidden() {
    let house = House::new();
    for name in ["b.yaml", "a.yaml", ".c.yaml", "d.yml", "e.YAML", "f.yaml.bak", "#g.yaml#"] {
        std::fs::write(house.path(name), "").unwrap();
    }
    std::fs::create_dir(house.path("x.yaml")).unwrap();
    let files = connector_files(house.directory.path()).unwrap();
    assert_eq!(files, ["a.yaml", "b.yaml", "x.yaml"].map(|name| house.path(name)));
    let overlooked = overlooked_files(house.directory.path()).unwrap();
    assert_eq!(
        overlooked.iter().map(|warning| warning.file.clone()).collect::<Vec<_>>(),
        [house.path("d.yml"), house.path("e.YAML")]
    );
    assert!(connector_files(&house.path("absent")).is_err());
}
