//! The same life for every target, through the real daemon: the built-in directory, and each product's stand-in.

mod backend;
mod faults;
mod life;
mod strangers;

use backend::Kind;

/// One test per target and story.
macro_rules! every_target {
    ($($room:ident :: $story:ident),* $(,)?) => {$(
        mod $story {
            use super::{$room, Kind};

            #[test]
            fn directory() {
                $room::$story(Kind::Directory);
            }

            #[test]
            fn scim() {
                $room::$story(Kind::Scim);
            }

            #[test]
            fn another_scim() {
                $room::$story(Kind::AnotherScim);
            }

            #[test]
            fn atlassian_cloud() {
                $room::$story(Kind::AtlassianCloud);
            }

            #[test]
            fn crowd() {
                $room::$story(Kind::Crowd);
            }

            #[test]
            fn jira() {
                $room::$story(Kind::Jira);
            }

            #[test]
            fn confluence() {
                $room::$story(Kind::Confluence);
            }

            #[test]
            fn bitbucket() {
                $room::$story(Kind::Bitbucket);
            }
        }
    )*};
}

/// The same without the built-in directory, which is asked for nothing over a network.
macro_rules! every_product {
    ($($room:ident :: $story:ident),* $(,)?) => {$(
        mod $story {
            use super::{$room, Kind};

            #[test]
            fn scim() {
                $room::$story(Kind::Scim);
            }

            #[test]
            fn another_scim() {
                $room::$story(Kind::AnotherScim);
            }

            #[test]
            fn atlassian_cloud() {
                $room::$story(Kind::AtlassianCloud);
            }

            #[test]
            fn crowd() {
                $room::$story(Kind::Crowd);
            }

            #[test]
            fn jira() {
                $room::$story(Kind::Jira);
            }

            #[test]
            fn confluence() {
                $room::$story(Kind::Confluence);
            }

            #[test]
            fn bitbucket() {
                $room::$story(Kind::Bitbucket);
            }
        }
    )*};
}

every_target! {
    life::people_and_groups_from_start_to_end,
    life::each_way_to_leave,
    life::many_members,
    strangers::names_of_others_are_left_alone,
    strangers::adoption_takes_over_what_is_ours,
    strangers::protected_groups_are_never_touched,
}

every_product! {
    faults::every_request_may_fail_once,
    faults::every_answer_may_be_lost,
    faults::the_daemon_may_die_at_any_request,
    faults::refusals_are_told_in_words,
    faults::no_seat_is_free,
}
