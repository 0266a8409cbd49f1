//! The product from outside: the binary, its endpoints, its command line.

mod captures;
mod catalog;
mod command_line;
mod commands;
mod compat;
mod compat_extractors;
mod data_folder;
mod durability;
mod errors;
mod extraction;
mod hostile;
mod live;
mod manifests;
mod merges;
mod mesh;
mod operating;
mod plugin_bench;
mod plugin_languages;
mod plugin_project;
mod read_only;
mod scripts;
mod secrets;
mod sql;
mod truth;
