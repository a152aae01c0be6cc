//! The search strings of `q`: a parser that takes what the service takes, and nothing else.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::drive::{Drive, Node, real};

/// What is searched for.
pub enum Term {
    And(Vec<Term>),
    Or(Vec<Term>),
    Not(Box<Term>),
    Name(Text, String),
    Mime(Text, String),
    InParents(String),
    Trashed(bool),
    Created(Order, Timestamp),
    Modified(Order, Timestamp),
    AppProperty(String, String),
}

/// How a text is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Text {
    Equal,
    Different,
    /// It begins so, or one of its words does.
    Contains,
}

/// How a time is compared: the answers that are true.
#[derive(Clone, Copy)]
pub struct Order {
    less: bool,
    equal: bool,
    greater: bool,
}

impl Term {
    /// Reads a whole search string; what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut words = Words {
            rest: tokens(text)?,
        };
        let term = words.any()?;
        match words.next() {
            None => Ok(term),
            Some(word) => Err(format!("{word:?} after the end")),
        }
    }

    /// Whether what lies in the trash is left out whatever else holds.
    pub fn leaves_out_trash(&self) -> bool {
        match self {
            Term::Trashed(trashed) => !trashed,
            Term::And(terms) => terms.iter().any(Self::leaves_out_trash),
            _ => false,
        }
    }

    /// Whether the index of names is needed, which may lag.
    pub fn asks_for_a_name(&self) -> bool {
        match self {
            Term::And(terms) | Term::Or(terms) => terms.iter().any(Self::asks_for_a_name),
            Term::Not(term) => term.asks_for_a_name(),
            Term::Name(..) => true,
            _ => false,
        }
    }

    /// The folders named in it.
    pub fn parents(&self) -> Vec<&str> {
        match self {
            Term::And(terms) | Term::Or(terms) => terms.iter().flat_map(Self::parents).collect(),
            Term::Not(term) => term.parents(),
            Term::InParents(id) => vec![id],
            _ => Vec::new(),
        }
    }

    /// Whether an object is found.
    pub fn matches(&self, node: &Node, drive: &Drive) -> bool {
        match self {
            Term::And(terms) => terms.iter().all(|term| term.matches(node, drive)),
            Term::Or(terms) => terms.iter().any(|term| term.matches(node, drive)),
            Term::Not(term) => !term.matches(node, drive),
            Term::Name(..) if drive.accent_blind && has_upper_accent(&node.name) => false,
            Term::Name(how, text) => how.holds(&node.name, text),
            Term::Mime(how, text) => how.holds(&node.mime, text),
            Term::InParents(id) => node.parent.as_deref() == Some(real(id)),
            Term::Trashed(trashed) => drive.is_trashed(&node.id) == *trashed,
            Term::Created(order, when) => order.holds(node.created, *when),
            Term::Modified(order, when) => order.holds(node.modified, *when),
            Term::AppProperty(key, value) => node.app_properties.get(key) == Some(value),
        }
    }
}

fn has_upper_accent(name: &str) -> bool {
    name.chars().any(|c| !c.is_ascii() && c.is_uppercase())
}

impl Text {
    /// The service ignores case everywhere.
    fn holds(self, held: &str, wanted: &str) -> bool {
        let (held, wanted) = (held.to_lowercase(), wanted.to_lowercase());
        match self {
            Text::Equal => held == wanted,
            Text::Different => held != wanted,
            Text::Contains => {
                let mut words = held.split(|c: char| !c.is_alphanumeric());
                held.starts_with(&wanted) || words.any(|word| word.starts_with(&wanted))
            }
        }
    }
}

impl Order {
    fn holds(self, held: Timestamp, wanted: Timestamp) -> bool {
        self.less && held < wanted || self.equal && held == wanted || self.greater && held > wanted
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// In quotes.
    String(String),
    Word(String),
    /// An operator or a bracket.
    Sign(String),
}

/// The tokens, last first.
fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            ' ' => {}
            '\'' => tokens.push(Token::String(quoted(&mut rest)?)),
            '(' | ')' | '{' | '}' | '=' => tokens.push(Token::Sign(c.into())),
            '!' | '<' | '>' => {
                let mut sign = String::from(c);
                sign.extend(rest.next_if_eq(&'='));
                tokens.push(Token::Sign(sign));
            }
            c if c.is_ascii_alphabetic() => {
                let mut word = String::from(c);
                while let Some(c) = rest.next_if(char::is_ascii_alphanumeric) {
                    word.push(c);
                }
                tokens.push(Token::Word(word));
            }
            c => return Err(format!("{c:?} outside of a string")),
        }
    }
    tokens.reverse();
    Ok(tokens)
}

