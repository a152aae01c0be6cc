//! The API host: what the service does for each request, and what no client should ask of it.

use serde_json::{Value, json};

use super::disk::{Disk, Guise, Work, name};
use super::faults::{Fault, Op, Refusal};
use super::{Host, State};
use crate::support::fake::http::{Answer, Head, encode};

const INVALID: Refusal = Refusal(400, "FieldValidationError");
const NO_OPERATION: Refusal = Refusal(404, "DiskOperationNotFoundError");

/// Something that takes longer than its request.
pub struct Operation {
    pub id: String,
    /// An upload whose bytes are not there yet, or that is over.
    pub status: &'static str,
    /// What is done at its end, after so many looks, and how it ends.
    pub pending: Option<(Work, usize, &'static str)>,
}

impl Operation {
    fn look(&mut self, disk: &mut Disk) {
        match &mut self.pending {
            Some((_, usize::MAX, _)) | None => {}
            Some((_, polls, _)) if *polls > 0 => *polls -= 1,
            Some(_) => {
                let (work, _, ends) = self.pending.take().unwrap();
                let failed = ends == "success" && (work.run)(disk).is_err();
                self.status = if failed { "failed" } else { ends };
            }
        }
    }
}

/// Which request of the API it is, and the parameters it may have.
pub fn classify(head: &Head) -> (Op, &'static [&'static str]) {
    let Some(path) = head.path().strip_prefix("/v1/disk") else {
        return (Op::Other, &[]);
    };
    let lists = head.param("limit").is_some()
        || head
            .param("fields")
            .is_some_and(|fields| fields.contains("_embedded"));
    match (head.method.as_str(), path) {
        ("GET", "" | "/") => (Op::Disk, &["fields"]),
        ("GET", "/resources") if lists => {
            (Op::List, &["path", "fields", "limit", "offset", "sort"])
        }
        ("GET", "/resources") => (Op::Stat, &["path", "fields"]),
        ("PUT", "/resources") => (Op::Mkdir, &["path", "fields"]),
        ("DELETE", "/resources") => {
            let known = &["path", "permanently", "md5", "force_async", "fields"];
            (Op::Delete, known)
        }
        ("GET", "/resources/upload") => (Op::Link, &["path", "overwrite", "fields"]),
        ("GET", "/resources/download") => (Op::DownloadLink, &["path", "fields"]),
        ("POST", "/resources/move" | "/resources/copy") => {
            let known = &["from", "path", "overwrite", "force_async", "fields"];
            let copy = path.ends_with("copy");
            (if copy { Op::Copy } else { Op::Move }, known)
        }
        ("GET", path) if path.starts_with("/operations/") => (Op::Operation, &["fields"]),
        ("GET" | "DELETE", "/trash/resources") => (Op::Trash, &["path", "fields", "limit"]),
        _ => (Op::Other, &[]),
    }
}

impl State {
    /// Answers a request of the API.
    pub fn api(&mut self, op: Op, head: &Head, faults: &[Fault]) -> Answer {
        if let Err(refusal) = self.authorised(head) {
            return refusal.answer();
        }
        let (_, known) = classify(head);
        for (name, _) in &head.query {
            if !known.contains(&name.as_str()) {
                self.violate(head, &format!("the parameter {name} is not known"));
            }
        }
        match self.work(op, head, faults) {
            Err(refusal) => refusal.answer(),
            Ok((204, _)) => Answer::empty(204),
            Ok((status, mut told)) => {
                for fault in faults {
                    distort(fault, &mut told);
                }
                if let Some(fields) = head.param("fields") {
                    trim(&mut told, &fields.split(',').collect::<Vec<_>>());
                }
                Answer::json(status, &told)
            }
        }
    }

    fn authorised(&mut self, head: &Head) -> Result<(), Refusal> {
        let given = head.header("authorization").unwrap_or_default().to_owned();
        match given.strip_prefix("OAuth ") {
            Some(token) if self.tokens.iter().any(|known| known == token) => return Ok(()),
            Some(_) => {}
            None => self.violate(head, "the authorization is not `OAuth <token>`"),
        }
        Err(Refusal(401, "UnauthorizedError"))
    }

