use super::*;

const SECOND: fn(u64) -> Duration = Duration::from_secs;

/// An org with a clock of its own.
struct Try {
    org: Org,
    now: Instant,
}

impl Try {
    fn new() -> Self {
        Self { org: Org::new(), now: Instant::now() }
    }

    fn enter(&mut self, bucket: &'static str, budget: u8) -> Ticket {
        self.org.enter(Claim { bucket, budget, client: 0 })
    }

    fn let_go(&mut self) -> usize {
        self.org.let_go(self.now).len()
    }

    /// Lets one request go, which must be possible.
    fn one_goes(&mut self, bucket: &'static str, budget: u8) -> Ticket {
        let ticket = self.enter(bucket, budget);
        assert_eq!(self.org.let_go(self.now), [ticket]);
        ticket
    }

    fn hear(&mut self, ticket: Ticket, limit: u64, remaining: u64, left: Option<u64>) {
        let reading = Reading { limit, remaining, left: left.map(SECOND) };
        self.org.hear(ticket, self.now, Heard::Window(reading));
        self.org.leave(ticket);
    }

    /// A bucket whose window is known, and is not the first since the process started.
    fn known(limit: u64, remaining: u64, left: u64) -> Self {
        let mut test = Self::new();
        let ticket = test.one_goes("users", 100);
        test.hear(ticket, limit, limit - 1, Some(60));
        test.now += SECOND(61);
        let ticket = test.one_goes("users", 100);
        test.hear(ticket, limit, remaining, Some(left));
        test
    }

    /// How many more may go at this moment, one after the other, with answers that show what the server would.
    fn how_many(&mut self, budget: u8, limit: u64, mut remaining: u64, left: u64) -> usize {
        let mut count = 0;
        loop {
            let ticket = self.enter("users", budget);
            if self.let_go() == 0 {
                self.org.leave(ticket);
                return count;
            }
            count += 1;
            remaining = remaining.saturating_sub(1);
            self.hear(ticket, limit, remaining, Some(left));
        }
    }
}

#[test]
fn law_9_one_request_is_under_way_until_the_limit_is_known() {
    let mut test = Try::new();
    let first = test.enter("users", 50);
    for _ in 0..5 {
        test.enter("users", 50);
    }
    let other = test.enter("groups", 50);
    assert_eq!(test.org.let_go(test.now), [first, other], "buckets are apart");
    test.hear(first, 600, 599, Some(60));
    assert_eq!(test.let_go(), 5);
}

#[test]
fn law_9_the_budget_holds_from_the_first_request_on() {
    for (limit, budget, expected) in
        [(100, 50, 50), (50, 50, 25), (10, 5, 1), (1, 100, 1), (3, 50, 1), (600, 90, 540)]
    {
        let mut test = Try::new();
        let first = test.one_goes("users", budget);
        test.hear(first, limit, limit - 1, Some(60));
        assert_eq!(1 + test.how_many(budget, limit, limit - 1, 60), expected, "{budget} % of {limit}");
    }
}

#[test]
fn law_9_what_was_used_before_the_process_started_counts_as_ours() {
    for (remaining, expected) in [(99, 49), (60, 10), (51, 1), (50, 0), (30, 0)] {
        let mut test = Try::new();
        let first = test.one_goes("users", 50);
        test.hear(first, 100, remaining, Some(60));
        assert_eq!(test.how_many(50, 100, remaining, 60), expected, "{remaining} were left");
        // In later windows each request of ours is known, and what else is gone is others'.
        test.now += SECOND(61);
        let probe = test.one_goes("users", 50);
        test.hear(probe, 100, 70, Some(60));
        assert_eq!(1 + test.how_many(50, 100, 70, 60), 50);
    }
}

#[test]
fn what_is_under_way_when_limits_first_appear_is_counted_with_what_was_used_before() {
    let mut test = Try::new();
    let first = test.one_goes("users", 50);
    test.org.hear(first, test.now, Heard::NoLimits);
    test.org.leave(first);
    let tickets = [test.enter("users", 50), test.enter("users", 50), test.enter("users", 50)];
    assert_eq!(test.let_go(), 3);
    test.hear(tickets[0], 100, 55, Some(60));
    assert_eq!(test.how_many(50, 100, 53, 60), 3, "45, 2 under way, and 3 make the budget");
}

