//! Objects of S3, Google Cloud Storage and Azure Blob Storage.

use std::str::FromStr as _;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _, RetryConfig};
use tokio::time::timeout;

use super::{FetchFailure, FetchRule, Fetching, files, name_of};

/// How long one address may take.
const TIMEOUT: Duration = Duration::from_secs(300);
/// How long one request is tried again.
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);
/// How often one request is tried again.
const RETRIES_MAX: usize = 3;
/// Objects below one address that are looked at.
const OBJECTS_MAX: usize = 1_000_000;

/// Who keeps a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Provider {
    S3,
    Gcs,
    Azure,
}

impl Provider {
    fn of(url: &str) -> Option<(Self, &str)> {
        [
            (Self::S3, "s3://"),
            (Self::Gcs, "gs://"),
            (Self::Azure, "az://"),
        ]
        .into_iter()
        .find_map(|(provider, scheme)| Some((provider, url.strip_prefix(scheme)?)))
    }

    fn open(
        self,
        bucket: &str,
        options: &[(String, String)],
    ) -> Result<Box<dyn ObjectStore>, String> {
        let retry = RetryConfig {
            max_retries: RETRIES_MAX,
            retry_timeout: RETRY_TIMEOUT,
            ..RetryConfig::default()
        };
        let store: Result<Box<dyn ObjectStore>, object_store::Error> = match self {
            Self::S3 => {
                let mut builder = AmazonS3Builder::new().with_bucket_name(bucket);
                for (key, value) in options {
                    builder =
                        builder.with_config(known(AmazonS3ConfigKey::from_str(key), key)?, value);
                }
                builder
                    .with_retry(retry)
                    .build()
                    .map(|store| Box::new(store) as _)
            }
            Self::Gcs => {
                let mut builder = GoogleCloudStorageBuilder::new().with_bucket_name(bucket);
                for (key, value) in options {
                    builder =
                        builder.with_config(known(GoogleConfigKey::from_str(key), key)?, value);
                }
                builder
                    .with_retry(retry)
                    .build()
                    .map(|store| Box::new(store) as _)
            }
            Self::Azure => {
                let mut builder = MicrosoftAzureBuilder::new().with_container_name(bucket);
                for (key, value) in options {
                    builder =
                        builder.with_config(known(AzureConfigKey::from_str(key), key)?, value);
                }
                builder
                    .with_retry(retry)
                    .build()
                    .map(|store| Box::new(store) as _)
            }
        };
        store.map_err(|error| told(&error, options))
    }
}

fn known<K>(found: Result<K, object_store::Error>, key: &str) -> Result<K, String> {
    found.map_err(|_| format!("{key:?} is no option of the store"))
}

/// Whether an address is one of a bucket.
pub(super) fn is_bucket(url: &str) -> bool {
    Provider::of(url).is_some()
}

/// Whether the options are some that the store of a prefix knows, and say enough to open it.
///
/// # Errors
/// Which one is not, or what is missing.
pub(super) fn check(rule: &FetchRule) -> Result<(), String> {
    open(&rule.prefix, rule).map(|_| ())
}

/// The bucket of an address, and the path in it.
fn open(url: &str, rule: &FetchRule) -> Result<(Box<dyn ObjectStore>, Path), String> {
    let (provider, rest) = Provider::of(url).ok_or("it names no bucket")?;
    let (bucket, path) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err("it names no bucket".to_owned());
    }
    // Whoever comes first decides for the process; a second one changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let path = Path::from_url_path(path).map_err(|error| error.to_string())?;
    Ok((provider.open(bucket, &rule.options)?, path))
}

/// Takes an object, or of a prefix the objects that the extractor reads, named by their paths below it. What has the
/// mark that it had before is not read again.
pub(super) fn fetch(
    fetching: &mut Fetching<'_>,
    rule: &FetchRule,
    url: &str,
) -> Result<(), FetchFailure> {
    let unreachable = |reason: String| FetchFailure::Unreachable {
        url: url.to_owned(),
        reason,
    };
    let (store, path) = open(url, rule).map_err(unreachable)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| unreachable(error.to_string()))?;
    runtime.block_on(async {
        let all = take_all(fetching, &*store, (rule, url, &path));
        match timeout(TIMEOUT, all).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Taking::Store(error))) => Err(unreachable(told(&error, &rule.options))),
            Ok(Err(Taking::TooMany)) => Err(unreachable(format!(
                "there are more than {OBJECTS_MAX} objects"
            ))),
            Ok(Err(Taking::Failed(failure))) => Err(failure),
            Err(_) => Err(unreachable(format!("it takes longer than {TIMEOUT:?}"))),
        }
    })
}

