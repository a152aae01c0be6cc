//! What no client should ask of the API, although the service may bear it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::State;
use super::drive::{BLOB, Draft, FOLDER, ROOT, real};
use super::faults::{Op, Refusal};
use super::fields::{self, Field};
use super::oauth::SCOPE;
use crate::support::fake::http::Head;

/// What an answer that is no file may have.
const ABOUT: &[&str] = &["kind", "user", "storageQuota", "canCreateDrives"];
const LIST: &[&str] = &["kind", "nextPageToken", "incompleteSearch", "files"];
const DRIVES: &[&str] = &[
    "kind",
    "nextPageToken",
    "drives",
    "id",
    "name",
    "capabilities",
];
const IDS: &[&str] = &["kind", "space", "ids"];

/// What is sent about a file or a folder.
const WRITABLE: &[&str] = &[
    "id",
    "name",
    "mimeType",
    "parents",
    "modifiedTime",
    "appProperties",
    "trashed",
];

/// The parameters a request may have.
fn known(op: Op) -> &'static [&'static str] {
    match op {
        Op::List => &[
            "q",
            "pageSize",
            "pageToken",
            "orderBy",
            "spaces",
            "corpora",
            "driveId",
            "includeItemsFromAllDrives",
        ],
        Op::GenerateIds => &["count", "space", "type"],
        Op::Update => &["addParents", "removeParents"],
        Op::Media => &["alt", "acknowledgeAbuse"],
        Op::Drives => &["pageSize", "pageToken"],
        Op::Initiate => &["uploadType"],
        _ => &[],
    }
}

impl State {
    /// The parameters: those that have to be there, and no others.
    pub fn check_parameters(&mut self, op: Op, head: &Head) {
        let drives = !matches!(op, Op::About | Op::GenerateIds | Op::Drives);
        for (name, _) in &head.query {
            let common = name == "fields" || name == "prettyPrint";
            let shared = name == "supportsAllDrives" && drives;
            if !common && !shared && !known(op).contains(&name.as_str()) {
                self.violate(head, &format!("the parameter {name} is not known"));
            }
        }
        let mut demand = |name: &str| {
            if head.param(name) != Some("true") {
                self.violate(head, &format!("no {name}=true"));
            }
        };
        if drives {
            demand("supportsAllDrives");
        }
        if op == Op::List {
            demand("includeItemsFromAllDrives");
        }
    }

    /// The mask in `fields`; none where the defaults do.
    pub fn mask(&mut self, op: Op, head: &Head) -> Result<Option<Vec<Field>>, Refusal> {
        let Some(text) = head.param("fields") else {
            if matches!(op, Op::GenerateIds | Op::Drives | Op::Delete) {
                return Ok(None);
            }
            self.violate(head, "no fields: only kind, id, name, mimeType come");
            if op == Op::About {
                let text = "The 'fields' parameter is required for this method.";
                return Err(Refusal::new(400, "required", text).at("fields", "parameter"));
            }
            return Ok(fields::parse("kind,id,name,mimeType,files"));
        };
        let known = match op {
            Op::About => ABOUT,
            Op::List => LIST,
            Op::Drives => DRIVES,
            Op::GenerateIds => IDS,
            _ => &[],
        };
        let mask = fields::parse(text);
        let wrong = match &mask {
            None => Some(text.to_owned()),
            Some(mask) => fields::unknown(mask, known),
        };
        if let Some(name) = wrong {
            self.violate(head, &format!("{name} is no field"));
            let text = format!("Invalid field selection {name}");
            return Err(Refusal::new(400, "invalidParameter", text).at("fields", "parameter"));
        }
        let mask = mask.unwrap_or_default();
        if op == Op::List && !mask.iter().any(|field| field.name == "*") {
            for name in ["nextPageToken", "incompleteSearch"] {
                if !mask.iter().any(|field| field.name == name) {
                    self.violate(head, &format!("a list without {name} may be cut unseen"));
                }
            }
        }
        Ok(Some(mask))
    }