    fn work(&mut self, op: Op, head: &Head, faults: &[Fault]) -> Result<(u16, Value), Refusal> {
        match op {
            Op::Disk => Ok((200, self.disk.info())),
            Op::Stat | Op::List => Ok((200, self.resource(head, faults)?)),
            Op::Mkdir => {
                let path = self.path(head, "path")?;
                self.disk.make_folder(&path)?;
                Ok((201, self.link_to(&path)))
            }
            Op::Link => {
                let path = self.path(head, "path")?;
                let overwrite = flag(head, "overwrite")?;
                if name(&path).contains('.') {
                    self.braked.push(path.clone());
                }
                self.disk.may_store(&path, overwrite)?;
                Ok((200, self.upload_link(path, overwrite)))
            }
            Op::DownloadLink => {
                let path = self.path(head, "path")?;
                let content = self.disk.get(&path)?.content.clone();
                let content = content.ok_or(Refusal(404, "DiskNotFoundError"))?;
                Ok((200, self.download_link(&path, content)))
            }
            Op::Move | Op::Copy => {
                let (from, to) = (self.path(head, "from")?, self.path(head, "path")?);
                let ignored = faults.iter().any(|f| matches!(f, Fault::IgnoreOverwrite));
                let overwrite = flag(head, "overwrite")? && !ignored;
                let (copy, guise) = (op == Op::Copy, Guise::of(faults));
                let folder = self
                    .disk
                    .get(&from)
                    .is_ok_and(|node| node.content.is_none());
                let long = self.disk.is_full(&from) || copy && folder;
                let done = self.link_to(&to);
                let work = Work {
                    about: vec![from.clone(), to.clone()],
                    run: Box::new(move |disk| disk.relocate((&from, &to), overwrite, copy, guise)),
                };
                let operation = self.change(work, long, head, faults)?;
                Ok(operation.map_or((201, done), |link| (202, link)))
            }
            Op::Delete => {
                let path = self.path(head, "path")?;
                let permanently = flag(head, "permanently")?;
                let md5 = head.param("md5").map(str::to_owned);
                let long = self.disk.is_full(&path);
                let work = Work {
                    about: vec![path.clone()],
                    run: Box::new(move |disk| disk.delete(&path, permanently, md5.as_deref())),
                };
                let operation = self.change(work, long, head, faults)?;
                Ok(operation.map_or((204, Value::Null), |link| (202, link)))
            }
            Op::Operation => {
                let id = head.path().rsplit('/').next().unwrap();
                let known = self.operations.iter_mut().find(|known| known.id == id);
                let operation = known.ok_or(NO_OPERATION)?;
                operation.look(&mut self.disk);
                let said = faults.iter().find_map(|fault| match fault {
                    Fault::OperationSays(status) => Some(*status),
                    _ => None,
                });
                Ok((200, json!({"status": said.unwrap_or(operation.status)})))
            }
            Op::Trash if head.method == "DELETE" && head.param("path").is_none() => {
                self.disk.empty_trash();
                Ok((204, Value::Null))
            }
            Op::Trash if head.method == "GET" && head.param("path") == Some("/") => {
                let items = self.disk.trash_items();
                let total = items.len();
                let inside = json!({"items": items, "total": total, "limit": 20, "offset": 0});
                Ok((200, json!({"path": "trash:/", "_embedded": inside})))
            }
            _ => {
                self.violate(head, "the service has nothing there");
                Err(Refusal(404, "NotFoundError"))
            }
        }
    }

    /// A path without its scheme, which has to be there.
    fn path(&mut self, head: &Head, parameter: &str) -> Result<String, Refusal> {
        let Some(given) = head.param(parameter) else {
            self.violate(head, &format!("no {parameter}"));
            return Err(INVALID);
        };
        let rest = given.strip_prefix("disk:/").or_else(|| {
            self.violate(head, &format!("{given} does not begin with disk:/"));
            // What comes before a colon is taken for a scheme.
            (!given.contains(':')).then(|| given.trim_start_matches('/'))
        });
        let rest = rest.ok_or(INVALID)?.trim_end_matches('/');
        let bad = |name: &str| {
            let control = |c: char| c.is_control() && !"\t\r\n".contains(c);
            matches!(name, "" | "." | "..")
                || name.chars().count() > 255
                || name.chars().any(control)
        };
        if !rest.is_empty() && (rest.chars().count() > 32_760 || rest.split('/').any(bad)) {
            return Err(INVALID);
        }
        Ok(format!("/{rest}"))
    }