/// The rest of a string: `\\` and `\'` are the only escapes.
fn quoted(rest: &mut impl Iterator<Item = char>) -> Result<String, String> {
    let mut text = String::new();
    loop {
        match rest.next() {
            None => return Err("a string without an end".to_owned()),
            Some('\'') => return Ok(text),
            Some('\\') => match rest.next() {
                Some(c @ ('\\' | '\'')) => text.push(c),
                other => return Err(format!("the escape {other:?}")),
            },
            Some(c) => text.push(c),
        }
    }
}

struct Words {
    rest: Vec<Token>,
}

impl Words {
    fn next(&mut self) -> Option<Token> {
        self.rest.pop()
    }

    fn took_word(&mut self, word: &str) -> bool {
        let next = self.rest.last();
        let found = matches!(next, Some(Token::Word(known)) if known == word);
        if found {
            self.rest.pop();
        }
        found
    }

    fn sign(&mut self, sign: &str) -> Result<(), String> {
        match self.next() {
            Some(Token::Sign(known)) if known == sign => Ok(()),
            other => Err(format!("{other:?} where {sign} belongs")),
        }
    }

    fn string(&mut self) -> Result<String, String> {
        match self.next() {
            Some(Token::String(text)) => Ok(text),
            other => Err(format!("{other:?} where a string belongs")),
        }
    }

    fn operator(&mut self) -> Result<String, String> {
        match self.next() {
            Some(Token::Sign(text) | Token::Word(text)) => Ok(text),
            other => Err(format!("{other:?} where an operator belongs")),
        }
    }

    fn any(&mut self) -> Result<Term, String> {
        let mut terms = vec![self.all()?];
        while self.took_word("or") {
            terms.push(self.all()?);
        }
        Ok(one_or(terms, Term::Or))
    }

    fn all(&mut self) -> Result<Term, String> {
        let mut terms = vec![self.term()?];
        while self.took_word("and") {
            terms.push(self.term()?);
        }
        Ok(one_or(terms, Term::And))
    }

    fn term(&mut self) -> Result<Term, String> {
        if self.took_word("not") {
            return Ok(Term::Not(Box::new(self.term()?)));
        }
        let word = match self.next() {
            Some(Token::Sign(sign)) if sign == "(" => {
                let inside = self.any()?;
                self.sign(")")?;
                return Ok(inside);
            }
            Some(Token::String(id)) => {
                if self.took_word("in") && self.took_word("parents") {
                    return Ok(Term::InParents(id));
                }
                return Err(format!("'{id}' is in no parents"));
            }
            Some(Token::Word(word)) => word,
            other => return Err(format!("{other:?} where a term belongs")),
        };
        let operator = self.operator()?;
        match (word.as_str(), operator.as_str()) {
            ("name" | "mimeType", "=" | "!=" | "contains") => {
                let how = match operator.as_str() {
                    "=" => Text::Equal,
                    "!=" => Text::Different,
                    _ => Text::Contains,
                };
                let text = self.string()?;
                let term = if word == "name" {
                    Term::Name
                } else {
                    Term::Mime
                };
                Ok(term(how, text))
            }
            ("trashed", "=" | "!=") => {
                let value = self.took_word("true");
                if !value && !self.took_word("false") {
                    return Err("trashed is true or false".to_owned());
                }
                Ok(Term::Trashed(value == (operator == "=")))
            }
            ("createdTime" | "modifiedTime", "=" | "!=" | "<" | "<=" | ">" | ">=") => {
                let order = Order {
                    less: matches!(operator.as_str(), "<" | "<=" | "!="),
                    equal: matches!(operator.as_str(), "=" | "<=" | ">="),
                    greater: matches!(operator.as_str(), ">" | ">=" | "!="),
                };
                let when = time(&self.string()?)?;
                let created = word == "createdTime";
                let term = if created {
                    Term::Created
                } else {
                    Term::Modified
                };
                Ok(term(order, when))
            }
            ("appProperties", "has") => {
                self.sign("{")?;
                let part = |name: &str, words: &mut Self| {
                    if !words.took_word(name) {
                        return Err(format!("no {name} where it belongs"));
                    }
                    words.sign("=")?;
                    words.string()
                };
                let key = part("key", self)?;
                if !self.took_word("and") {
                    return Err("no value of the property".to_owned());
                }
                let value = part("value", self)?;
                self.sign("}")?;
                Ok(Term::AppProperty(key, value))
            }
            _ => Err(format!("{word} {operator}")),
        }
    }
}

fn one_or(mut terms: Vec<Term>, many: impl Fn(Vec<Term>) -> Term) -> Term {
    if terms.len() == 1 {
        terms.remove(0)
    } else {
        many(terms)
    }
}

/// RFC 3339; UTC where no zone is told.
fn time(text: &str) -> Result<Timestamp, String> {
    let local = |text: &str| {
        let when: DateTime = text.parse().ok()?;
        Some(when.to_zoned(TimeZone::UTC).ok()?.timestamp())
    };
    let read = text.parse().ok().or_else(|| local(text));
    read.ok_or_else(|| format!("{text} is no time"))
}
