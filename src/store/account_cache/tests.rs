use super::*;
use crate::alarm::{DisplayName, Role, Timestamp};

fn id(text: &str) -> UserId {
    UserId::parse(text).unwrap()
}

fn account(text: &str) -> Known {
    let account = Arc::new(Account {
        id: id(text),
        display_name: DisplayName::parse(text).unwrap(),
        role: Role::User,
        password_hash: None,
        has_password: false,
        made_by: None,
        inbox_start: 0,
        tokens_valid_from: Timestamp::from_millis(0),
        disabled: false,
        created_at: Timestamp::from_millis(0),
        kicks: 0,
        signed_out_at: Timestamp::from_millis(0),
        own_start: 0,
    });
    Known {
        account: Some(account),
        deletion: None,
    }
}

#[test]
fn an_account_that_another_hub_may_change_is_not_remembered_for_long() {
    let (accounts, now) = (Accounts::default(), Instant::now());

    accounts.remember(id("bob"), account("bob"), accounts.moment(), now);

    let found = |later| accounts.find(&id("bob"), false, now + later);
    assert!(matches!(
        found(REMEMBERED_FOR - Duration::from_millis(1)),
        Remembered::Account(_)
    ));
    assert!(matches!(found(REMEMBERED_FOR), Remembered::Nothing));
}

#[test]
fn an_account_that_nobody_else_changes_is_remembered_and_the_want_of_one_is_not() {
    let (accounts, now) = (Accounts::default(), Instant::now());

    accounts.remember(id("bob"), account("bob"), accounts.moment(), now);
    accounts.remember(id("shop"), Known::default(), accounts.moment(), now);

    let found = |who| accounts.find(&id(who), true, now + Duration::from_secs(3_600));
    assert!(matches!(found("bob"), Remembered::Account(_)));
    assert!(matches!(found("shop"), Remembered::Nothing));
}

#[test]
fn an_account_is_remembered_as_long_as_the_count_of_changes_stays() {
    let (accounts, now) = (Accounts::default(), Instant::now());
    let later = now + Duration::from_secs(3_600);
    accounts.changed_so_often(7, now);
    accounts.remember(id("bob"), account("bob"), accounts.moment(), now);
    accounts.remember(id("shop"), Known::default(), accounts.moment(), now);

    accounts.changed_so_often(7, later);

    let found = |who| accounts.find(&id(who), false, later);
    assert!(matches!(found("bob"), Remembered::Account(_)));
    assert!(matches!(found("shop"), Remembered::Nothing));

    accounts.changed_so_often(8, later);

    assert!(matches!(found("bob"), Remembered::Nothing));
}

#[test]
fn a_count_that_another_overtook_says_nothing_and_one_that_went_back_forgets_all() {
    let (accounts, before) = (Accounts::default(), Instant::now());
    let now = before + Duration::from_millis(1);
    accounts.changed_so_often(8, now);
    accounts.remember(id("bob"), account("bob"), accounts.moment(), now);
    let found = || accounts.find(&id("bob"), false, now);

    accounts.changed_so_often(7, before);
    assert!(matches!(found(), Remembered::Account(_)));

    accounts.changed_so_often(7, now + Duration::from_millis(1));
    assert!(matches!(found(), Remembered::Nothing));
}

#[test]
fn a_change_of_this_hub_removes_the_account_alone() {
    let (accounts, now) = (Accounts::default(), Instant::now());
    accounts.changed_so_often(7, now);
    accounts.remember(id("bob"), account("bob"), accounts.moment(), now);
    accounts.remember(id("carol"), account("carol"), accounts.moment(), now);
    let found = |who| accounts.find(&id(who), true, now);

    accounts.changed([id("bob")].iter(), Some(8));
    accounts.changed_so_often(8, now);

    assert!(matches!(found("bob"), Remembered::Nothing));
    assert!(matches!(found("carol"), Remembered::Account(_)));

    // Another hub made the change before this one.
    accounts.changed([id("bob")].iter(), Some(10));
    accounts.changed_so_often(10, now);

    assert!(matches!(found("carol"), Remembered::Nothing));
}

fn told(changes: &[(i64, &str)]) -> BTreeMap<i64, Vec<UserId>> {
    let changes = changes.iter();
    changes
        .map(|(count, who)| (*count, vec![id(who)]))
        .collect()
}

#[test]
fn changes_that_are_all_told_remove_these_accounts_alone() {
    let (accounts, now) = (Accounts::default(), Instant::now());
    let later = now + Duration::from_secs(3_600);
    accounts.changed_so_often(7, now);
    for who in ["bob", "carol", "dave"] {
        accounts.remember(id(who), account(who), accounts.moment(), now);
    }
    let found = |who| accounts.find(&id(who), false, later);

    accounts.follow(9, later, &told(&[(7, "dave"), (8, "bob"), (9, "carol")]));

    assert!(matches!(found("bob"), Remembered::Nothing));
    assert!(matches!(found("carol"), Remembered::Nothing));
    assert!(matches!(found("dave"), Remembered::Account(_)));
}

#[test]
fn a_change_that_is_not_told_removes_all_accounts() {
    for changes in [
        told(&[]),
        told(&[(8, "carol")]),
        told(&[(9, "carol"), (10, "carol")]),
    ] {
        let (accounts, now) = (Accounts::default(), Instant::now());
        accounts.changed_so_often(7, now);
        accounts.remember(id("bob"), account("bob"), accounts.moment(), now);

        accounts.follow(9, now, &changes);

        assert!(
            matches!(accounts.find(&id("bob"), false, now), Remembered::Nothing),
            "{changes:?}"
        );
    }
}

#[test]
fn an_account_is_not_remembered_while_the_count_differs_from_the_known_one() {
    let (accounts, now) = (Accounts::default(), Instant::now());
    let later = now + REMEMBERED_FOR;
    accounts.changed_so_often(7, now);
    accounts.remember(id("bob"), account("bob"), accounts.moment(), now);
    let found = || accounts.find(&id("bob"), false, later);

    accounts.still_counted(8, later);
    assert!(matches!(found(), Remembered::Nothing));

    accounts.still_counted(7, later);
    assert!(matches!(found(), Remembered::Account(_)));
}

#[test]
fn what_was_read_before_a_change_that_is_told_is_not_remembered_after_it() {
    let (accounts, now) = (Accounts::default(), Instant::now());
    accounts.changed_so_often(7, now);
    let before = accounts.moment();

    accounts.follow(8, now, &told(&[(8, "bob")]));
    accounts.remember(id("bob"), account("bob"), before, now);

    let found = accounts.find(&id("bob"), true, now);
    assert!(matches!(found, Remembered::Nothing));
}

#[test]
fn what_was_read_before_a_change_is_not_remembered_after_it() {
    let (accounts, now) = (Accounts::default(), Instant::now());
    let before = accounts.moment();

    accounts.forget([id("bob")].iter());
    accounts.remember(id("bob"), account("bob"), before, now);

    assert!(matches!(
        accounts.find(&id("bob"), true, now),
        Remembered::Nothing
    ));
}