    fn resource(&mut self, head: &Head, faults: &[Fault]) -> Result<Value, Refusal> {
        let path = self.path(head, "path")?;
        for operation in &mut self.operations {
            let pending = operation.pending.as_ref();
            if pending.is_some_and(|(work, ..)| work.about.contains(&path)) {
                operation.look(&mut self.disk);
            }
        }
        let seen = Guise::of(faults);
        let node = self.disk.get(&path).map(|node| {
            let told = Disk::resource(&path, node, seen);
            (told, node.content.is_none())
        });
        self.disk.looked(&path);
        let (mut told, folder) = node?;
        if folder {
            told["_embedded"] = self.embedded(&path, head, faults)?;
        }
        Ok(told)
    }

    fn embedded(&self, path: &str, head: &Head, faults: &[Fault]) -> Result<Value, Refusal> {
        let number = |name: &str, default: usize| match head.param(name) {
            Some(given) => given.parse().map_err(|_| INVALID),
            None => Ok(default),
        };
        let (limit, offset) = (number("limit", 20)?, number("offset", 0)?);
        let sort = head.param("sort").unwrap_or("name");
        let known = ["name", "path", "created", "modified", "size"];
        if !known.contains(&sort.trim_start_matches('-')) {
            return Err(INVALID);
        }
        let mut from = offset;
        let mut claimed = None;
        for fault in faults {
            match fault {
                Fault::PageRepeats => from = offset.saturating_sub(limit),
                Fault::EndlessPages => (from, claimed) = (0, Some(u64::MAX / 2)),
                Fault::WrongTotal(total) => claimed = Some(*total),
                _ => {}
            }
        }
        let (items, total) = self.disk.page(path, (limit, from), sort, Guise::of(faults));
        Ok(json!({
            "items": items,
            "total": claimed.unwrap_or(total as u64),
            "limit": limit,
            "offset": offset,
            "path": format!("disk:{path}"),
            "sort": sort,
        }))
    }

    /// Makes a change at once, or begins an operation that will: the link to it.
    fn change(
        &mut self,
        work: Work,
        long: bool,
        head: &Head,
        faults: &[Fault],
    ) -> Result<Option<Value>, Refusal> {
        let mut changed = self.disk.clone();
        (work.run)(&mut changed)?;
        let told = faults.iter().find_map(Fault::accepted);
        let long = long || flag(head, "force_async")?;
        let Some((polls, ends)) = told.or(long.then_some((1, "success"))) else {
            self.disk = changed;
            return Ok(None);
        };
        let id = self.begin_operation(Some((work, polls, ends)));
        let href = format!("{}/v1/disk/operations/{id}", self.url(Host::Api));
        Ok(Some(link("GET", &href)))
    }

    pub fn begin_operation(&mut self, pending: Option<(Work, usize, &'static str)>) -> String {
        let id = self.unique();
        let operation = Operation {
            id: id.clone(),
            status: "in-progress",
            pending,
        };
        self.operations.push(operation);
        id
    }

    fn link_to(&self, path: &str) -> Value {
        let path = encode(&format!("disk:{path}"));
        let href = format!("{}/v1/disk/resources?path={path}", self.url(Host::Api));
        link("GET", &href)
    }
}

pub fn link(method: &str, href: &str) -> Value {
    json!({"href": href, "method": method, "templated": false})
}

fn flag(head: &Head, name: &str) -> Result<bool, Refusal> {
    match head.param(name) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(INVALID),
    }
}

/// Changes what would have been answered.
fn distort(fault: &Fault, told: &mut Value) {
    match fault {
        Fault::Edit(change) => change(told),
        Fault::HrefTemplated => told["templated"] = json!(true),
        Fault::HrefRaw(href) => told["href"] = json!(href),
        Fault::HrefScheme(scheme) => {
            let href = told["href"].as_str().unwrap();
            told["href"] = json!(href.replacen("http", scheme, 1));
        }
        _ => {}
    }
}

/// Leaves only the fields asked for: `name,_embedded.items.md5`.
fn trim(told: &mut Value, fields: &[&str]) {
    if let Value::Array(items) = told {
        for item in items {
            trim(item, fields);
        }
        return;
    }
    let Value::Object(object) = told else { return };
    object.retain(|key, value| {
        let below: Vec<&str> = fields
            .iter()
            .filter_map(|field| field.strip_prefix(key.as_str())?.strip_prefix('.'))
            .collect();
        if !below.is_empty() {
            trim(value, &below);
        }
        !below.is_empty() || fields.contains(&key.as_str())
    });
}
