//! Walking over the desk.

use abprall_store::{Page, ReviewCluster, ReviewReport, Store};

/// Reports, or clusters, that are read at a time.
pub(super) const ROWS_AT_A_TIME: u32 = 500;

/// Hands the waiting reports over, those of a cluster or all, page by page.
pub(super) fn each_page(
    store: &dyn Store,
    cluster: Option<i64>,
    mut take: impl FnMut(Vec<ReviewReport>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut page = Page::first(ROWS_AT_A_TIME);
    loop {
        let found = store.review_reports(cluster, page)?;
        take(found.rows)?;
        let Some(next) = found.next else { return Ok(()) };
        page.after = Some(next);
    }
}

/// The cluster with this number; `None` where none waits under it.
pub(super) fn cluster(store: &dyn Store, id: i64) -> anyhow::Result<Option<ReviewCluster>> {
    let mut page = Page::first(ROWS_AT_A_TIME);
    loop {
        let found = store.review_clusters(page)?;
        if let Some(cluster) = found.rows.into_iter().find(|cluster| cluster.id == id) {
            return Ok(Some(cluster));
        }
        let Some(next) = found.next else { return Ok(None) };
        page.after = Some(next);
    }
}

/// What to say where there is no such cluster.
pub(super) fn no_cluster(id: i64) -> String {
    format!("no cluster {id} waits; `abprall review` lists those that do")
}
