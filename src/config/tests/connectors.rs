use super::*;
#[test]
fn explore() {
    let cases: Vec<String> = std::fs::read_to_string("/tmp/w/cases.txt")
        .unwrap()
        .split("\n====\n")
        .map(|c| c.replace("TOKEN", TOKEN))
        .collect();
    for case in cases {
        let case = if let Some(rest) = case.strip_prefix("+") {
            with(rest)
        } else if let Some(rest) = case.strip_prefix("@") {
            with_okta(rest)
        } else {
            case
        };
        println!("================\n{case}\n----");
        for d in check(&case).diagnostics {
            println!("{d}");
        }
    }
}
