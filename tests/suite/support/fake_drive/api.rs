//! The metadata: what the service does for each request.

use std::cmp::Reverse;

use serde_json::{Value, json};

use super::State;
use super::checks::{change_properties, is_folder, modified};
use super::drive::{Node, real};
use super::faults::{Fault, Op, Refusal};
use super::fields::trim;
use super::query::Term;
use super::server::id_of;
use crate::support::fake::http::{Answer, Head};

/// What is left of a list.
pub struct Page {
    token: String,
    /// What the list was asked for; a token fits nothing else.
    of: Vec<(String, String)>,
    ids: Vec<String>,
}

impl State {
    /// Answers a request of the API.
    pub fn api(&mut self, op: Op, head: &Head, body: &[u8], faults: &[Fault]) -> Answer {
        if let Err(refused) = self.authorised(head) {
            return refused;
        }
        match op {
            Op::Other => return self.nothing_there(head),
            Op::Status => return self.session_status(head, faults),
            Op::CancelUpload => return self.cancel(head),
            _ => self.check_parameters(op, head),
        }
        if let Err(refusal) = self.in_scope(op) {
            return refusal.answer();
        }
        let writes = matches!(head.method.as_str(), "POST" | "PATCH");
        if writes && head.length().is_none() {
            self.violate(head, "a body without a length");
            return Answer::html(411);
        }
        let done = match op {
            Op::Media => self.media(head, faults),
            Op::Initiate => self.initiate(head, body, faults),
            _ => self.metadata(op, head, body, faults),
        };
        done.unwrap_or_else(|refusal| refusal.answer())
    }

    /// Whether the token is one; else the answer.
    pub fn authorised(&mut self, head: &Head) -> Result<(), Answer> {
        let given = head.header("authorization").unwrap_or_default();
        let refusal = match given.strip_prefix("Bearer ") {
            Some(token) if self.accounts.accepts(token) => return Ok(()),
            Some(_) => Refusal::new(401, "authError", "Invalid Credentials"),
            None => {
                self.violate(head, "the authorization is not `Bearer <token>`");
                Refusal::new(401, "required", "Login Required.")
            }
        };
        let answer = refusal.at("Authorization", "header").answer();
        Err(answer.with(
            "WWW-Authenticate",
            "Bearer realm=\"https://accounts.google.com/\"",
        ))
    }

    fn metadata(
        &mut self,
        op: Op,
        head: &Head,
        body: &[u8],
        faults: &[Fault],
    ) -> Result<Answer, Refusal> {
        let mask = self.mask(op, head)?;
        let Some(mut told) = self.work(op, head, body, faults)? else {
            return Ok(Answer::empty(204));
        };
        for fault in faults {
            fault.distort(&mut told);
        }
        if let Some(mask) = mask {
            trim(&mut told, &mask);
        }
        Ok(Answer::json(200, &told))
    }

    fn work(
        &mut self,
        op: Op,
        head: &Head,
        body: &[u8],
        faults: &[Fault],
    ) -> Result<Option<Value>, Refusal> {
        let id = id_of(head).unwrap_or_default();
        Ok(Some(match op {
            Op::About => self.about(head),
            Op::List => self.list(head, faults)?,
            Op::GenerateIds => {
                let count = number(head, "count", 10)?.filter(|it| (1..=1000).contains(it));
                let count = count.ok_or_else(|| Refusal::invalid("count"))?;
                let ids: Vec<_> = (0..count).map(|_| self.drive.generate_id()).collect();
                json!({"kind": "drive#generatedIds", "space": "drive", "ids": ids})
            }
            Op::Drives => self.shared_drives(id)?,
            Op::Get => self.drive.resource(self.drive.get(id)?),
            Op::CreateFolder => {
                let body = self.object(head, body)?;
                if !is_folder(&body) {
                    self.violate(head, "a file without bytes");
                }
                let draft = self.draft(head, &body)?;
                self.may_store(head, &draft.parent, 0)?;
                let id = draft.id.clone();
                self.drive.make(draft, None)?;
                self.drive.resource(self.drive.get(&id)?)
            }
            Op::Update => {
                let body = self.object(head, body)?;
                self.update(head, id, &body)?
            }
            Op::Delete => {
                let node = self.drive.get(id)?;
                if !self.drive.may_trash_and_delete(node).1 {
                    return Err(insufficient());
                }
                self.drive.delete(id);
                return Ok(None);
            }
            _ => unreachable!("{op:?} is no metadata"),
        }))
    }

