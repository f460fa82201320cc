//! The error of an append: caused by the data of one submission, or by the database.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::store::StoreError;

/// The cause of a failed append: the data of one submission, or the database.
pub(super) enum AppendFailure {
    Data(StoreError),
    Whole(StoreError),
}

impl From<DieselError> for AppendFailure {
    fn from(error: DieselError) -> Self {
        let of_data = matches!(
            error,
            DieselError::SerializationError(_)
                | DieselError::DatabaseError(
                    DatabaseErrorKind::UniqueViolation
                        | DatabaseErrorKind::NotNullViolation
                        | DatabaseErrorKind::CheckViolation,
                    _
                )
        );
        let cause = StoreError::from(error);
        if of_data {
            Self::Data(cause)
        } else {
            Self::Whole(cause)
        }
    }
}

impl From<StoreError> for AppendFailure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::Data(error),
            other => Self::Whole(other),
        }
    }
}
