//! What systemd is told (sd_notify(3)): ready, status, reloading, stopping, and that the supervisor's loop is alive.

use std::time::Duration;

use sd_notify::NotifyState;

/// Sends one message.
pub(super) type Sender = Box<dyn Fn(&[NotifyState<'_>]) + Send + Sync>;

/// Sends notifications to whoever started the daemon; silent where nobody asked for them (`$NOTIFY_SOCKET`).
pub(super) struct Notifier {
    send: Sender,
    watchdog: Option<Duration>,
    status: String,
}

impl Notifier {
    /// As the environment says.
    pub(super) fn from_environment() -> Self {
        let send = |states: &[NotifyState<'_>]| {
            if let Err(error) = sd_notify::notify(states) {
                tracing::warn!(
                    "cannot tell systemd {}: {error}",
                    states.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
                );
            }
        };
        Self::new(Box::new(send), sd_notify::watchdog_enabled().filter(|granted| !granted.is_zero()))
    }

    /// Sends through `send`; the loop must be seen alive within `watchdog`.
    pub(super) fn new(send: Sender, watchdog: Option<Duration>) -> Self {
        Self { send, watchdog, status: String::new() }
    }

    /// How often [`Notifier::alive`] is to be called: twice within the time that systemd grants.
    pub(super) fn watchdog_interval(&self) -> Option<Duration> {
        self.watchdog.map(|granted| granted / 2)
    }

    /// Everything is loaded and bound, or a reload is over.
    pub(super) fn ready(&self) {
        (self.send)(&[NotifyState::Ready]);
    }

    /// A reload begins. Both lines go in one message, or systemd ignores them.
    pub(super) fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => (self.send)(&[NotifyState::Reloading, now]),
            Err(error) => tracing::warn!(
                "systemd is not told of the reload, since there is no monotonic clock: {error}"
            ),
        }
    }

    /// The line that `systemctl status` shows, if it changed.
    pub(super) fn status(&mut self, line: String) {
        if line != self.status {
            (self.send)(&[NotifyState::Status(&line)]);
            self.status = line;
        }
    }

    /// The daemon begins to stop.
    pub(super) fn stopping(&self) {
        (self.send)(&[NotifyState::Stopping]);
    }

    /// Stopping takes at least this much longer.
    pub(super) fn extend(&self, time: Duration) {
        let micros = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        (self.send)(&[NotifyState::ExtendTimeoutUsec(micros)]);
    }

    /// The loop is alive.
    pub(super) fn alive(&self) {
        (self.send)(&[NotifyState::Watchdog]);
    }
}
