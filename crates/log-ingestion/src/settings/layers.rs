//! What was written, and where: flag over environment over `.env` over default.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::key::{KEY, KEY_FILE};
use super::table::{SETTINGS, Setting};
use super::{Fault, SettingsError, StoreVariables};

/// Where a value was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// On the command line.
    Flag,
    /// In the environment.
    Environment,
    /// In the `.env` file.
    EnvFile,
    /// Nowhere.
    Default,
}

impl Origin {
    /// In words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Environment => "environment",
            Self::EnvFile => ".env",
            Self::Default => "default",
        }
    }
}

/// What an `.env` file held.
#[derive(Debug, Clone, Default)]
pub struct EnvFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its variables.
    pub values: BTreeMap<String, String>,
    /// Whether other users of the machine can read it.
    pub readable_by_others: bool,
}

/// The values of all layers.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    /// From the command line, by variable.
    pub flags: BTreeMap<String, String>,
    /// From the environment.
    pub environment: BTreeMap<String, String>,
    /// From `.env`, if there is one.
    pub env_file: Option<EnvFile>,
}

/// Prefix of the variables whose misspelling is noticed wherever it is.
const OUR_PREFIX: &str = "RAPID7_";
/// Edits within which a name counts as a misspelling of another.
const NEAR: usize = 4;

impl Layers {
    /// Collects the layers; `env_file` names the file that must be there, otherwise `.env` is read if it is.
    ///
    /// # Errors
    /// When the `.env` file cannot be read.
    pub fn collect(flags: BTreeMap<String, String>, env_file: Option<&Path>) -> Result<Self, SettingsError> {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| {
                Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
            })
            .collect();
        let path = env_file.unwrap_or_else(|| Path::new(".env"));
        let env_file = if env_file.is_some() || path.exists() { Some(read_env_file(path)?) } else { None };
        Ok(Self { flags, environment, env_file })
    }

    /// The layers as they would be if the program started now: `.env` is read again, everything else stays. What the
    /// environment had from this very file, as a service manager puts it there, is what the file says now.
    ///
    /// # Errors
    /// When a `.env` file that was there cannot be read any more.
    pub fn again(&self) -> Result<Self, SettingsError> {
        let old = self.env_file.as_ref();
        let path = old.map_or_else(|| Path::new(".env"), |file| file.path.as_path());
        let env_file = if old.is_some() || path.exists() { Some(read_env_file(path)?) } else { None };
        let mut environment = self.environment.clone();
        if let Some(old) = old {
            environment.retain(|name, value| old.values.get(name).is_none_or(|written| written != value));
        }
        Ok(Self { flags: self.flags.clone(), environment, env_file })
    }

    /// Settings whose value is another in `later`, but for those of the key.
    #[must_use]
    pub fn differing(&self, later: &Self) -> Vec<&'static str> {
        let value = |layers: &Self, setting: &Setting| layers.get(setting).map(|(value, _)| value.to_owned());
        let others = SETTINGS.iter().filter(|s| ![KEY, KEY_FILE].contains(&s.variable));
        others.filter(|s| value(self, s) != value(later, s)).map(|s| s.variable).collect()
    }

    /// A setting's value, and where it is from; `None` where nothing gives one. An empty value is none.
    #[must_use]
    pub fn get(&self, setting: &Setting) -> Option<(&str, Origin)> {
        let name = setting.variable;
        let file = self.env_file.as_ref().map(|file| &file.values);
        let layers = [
            (Some(&self.flags), Origin::Flag),
            (Some(&self.environment), Origin::Environment),
            (file, Origin::EnvFile),
        ];
        let written = layers.into_iter().find_map(|(layer, origin)| {
            let value = layer?.get(name)?.trim();
            (!value.is_empty()).then_some((value, origin))
        });
        written.or_else(|| setting.default.map(|value| (value, Origin::Default)))
    }

    /// What says how object stores are reached: the environment's variables over those of `.env`.
    #[must_use]
    pub fn store_variables(&self) -> StoreVariables {
        let in_file = self.env_file.iter().flat_map(|file| &file.values);
        let all = in_file.chain(&self.environment).filter(|(name, _)| is_of_store(name));
        StoreVariables(all.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// Variables that look like ours and are none, each with the nearest that there is.
    #[must_use]
    pub fn misspelt(&self) -> Vec<Fault> {
        let in_file = self.env_file.iter().flat_map(|file| file.values.keys());
        let written = self.environment.keys().chain(in_file).filter(|name| name.starts_with(OUR_PREFIX));
        let unknown = written.filter(|name| Setting::named(name).is_none());
        let mut faults: Vec<Fault> = unknown
            .map(|name| Fault {
                variable: name.clone(),
                given: "there is no such setting".to_owned(),
                allowed: match nearest(name) {
                    Some(near) => format!("did you mean {near}?"),
                    None => "log-ingestion config lists all settings".to_owned(),
                },
            })
            .collect();
        faults.dedup();
        faults
    }

    /// Names in `.env` that are no setting: most likely misspelt, but perhaps another program's.
    #[must_use]
    pub fn strangers(&self) -> Vec<(String, Option<&'static str>)> {
        let names = self.env_file.iter().flat_map(|file| file.values.keys());
        names
            .filter(|name| {
                !name.starts_with(OUR_PREFIX) && !is_of_store(name) && Setting::named(name).is_none()
            })
            .map(|name| (name.clone(), nearest(name)))
            .collect()
    }
}

fn is_of_store(name: &str) -> bool {
    ingest_bucket::VARIABLES.iter().any(|prefix| name.starts_with(prefix))
}

fn read_env_file(path: &Path) -> Result<EnvFile, SettingsError> {
    let fault = |said: String| {
        let given = format!("{} cannot be read: {said}", path.display());
        SettingsError(vec![Fault {
            variable: ".env".to_owned(),
            given,
            allowed: "give lines of NAME=value".to_owned(),
        }])
    };
    let entries = dotenvy::from_path_iter(path).map_err(|error| fault(error.to_string()))?;
    let mut values = BTreeMap::new();
    for entry in entries {
        // A parse error shows the line, which may be the key's.
        let (name, value) = entry.map_err(|_shows_the_line| fault("a line is not NAME=value".to_owned()))?;
        values.insert(name, value);
    }
    Ok(EnvFile { path: path.to_owned(), values, readable_by_others: readable_by_others(path) })
}

pub(super) fn readable_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|facts| facts.permissions().mode() & 0o077 != 0)
}

/// The setting whose name is nearest, if one is near.
fn nearest(name: &str) -> Option<&'static str> {
    let ranked = SETTINGS.iter().map(|s| (distance(name, s.variable), s.variable));
    ranked.min().filter(|(edits, _)| *edits <= NEAR).map(|(_, variable)| variable)
}

/// Edits that turn one text into the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut last = row.clone();
        if let Some(first) = last.first_mut() {
            *first = i + 1;
        }
        for (j, to) in b.iter().enumerate() {
            let keep = row.get(j).copied().unwrap_or(usize::MAX) + usize::from(from != *to);
            let drop = row.get(j + 1).copied().unwrap_or(usize::MAX).saturating_add(1);
            let add = last.get(j).copied().unwrap_or(usize::MAX).saturating_add(1);
            if let Some(place) = last.get_mut(j + 1) {
                *place = keep.min(drop).min(add);
            }
        }
        row = last;
    }
    row.last().copied().unwrap_or(usize::MAX)
}
