//! The directory holds what it is told, refuses what cannot be, and can be read by others meanwhile.

use super::*;
use crate::sync::model::{GroupAttributes, TargetId, UserAttributes};
use crate::target::Named;

fn create_user(source: &str, username: &str) -> Write {
    let attributes = UserAttributes {
        attributes: Default::default(),
        username: username.into(),
        email: format!("{username}@example.com").into(),
        first_name: "Ada".into(),
        last_name: "Example".into(),
        display_name: "Ada Example".into(),
    };
    Write::CreateUser { source: source.into(), attributes, active: true }
}

fn create_group(source: &str, name: &str) -> Write {
    let attributes = GroupAttributes { name: name.into(), description: "a group".into() };
    Write::CreateGroup { source: source.into(), attributes, members: Vec::new() }
}

fn named(id: &TargetId) -> Named {
    Named { id: id.clone(), name: "somebody".into() }
}

fn change_user(id: &TargetId, attributes: UserAttributes) -> Write {
    Write::UpdateUser { user: named(id), source: None, before: UserAttributes::default(), attributes }
}

fn change_group(id: &TargetId, name: &str) -> Write {
    let attributes = GroupAttributes { name: name.into(), description: String::new().into() };
    Write::UpdateGroup { group: named(id), source: None, before: GroupAttributes::default(), attributes }
}

impl Directory {
    async fn put(&self, batch: &[Write]) -> Vec<Result<Written, WriteError>> {
        self.write(batch, &RunControl::default()).await
    }
}

fn created(answer: &Result<Written, WriteError>) -> TargetId {
    match answer {
        Ok(Written::Created(id)) => id.clone(),
        other => panic!("nothing was created: {other:?}"),
    }
}

#[tokio::test]
async fn a_life_of_users_and_groups() {
    let state = tempfile::tempdir().unwrap();
    let directory = Directory::open(state.path()).await.unwrap();
    let answers = directory
        .put(&[create_user("a", "anna"), create_user("b", "bert"), create_group("g", "Staff")])
        .await;
    let (anna, bert, staff) = (created(&answers[0]), created(&answers[1]), created(&answers[2]));
    let nobody = TargetId::from("4711");
    let change = Write::ChangeMembers {
        group: named(&staff),
        added: vec![named(&anna), named(&bert), named(&nobody)],
        removed: Vec::new(),
    };
    for _ in 0..2 {
        let answers = directory.put(std::slice::from_ref(&change)).await;
        let expected = Written::Members {
            failed: vec![(nobody.clone(), "the directory no longer has the user".to_owned())],
        };
        assert_eq!(answers, [Ok(expected)], "adding twice is adding once");
    }
    assert_eq!(directory.members("staff").await.unwrap().unwrap(), ["anna", "bert"]);
    assert_eq!(directory.members("nothing").await.unwrap(), None);

    let renamed = UserAttributes { username: "Zoe".into(), ..UserAttributes::default() };
    let answers = directory
        .put(&[
            change_user(&anna, renamed.clone()),
            Write::SetActive { user: named(&bert), active: false },
            change_group(&staff, "People"),
            Write::ChangeMembers { group: named(&staff), added: Vec::new(), removed: vec![named(&bert)] },
        ])
        .await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let snapshot = Reader::read(&directory, &Interest::default(), &RunControl::default()).await.unwrap();
    assert_eq!(snapshot.users[0].attributes, renamed);
    assert!(snapshot.users[0].active && !snapshot.users[1].active);
    assert_eq!(snapshot.groups[0].attributes.name, "People");
    assert_eq!(snapshot.groups[0].members, [0]);
    let users = directory.users().await.unwrap();
    assert_eq!((users[1].username.as_str(), users[1].groups.as_slice()), ("Zoe", &["People".into()][..]));
    assert_eq!(directory.groups().await.unwrap()[0].members, 1);
}

#[tokio::test]
async fn names_are_unique_whatever_their_case_and_one_refusal_spoils_no_other() {
    let state = tempfile::tempdir().unwrap();
    let directory = Directory::open(state.path()).await.unwrap();
    let answers =
        directory.put(&[create_user("a", "anna"), create_user("b", "ANNA"), create_user("c", "carl")]).await;
    let error = answers[1].as_ref().unwrap_err();
    assert!(error.message.contains("user ANNA") && !error.fatal, "{error:?}");
    assert!(answers[2].is_ok());
    let again = directory.put(&[create_user("a", "anna")]).await;
    assert_eq!(created(&again[0]), created(&answers[0]), "a create whose answer was lost is no second user");
}

#[tokio::test]
async fn what_is_gone_is_said_to_be_gone() {
    let state = tempfile::tempdir().unwrap();
    let directory = Directory::open(state.path()).await.unwrap();
    let nobody = TargetId::from("99");
    let answers = directory
        .put(&[
            Write::SetActive { user: named(&nobody), active: true },
            change_user(&nobody, UserAttributes::default()),
            change_group(&nobody, ""),
            Write::ChangeMembers { group: named(&nobody), added: Vec::new(), removed: Vec::new() },
        ])
        .await;
    assert!(
        answers
            .iter()
            .all(|answer| answer.as_ref().is_err_and(|error| error.message.contains("no longer has")))
    );
}

#[tokio::test]
async fn others_may_read_it_meanwhile_and_it_stays_the_same_directory() {
    let state = tempfile::tempdir().unwrap();
    let directory = Directory::open(state.path()).await.unwrap();
    let reader = rusqlite::Connection::open(state.path().join("directory.db")).unwrap();
    let answers = directory.put(&[create_user("a", "anna"), create_group("g", "staff")]).await;
    let (anna, staff) = (created(&answers[0]), created(&answers[1]));
    directory
        .put(&[Write::ChangeMembers { group: named(&staff), added: vec![named(&anna)], removed: Vec::new() }])
        .await;
    let seen: (String, String) = reader
        .query_row("SELECT group_name, username FROM members", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    assert_eq!(seen, ("staff".to_owned(), "anna".to_owned()));
    let address = directory.address();
    drop(directory);
    assert_eq!(Directory::open(state.path()).await.unwrap().address(), address);
    let other = tempfile::tempdir().unwrap();
    assert_ne!(Directory::open(other.path()).await.unwrap().address(), address);
}
