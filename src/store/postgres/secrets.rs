//! The password in a URL, which no message may show.

/// A message that may be shown.
pub(super) fn without_secrets(url: &str, message: String) -> String {
    let secrets = passwords(url);
    if secrets.iter().any(|secret| secret.contains(RESERVED)) {
        return "the URL cannot be used; a password in it must be percent-encoded".to_owned();
    }
    secrets
        .iter()
        .filter(|secret| !secret.is_empty())
        .fold(message, |shown, secret| shown.replace(secret, "…"))
}

/// Whatever of a URL may be a password: rather too much, where it is not well formed.
fn passwords(url: &str) -> Vec<&str> {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let before_host = after_scheme.rsplit_once('@').map(|(info, _)| info);
    let in_front = before_host
        .and_then(|info| info.split_once(':'))
        .map(|(_, password)| password);
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let named = query
        .split('&')
        .filter_map(|pair| pair.strip_prefix("password="));
    in_front.into_iter().chain(named).collect()
}

/// In a password these make the URL mean something else than was meant.
const RESERVED: &[char] = &['@', '/', '?', '#', ':', '['];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_without_secrets_is_shown_as_it_is() {
        let message = "db:5432: error connecting to server: Connection refused".to_owned();

        let shown = without_secrets(
            "postgres://hub:sesame@db/hub?sslmode=require",
            message.clone(),
        );

        assert_eq!(shown, message);
    }
}