/// Why not all was taken.
enum Taking {
    Store(object_store::Error),
    TooMany,
    Failed(FetchFailure),
}

impl From<object_store::Error> for Taking {
    fn from(error: object_store::Error) -> Self {
        Self::Store(error)
    }
}

impl<E: Into<FetchFailure>> From<E> for Taking {
    fn from(failure: E) -> Self {
        Self::Failed(failure.into())
    }
}

async fn take_all(
    fetching: &mut Fetching<'_>,
    store: &dyn ObjectStore,
    (rule, url, path): (&FetchRule, &str, &Path),
) -> Result<(), Taking> {
    if !url.ends_with('/') {
        let object = store.head(path).await?;
        return take(fetching, store, &object, &name_of(rule, url)).await;
    }
    let globs = files::globs(fetching)?;
    let mut found = Vec::new();
    let mut seen_count = 0;
    let mut listed = store.list(Some(path));
    while let Some(object) = listed.try_next().await? {
        seen_count += 1;
        if seen_count > OBJECTS_MAX {
            return Err(Taking::TooMany);
        }
        let Some(below) = object.location.prefix_match(path) else {
            continue;
        };
        let below: Vec<_> = below.collect();
        let name = below
            .iter()
            .map(AsRef::as_ref)
            .collect::<Vec<&str>>()
            .join("/");
        if globs.is_match(&name) {
            found.push((name, object));
        }
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (name, object) in found {
        take(fetching, store, &object, &name).await?;
    }
    Ok(())
}

async fn take(
    fetching: &mut Fetching<'_>,
    store: &dyn ObjectStore,
    object: &ObjectMeta,
    name: &str,
) -> Result<(), Taking> {
    let mark = object.e_tag.clone().unwrap_or_else(|| {
        let changed = object.last_modified.timestamp_millis();
        format!("{} bytes of {changed}", object.size)
    });
    if fetching.seen_before(name) == Some(&mark) {
        return Ok(fetching.keep(name)?);
    }
    let mut content = store.get(&object.location).await?.into_stream();
    fetching.seen.insert(name.to_owned(), mark);
    let mut file = fetching.upload.begin(name)?;
    while let Some(chunk) = content.try_next().await? {
        file.write(&chunk)?;
    }
    Ok(file.finish()?)
}

/// What a store says, without what must not be told: the options' values, and parameters of addresses, which may sign.
fn told(error: &object_store::Error, options: &[(String, String)]) -> String {
    let mut text = error.to_string();
    for (_, value) in options.iter().filter(|(_, value)| value.len() >= 4) {
        text = text.replace(value.as_str(), "…");
    }
    let words = text.split_inclusive(char::is_whitespace).map(|word| {
        let (Some(_), Some((address, parameters))) = (word.find("://"), word.split_once('?'))
        else {
            return word.to_owned();
        };
        let end = parameters.len() - parameters.trim_end().len();
        format!("{address}{}", &parameters[parameters.len() - end..])
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(prefix: &str, options: &[(&str, &str)]) -> FetchRule {
        let options = options.iter();
        let options = options.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        FetchRule {
            prefix: prefix.to_owned(),
            headers: Vec::new(),
            options: options.collect(),
        }
    }

    #[test]
    fn options_are_checked_before_anything_is_fetched() {
        for (prefix, options, expected) in [
            ("s3://lake/dbt/", vec![("aws_region", "eu-central-1")], None),
            (
                "s3://lake/",
                vec![("aws_regoin", "x")],
                Some("\"aws_regoin\" is no option of the store"),
            ),
            ("gs://lake/", vec![("google_skip_signature", "true")], None),
            (
                "az://lake/",
                vec![("azure_storage_account_name", "shop")],
                None,
            ),
            ("az://lake/", vec![], Some("Account must be specified")),
            ("s3:///dbt/", vec![], Some("it names no bucket")),
        ] {
            let found = check(&rule(prefix, &options));
            match expected {
                None => assert_eq!(found, Ok(()), "{prefix} {options:?}"),
                Some(expected) => {
                    let found = found.expect_err(prefix);
                    assert!(found.contains(expected), "{prefix} {options:?}: {found}");
                }
            }
        }
    }

    #[test]
    fn secrets_of_a_store_are_not_told() {
        let error = object_store::Error::Generic {
            store: "MicrosoftAzure",
            source: "GET https://shop.blob.example/lake?sv=1&sig=abc%2F was refused for hunter2\n"
                .into(),
        };
        let options = [("azure_storage_account_key".to_owned(), "hunter2".to_owned())];
        assert_eq!(
            told(&error, &options),
            "Generic MicrosoftAzure error: GET https://shop.blob.example/lake was refused for …\n"
        );
    }
}
