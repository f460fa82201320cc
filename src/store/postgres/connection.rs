//! The connection as Diesel sees it: a query becomes a text and binary parameters, its rows come back as bytes.

use diesel::connection::{
    CacheSize, Connection, ConnectionSealed, DefaultLoadingMode, Instrumentation, LoadConnection,
    MultiConnectionHelper, SimpleConnection,
};
use diesel::expression::QueryMetadata;
use diesel::migration::{CREATE_MIGRATIONS_TABLE, MigrationConnection};
use diesel::pg::{
    GetPgMetadataCache, Pg, PgMetadataCache, PgMetadataLookup, PgQueryBuilder, PgTypeMetadata,
};
use diesel::query_builder::bind_collector::RawBytesBindCollector;
use diesel::query_builder::{Query, QueryBuilder as _, QueryFragment, QueryId};
use diesel::r2d2::R2D2Connection;
use diesel::result::Error as DieselError;
use diesel::sql_types::TypeMetadata;
use diesel::{ConnectionError, ConnectionResult, QueryResult, RunQueryDsl as _};
use tokio_postgres::types::{Kind, ToSql, Type};
use tokio_postgres::{Client, Error, Statement};

use crate::store::StoreError;
use crate::store::postgres::address::Address;
use crate::store::postgres::row::{Bind, Cursor, PostgresRow};
use crate::store::postgres::session::Session;
use crate::store::postgres::transactions::{Place, Transaction, Transactions};

/// A connection to a PostgreSQL server.
pub(crate) struct PostgresConnection {
    session: Box<Session>,
    transaction: Transaction,
    types: PgMetadataCache,
    instrumentation: Option<Box<dyn Instrumentation>>,
}

impl PostgresConnection {
    /// Connects to the first of the servers that accepts it.
    pub(crate) fn open(address: &Address) -> Result<Self, StoreError> {
        Ok(Self {
            session: Box::new(Session::open(address)?),
            transaction: Transaction::default(),
            types: PgMetadataCache::new(),
            instrumentation: None,
        })
    }

    /// From here on a statement may take as long as it needs.
    pub(crate) fn wait_without_limit(&mut self) {
        self.session.wait_without_limit();
    }

    /// Has BEGIN take the lock on the log, so that the lock needs no trip of its own. Only before the first statement of a
    /// transaction; returns false, and locks nothing, after it. The first statement sees all that was committed before the lock
    /// was taken.
    pub(crate) fn lock_log_first(&mut self) -> bool {
        self.transaction.lock_log_first()
    }

    /// Has COMMIT go with the next statement, so that the commit needs no trip of its own. Nothing may follow in the transaction.
    pub(crate) fn commit_with_next(&mut self) {
        self.transaction.commit_with_next();
    }

    fn written<T: QueryFragment<Pg>>(&mut self, source: &T) -> QueryResult<Written> {
        let mut builder = PgQueryBuilder::default();
        source.to_sql(&mut builder, &Pg)?;
        let mut collector = RawBytesBindCollector::<Pg>::new();
        source.collect_binds(&mut collector, self, &Pg)?;
        let types = collector.metadata.iter().map(type_of);
        Ok(Written {
            sql: builder.finish(),
            types: types.collect::<QueryResult<_>>()?,
            binds: collector.binds.into_iter().map(Bind).collect(),
        })
    }

    /// A query, with the statement that was prepared for it.
    fn prepared<T: QueryFragment<Pg>>(
        &mut self,
        source: &T,
    ) -> QueryResult<(Written, Option<Statement>)> {
        let query = self.written(source)?;
        let is_alone = self.transaction.is_none();
        let prepared = self.session.prepared(is_alone, &query.sql, &query.types);
        Ok((query, self.noted(prepared)?))
    }

    fn answered(&mut self, query: &Written, statement: Option<&Statement>) {
        if statement.is_none() {
            self.session.answered(&query.sql, &query.types);
        }
    }

    /// The place of a text that is sent now. Only one that changes nothing goes with the BEGIN of its transaction: should that fail,
    /// the server would execute the text all the same.
    fn place_of(&mut self, sql: &str) -> QueryResult<Place> {
        let place = self.transaction.next();
        let is_harmless = HARMLESS.iter().any(|begin| sql.starts_with(begin));
        let begin = match place {
            Place::First(begin) if !is_harmless => begin,
            Place::First(_) | Place::Alone | Place::Within | Place::Last(_) | Place::Whole => {
                return Ok(place);
            }
        };
        self.run(Place::Within, async |client| {
            client.batch_execute(begin).await
        })?;
        Ok(self.transaction.next())
    }

    /// Does work that asks the server, and notes what became of the transaction.
    fn run<T>(
        &mut self,
        place: Place,
        work: impl AsyncFnOnce(&Client) -> Result<T, Error>,
    ) -> QueryResult<T> {
        let done = self.session.run(place, work);
        if done.is_ok() && matches!(place, Place::Last(_)) {
            self.transaction.note_commit();
        }
        self.noted(done)
    }