    /// What is to be made, from the body of a create.
    pub fn draft(&mut self, head: &Head, body: &Value) -> Result<Draft, Refusal> {
        self.check_writable(head, body)?;
        let parents = body["parents"].as_array().cloned().unwrap_or_default();
        if parents.len() > 1 {
            self.violate(head, "more than one parent");
            let text = "A file can have only one parent.";
            return Err(Refusal::new(403, "cannotAddParent", text));
        }
        let parent = parents.first().and_then(Value::as_str).unwrap_or(ROOT);
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        let Some(name) = text("name").filter(|name| !name.is_empty()) else {
            self.violate(head, "no name");
            return Err(Refusal::required("name"));
        };
        let mime =
            text("mimeType").or_else(|| head.header("x-upload-content-type").map(Into::into));
        if mime.is_none() {
            self.violate(head, "no mimeType: the service would guess one");
        }
        let id = text("id").unwrap_or_else(|| {
            self.violate(head, "a create without an id cannot be repeated safely");
            self.drive.generate_id()
        });
        let draft = Draft {
            id,
            name,
            mime: mime.unwrap_or_else(|| BLOB.to_owned()),
            parent: real(parent).to_owned(),
            modified: modified(body)?,
            app_properties: BTreeMap::new(),
        };
        let mut properties = BTreeMap::new();
        change_properties(&mut properties, body)?;
        let draft = Draft {
            app_properties: properties,
            ..draft
        };
        match self.drive.may_make(&draft) {
            Err(refusal) if refusal.status == 400 => {
                self.violate(head, "an id that was not given by generateIds");
                Err(refusal)
            }
            done => done.map(|()| draft),
        }
    }

    /// Only what can be written is in a body.
    pub fn check_writable(&mut self, head: &Head, body: &Value) -> Result<(), Refusal> {
        let changes = head.method == "PATCH";
        for (name, value) in body.as_object().into_iter().flatten() {
            let fixed = changes && matches!(name.as_str(), "parents" | "id");
            if fixed || !WRITABLE.contains(&name.as_str()) {
                self.violate(head, &format!("{name} cannot be written here"));
                let text = "The resource body includes fields which are not directly writable.";
                return Err(Refusal::new(403, "fieldNotWritable", text));
            }
            let fits = match name.as_str() {
                "parents" => value.is_array(),
                "appProperties" => value.is_object(),
                "trashed" => value.is_boolean(),
                _ => value.is_string(),
            };
            if !fits {
                self.violate(head, &format!("{name} is of the wrong type"));
                return Err(Refusal::new(
                    400,
                    "invalid",
                    "Invalid JSON payload received.",
                ));
            }
        }
        Ok(())
    }

    /// Whether a scope that was granted suffices.
    pub fn in_scope(&self, op: Op) -> Result<(), Refusal> {
        let fits = match op {
            Op::About | Op::List | Op::Get => return Ok(()),
            Op::Drives => ["drive", "drive.readonly"].as_slice(),
            Op::Media => &["drive", "drive.file", "drive.readonly"],
            _ => &["drive", "drive.file"],
        };
        let mut granted = self.accounts.scope.split(' ');
        if granted.any(|it| it.strip_prefix(SCOPE).is_some_and(|it| fits.contains(&it))) {
            return Ok(());
        }
        let text = "Request had insufficient authentication scopes.";
        Err(Refusal::new(403, "insufficientPermissions", text))
    }

    /// Whether bytes may be stored in a folder: a service account owns none.
    pub fn may_store(&self, head: &Head, parent: &str, size: u64) -> Result<(), Refusal> {
        let shared = self.drive.find(parent).is_some_and(|it| it.drive.is_some());
        if self.accounts.is_robot(head) && !shared {
            let text = "Service Accounts do not have storage quota. Leverage shared drives, \
                        or use OAuth delegation instead.";
            return Err(Refusal::new(403, "storageQuotaExceeded", text));
        }
        if self.drive.has_room(parent, size) {
            Ok(())
        } else {
            Err(Refusal::no_room())
        }
    }
}

/// The time in a body.
pub fn modified(body: &Value) -> Result<Option<Timestamp>, Refusal> {
    let text = body["modifiedTime"].as_str();
    let read = text.map(str::parse).transpose();
    read.map_err(|_| Refusal::invalid("modifiedTime"))
}

/// Sets and clears properties, within what one client may have.
pub fn change_properties(
    properties: &mut BTreeMap<String, String>,
    body: &Value,
) -> Result<(), Refusal> {
    for (key, value) in body["appProperties"].as_object().into_iter().flatten() {
        match value.as_str() {
            None => drop(properties.remove(key)),
            Some(value) if key.len() + value.len() > 124 => {
                let text = "The property key and value are too long.";
                return Err(Refusal::new(403, "propertyLengthLimitExceeded", text));
            }
            Some(value) => drop(properties.insert(key.clone(), value.to_owned())),
        }
    }
    if properties.len() > 30 {
        let text = "There are too many properties.";
        return Err(Refusal::new(403, "propertyCountExceeded", text));
    }
    Ok(())
}

/// Whether a body asks for a folder.
pub fn is_folder(body: &Value) -> bool {
    body["mimeType"] == FOLDER
}
