//! Values on the wire: bytes that Diesel encodes and decodes itself.

use std::error::Error;
use std::num::NonZeroU32;

use diesel::QueryResult;
use diesel::pg::{Pg, PgValue};
use diesel::row::{Field, PartialRow, Row, RowIndex, RowSealed};
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

/// A parameter in its binary form.
#[derive(Debug)]
pub(super) struct Bind(pub(super) Option<Vec<u8>>);

impl ToSql for Bind {
    fn to_sql(
        &self,
        _type: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match &self.0 {
            Some(bytes) => {
                out.extend_from_slice(bytes);
                Ok(IsNull::No)
            }
            None => Ok(IsNull::Yes),
        }
    }

    fn accepts(_type: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A value of a row in its binary form.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_type: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(_type: &Type) -> bool {
        true
    }
}

/// The rows a query gave.
pub(crate) struct Cursor(std::vec::IntoIter<tokio_postgres::Row>);

impl Cursor {
    pub(super) fn over(rows: Vec<tokio_postgres::Row>) -> Self {
        Self(rows.into_iter())
    }
}

impl Iterator for Cursor {
    type Item = QueryResult<PostgresRow>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(Ok(PostgresRow(self.0.next()?)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

/// One row.
pub(crate) struct PostgresRow(tokio_postgres::Row);

impl RowSealed for PostgresRow {}

impl<'a> Row<'a, Pg> for PostgresRow {
    type Field<'f>
        = PostgresField<'f>
    where
        'a: 'f,
        Self: 'f;
    type InnerPartialRow = Self;

    fn field_count(&self) -> usize {
        self.0.len()
    }

    fn get<'b, I>(&'b self, index: I) -> Option<Self::Field<'b>>
    where
        'a: 'b,
        Self: RowIndex<I>,
    {
        let index = self.idx(index)?;
        Some(PostgresField {
            row: &self.0,
            index,
            oid: NonZeroU32::new(self.0.columns().get(index)?.type_().oid())?,
        })
    }

    fn partial_row(&self, range: std::ops::Range<usize>) -> PartialRow<'_, Self> {
        PartialRow::new(self, range)
    }
}

impl RowIndex<usize> for PostgresRow {
    fn idx(&self, index: usize) -> Option<usize> {
        (index < self.0.len()).then_some(index)
    }
}

impl RowIndex<&str> for PostgresRow {
    fn idx(&self, name: &str) -> Option<usize> {
        self.0.columns().iter().position(|one| one.name() == name)
    }
}

/// One value of a row.
pub(crate) struct PostgresField<'a> {
    row: &'a tokio_postgres::Row,
    index: usize,
    oid: NonZeroU32,
}

impl<'a> Field<'a, Pg> for PostgresField<'a> {
    fn field_name(&self) -> Option<&str> {
        Some(self.row.columns().get(self.index)?.name())
    }

    fn value(&self) -> Option<PgValue<'_>> {
        // It accepts every type, so that only a column that is not there is an error.
        let raw = self.row.try_get::<_, Option<Raw<'_>>>(self.index).ok()??;
        Some(PgValue::new(raw.0, &self.oid))
    }
}
