//! Users to add.

use serde_json::Value;

use super::Status;
use super::record::Profile;

/// A user to add. [`NewUser::new`] fills in what is not of interest.
#[derive(Clone, Debug, PartialEq)]
pub struct NewUser {
    /// The login, which nobody else may have.
    pub login: String,
    /// The e-mail address.
    pub email: String,
    /// The given name; null in Okta where none.
    pub first_name: Option<String>,
    /// The family name; null in Okta where none.
    pub last_name: Option<String>,
    /// The status, at first ACTIVE.
    pub status: Status,
    /// Further profile attributes, standard or custom, of any type, null included.
    pub attributes: Vec<(String, Value)>,
    /// When it was created, in seconds since the Unix epoch; none stands for now.
    pub created: Option<i64>,
    /// When it was activated; none stands for now, or for never where the status is STAGED.
    pub activated: Option<i64>,
    /// The last sign-in; none stands for never.
    pub last_login: Option<i64>,
}

impl NewUser {
    /// An active user with this login, which is the e-mail address as well.
    pub fn new(login: &str) -> Self {
        Self {
            login: login.to_owned(),
            email: login.to_owned(),
            first_name: Some("New".to_owned()),
            last_name: Some("User".to_owned()),
            status: Status::Active,
            attributes: Vec::new(),
            created: None,
            activated: None,
            last_login: None,
        }
    }

    /// Sets the e-mail address.
    pub fn email(mut self, email: &str) -> Self {
        self.email = email.to_owned();
        self
    }

    /// Sets both names.
    pub fn name(mut self, first: &str, last: &str) -> Self {
        self.first_name = Some(first.to_owned());
        self.last_name = Some(last.to_owned());
        self
    }

    /// Sets the status.
    pub fn status(mut self, status: Status) -> Self {
        self.status = status;
        self
    }

    /// Adds a profile attribute.
    pub fn attribute(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.attributes.push((name.to_owned(), value.into()));
        self
    }

    /// Sets the moment of creation, in seconds since the Unix epoch.
    pub fn created(mut self, seconds: i64) -> Self {
        self.created = Some(seconds);
        self
    }

    /// Sets the moment of activation, in seconds since the Unix epoch.
    pub fn activated(mut self, seconds: i64) -> Self {
        self.activated = Some(seconds);
        self
    }

    /// Sets the last sign-in, in seconds since the Unix epoch.
    pub fn last_login(mut self, seconds: i64) -> Self {
        self.last_login = Some(seconds);
        self
    }

    pub(crate) fn profile(self) -> Profile {
        let mut profile = Profile::default();
        profile.set("firstName", self.first_name.into());
        profile.set("lastName", self.last_name.into());
        profile.set("mobilePhone", Value::Null);
        profile.set("secondEmail", Value::Null);
        for (name, value) in self.attributes {
            profile.set(&name, value);
        }
        profile.set("login", self.login.into());
        profile.set("email", self.email.into());
        profile
    }
}
