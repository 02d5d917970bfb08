//! Values of the command line, and what is said about those that cannot be.

use crate::control::api::can_name_a_plan;

/// The number of a hold.
pub(super) fn hold(value: &str) -> Result<u64, String> {
    number(value, "holds", "holds")
}

/// The number of a run.
pub(super) fn run(value: &str) -> Result<u64, String> {
    number(value, "runs", "history")
}

/// A number; whoever typed the name of a connector instead is told which `command` lists the numbers.
fn number(value: &str, what: &str, command: &str) -> Result<u64, String> {
    value.parse().map_err(|_| {
        // A name that can be one stands in the command that lists the numbers.
        let name = if can_name_a_plan(value) { value } else { "NAME" };
        format!("'{value}' is not a number: {what} have numbers, see \"usersyncd ctl {command} {name}\"")
    })
}

/// The name of a kept plan, by the daemon's rule.
pub(super) fn plan_name(value: &str) -> Result<String, String> {
    if can_name_a_plan(value) {
        return Ok(value.to_owned());
    }
    Err("a plan's name has 1 to 64 letters, digits, dots, dashes and underscores, and no dot or dash in front".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_place_of_a_number_is_told_where_the_numbers_are() {
        assert_eq!((hold("7"), run("17")), (Ok(7), Ok(17)));
        let told = |value: Result<u64, String>| value.unwrap_err();
        assert_eq!(
            told(hold("acme")),
            "'acme' is not a number: holds have numbers, see \"usersyncd ctl holds acme\""
        );
        assert_eq!(
            told(run("acme")),
            "'acme' is not a number: runs have numbers, see \"usersyncd ctl history acme\""
        );
        assert!(told(run("a b")).ends_with("\"usersyncd ctl history NAME\""));
    }

    #[test]
    fn names_of_plans_are_those_that_the_daemon_takes() {
        let longest = "x".repeat(64);
        for good in ["a", "change-4711", "A.b_c-9", "_x", longest.as_str()] {
            assert_eq!(plan_name(good).as_deref(), Ok(good));
        }
        let longer = "x".repeat(65);
        for bad in ["", "a b", ".x", "-x", "a/b", "ä", longer.as_str()] {
            assert!(plan_name(bad).is_err(), "{bad}");
        }
    }
}
