//! Types of alarms that were declared: a schema of their data, and words for people.

mod bounds;
mod known;
pub(in crate::alarm) mod placeholder;
mod schema;
mod typescript;
mod words;

pub(crate) use bounds::SchemaFault;
pub(crate) use known::{DeclaredType, DeclaredTypes, StoredType};
pub(crate) use placeholder::{Placeholder, filled};
pub(crate) use schema::{DataFault, DataSchema};
pub(crate) use typescript::TypeWriter;
pub(crate) use words::{MOST_LANGUAGES, TypeWords};
