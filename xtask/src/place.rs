//! Where the workspace and its build folder are, as cargo says.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::failure::Failure;
use crate::process;

/// The workspace.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    /// What `cargo metadata --no-deps` printed: our own packages, and what their manifests ask for.
    pub(crate) metadata: Value,
}

impl Place {
    pub(crate) fn find() -> Result<Self, Failure> {
        let mut command = Command::new("cargo");
        command.args(["metadata", "--format-version", "1", "--no-deps"]);
        let text = process::read(&mut command)?;
        let metadata: Value = serde_json::from_str(&text)
            .map_err(|error| Failure::new(format!("what cargo metadata printed is not JSON: {error}")))?;
        let folder = |key: &str| {
            metadata.get(key).and_then(Value::as_str).map(PathBuf::from).ok_or_else(|| {
                Failure::new(format!("cargo metadata does not say its {key}; is this cargo very old?"))
            })
        };
        Ok(Self { root: folder("workspace_root")?, target: folder("target_directory")?, metadata })
    }

    /// A cargo command in the workspace.
    pub(crate) fn cargo(&self, args: &[&str]) -> Command {
        let mut command = Command::new("cargo");
        command.args(args).current_dir(&self.root);
        command
    }

    /// Where the interoperability check has its script and its data.
    pub(crate) fn interop(&self) -> PathBuf {
        self.root.join("tests/interop")
    }
}

/// Makes an empty folder, whatever was there.
pub(crate) fn empty_folder(path: &Path) -> Result<(), Failure> {
    if path.exists() {
        std::fs::remove_dir_all(path).map_err(|error| not_made(path, &error))?;
    }
    folder(path)
}

/// Makes a folder where there is none.
pub(crate) fn folder(path: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(path).map_err(|error| not_made(path, &error))
}

fn not_made(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("the folder {} cannot be made: {error}", path.display()))
}
