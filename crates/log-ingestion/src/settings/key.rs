//! Where the API key comes from: a variable, a file that holds nothing else, or a credential of the service manager.
//!
//! Decides which of them is in force: the first that is there, in this order; two that differ are a fault, since nobody
//! could tell which one is meant. Never shows a key, and never says anything of one but where it is from.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use ingest_source::transport::ApiKey;

use super::layers::{Layers, Origin, readable_by_others};
use super::table::Setting;
use super::{Fault, SettingsError};

/// The variable that holds the key itself.
pub(super) const KEY: &str = "RAPID7_API_KEY";
/// The variable that names a file with the key.
pub(super) const KEY_FILE: &str = "RAPID7_API_KEY_FILE";
/// Where systemd puts what `LoadCredential=` and `SetCredential=` name.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
/// Name of our credential there.
const CREDENTIAL: &str = "rapid7_api_key";
/// Largest file that is read as a key, in bytes. Keys have a few dozen characters; whoever names a device or a log file
/// by mistake is told so, and its content is not read into memory.
const KEY_BYTES_MAX: u64 = 16 << 10;
/// What `.env.example` has in place of a key.
const PLACEHOLDER: &str = "your_api_key_here";

/// Where a key is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// `RAPID7_API_KEY`, set there.
    Variable(Origin),
    /// The file that `RAPID7_API_KEY_FILE` names.
    File(PathBuf),
    /// A credential of the service manager.
    Credential(PathBuf),
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(origin) => f.write_str(origin.name()),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Credential(path) => write!(f, "credential {}", path.display()),
        }
    }
}

/// A key that can be used, and where it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundKey {
    /// The key.
    pub key: ApiKey,
    /// Where it is from.
    pub source: KeySource,
}

impl FoundKey {
    /// The key that is in force by these layers. Reads the file or credential that they name.
    ///
    /// # Errors
    /// When there is none, one cannot be read or used, or two differ.
    pub fn find(layers: &Layers) -> Result<Self, SettingsError> {
        let (mut found, mut faults) = (Vec::new(), Vec::new());
        for source in sources(layers) {
            match read(layers, &source) {
                Ok(key) => found.push(Self { key, source }),
                Err(fault) => faults.push(fault),
            }
        }
        if let [first, rest @ ..] = found.as_slice() {
            faults
                .extend(rest.iter().filter(|other| other.key != first.key).map(|other| differ(first, other)));
        }
        match found.into_iter().next() {
            Some(first) if faults.is_empty() => Ok(first),
            None if faults.is_empty() => Err(SettingsError(vec![absent()])),
            _ => Err(SettingsError(faults)),
        }
    }
}

/// The files that hold a key or name one, and that other users of the machine can read.
#[must_use]
pub fn readable_key_files(layers: &Layers) -> Vec<PathBuf> {
    // A credential's folder belongs to the service manager, which sees to its modes.
    let files = sources(layers).into_iter().filter_map(|source| match source {
        KeySource::File(path) => Some(path),
        KeySource::Variable(_) | KeySource::Credential(_) => None,
    });
    files.filter(|path| readable_by_others(path)).collect()
}

/// Where keys are, the one that is in force first.
pub(crate) fn sources(layers: &Layers) -> Vec<KeySource> {
    let variable = value(layers, KEY).map(|(_, origin)| KeySource::Variable(origin));
    let file = value(layers, KEY_FILE).map(|(path, _)| KeySource::File(PathBuf::from(path)));
    let folder = layers.environment.get(CREDENTIALS).filter(|folder| !folder.is_empty());
    let credential = folder.map(|folder| Path::new(folder).join(CREDENTIAL)).filter(|path| path.exists());
    [variable, file, credential.map(KeySource::Credential)].into_iter().flatten().collect()
}

fn value<'a>(layers: &'a Layers, variable: &str) -> Option<(&'a str, Origin)> {
    layers.get(Setting::named(variable)?).filter(|(value, _)| !value.is_empty())
}

fn read(layers: &Layers, source: &KeySource) -> Result<ApiKey, Fault> {
    match source {
        KeySource::Variable(origin) => {
            let text = value(layers, KEY).map_or("", |(text, _)| text);
            let given = || format!("a value that cannot be used was given ({})", origin.name());
            usable(text).ok_or_else(|| fault(KEY, given()))
        }
        KeySource::File(path) => in_file(path).map_err(|given| fault(KEY_FILE, given)),
        KeySource::Credential(path) => in_file(path).map_err(|given| Fault {
            variable: format!("the credential {CREDENTIAL}"),
            given,
            allowed: "give it the key, and nothing else".to_owned(),
        }),
    }
}

fn in_file(path: &Path) -> Result<ApiKey, String> {
    let shown = path.display();
    let text = small_text(path).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    if text.trim().is_empty() {
        return Err(format!("{shown} is empty"));
    }
    usable(text.trim()).ok_or_else(|| format!("{shown} holds something else than a key"))
}

