//! Searches, page by page: whole, or an error (§3, §4).

use std::collections::HashSet;

use serde::{Deserialize, Deserializer};

use super::api::{ALL_DRIVES, Account, Call, read_asked};
use super::file::{FIELDS, File};
use super::query::Query;
use super::refusal::{Asked, astray};
use crate::provider::error::{Repeat, Result};
use crate::provider::lenient::many;
use crate::provider::listing::{BARREN_PAGES, MOST_OBJECTS, TOO_MANY, TOO_MANY_HINT};

/// A page of a search.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page {
    #[serde(deserialize_with = "many")]
    pub(super) files: Vec<File>,
    #[serde(default, deserialize_with = "filled")]
    pub(super) next_page_token: Option<String>,
    #[serde(default)]
    incomplete_search: bool,
}

/// An empty token begins no page.
fn filled<'de, D: Deserializer<'de>>(token: D) -> std::result::Result<Option<String>, D::Error> {
    let token = Option::<String>::deserialize(token)?;
    Ok(token.filter(|token| !token.is_empty()))
}

impl Account {
    /// A page of a search.
    pub(super) fn page(&self, query: &Query, token: Option<&str>) -> Result<Asked<Page>> {
        let fields = format!("nextPageToken,incompleteSearch,files({FIELDS})");
        let drive = self.home()?.drive;
        let mut parameters = vec![
            ("q", query.as_str()),
            ("fields", &fields),
            ("pageSize", "1000"),
            ("spaces", "drive"),
            // Where some have one name, the one that counts comes first.
            ("orderBy", "modifiedTime desc"),
            ALL_DRIVES,
            ("includeItemsFromAllDrives", "true"),
        ];
        if let Some(drive) = &drive {
            parameters.extend([("corpora", "drive"), ("driveId", drive)]);
        }
        parameters.extend(token.map(|token| ("pageToken", token)));
        let asked = self.ask(Call {
            method: "GET",
            path: "/files",
            query: &parameters,
            ..Call::default()
        })?;
        let page: Asked<Page> = read_asked(asked, "listing a folder")?;
        if page.as_ref().is_ok_and(|page| page.incomplete_search) {
            let detail = "it has not looked everywhere (listing a folder)";
            return Err(astray(detail).repeat(Repeat::Soon));
        }
        Ok(page)
    }

    /// What a search finds and a caller wants, from page `from` on.
    pub(super) fn find(
        &self,
        query: &Query,
        from: Option<String>,
        mut wanted: impl FnMut(&File) -> bool,
    ) -> Result<Vec<File>> {
        let doing = "listing a folder";
        let mut found = Vec::new();
        let mut token = from;
        let mut seen = HashSet::new();
        let mut barren = 0;
        loop {
            let page = self.page(query, token.as_deref())?;
            let page = match page {
                Ok(page) => page,
                // A page that has expired: whoever asks again begins anew (§3).
                Err(refusal) if refusal.status == 400 && token.is_some() => {
                    return Err(refusal.error(doing).repeat(Repeat::Soon));
                }
                Err(refusal) if refusal.is_missing() => return Err(self.folder_vanished()),
                Err(refusal) => return Err(refusal.error(doing)),
            };
            barren += 1;
            for file in page.files {
                if seen.insert(file.id.clone()) {
                    barren = 0;
                    if wanted(&file) {
                        found.push(file);
                    }
                }
            }
            if seen.len() > MOST_OBJECTS {
                return Err(astray(TOO_MANY).hint(TOO_MANY_HINT));
            }
            token = page.next_page_token;
            if token.is_none() {
                return Ok(found);
            }
            if barren >= BARREN_PAGES {
                return Err(astray("its listing of a folder goes in circles"));
            }
        }
    }
}
