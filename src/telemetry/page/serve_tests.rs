//! What looking at the page costs, and what is answered where it is not shown.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use axum::body::to_bytes;

use super::*;
use crate::telemetry::page::Facts;
use crate::telemetry::page::tests::{connector, facts};

/// Counts how often it was asked, and takes its time.
struct Slow {
    asked: AtomicU64,
    takes: Duration,
}

#[async_trait]
impl Source for Slow {
    fn has(&self, connector: &str) -> bool {
        connector == "acme"
    }
    async fn facts(&self, _: Option<&str>) -> Facts {
        self.asked.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(self.takes).await;
        Facts { histories: BTreeMap::new(), ..facts(vec![connector("acme")]) }
    }
}

fn pages(takes: Duration) -> (Pages, Arc<Slow>, watch::Sender<Page>) {
    let (page, seen) = watch::channel(Page::On);
    let source = Arc::new(Slow { asked: AtomicU64::new(0), takes });
    let shown = Shown { source: Arc::clone(&source) as Arc<dyn Source>, page: seen };
    (Pages::new(shown), source, page)
}

async fn body(response: Response) -> String {
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn who_reloads_all_the_time_is_given_the_same_page() {
    let (pages, source, _page) = pages(Duration::from_millis(500));
    let asked = || source.asked.load(Ordering::Relaxed);
    let both = tokio::join!(pages.answer(None, true), pages.answer(None, true));
    assert_eq!((both.0.status(), both.1.status(), asked()), (StatusCode::OK, StatusCode::OK, 1));
    tokio::time::advance(Duration::from_millis(4900)).await;
    pages.answer(None, true).await;
    assert_eq!(asked(), 1, "ten times what it took");
    tokio::time::advance(Duration::from_millis(200)).await;
    pages.answer(None, true).await;
    assert_eq!(asked(), 2, "it is made again in the end");
    // What differs is another page.
    pages.answer(None, false).await;
    pages.answer(Some("acme".to_owned()), true).await;
    assert_eq!(asked(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_page_is_made_to_its_end_if_nobody_waits_for_it_any_more() {
    let (pages, source, _page) = pages(Duration::from_secs(2));
    for _ in 0..5 {
        let gone = tokio::time::timeout(Duration::from_millis(100), pages.answer(None, true)).await;
        assert!(gone.is_err());
    }
    assert_eq!(pages.answer(None, true).await.status(), StatusCode::OK);
    assert_eq!(source.asked.load(Ordering::Relaxed), 1, "all of them waited for the same page");
}

#[tokio::test(start_paused = true)]
async fn who_waits_too_long_is_told_so() {
    let (pages, _source, _page) = pages(Duration::from_secs(60));
    let (first, second) = tokio::join!(pages.answer(None, true), pages.answer(None, true));
    assert_eq!((first.status(), second.status()), (StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE));
    assert!(body(second).await.contains("ask again in a minute"));
}

#[tokio::test]
async fn a_page_that_is_off_and_a_connector_that_is_not_there_are_no_pages() {
    let (pages, source, page) = pages(Duration::ZERO);
    let absent = pages.answer(Some("<b>".to_owned()), true).await;
    assert_eq!(absent.status(), StatusCode::NOT_FOUND);
    assert!(body(absent).await.starts_with("there is no such connector"));
    page.send_replace(Page::Off);
    for connector in [None, Some("acme".to_owned())] {
        let off = pages.answer(connector, true).await;
        assert_eq!(off.status(), StatusCode::NOT_FOUND);
        assert!(body(off).await.starts_with("the status page is off (`metrics: { page: off }`"));
    }
    assert_eq!(source.asked.load(Ordering::Relaxed), 0, "nobody was asked");
}

#[tokio::test]
async fn what_is_shown_follows_the_setting_at_once() {
    let (pages, _source, page) = pages(Duration::ZERO);
    assert!(!body(pages.answer(None, true).await).await.contains("acme.okta.com"));
    page.send_replace(Page::Full);
    // The page without names is still kept, and is not given.
    assert!(body(pages.answer(Some("acme".to_owned()), true).await).await.contains("acme.okta.com"));
}