#[test]
fn law_9_the_last_tenth_of_a_window_is_left_whoever_used_the_rest() {
    let mut test = Try::known(100, 13, 60);
    assert_eq!(test.how_many(100, 100, 13, 60), 4, "13, 12, 11 and 10 are left when they go");
    let mut test = Try::known(100, 13, 60);
    for _ in 0..10 {
        test.enter("users", 100);
    }
    assert_eq!(test.let_go(), 4, "what is under way counts as used");
}

#[test]
fn a_window_that_is_used_up_is_waited_for_by_the_clock_of_the_server_and_then_probed() {
    let mut test = Try::known(100, 5, 20);
    let claim = Claim { bucket: "users", budget: 50, client: 0 };
    let tickets = [test.enter("users", 50), test.enter("users", 50)];
    assert_eq!(test.let_go(), 0);
    assert_eq!(test.org.look_again(claim), Some(test.now + SECOND(21)), "reset - date + 1 s");
    test.now += SECOND(21);
    assert_eq!(test.org.let_go(test.now), tickets[..1], "a new window is as unknown as the first");
    test.hear(tickets[0], 100, 99, Some(60));
    assert_eq!(test.org.let_go(test.now), tickets[1..]);
}

#[test]
fn absurd_resets_neither_block_nor_spin() {
    let mut past = Try::new();
    let ticket = past.one_goes("users", 50);
    past.hear(ticket, 100, 0, None);
    past.enter("users", 50);
    assert_eq!(past.let_go(), 0);
    past.now += SECOND(1);
    assert_eq!(past.let_go(), 1);

    let mut far = Try::known(100, 0, 3600);
    far.enter("users", 50);
    far.now += SECOND(60);
    assert_eq!(far.let_go(), 0);
    far.now += SECOND(1);
    assert_eq!(far.let_go(), 1, "no window is longer than a minute");
}

#[test]
fn an_answer_of_the_window_before_does_not_count_for_this_one() {
    let mut test = Try::known(100, 99, 1);
    let late = test.one_goes("users", 100);
    test.now += SECOND(2);
    test.enter("users", 100);
    assert_eq!(test.let_go(), 0, "the late one will tell");
    test.org.hear(late, test.now, Heard::Nothing);
    let probe = test.org.let_go(test.now)[0];
    test.hear(probe, 100, 98, Some(60));
    let ticket = test.one_goes("users", 100);
    test.hear(ticket, 100, 3, None);
    test.one_goes("users", 100);
}

#[test]
fn a_request_that_was_under_way_when_the_window_ended_opens_the_next() {
    let mut test = Try::known(100, 99, 10);
    let late = test.one_goes("users", 50);
    test.now += Duration::from_millis(10_500);
    test.hear(late, 100, 99, Some(60));
    assert_eq!(1 + test.how_many(50, 100, 99, 60), 50);
}

#[test]
fn another_token_of_the_org_neither_moves_nor_hides_the_window() {
    let mut test = Try::known(100, 60, 20);
    let other = test.one_goes("users", 90);
    test.hear(other, 300, 299, Some(55));
    assert_eq!(test.how_many(90, 100, 60, 20), 51, "of 60 that are left, 10 stay");
}

#[test]
fn connectors_with_different_budgets_share_what_is_used() {
    let mut test = Try::known(100, 99, 60);
    assert_eq!(1 + test.how_many(20, 100, 99, 60), 20);
    assert_eq!(test.how_many(20, 100, 80, 60), 0);
    assert_eq!(test.how_many(50, 100, 80, 60), 30, "up to its own budget, together with the others");
}

#[test]
fn who_waits_longest_goes_first_and_blocks_nobody_who_may_go() {
    let mut test = Try::known(100, 80, 60);
    test.how_many(20, 100, 80, 60);
    let careful = test.enter("users", 20);
    let bold = [test.enter("users", 50), test.enter("users", 50)];
    let other = test.enter("groups", 20);
    assert_eq!(test.org.let_go(test.now), [bold[0], bold[1], other]);
    for ticket in [bold[0], bold[1], other] {
        test.org.leave(ticket);
    }
    test.enter("users", 50);
    test.now += SECOND(61);
    assert_eq!(
        test.org.let_go(test.now),
        [careful],
        "the probe of the new window is the one who waited longest"
    );
}

