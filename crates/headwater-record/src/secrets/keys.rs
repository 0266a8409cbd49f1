//! Which keys name secrets.

/// A key that ends with one of these names a secret.
pub(crate) const WORDS: [&str; 27] = [
    "password",
    "passwords",
    "passwd",
    "pwd",
    "passphrase",
    "passcode",
    "secret",
    "secrets",
    "token",
    "tokens",
    "credential",
    "credentials",
    "authorization",
    "apikey",
    "apikeys",
    "accesskey",
    "secretkey",
    "privatekey",
    "accountkey",
    "sharedkey",
    "authtoken",
    "accesstoken",
    "sastoken",
    "clientsecret",
    "sas",
    "pgpass",
    "dbpass",
];

/// A key that ends with two words of one of these names a secret.
pub(crate) const PAIRS: [(&str, &str); 23] = [
    ("api", "key"),
    ("api", "keys"),
    ("private", "key"),
    ("access", "key"),
    ("access", "keys"),
    ("secret", "key"),
    ("encryption", "key"),
    ("account", "key"),
    ("shared", "key"),
    ("master", "key"),
    ("signing", "key"),
    ("ssh", "key"),
    ("hmac", "key"),
    ("shared", "signature"),
    ("access", "signature"),
    ("db", "pass"),
    ("database", "pass"),
    ("user", "pass"),
    ("pg", "pass"),
    ("smtp", "pass"),
    ("identified", "by"),
    ("basic", "auth"),
    ("connection", "pass"),
];

/// Tokens of these kinds are places in a list or counts.
const HARMLESS_TOKENS: [&str; 14] = [
    "page",
    "next",
    "continuation",
    "sync",
    "resume",
    "max",
    "min",
    "total",
    "prompt",
    "completion",
    "input",
    "output",
    "num",
    "unexpected",
];

/// Words at the end of a key that say nothing of what it names.
const TRAILING: [&str; 12] = [
    "value",
    "values",
    "string",
    "text",
    "plain",
    "plaintext",
    "encoded",
    "base64",
    "hash",
    "hashed",
    "old",
    "new",
];

/// What a key names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    /// No secret.
    Harmless,
    /// A secret that is a text. Numbers are counts: `tokens: 3`.
    Text,
    /// A secret, whatever its value looks like, and whatever stands around it.
    Strong,
}

/// What `key` names, in whatever way its words are joined.
pub(crate) fn sort(key: &str) -> Sort {
    let mut words = words(key);
    while words
        .last()
        .is_some_and(|word| TRAILING.contains(&&**word) || word.bytes().all(|b| b.is_ascii_digit()))
        && words.len() > 1
    {
        words.pop();
    }
    let Some(last) = words.last().map(String::as_str) else {
        return Sort::Harmless;
    };
    let before = words.len().checked_sub(2).map(|at| words[at].as_str());
    let is_harmless_token =
        last.starts_with("token") && before.is_some_and(|before| HARMLESS_TOKENS.contains(&before));
    if is_harmless_token {
        return Sort::Harmless;
    }
    let is_pair = before.is_some_and(|before| PAIRS.contains(&(before, last)));
    let is_key_id = last == "id"
        && before == Some("key")
        && words.iter().any(|word| word == "access" || word == "aws");
    // Schema registries take `user:password` in `basic.auth.user.info`.
    let is_user_info =
        last == "info" && before == Some("user") && words.iter().any(|word| word == "auth");
    if is_pair || is_key_id || is_user_info {
        return Sort::Strong;
    }
    if last == "pass" && words.len() == 1 {
        return Sort::Text;
    }
    let is_joined = ["password", "passwd", "passphrase"]
        .iter()
        .any(|end| last.ends_with(end));
    if !is_joined && !WORDS.contains(&last) {
        return Sort::Harmless;
    }
    match last {
        "token" | "tokens" | "credential" | "credentials" | "sas" => Sort::Text,
        _ => Sort::Strong,
    }
}

/// True for keys whose objects may count: `"tokens": {"read": 3}`.
pub(crate) fn names_counts(key: &str) -> bool {
    words(key).last().is_some_and(|last| last == "tokens")
}

/// True for keys whose objects have names of columns for keys.
pub(crate) fn holds_columns(key: &str) -> bool {
    let words = words(key).concat();
    matches!(
        words.as_str(),
        "fields" | "columns" | "columnmetrics" | "columntypes" | "datatypes" | "dtypes"
    )
}

/// True for arguments of commands that the value of a secret follows: `--password`.
pub(crate) fn is_option(argument: &str) -> bool {
    argument.starts_with('-') && !argument.contains(['=', ' ']) && sort(argument) != Sort::Harmless
}

/// Words of a key, in lower case: `AWSSecretKey`, `aws_secret_key` and `aws.secret-key` have the same three.
fn words(key: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let chars: Vec<char> = key.chars().collect();
    for (at, c) in chars.iter().enumerate() {
        if !c.is_alphanumeric() {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            continue;
        }
        let before = at.checked_sub(1).map(|at| chars[at]);
        let next = chars.get(at + 1);
        let begins = before.is_some_and(|before| {
            (c.is_uppercase() && before.is_lowercase())
                || (c.is_uppercase()
                    && before.is_uppercase()
                    && next.is_some_and(|next| next.is_lowercase()))
                || (c.is_ascii_digit() != before.is_ascii_digit() && before.is_alphanumeric())
        });
        if begins && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        word.extend(c.to_lowercase());
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}
