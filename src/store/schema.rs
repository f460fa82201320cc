// Times are milliseconds since the Unix epoch, so that both databases hold the same value.

diesel::table! {
    account_totals (id) {
        id -> BigInt,
        accounts -> BigInt,
    }
}

diesel::table! {
    alarm_type_head (id) {
        id -> BigInt,
        changes -> BigInt,
    }
}

diesel::table! {
    alarm_types (alarm_type) {
        alarm_type -> Text,
        data_schema -> Nullable<Text>,
        words -> Text,
        bytes -> BigInt,
    }
}

diesel::table! {
    alarms (id) {
        id -> BigInt,
        topic -> Text,
        alarm_type -> Text,
        from_user_id -> Nullable<Text>,
        target_id -> Nullable<Text>,
        data -> Text,
        url -> Nullable<Text>,
        client_id -> Nullable<Text>,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    api_key_head (id) {
        id -> BigInt,
        changes -> BigInt,
    }
}

diesel::table! {
    api_keys (id) {
        id -> Text,
        name -> Text,
        digest -> Text,
        scopes -> Text,
        topics -> Text,
        created_at -> BigInt,
        created_by -> Text,
        expires_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
        tokens_valid_from -> BigInt,
        last_used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    audit_log (id) {
        id -> BigInt,
        made_at -> BigInt,
        actor -> Text,
        action -> Text,
        target -> Text,
        address -> Text,
        detail -> Text,
    }
}

diesel::table! {
    deleted_users (id) {
        id -> Text,
        head -> BigInt,
        deleted_at -> BigInt,
    }
}

diesel::table! {
    idempotency_keys (publisher, idempotency_key) {
        publisher -> Text,
        idempotency_key -> Text,
        body_hash -> Text,
        first_id -> BigInt,
        alarm_count -> BigInt,
        created_at -> BigInt,
    }
}

diesel::table! {
    log_head (id) {
        id -> BigInt,
        last_id -> BigInt,
        pruned_up_to -> BigInt,
        account_changes -> BigInt,
        epoch -> Nullable<Text>,
        marks_base -> BigInt,
    }
}

diesel::table! {
    mercure_topics (topic_hash, update_id) {
        topic_hash -> BigInt,
        update_id -> BigInt,
    }
}

diesel::table! {
    mercure_updates (id) {
        id -> BigInt,
        external_id -> Text,
        external_hash -> BigInt,
        topics -> Text,
        private -> BigInt,
        event_type -> Nullable<Text>,
        retry -> BigInt,
        data -> Text,
        size_bytes -> BigInt,
        created_at -> BigInt,
    }
}

diesel::table! {
    receipts (user_id, alarm_id) {
        user_id -> Text,
        alarm_id -> BigInt,
        seen_at -> Nullable<BigInt>,
        read_at -> Nullable<BigInt>,
        deleted_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    revoked_tokens (token_id) {
        token_id -> Text,
        expires_at -> BigInt,
    }
}

diesel::table! {
    rooms (id) {
        id -> Text,
        name -> Text,
        created_at -> BigInt,
        created_by -> Nullable<Text>,
    }
}

diesel::table! {
    sign_in_networks (user_id, network) {
        user_id -> Text,
        network -> Text,
        last_at -> BigInt,
    }
}

diesel::table! {
    signing_keys (id) {
        id -> Text,
        sealed -> Text,
        created_at -> BigInt,
        verifies_until -> Nullable<BigInt>,
    }
}

// These are on PostgreSQL only.
diesel::table! {
    answers (question, hub) {
        question -> Text,
        hub -> Text,
        body -> Text,
    }
}

diesel::table! {
    hubs (id) {
        id -> Text,
        incarnation -> BigInt,
        beat -> BigInt,
        version -> Text,
        streams -> BigInt,
        log_lag -> BigInt,
        bell_micros -> Nullable<BigInt>,
        server -> Text,
    }
}

diesel::table! {
    stream_counts (hub, user_id) {
        hub -> Text,
        incarnation -> BigInt,
        user_id -> Text,
        streams -> Integer,
    }
}

diesel::table! {
    presence (hub, room, user_id) {
        hub -> Text,
        incarnation -> BigInt,
        room -> Text,
        user_id -> Text,
    }
}

diesel::table! {
    signal_head (id) {
        id -> BigInt,
        incarnation -> Text,
        last_id -> BigInt,
    }
}

diesel::table! {
    signals (id) {
        id -> BigInt,
        kind -> Text,
        subject -> Text,
        detail -> Text,
    }
}

diesel::table! {
    users (id) {
        id -> Text,
        display_name -> Text,
        role -> Text,
        password_hash -> Nullable<Text>,
        inbox_start -> BigInt,
        seen_up_to -> BigInt,
        read_up_to -> BigInt,
        created_at -> BigInt,
        tokens_valid_from -> BigInt,
        disabled_at -> Nullable<BigInt>,
        kicks -> BigInt,
        marks -> BigInt,
        made_by -> Nullable<Text>,
        signed_out_at -> BigInt,
        own_start -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(alarms, receipts);
diesel::allow_tables_to_appear_in_same_query!(log_head, users);
diesel::allow_tables_to_appear_in_same_query!(alarms, users);
