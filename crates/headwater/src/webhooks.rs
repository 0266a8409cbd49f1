//! Webhooks as the configuration file states them.

use std::sync::Arc;
use std::time::Duration;

use headwater_engine::AssetFilter;
use headwater_server::webhooks::{Delivery, Post, Webhook};
use serde::{Deserialize, Serialize};

use crate::failure::{Exit, Failure};

/// The most webhooks.
const WEBHOOKS_MAX: usize = 100;
/// The longest name, in bytes.
const NAME_BYTES_MAX: usize = 64;
/// How long connecting to a receiver may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a receiver may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// One table `[[webhook]]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookConfig {
    /// What it is called: in its cursor's file and in deliveries.
    name: String,
    /// Where deliveries are posted to.
    url: String,
    /// The variable of the environment that holds the secret.
    secret_env: String,
    /// Which changes.
    #[serde(default)]
    filter: Option<FilterConfig>,
    /// Only changes upstream of these assets.
    #[serde(default)]
    upstream_of: Option<UpstreamConfig>,
}

/// Which assets, as a subscription's filter.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FilterConfig {
    domains: Option<Vec<String>>,
    data_products: Option<Vec<String>>,
    owners: Option<Vec<String>>,
    tags: Option<Vec<String>>,
    types: Option<Vec<String>>,
    namespaces: Option<Vec<String>>,
    text: Option<String>,
}

/// Whose assets.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UpstreamConfig {
    owner: Option<String>,
    domain: Option<String>,
}

fn wrong(message: String) -> Failure {
    Failure::new(Exit::Input, message)
}

/// The webhooks that are configured; `environment` tells variables.
///
/// # Errors
/// A [`Failure`] with [`Exit::Input`] that names the webhook and the rule.
pub(crate) fn read(
    configs: &[WebhookConfig],
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Vec<Webhook>, Failure> {
    if configs.len() > WEBHOOKS_MAX {
        let message = format!(
            "{} webhooks are configured, more than {WEBHOOKS_MAX}",
            configs.len()
        );
        return Err(wrong(message));
    }
    let mut webhooks: Vec<Webhook> = Vec::with_capacity(configs.len());
    for config in configs {
        let webhook = config.read(&environment)?;
        if webhooks.iter().any(|other| other.name == webhook.name) {
            return Err(wrong(format!("two webhooks are called {:?}", webhook.name)));
        }
        webhooks.push(webhook);
    }
    Ok(webhooks)
}

impl WebhookConfig {
    fn read(&self, environment: impl Fn(&str) -> Option<String>) -> Result<Webhook, Failure> {
        let name = &self.name;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(is_plain) {
            return Err(wrong(format!(
                "a webhook is called {name:?}, and must be 1 to {NAME_BYTES_MAX} ASCII letters, digits, - and _"
            )));
        }
        let host = self
            .url
            .strip_prefix("https://")
            .or_else(|| self.url.strip_prefix("http://"));
        if host.is_none_or(|host| host.is_empty() || host.starts_with('/')) {
            let message = format!("webhook {name}: url is no address of HTTP or HTTPS");
            return Err(wrong(message));
        }
        let variable = &self.secret_env;
        let secret = environment(variable).filter(|secret| !secret.is_empty());
        let secret = secret.ok_or_else(|| {
            wrong(format!(
                "webhook {name}: the variable {variable} of the environment is not set"
            ))
        })?;
        let upstream_of = self
            .upstream_of
            .as_ref()
            .map(|of| match (&of.owner, &of.domain) {
                (Some(owner), None) => Ok(AssetFilter {
                    owners: Some(vec![owner.clone()]),
                    ..AssetFilter::default()
                }),
                (None, Some(domain)) => Ok(AssetFilter {
                    domains: Some(vec![domain.clone()]),
                    ..AssetFilter::default()
                }),
                _ => Err(wrong(format!(
                    "webhook {name}: upstream_of names an owner or a domain"
                ))),
            });
        Ok(Webhook {
            name: name.clone(),
            url: self.url.clone(),
            secret,
            filter: self.filter.clone().map(AssetFilter::from),
            upstream_of: upstream_of.transpose()?,
        })
    }
}

impl From<FilterConfig> for AssetFilter {
    fn from(filter: FilterConfig) -> Self {
        Self {
            domains: filter.domains,
            data_products: filter.data_products,
            owners: filter.owners,
            tags: filter.tags,
            types: filter.types,
            namespaces: filter.namespaces,
            text: filter.text,
            ..Self::default()
        }
    }
}

/// Posts deliveries; follows no redirects, since a signature is for one receiver.
pub(crate) fn post() -> Post {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .timeout_global(Some(ANSWER_TIMEOUT))
        .user_agent(concat!("headwater/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    Arc::new(move |delivery: &Delivery| {
        let request = agent
            .post(&delivery.url)
            .content_type("application/json")
            .header("Headwater-Delivery", &delivery.id)
            .header("Headwater-Signature", &delivery.signature);
        let response = request.send(&delivery.body[..]);
        response
            .map(|response| response.status().as_u16())
            .map_err(|error| error.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct File {
        webhook: Vec<WebhookConfig>,
    }

    fn check(text: &str) -> Result<Vec<Webhook>, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let environment = |name: &str| (name == "SECRET").then(|| "s".to_owned());
        read(&file.webhook, environment).map_err(|error| error.to_string())
    }

    #[test]
    fn webhooks_are_read_with_their_secrets_from_the_environment() {
        let text = "[[webhook]]\nname = \"alerts\"\nurl = \"https://h/x\"\nsecret_env = \"SECRET\"\n\
            filter = { domains = [\"orders\"] }\nupstream_of = { owner = \"bob\" }\n";
        let found = check(text).expect("a webhook");
        assert_eq!(
            (found[0].name.as_str(), found[0].secret.as_str()),
            ("alerts", "s")
        );
        let of = found[0].upstream_of.as_ref().expect("an owner");
        assert_eq!(of.owners.as_deref(), Some(&["bob".to_owned()][..]));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let hook = |name: &str, url: &str, rest: &str| {
            format!("[[webhook]]\nname = \"{name}\"\nurl = \"{url}\"\n{rest}\n")
        };
        let secret = "secret_env = \"SECRET\"";
        for (text, part) in [
            (hook("a/b", "http://h", secret), "a/b"),
            (hook("a", "ftp://h", secret), "url"),
            (hook("a", "http://h", "secret_env = \"OTHER\""), "OTHER"),
            (
                hook("a", "http://h", &format!("{secret}\nupstream_of = {{}}")),
                "upstream_of",
            ),
            (
                hook("a", "http://h", &format!("{secret}\nsecret = \"x\"")),
                "secret",
            ),
            (hook("a", "http://h", secret).repeat(2), "two webhooks"),
        ] {
            let error = check(&text).expect_err("it makes no sense");
            assert!(error.contains(part), "{error}");
        }
    }
}