    fn about(&self, head: &Head) -> Value {
        let (used, in_trash) = self.drive.used();
        let robot = self.accounts.is_robot(head);
        let mut quota = json!({
            "usage": used.to_string(),
            "usageInDrive": used.to_string(),
            "usageInDriveTrash": in_trash.to_string(),
        });
        let limit = if robot {
            Some(0)
        } else {
            self.drive.quota.limit
        };
        if let Some(limit) = limit {
            quota["limit"] = json!(limit.to_string());
        }
        let address = self.accounts.address_of(head);
        json!({
            "kind": "drive#about",
            "user": {
                "kind": "drive#user",
                "displayName": address.split('@').next(),
                "emailAddress": address,
                "permissionId": "04112233445566778899",
                "me": true,
            },
            "storageQuota": quota,
            "canCreateDrives": !robot,
        })
    }

    fn shared_drives(&self, id: &str) -> Result<Value, Refusal> {
        let told = |(id, name): (&str, &str)| {
            json!({
                "kind": "drive#drive", "id": id, "name": name,
                "capabilities": {"canAddChildren": true},
            })
        };
        let mut all = self.drive.shared_drives();
        if id.is_empty() {
            let drives: Vec<_> = all.map(told).collect();
            return Ok(json!({"kind": "drive#driveList", "drives": drives}));
        }
        let found = all.find(|(known, _)| *known == id).map(told);
        found.ok_or_else(|| {
            let text = format!("Shared drive not found: {id}");
            Refusal::new(404, "notFound", text).at("driveId", "parameter")
        })
    }

    fn update(&mut self, head: &Head, id: &str, body: &Value) -> Result<Value, Refusal> {
        self.check_writable(head, body)?;
        let node = self.drive.get(id)?.clone();
        let changed = !body.as_object().is_none_or(serde_json::Map::is_empty);
        let trashes = body["trashed"]
            .as_bool()
            .is_some_and(|it| it != node.trashed);
        let may_trash = self.drive.may_trash_and_delete(&node).0;
        if node.parent.is_none() && changed || trashes && !may_trash {
            return Err(insufficient());
        }
        let (add, remove) = (head.param("addParents"), head.param("removeParents"));
        match (add, remove) {
            (None, None) => {}
            (Some(to), Some(from)) => {
                let (to, from) = (real(to), real(from));
                if node.parent.as_deref() != Some(from) {
                    return Err(Refusal::not_found(from));
                }
                if to != from {
                    self.drive.relocate(id, to)?;
                }
            }
            _ => {
                self.violate(head, "a file has exactly one parent");
                let text = "Increasing the number of parents is not allowed.";
                return Err(Refusal::new(403, "cannotAddParent", text));
            }
        }
        let mut properties = node.app_properties.clone();
        change_properties(&mut properties, body)?;
        let (when, now) = (modified(body)?, self.drive.now());
        let node = self.drive.find_mut(id);
        node.app_properties = properties;
        if let Some(name) = body["name"].as_str() {
            name.clone_into(&mut node.name);
            node.modified = now;
        }
        node.modified = when.unwrap_or(node.modified);
        node.trashed = body["trashed"].as_bool().unwrap_or(node.trashed);
        let mime = body["mimeType"].as_str();
        node.mime = mime.map_or_else(|| node.mime.clone(), str::to_owned);
        node.version += 1;
        Ok(self.drive.resource(self.drive.get(id)?))
    }

