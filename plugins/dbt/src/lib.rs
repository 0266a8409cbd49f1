//! Reads `manifest.json`, in which dbt describes a whole project.