    /// A failed statement spoils the transaction it is in.
    fn noted<T>(&mut self, done: QueryResult<T>) -> QueryResult<T> {
        if done.is_err() {
            self.transaction.fail();
        }
        done
    }
}

/// A query as the server is sent it.
struct Written {
    sql: String,
    types: Vec<Type>,
    binds: Vec<Bind>,
}

impl Written {
    fn values(&self) -> Vec<&(dyn ToSql + Sync)> {
        let binds = self.binds.iter();
        binds.map(|bind| bind as &(dyn ToSql + Sync)).collect()
    }

    fn parameters(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        let types = self.types.iter().cloned();
        self.values().into_iter().zip(types).collect()
    }
}

/// The store binds only types that PostgreSQL brings along.
fn type_of(metadata: &PgTypeMetadata) -> QueryResult<Type> {
    let oid = metadata
        .oid()
        .map_err(|cause| DieselError::SerializationError(Box::new(cause)))?;
    let custom = || Type::new(String::new(), oid, Kind::Simple, String::new());
    Ok(Type::from_oid(oid).unwrap_or_else(custom))
}

impl SimpleConnection for PostgresConnection {
    fn batch_execute(&mut self, sql: &str) -> QueryResult<()> {
        let place = self.place_of(sql)?;
        self.run(place, async |client| client.batch_execute(sql).await)
    }
}

impl ConnectionSealed for PostgresConnection {}

impl Connection for PostgresConnection {
    type Backend = Pg;
    type TransactionManager = Transactions;

    fn establish(url: &str) -> ConnectionResult<Self> {
        let address = Address::parse(url).map_err(ConnectionError::InvalidConnectionUrl)?;
        Self::open(&address).map_err(|cause| ConnectionError::BadConnection(cause.to_string()))
    }

    fn execute_returning_count<T>(&mut self, source: &T) -> QueryResult<usize>
    where
        T: QueryFragment<Pg> + QueryId,
    {
        let (query, statement) = self.prepared(source)?;
        let place = self.place_of(&query.sql)?;
        let count = self.run(place, async |client| match &statement {
            Some(statement) => client.execute(statement, &query.values()).await,
            None => client.execute_typed(&query.sql, &query.parameters()).await,
        })?;
        self.answered(&query, statement.as_ref());
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    fn transaction_state(&mut self) -> &mut Transaction {
        &mut self.transaction
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        &mut self.instrumentation
    }

    fn set_instrumentation(&mut self, instrumentation: impl Instrumentation) {
        self.instrumentation = Some(Box::new(instrumentation));
    }

    /// The session decides for itself what it prepares.
    fn set_prepared_statement_cache_size(&mut self, _size: CacheSize) {}
}

impl LoadConnection<DefaultLoadingMode> for PostgresConnection {
    type Cursor<'conn, 'query> = Cursor;
    type Row<'conn, 'query> = PostgresRow;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> QueryResult<Cursor>
    where
        T: Query + QueryFragment<Pg> + QueryId + 'query,
        Pg: QueryMetadata<T::SqlType>,
    {
        let (query, statement) = self.prepared(&source)?;
        let place = self.place_of(&query.sql)?;
        let rows = self.run(place, async |client| match &statement {
            Some(statement) => client.query(statement, &query.values()).await,
            None => client.query_typed(&query.sql, &query.parameters()).await,
        })?;
        self.answered(&query, statement.as_ref());
        Ok(Cursor::over(rows))
    }
}

impl GetPgMetadataCache for PostgresConnection {
    fn get_metadata_cache(&mut self) -> &mut PgMetadataCache {
        &mut self.types
    }
}

impl MultiConnectionHelper for PostgresConnection {
    fn to_any<'a>(
        lookup: &mut <Pg as TypeMetadata>::MetadataLookup,
    ) -> &mut (dyn std::any::Any + 'a) {
        lookup.as_any()
    }

    fn from_any(
        lookup: &mut dyn std::any::Any,
    ) -> Option<&mut <Pg as TypeMetadata>::MetadataLookup> {
        let connection = lookup.downcast_mut::<Self>()?;
        Some(connection as &mut dyn PgMetadataLookup)
    }
}

impl MigrationConnection for PostgresConnection {
    fn setup(&mut self) -> QueryResult<usize> {
        diesel::sql_query(CREATE_MIGRATIONS_TABLE).execute(self)
    }
}

impl R2D2Connection for PostgresConnection {
    fn ping(&mut self) -> QueryResult<()> {
        let done = self.session.check();
        self.noted(done)
    }

    fn is_broken(&mut self) -> bool {
        self.session.is_broken() || !self.transaction.is_none()
    }
}

/// The begin of a text that changes nothing; the second one locks the log.
const HARMLESS: [&str; 2] = [
    "SELECT ",
    "UPDATE \"log_head\" SET \"last_id\" = \"log_head\".\"last_id\" RETURNING",
];
