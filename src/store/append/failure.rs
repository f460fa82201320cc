//! The failure of an append: of one submission's data, or of the whole batch.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::store::StoreError;

/// Whether a failed append is the fault of one submission's data or of the database.
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
