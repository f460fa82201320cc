//! Declared types of alarms: what their data must look like, and the words that people read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::actions::audit::Actor;
use crate::actions::identity::Identity;
use crate::actions::{AppState, Forbidden, Refusal, Rule, Thing};
use crate::alarm::declared::{
    DataFault, DataSchema, DeclaredType, MOST_LANGUAGES, StoredType, TypeWords, TypeWriter,
};
use crate::alarm::schema::{JsonSchema, WordsByLanguage};
use crate::alarm::{
    AlarmType, InvalidValue, LanguageTag, OWN_TYPES, Payload, Role, Scope, TypeText,
};
use crate::store::Declared;

/// A declaration: the body of `PUT /api/alarm-types/{alarmType}`.
#[derive(utoipa::ToSchema, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Declaration {
    /// The JSON Schema (2020-12) of the data.
    #[serde(default)]
    #[schema(value_type = Option<JsonSchema>)]
    pub schema: Option<Value>,
    /// The words by language.
    #[serde(default)]
    #[schema(value_type = WordsByLanguage, required = false)]
    pub words: BTreeMap<LanguageTag, TypeText>,
}

/// All declared types, by their names.
#[derive(utoipa::ToSchema, Debug, Serialize)]
pub(crate) struct TypeList {
    /// The types.
    pub types: BTreeMap<AlarmType, TypeView>,
}

/// A declared type, as the API shows it.
#[derive(utoipa::ToSchema, Debug, Serialize)]
pub(crate) struct TypeView {
    /// The words by language.
    #[schema(value_type = WordsByLanguage)]
    pub words: TypeWords,
    /// The JSON Schema of the data, for those who may see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<JsonSchema>, nullable = false)]
    pub schema: Option<Box<RawValue>>,
}

impl TypeView {
    fn of(declared: &DeclaredType, with_schema: bool) -> Self {
        let schema = declared.stored.schema.clone().filter(|_| with_schema);
        Self {
            words: declared.words.clone(),
            schema: schema.and_then(|text| RawValue::from_string(text).ok()),
        }
    }
}

/// Declares a type, or declares it anew. True if it was not declared before.
pub(crate) async fn declare(
    state: &AppState,
    by: Actor,
    alarm_type: AlarmType,
    declaration: Declaration,
) -> Result<(TypeView, bool), Refusal> {
    if is_own(&alarm_type) {
        return Err(Refusal::invalid("alarmType", InvalidValue::OwnType));
    }
    let words = TypeWords::new(declaration.words);
    let words = words.ok_or_else(|| Refusal::invalid("words", Rule::AtMost(MOST_LANGUAGES)))?;
    let schema = declaration.schema.as_ref().map(DataSchema::parse);
    let schema = schema.transpose().map_err(Refusal::InvalidSchema)?;
    let internal = |cause: serde_json::Error| Refusal::Internal(cause.to_string());
    let stored = StoredType {
        alarm_type,
        schema: declaration.schema.map(|schema| schema.to_string()),
        words: serde_json::to_string(&words).map_err(internal)?,
    };
    let declared = state.store.declare_alarm_type(stored.clone(), by).await?;
    match declared {
        Declared::TooMany => return Err(Refusal::TooManyAlarmTypes),
        Declared::TooLarge => return Err(Refusal::AlarmTypesTooLarge),
        Declared::New | Declared::Again => refresh(state).await?,
    }
    let declared_type = DeclaredType {
        stored,
        schema,
        words,
    };
    let view = TypeView::of(&declared_type, true);
    Ok((view, declared == Declared::New))
}

/// Deletes the declaration of a type. What was published stays.
pub(crate) async fn delete(
    state: &AppState,
    by: Actor,
    alarm_type: AlarmType,
) -> Result<(), Refusal> {
    if !state.store.delete_alarm_type(alarm_type, by).await? {
        return Err(Refusal::NotFound(Thing::AlarmType));
    }
    refresh(state).await
}

/// All declared types; their schemas for those who publish or declare.
pub(crate) fn list(state: &AppState, reader: &Identity) -> TypeList {
    let with_schema = sees_schemas(reader).is_ok();
    let types = state.types.all();
    let types = types
        .iter()
        .map(|(name, declared)| (name.clone(), TypeView::of(declared, with_schema)));
    TypeList {
        types: types.collect(),
    }
}

/// A TypeScript module with the data of all declared types, for `createCampanile<AlarmTypes>()`.
pub(crate) fn typescript(state: &AppState, reader: &Identity) -> Result<String, Refusal> {
    sees_schemas(reader)?;
    let writer = TypeWriter::default();
    let mut module = String::from(
        "/** The data of each type of alarms that is declared at the hub. */\nexport type AlarmTypes = {\n",
    );
    for (name, declared) in state.types.all().iter() {
        let schema = declared.stored.schema.as_deref().unwrap_or("true");
        let schema: Value = serde_json::from_str(schema).unwrap_or_default();
        let data = writer.type_of(&schema);
        module.push_str(&format!("  {name}: {data};\n"));
    }
    module.push_str("};\n");
    Ok(module)
}

/// Refuses whoever may not see the schemas.
fn sees_schemas(reader: &Identity) -> Result<(), Refusal> {
    match reader.key() {
        Some(key) if key.grant.keeps_types() => Ok(()),
        Some(_key) => Err(Refusal::MissingScope(Scope::Types)),
        None if reader.role() == Role::User => Err(Refusal::Forbidden(Forbidden::NeedsPublisher)),
        None => Ok(()),
    }
}

/// Checks the type and the data of an alarm that somebody publishes. Where no type is declared, that is a look at an empty map.
pub(super) async fn check(
    state: &AppState,
    alarm_type: &AlarmType,
    data: Option<&Payload>,
) -> Result<(), Refusal> {
    let Some(declared) = state.types.find(alarm_type) else {
        if state.policy.declared_types && !is_own(alarm_type) {
            return Err(Refusal::UnknownAlarmType(alarm_type.clone()));
        }
        return Ok(());
    };
    let Some(schema) = &declared.schema else {
        return Ok(());
    };
    let data = data.map_or(Ok(Value::Null), |data| serde_json::from_str(data.as_json()));
    let data = data.map_err(|cause| Refusal::Internal(cause.to_string()))?;
    if schema.steps(&data) <= STEPS_ON_A_WORKER {
        return schema.check(&data).map_err(invalid_data);
    }
    // Beside the workers: it may take a tenth of a second.
    let checked = tokio::task::spawn_blocking(move || match &declared.schema {
        Some(schema) => schema.check(&data),
        None => Ok(()),
    });
    let checked = checked.await;
    let checked = checked.map_err(|cause| Refusal::Internal(cause.to_string()))?;
    checked.map_err(invalid_data)
}

fn invalid_data(fault: DataFault) -> Refusal {
    let field = "data".into();
    Refusal::InvalidData { field, fault }
}

fn is_own(alarm_type: &AlarmType) -> bool {
    OWN_TYPES.contains(&alarm_type.as_str())
}

/// Reads the types again after a change of this hub.
async fn refresh(state: &AppState) -> Result<(), Refusal> {
    Ok(state.types.refresh(state.store.alarm_types()).await?)
}

/// A part of a millisecond.
const STEPS_ON_A_WORKER: usize = 10_000;