    fn list(&mut self, head: &Head, faults: &[Fault]) -> Result<Value, Refusal> {
        let size = number(head, "pageSize", 100)?.filter(|it| *it >= 1);
        let size = size.ok_or_else(|| Refusal::invalid("pageSize"))?;
        let size = size.min(1000).min(self.page_size);
        let asked = head.query.iter().filter(|(name, _)| name != "pageToken");
        let of: Vec<_> = asked.cloned().collect();
        let found = self.search(head)?;
        let mut ids = match head.param("pageToken") {
            None => found,
            Some(token) => {
                let page = self.pages.iter().find(|page| page.token == token);
                let Some(page) = page.filter(|page| page.of == of) else {
                    self.violate(head, "the page token is not of this list");
                    return Err(Refusal::invalid("pageToken"));
                };
                let left = page.ids.iter().filter(|id| self.drive.find(id).is_some());
                left.cloned().collect()
            }
        };
        let has = |wanted: fn(&Fault) -> bool| faults.iter().any(wanted);
        let empty = has(|fault| matches!(fault, Fault::EmptyPage));
        let endless = has(|fault| matches!(fault, Fault::EndlessPages));
        let mut left = ids.split_off(if empty { 0 } else { size.min(ids.len()) });
        if endless && left.is_empty() {
            left.clone_from(&ids);
        }
        let files: Vec<_> = ids.iter().filter_map(|id| self.drive.find(id)).collect();
        let files: Vec<_> = files.iter().map(|it| self.drive.resource(it)).collect();
        let mut told = json!({
            "kind": "drive#fileList",
            "incompleteSearch": false,
            "files": files,
        });
        if !left.is_empty() || empty || endless {
            let token = format!("~!!~{}", self.unique());
            told["nextPageToken"] = json!(token);
            self.pages.push(Page {
                token,
                of,
                ids: left,
            });
        }
        Ok(told)
    }

    /// The ids of what a list finds, in its order.
    fn search(&mut self, head: &Head) -> Result<Vec<String>, Refusal> {
        let term = match head.param("q").map(Term::parse) {
            Some(Ok(term)) => term,
            Some(Err(wrong)) => {
                self.violate(head, &format!("no search string: {wrong}"));
                return Err(Refusal::invalid("q"));
            }
            None => Term::And(Vec::new()),
        };
        if !term.leaves_out_trash() {
            self.violate(head, "what lies in the trash would be listed, too");
        }
        if head.param("spaces").is_some_and(|spaces| spaces != "drive") {
            return Err(Refusal::invalid("spaces"));
        }
        let only = match (head.param("corpora"), head.param("driveId")) {
            (None | Some("user"), None) => None,
            (Some("drive"), Some(id)) => Some(id),
            _ => {
                self.violate(head, "corpora=drive and driveId belong together");
                return Err(Refusal::invalid("corpora"));
            }
        };
        if let Some(id) = only {
            self.shared_drives(id)?;
        }
        for parent in term.parents() {
            let known = self.drive.find(parent);
            let seen = known.is_some_and(|it| self.drive.sees(it) || it.parent.is_none());
            if !seen && !self.unseen_is_empty {
                return Err(Refusal::not_found("").at("fileId", "parameter"));
            }
        }
        let first = head.param("pageToken").is_none();
        let drive = &self.drive;
        let matches = drive.all().filter(|node| {
            let there = only.is_none() || node.drive.as_deref() == only;
            let listed = node.parent.is_some() && drive.sees(node);
            first && there && listed && term.matches(node, drive)
        });
        let mut found: Vec<Node> = matches.cloned().collect();
        sort(&mut found, head.param("orderBy"))?;
        let mut ids: Vec<_> = found.into_iter().map(|node| node.id).collect();
        let by_name = term.asks_for_a_name();
        ids.retain(|id| self.drive.looked(id, by_name));
        Ok(ids)
    }
}

/// The newest first, unless another order is asked for.
fn sort(found: &mut [Node], order: Option<&str>) -> Result<(), Refusal> {
    found.sort_by_key(|node| Reverse(node.created));
    let keys: Vec<&str> = order.unwrap_or_default().split(',').collect();
    for key in keys.iter().rev().filter(|key| !key.is_empty()) {
        let (key, descending) = match key.strip_suffix(" desc") {
            Some(key) => (key, true),
            None => (*key, false),
        };
        match key {
            "createdTime" => found.sort_by_key(|node| node.created),
            "modifiedTime" | "recency" => found.sort_by_key(|node| node.modified),
            "name" | "name_natural" => found.sort_by_key(|node| node.name.to_lowercase()),
            "folder" => found.sort_by_key(|node| !node.is_folder()),
            _ => return Err(Refusal::invalid("orderBy")),
        }
        if descending {
            found.reverse();
        }
    }
    Ok(())
}

fn number(head: &Head, name: &'static str, default: usize) -> Result<Option<usize>, Refusal> {
    let given = head.param(name).map(str::parse).transpose();
    let given = given.map_err(|_| Refusal::invalid(name))?;
    Ok(Some(given.unwrap_or(default)))
}

fn insufficient() -> Refusal {
    let text = "The user does not have sufficient permissions for this file.";
    Refusal::new(403, "insufficientFilePermissions", text)
}