#[test]
fn at_most_eight_are_under_way_and_fewer_after_a_complaint() {
    let mut test = Try::known(600, 599, 60);
    let mut tickets: Vec<_> = (0..12).map(|_| test.enter("users", 50)).collect();
    assert_eq!(test.let_go(), 8);
    test.org.hear(tickets[0], test.now, Heard::TooManyAtOnce);
    test.org.leave(tickets[0]);
    assert_eq!(test.let_go(), 0, "seven are enough");
    for ticket in tickets.drain(1..4) {
        test.hear(ticket, 600, 590, Some(60));
    }
    assert_eq!(test.let_go(), 3);
    for _ in 0..CALM {
        let ticket = test.one_goes_eventually();
        test.hear(ticket, 600, 590, Some(60));
    }
    assert_eq!(test.org.most_at_once, 8, "after a while as many as before");
}

impl Try {
    fn one_goes_eventually(&mut self) -> Ticket {
        let running = *self.org.running.keys().next().unwrap();
        self.enter("users", 50);
        self.let_go();
        running
    }
}

#[test]
fn an_org_without_limits_is_asked_a_few_at_a_time_and_never_waited_for() {
    let mut test = Try::new();
    let first = test.one_goes("users", 1);
    test.org.hear(first, test.now, Heard::NoLimits);
    test.org.leave(first);
    let tickets: Vec<_> = (0..9).map(|_| test.enter("users", 1)).collect();
    assert_eq!(test.let_go(), MOST_WITHOUT_LIMITS);
    assert_eq!(test.org.look_again(Claim { bucket: "users", budget: 1, client: 0 }), None);
    test.hear(tickets[0], 100, 99, Some(60));
    assert_eq!(test.let_go(), 0, "limits that appear count at once");
}

#[test]
fn who_leaves_gives_the_place_back_under_way_or_waiting() {
    let mut test = Try::new();
    let first = test.one_goes("users", 50);
    let second = test.enter("users", 50);
    let third = test.enter("users", 50);
    test.org.leave(second);
    test.org.leave(first);
    assert_eq!(test.org.let_go(test.now), [third]);
    test.org.leave(third);
    test.org.leave(third);
    assert!(test.org.running.is_empty() && test.org.waiting.is_empty());
    assert_eq!(test.org.buckets["users"].unheard, 0);
}

#[test]
fn law_9_turns_are_shared_among_connectors_and_not_by_how_much_each_asks() {
    let mut test = Try::known(1_000, 999, 60);
    let claim = |client| Claim { bucket: "users", budget: 100, client };
    let mut of = BTreeMap::new();
    let mut enter = |org: &mut Org, client| of.insert(org.enter(claim(client)), client);
    for _ in 0..40 {
        enter(&mut test.org, 1);
    }
    let mut gone = Vec::new();
    for round in 0..30 {
        if round == 10 {
            for _ in 0..4 {
                enter(&mut test.org, 2);
            }
        }
        let granted = test.org.let_go(test.now);
        gone.extend(granted.iter().copied());
        let Some(done) = gone.get(round).copied() else { break };
        test.org.leave(done);
    }
    let turns: Vec<u64> = gone.iter().map(|ticket| of[ticket]).collect();
    let first = turns.iter().position(|client| *client == 2).unwrap();
    assert_eq!(turns[first..first + 8], [2, 1, 2, 1, 2, 1, 2, 1], "{turns:?}");
    assert_eq!(turns.iter().filter(|client| **client == 2).count(), 4);
}

#[test]
fn windows_are_shown_until_they_end() {
    let mut test = Try::new();
    assert_eq!(test.org.windows(test.now), []);
    let ticket = test.one_goes("users", 50);
    assert_eq!(test.org.windows(test.now), [], "nothing is known before an answer");
    test.hear(ticket, 600, 540, Some(30));
    let shown = test.org.windows(test.now);
    let left = SECOND(30) + MARGIN;
    assert_eq!(shown, [Window { bucket: "users", limit: 600, remaining: 540, used: 60, left }]);
    test.now += left;
    assert_eq!(test.org.windows(test.now), []);
}
