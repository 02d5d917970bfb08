//! The store's answers about what people decided, and about what runs are compared with.

use chrono::{DateTime, Utc};

use super::{Held, Numbered, Remembered, Store, StoreError, holds, plans, runs};
use crate::sync::decision::{HoldView, KeptPlan, KeptPlanDocument};
use crate::sync::digest::{Digest, Permission};
use crate::sync::report::{OperationReport, PlanDocument};
use crate::sync::select::KeptOperation;

impl Store {
    /// What is known of a connector's last successful run and of what the source showed.
    pub async fn remembered(&self, connector: &str) -> Result<Remembered, StoreError> {
        let connector = connector.to_owned();
        self.read("what is known of the connector could not be read", move |transaction| {
            runs::remembered(transaction, &connector)
        })
        .await
    }

    /// Remembers what a run gives, and leaves the rest as it is.
    pub async fn remember(
        &self,
        connector: &str,
        run: u64,
        remembered: Remembered,
    ) -> Result<(), StoreError> {
        let connector = connector.to_owned();
        self.write("what was seen could not be recorded", move |transaction| {
            runs::remember(transaction, &connector, run, &remembered)
        })
        .await
    }

    /// A run was undone: the connector file of before it is what later ones are compared with. With `whole`, nothing of what
    /// it did is left, so it does not count in the last 24 hours.
    pub async fn forget_effects(&self, connector: &str, run: u64, whole: bool) -> Result<(), StoreError> {
        let connector = connector.to_owned();
        self.write("that the run was undone could not be recorded", move |transaction| {
            runs::forget_effects(transaction, &connector, run, whole)
        })
        .await
    }

    /// Ends what approvals permit of these changes: nobody wants them any more.
    pub async fn end_approvals(&self, connector: &str, unwanted: Vec<Digest>) -> Result<(), StoreError> {
        let connector = connector.to_owned();
        self.write("the end of an approval could not be recorded", move |transaction| {
            holds::use_up(transaction, &connector, &unwanted)
        })
        .await
    }

    /// Under which numbers such holds are kept already, in the same order.
    pub async fn numbers_of(&self, connector: &str, held: Vec<Held>) -> Result<Vec<Option<u64>>, StoreError> {
        let connector = connector.to_owned();
        self.read("the holds could not be read", move |transaction| {
            holds::numbers(transaction, &connector, &held)
        })
        .await
    }

    /// Notes what a run holds, and says under which number each hold is kept, in the same order. With `all`, holds that are
    /// not among them are over.
    pub async fn record_holds(
        &self,
        connector: &str,
        (run, at): (u64, DateTime<Utc>),
        held: Vec<Held>,
        all: bool,
    ) -> Result<Vec<Numbered>, StoreError> {
        let connector = connector.to_owned();
        self.write("the holds could not be recorded", move |transaction| {
            holds::record(transaction, &connector, (run, at), &held, all)
        })
        .await
    }

    /// Nobody was told of what this run held first: it was cancelled. The next run that holds it tells.
    pub async fn untell(&self, run: u64) -> Result<(), StoreError> {
        self.write("the holds could not be recorded", move |transaction| holds::untell(transaction, run))
            .await
    }

    /// What approvals permit at that time.
    pub async fn permission(&self, connector: &str, at: DateTime<Utc>) -> Result<Permission, StoreError> {
        let connector = connector.to_owned();
        self.read("the approvals could not be read", move |transaction| {
            holds::permission(transaction, &connector, at)
        })
        .await
    }

    /// Holds, newest first, of one connector or of all; without `all` only those that somebody may still decide on.
    pub async fn holds(&self, connector: Option<&str>, all: bool) -> Result<Vec<HoldView>, StoreError> {
        let connector = connector.map(str::to_owned);
        self.read("the holds could not be read", move |transaction| {
            holds::list(transaction, connector.as_deref(), all)
        })
        .await
    }

    /// One hold with its operations.
    pub async fn hold(&self, id: u64) -> Result<Option<(HoldView, Vec<OperationReport>)>, StoreError> {
        self.read("the hold could not be read", move |transaction| holds::find(transaction, id)).await
    }

    /// Permits all changes of a hold until then, in the name of that user id.
    pub async fn approve(
        &self,
        hold: u64,
        uid: u32,
        at: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.write("the approval could not be recorded", move |transaction| {
            holds::approve(transaction, hold, uid, at, until)
        })
        .await
    }

    /// Puts a hold aside, with whatever its approval still permits.
    pub async fn discard(&self, hold: u64) -> Result<(), StoreError> {
        self.write("that could not be recorded", move |transaction| holds::discard(transaction, hold)).await
    }

    /// Keeps a plan. An error says why not.
    pub async fn keep_plan(
        &self,
        kept: &KeptPlan,
        document: &PlanDocument,
        operations: Vec<KeptOperation>,
    ) -> Result<(), StoreError> {
        let (kept, document) = (kept.clone(), document.clone());
        let refusal = self
            .write("the plan could not be kept", move |transaction| {
                plans::keep(transaction, &kept, &document, &operations)
            })
            .await?;
        refusal.map_or(Ok(()), |refusal| Err(StoreError(refusal)))
    }

    /// Kept plans that are not forgotten at that time, sorted by name.
    pub async fn kept_plans(&self, at: DateTime<Utc>) -> Result<Vec<KeptPlan>, StoreError> {
        self.read("the kept plans could not be read", move |transaction| plans::list(transaction, at)).await
    }

    /// One kept plan as it was shown, if it is not forgotten at that time.
    pub async fn kept_plan(
        &self,
        id: &str,
        at: DateTime<Utc>,
    ) -> Result<Option<KeptPlanDocument>, StoreError> {
        let id = id.to_owned();
        self.read("the kept plan could not be read", move |transaction| plans::find(transaction, &id, at))
            .await
    }

    /// The operations of a plan that the connector keeps, if it is not forgotten at that time.
    pub async fn kept_operations(
        &self,
        connector: &str,
        id: &str,
        at: DateTime<Utc>,
    ) -> Result<Option<Vec<KeptOperation>>, StoreError> {
        let (connector, id) = (connector.to_owned(), id.to_owned());
        self.read("the kept plan could not be read", move |transaction| {
            plans::operations(transaction, &connector, &id, at)
        })
        .await
    }
}
