//! Masks: the `fields` of a request, and what they leave of an answer.

use serde_json::Value;

/// What an answer about a file may have.
const FILE: &[&str] = &[
    "kind",
    "id",
    "name",
    "mimeType",
    "description",
    "size",
    "md5Checksum",
    "sha1Checksum",
    "sha256Checksum",
    "parents",
    "createdTime",
    "modifiedTime",
    "trashed",
    "explicitlyTrashed",
    "trashedTime",
    "appProperties",
    "properties",
    "driveId",
    "headRevisionId",
    "version",
    "quotaBytesUsed",
    "ownedByMe",
    "owners",
    "capabilities",
    "starred",
    "shared",
];

/// One name of a mask, and the mask of what is below it.
pub struct Field {
    pub name: String,
    pub below: Option<Vec<Field>>,
}

/// Reads `a,b(c,d/e)`; none where that is no mask.
pub fn parse(text: &str) -> Option<Vec<Field>> {
    let mut rest = text;
    let mask = fields(&mut rest)?;
    rest.is_empty().then_some(mask)
}

fn fields(rest: &mut &str) -> Option<Vec<Field>> {
    let mut found = Vec::new();
    loop {
        found.push(field(rest)?);
        match rest.strip_prefix(',') {
            Some(more) => *rest = more,
            None => return Some(found),
        }
    }
}

fn field(rest: &mut &str) -> Option<Field> {
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '*');
    let (name, more) = rest.split_at(end.unwrap_or(rest.len()));
    *rest = more;
    let below = if let Some(more) = rest.strip_prefix('/') {
        *rest = more;
        Some(vec![field(rest)?])
    } else if let Some(more) = rest.strip_prefix('(') {
        *rest = more;
        let inside = fields(rest)?;
        *rest = rest.strip_prefix(')')?;
        Some(inside)
    } else {
        None
    };
    (!name.is_empty()).then(|| Field {
        name: name.to_owned(),
        below,
    })
}

/// A name in a mask that nothing has: for an answer about files, or of other names.
pub fn unknown(mask: &[Field], known: &[&str]) -> Option<String> {
    let known = if known.is_empty() { FILE } else { known };
    mask.iter().find_map(|field| {
        if field.name == "files" && known.contains(&"files") {
            return unknown(field.below.as_deref()?, &[]);
        }
        let fine = field.name == "*" || known.contains(&field.name.as_str());
        (!fine).then(|| field.name.clone())
    })
}

/// Leaves only the fields asked for.
pub fn trim(told: &mut Value, mask: &[Field]) {
    if let Value::Array(items) = told {
        for item in items {
            trim(item, mask);
        }
        return;
    }
    let Value::Object(object) = told else { return };
    object.retain(|key, value| {
        let asked = mask.iter().filter(|it| it.name == *key || it.name == "*");
        let mut kept = false;
        for field in asked {
            kept = true;
            if let Some(below) = &field.below {
                trim(value, below);
            }
        }
        kept
    });
}
