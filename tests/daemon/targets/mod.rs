//! The same life for every target, through the real daemon: the built-in directory, and each product's stand-in.

mod backend;
mod doctor;
mod faults;
mod life;
mod loss;
mod strangers;

use backend::Kind;

/// A story as one test per kind of target.
macro_rules! story {
    ($room:ident :: $story:ident: $($test:ident $kind:ident),*) => {
        mod $story {
            use super::{$room, Kind};

            $(#[test]
            fn $test() {
                $room::$story(Kind::$kind);
            })*
        }
    };
}

/// Stories for everything over a network.
macro_rules! every_product {
    ($($room:ident :: $story:ident),* $(,)?) => {$(
        story! { $room::$story: scim Scim, another_scim AnotherScim, atlassian_cloud AtlassianCloud, crowd Crowd,
            jira Jira, confluence Confluence, bitbucket Bitbucket }
    )*};
}

/// The same for the built-in directory as well.
macro_rules! every_target {
    ($($room:ident :: $story:ident),* $(,)?) => {$(
        story! { $room::$story: directory Directory, scim Scim, another_scim AnotherScim,
            atlassian_cloud AtlassianCloud, crowd Crowd, jira Jira, confluence Confluence, bitbucket Bitbucket }
    )*};
}

every_target! {
    life::people_and_groups_from_start_to_end,
    life::each_way_to_leave,
    life::many_members,
    life::ten_thousand_members,
    life::a_leaver_has_a_grace,
    loss::a_lost_ledger_comes_back,
    strangers::names_of_others_are_left_alone,
    strangers::adoption_takes_over_what_is_ours,
    strangers::protected_groups_are_never_touched,
}

every_product! {
    doctor::a_doctor_says_what_a_product_lets_the_daemon_do,
    faults::every_request_may_fail_once,
    faults::every_answer_may_be_lost,
    faults::the_daemon_may_die_at_any_request,
    faults::a_deletion_may_fail_once_and_the_daemon_die_at_it,
    faults::refusals_are_told_in_words,
    faults::no_seat_is_free,
    faults::a_run_that_cannot_write_says_why_and_the_next_one_goes_on,
}
