//! What functions do with what goes into them.

/// Aggregates that some system has; any other function with OVER counts as one, too.
const AGGREGATES: &[&str] = &[
    "any_value",
    "approx_count_distinct",
    "approx_distinct",
    "approx_median",
    "approx_percentile",
    "approx_quantiles",
    "approx_top_k",
    "arbitrary",
    "arg_max",
    "arg_min",
    "argmax",
    "argmin",
    "array_agg",
    "array_concat_agg",
    "array_union_agg",
    "array_unique_agg",
    "avg",
    "avgif",
    "bit_and",
    "bit_or",
    "bit_xor",
    "bitand_agg",
    "bitor_agg",
    "bool_and",
    "bool_or",
    "booland_agg",
    "boolor_agg",
    "collect_list",
    "collect_set",
    "corr",
    "count",
    "count_big",
    "count_if",
    "countif",
    "covar_pop",
    "covar_samp",
    "every",
    "first",
    "first_value",
    "group_concat",
    "grouparray",
    "groupuniqarray",
    "grouping",
    "grouping_id",
    "hash_agg",
    "histogram",
    "hll",
    "json_agg",
    "json_array_agg",
    "json_arrayagg",
    "json_object_agg",
    "json_objectagg",
    "jsonb_agg",
    "jsonb_object_agg",
    "kurtosis",
    "last",
    "last_value",
    "list",
    "listagg",
    "logical_and",
    "logical_or",
    "map_agg",
    "max",
    "max_by",
    "mean",
    "median",
    "min",
    "min_by",
    "minhash",
    "mode",
    "nth_value",
    "object_agg",
    "percentile",
    "percentile_approx",
    "percentile_cont",
    "percentile_disc",
    "quantile",
    "quantilecont",
    "regr_avgx",
    "regr_avgy",
    "regr_count",
    "regr_intercept",
    "regr_r2",
    "regr_slope",
    "skewness",
    "some",
    "std",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "stdev",
    "stdevp",
    "string_agg",
    "sum",
    "sumif",
    "sum_distinct",
    "try_avg",
    "try_sum",
    "uniq",
    "uniqexact",
    "var",
    "var_pop",
    "var_samp",
    "variance",
    "varp",
    "wm_concat",
    "xmlagg",
];

/// Functions of whose result nothing of what went in can be read: hashes, digests, masks.
const MASKS: &[&str] = &[
    "crc32",
    "encrypt",
    "aes_encrypt",
    "cityhash64",
    "digest",
    "farm_fingerprint",
    "farmfingerprint",
    "fnv_hash",
    "hash",
    "hashbytes",
    "hex_sha",
    "hmac",
    "hmac_sha256",
    "mask",
    "mask_first_n",
    "mask_hash",
    "mask_last_n",
    "mask_show_first_n",
    "mask_show_last_n",
    "md5",
    "md5_binary",
    "md5_hex",
    "md5_number",
    "md5_number_lower64",
    "md5_number_upper64",
    "murmur_hash",
    "murmurhash3",
    "ora_hash",
    "password",
    "pbkdf2",
    "sha",
    "sha1",
    "sha1_binary",
    "sha1_hex",
    "sha2",
    "sha224",
    "sha256",
    "sha384",
    "sha2_binary",
    "sha2_hex",
    "sha512",
    "siphash64",
    "spooky_hash_v2_32",
    "spooky_hash_v2_64",
    "standard_hash",
    "xxhash64",
    "xxh64",
];

/// Functions that take one of several values by a condition, which stands first.
const CONDITIONALS: &[&str] = &["if", "iff", "iif", "nvl2", "decode", "multiif", "case"];

/// Functions whose first argument is a part of a date, not a column.
const OF_DATE_PARTS: &[&str] = &[
    "date_part",
    "dateadd",
    "datediff",
    "datename",
    "datepart",
    "datetrunc",
    "date_trunc",
    "timestampadd",
    "timestampdiff",
    "timestamp_trunc",
    "last_day",
    "date_diff",
    "datetime_diff",
    "timestamp_diff",
    "time_slice",
    "datetime_trunc",
    "time_trunc",
    "trunc",
    "next_day",
    "date_add",
    "date_sub",
    "time_diff",
];

