use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use boxoffice_domain::testing::World;
use boxoffice_messages::{ROUTES, group};
use boxoffice_runtime::Subscription;
use boxoffice_runtime::config::Settings;

use super::*;

/// A file of the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn names() -> BTreeSet<String> {
    FUNCTIONS.iter().map(|listed| listed.name.to_owned()).collect()
}

/// The rows of the README's table of functions: the functions that a row names, and what it says they are run by.
fn readme_rows() -> Vec<(Vec<String>, String)> {
    let readme = read("README.md");
    let (_, section) = readme.split_once("\n## The functions\n").expect("a section on the functions");
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.contains("](functions/"));
    rows.filter_map(|row| {
        let mut columns = row.split('|').skip(1);
        let (functions, run_by) = (columns.next()?, columns.next()?);
        let links = functions.split("](functions/").skip(1).filter_map(|rest| rest.split(')').next());
        Some((links.map(str::to_owned).collect(), run_by.to_owned()))
    })
    .collect()
}

#[test]
fn each_function_is_listed_once_and_has_a_folder_with_a_program_of_its_name() {
    assert_eq!(names().len(), FUNCTIONS.len(), "a function is listed twice");
    let folders = fs::read_dir(repository("functions")).unwrap().map(|entry| entry.unwrap().file_name());
    let folders: BTreeSet<_> = folders.map(|name| name.into_string().unwrap()).collect();
    assert_eq!(names(), folders);
    for Listed { name, .. } in FUNCTIONS {
        assert!(
            read(&format!("functions/{name}/Cargo.toml")).contains(&format!("name = \"{name}\"")),
            "{name}"
        );
        assert!(repository(&format!("functions/{name}/src/main.rs")).is_file(), "{name} has no program");
    }
}

#[test]
fn each_is_called_by_its_own_name() {
    let world = World::new();
    let ports = world.ports();
    let settings = HostSettings::read(Settings::from_parts([("LOG_FILTER", "info")], "")).unwrap();
    for Listed { name, run_by } in FUNCTIONS {
        match run_by {
            RunBy::Requests => {}
            RunBy::Messages(build) => assert_eq!(build(&ports, &world.settings()).name(), *name),
            RunBy::Clock(build) => assert_eq!(build(&settings, &ports).name(), *name),
        }
    }
}

#[test]
fn every_consumer_takes_the_messages_of_its_route() {
    let world = World::new();
    let mut seen = BTreeSet::new();
    for function in consumers(&world.ports(), &world.settings()) {
        let subscription = function.subscription();
        // The dead letters of every route.
        if subscription.group == group::DLQ_HANDLER {
            assert_eq!(subscription.topics.len(), ROUTES.len());
            continue;
        }
        let route = ROUTES.iter().find(|route| route.function == function.name());
        let route = route.unwrap_or_else(|| panic!("{} has no route", function.name()));
        assert_eq!(subscription, Subscription::new(route.group, route.topic, route.tags));
        seen.insert(route.function);
    }
    let routes: BTreeSet<_> = ROUTES.iter().map(|route| route.function).collect();
    assert_eq!(seen, routes, "a route belongs to no function");
}

#[test]
fn the_table_of_the_readme_names_every_function_and_the_tags_that_run_it() {
    let rows = readme_rows();
    let mut in_table: Vec<_> = rows.iter().flat_map(|(functions, _)| functions.clone()).collect();
    in_table.sort();
    assert_eq!(in_table, names().into_iter().collect::<Vec<_>>());
    for (functions, run_by) in rows {
        let routes = ROUTES.iter().filter(|route| functions.iter().any(|name| name == route.function));
        let tags: BTreeSet<_> = routes.flat_map(|route| route.tags).copied().collect();
        let said = run_by.split(|c: char| !(c.is_ascii_uppercase() || c == '_'));
        let said: BTreeSet<_> = said.filter(|word| word.len() > 1 && *word != "HTTP").collect();
        assert_eq!(said, tags, "{functions:?}");
    }
}

#[test]
fn make_builds_the_programs_of_every_folder() {
    let makefile = read("Makefile");
    let list = makefile.lines().find(|line| line.starts_with("FUNCTIONS")).expect("a list of functions");
    assert_eq!(list, "FUNCTIONS = $(notdir $(wildcard functions/*))");
}