fn small_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?.take(KEY_BYTES_MAX).read_to_string(&mut text)?;
    if read as u64 == KEY_BYTES_MAX {
        let said = format!("it has {KEY_BYTES_MAX} bytes or more, which no key has");
        return Err(io::Error::new(io::ErrorKind::InvalidData, said));
    }
    Ok(text)
}

fn usable(text: &str) -> Option<ApiKey> {
    let usable = text.bytes().all(|byte| byte.is_ascii_graphic()) && text != PLACEHOLDER;
    usable.then(|| ApiKey::new(text))
}

fn fault(variable: &str, given: String) -> Fault {
    let allowed = Setting::named(variable).map_or("", |setting| setting.allowed);
    Fault { variable: variable.to_owned(), given, allowed: format!("allowed: {allowed}") }
}

fn absent() -> Fault {
    let mut fault = fault(KEY, "it is not set".to_owned());
    fault.allowed.push_str(&format!(". A file can hold it: {KEY_FILE}"));
    fault
}

fn differ(first: &FoundKey, other: &FoundKey) -> Fault {
    Fault {
        variable: KEY.to_owned(),
        given: format!("two keys that differ are given ({}; {})", first.source, other.source),
        allowed: "leave one of them, so that it is clear which one is meant".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Layers with these keys: in the variable, in a file, as a credential; and the folder that keeps the latter two.
    fn layers(variable: &str, file: &str, credential: &str) -> (Layers, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let mut environment = BTreeMap::from([(CREDENTIALS.to_owned(), at(""))]);
        if !variable.is_empty() {
            environment.insert(KEY.to_owned(), variable.to_owned());
        }
        if !file.is_empty() {
            std::fs::write(at("key"), file).unwrap();
            environment.insert(KEY_FILE.to_owned(), at("key"));
        }
        if !credential.is_empty() {
            std::fs::write(at(CREDENTIAL), credential).unwrap();
        }
        (Layers { environment, ..Layers::default() }, folder)
    }

    #[track_caller]
    fn check(variable: &str, file: &str, credential: &str, want: Result<(&str, &str), &str>) {
        let (layers, _folder) = layers(variable, file, credential);
        match (FoundKey::find(&layers), want) {
            (Ok(found), Ok((key, source))) => {
                assert_eq!(found.key.reveal(), key);
                assert!(found.source.to_string().starts_with(source), "{}", found.source);
            }
            (Err(error), Err(want)) => {
                let said = error.to_string();
                assert!(said.contains(want), "{want:?} in {said}");
                assert!(!said.contains("k-"), "a key is shown: {said}");
            }
            (found, want) => panic!("{found:?}, not {want:?}"),
        }
    }

    #[test]
    fn the_first_source_that_is_there_gives_the_key() {
        check("k-1", "", "", Ok(("k-1", "environment")));
        check("", "k-2\n", "", Ok(("k-2", "file ")));
        check("", "", " k-3 \r\n", Ok(("k-3", "credential ")));
        check("k-1", "k-1\n", "k-1", Ok(("k-1", "environment")));
        check("", "", "", Err("RAPID7_API_KEY: it is not set"));
    }

    #[test]
    fn two_keys_that_differ_are_a_fault() {
        check("k-1", "k-2", "", Err("two keys that differ are given (environment; file "));
        check("", "k-2", "k-3", Err("; credential "));
        check("k-1", "", "k-3", Err("(environment; credential "));
    }

    #[test]
    fn what_is_no_key_is_named_and_not_shown() {
        check("your_api_key_here", "", "", Err("RAPID7_API_KEY: a value that cannot be used"));
        check("", " \n", "", Err("RAPID7_API_KEY_FILE: "));
        check("", " \n", "", Err("is empty"));
        check("", "RAPID7_API_KEY=k-1\nB=k-2\n", "", Err("holds something else than a key"));
        check("k-1", "k-\u{7}", "", Err("holds something else than a key"));
        check("", &"k".repeat(20_000), "", Err("which no key has"));
        let environment = BTreeMap::from([(KEY_FILE.to_owned(), "/nowhere/at/all".to_owned())]);
        let said = FoundKey::find(&Layers { environment, ..Layers::default() }).unwrap_err().to_string();
        assert!(said.contains("RAPID7_API_KEY_FILE: /nowhere/at/all cannot be read"), "{said}");
    }

    #[test]
    fn a_key_file_that_others_can_read_is_named() {
        use std::os::unix::fs::PermissionsExt;
        let (layers, folder) = layers("", "k-1", "");
        let path = folder.path().join("key");
        for (mode, loose) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true)] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            assert_eq!(!readable_key_files(&layers).is_empty(), loose, "{mode:o}");
        }
    }
}