const DATE_PARTS: &[&str] = &[
    "century",
    "d",
    "day",
    "dayofmonth",
    "dayofweek",
    "dayofyear",
    "day_hour",
    "dd",
    "decade",
    "dow",
    "doy",
    "dw",
    "dy",
    "epoch",
    "epoch_second",
    "h",
    "hh",
    "hour",
    "isodow",
    "isoweek",
    "isoyear",
    "m",
    "mcs",
    "mi",
    "microsecond",
    "microseconds",
    "millennium",
    "millisecond",
    "milliseconds",
    "min",
    "minute",
    "mm",
    "mon",
    "month",
    "months",
    "ms",
    "n",
    "nanosecond",
    "ns",
    "q",
    "qq",
    "qtr",
    "quarter",
    "s",
    "sec",
    "second",
    "seconds",
    "ss",
    "us",
    "w",
    "week",
    "weekday",
    "weekofyear",
    "weeks",
    "wk",
    "ww",
    "y",
    "year",
    "years",
    "yy",
    "yyyy",
    "days",
    "hours",
    "minutes",
];

fn is_one_of(list: &[&str], name: &str) -> bool {
    list.iter().any(|one| one.eq_ignore_ascii_case(name))
}

/// True if the function makes one value of several rows.
pub(crate) fn is_aggregate(name: &str) -> bool {
    is_one_of(AGGREGATES, name)
}

/// True if the function hides what goes into it.
pub(crate) fn is_mask(name: &str) -> bool {
    is_one_of(MASKS, name)
}

/// True if the function's first argument is a condition.
pub(crate) fn is_conditional(name: &str) -> bool {
    is_one_of(CONDITIONALS, name)
}

/// True if `word` is a part of a date when it stands in that function.
pub(crate) fn is_date_part(function: &str, word: &str) -> bool {
    is_one_of(OF_DATE_PARTS, function) && is_one_of(DATE_PARTS, word)
}

/// Functions that give several rows where they stand in a select list.
const ROW_MAKERS: &[&str] = &[
    "explode",
    "explode_outer",
    "flatten",
    "generate_series",
    "generate_subscripts",
    "inline",
    "inline_outer",
    "json_array_elements",
    "json_array_elements_text",
    "json_each",
    "json_each_text",
    "json_object_keys",
    "jsonb_array_elements",
    "jsonb_array_elements_text",
    "jsonb_each",
    "jsonb_each_text",
    "jsonb_object_keys",
    "posexplode",
    "posexplode_outer",
    "regexp_matches",
    "regexp_split_to_table",
    "stack",
    "string_to_table",
    "unnest",
];

/// True if the function gives several rows where it stands in a select list.
pub(crate) fn makes_rows(name: &str) -> bool {
    is_one_of(ROW_MAKERS, name)
}

/// True if the call stands for columns: `COLUMNS(…)`, and `*COLUMNS(…)`, which has them all in one.
pub(crate) fn is_columns(name: &str) -> bool {
    is_one_of(&["columns", "*columns"], name)
}

/// The columns of a function that stands in FROM, if it always has the same.
pub(crate) fn columns_of(name: &str) -> &'static [&'static str] {
    if name.eq_ignore_ascii_case("flatten") {
        &["seq", "key", "path", "index", "value", "this"]
    } else {
        &[]
    }
}

/// Words that look like columns and are calls without parentheses.
pub(crate) fn is_niladic(word: &str) -> bool {
    is_one_of(
        &[
            "current_date",
            "current_time",
            "current_timestamp",
            "current_user",
            "current_role",
            "current_schema",
            "current_catalog",
            "localtime",
            "localtimestamp",
            "session_user",
            "sysdate",
            "systimestamp",
            "system_user",
            "user",
            "rownum",
            "level",
            "getdate",
            "utc_timestamp",
            "sysdatetime",
            "default",
            "null",
            "true",
            "false",
        ],
        word,
    )
}
