//! What is in a directory of this machine that is copied, as Ansible walks it.

use std::{
    collections::HashSet,
    fs::Metadata,
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// Files, directories and links, each with its name below the destination.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// Where the content is, and the name.
    pub files: Vec<(PathBuf, String)>,
    /// Names.
    pub directories: Vec<String>,
    /// What the link says, and the name.
    pub links: Vec<(String, String)>,
}

/// A directory, whatever leads to it.
type Identity = (u64, u64);

fn identity(metadata: &Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}

impl Tree {
    /// Everything below `source`, under the name of `source` unless only its contents are wanted. With `follows` what links lead to is taken
    /// in their place; a link that would lead round in a circle stays a link, and so does one that leads nowhere.
    ///
    /// # Errors
    /// A directory that cannot be read.
    pub fn of(source: &Path, contents_only: bool, follows: bool) -> io::Result<Self> {
        let own = source.file_name().filter(|_| !contents_only);
        let name = own
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let mut tree = Self::default();
        if source.is_symlink() && !follows {
            tree.links.push((said(source)?, name));
            return Ok(tree);
        }
        let parents = HashSet::from([identity(&source.metadata()?)]);
        tree.walk(source, &name, &parents, follows)?;
        Ok(tree)
    }

    fn walk(
        &mut self,
        directory: &Path,
        name: &str,
        parents: &HashSet<Identity>,
        follows: bool,
    ) -> io::Result<()> {
        let mut entries: Vec<PathBuf> = std::fs::read_dir(directory)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()?;
        // Files of a directory come before those of the directories in it.
        entries.sort_by_cached_key(|path| (path.is_dir(), path.clone()));
        for path in entries {
            let own = path.file_name().unwrap_or_default().to_string_lossy();
            let name = if name.is_empty() {
                own.into_owned()
            } else {
                format!("{name}/{own}")
            };
            match (path.is_symlink(), path.is_dir()) {
                (false, true) => {
                    self.directories.push(name.clone());
                    self.walk(&path, &name, parents, follows)?;
                }
                (false, false) => self.files.push((path, name)),
                (true, true) if follows => self.follow(&path, name, parents)?,
                (true, false) if follows && path.is_file() => {
                    self.files.push((path.canonicalize()?, name));
                }
                (true, _) => self.links.push((said(&path)?, name)),
            }
        }
        Ok(())
    }

    /// What is in the directory that a link leads to, unless it is one that the link is in.
    fn follow(&mut self, link: &Path, name: String, parents: &HashSet<Identity>) -> io::Result<()> {
        let target = identity(&link.metadata()?);
        let mut above = parents.clone();
        for parent in link.ancestors().skip(1) {
            let parent = identity(&parent.metadata()?);
            // From there on nothing is being copied.
            if parents.contains(&parent) {
                break;
            }
            above.insert(parent);
        }
        if above.contains(&target) {
            self.links.push((said(link)?, name));
            return Ok(());
        }
        self.directories.push(name.clone());
        self.walk(&link.canonicalize()?, &name, &above, true)
    }
}

/// What a link says.
fn said(link: &Path) -> io::Result<String> {
    Ok(std::fs::read_link(link)?.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let source = directory.path().join("source");
        std::fs::create_dir_all(source.join("inner")).unwrap();
        std::fs::create_dir(directory.path().join("beside")).unwrap();
        for file in ["source/a", "source/inner/b", "beside/c"] {
            std::fs::write(directory.path().join(file), "").unwrap();
        }
        let link = |to: &str, at: &str| std::os::unix::fs::symlink(to, source.join(at)).unwrap();
        link("a", "to_file");
        link("nowhere", "to_nothing");
        link("../beside", "to_directory");
        link("..", "inner/round");
        link("../../source", "inner/round_about");
        directory
    }

    fn names(files: &[(PathBuf, String)]) -> Vec<&str> {
        files.iter().map(|(_, name)| name.as_str()).collect()
    }

    #[test]
    fn links_are_followed_but_not_in_circles() {
        let directory = made();
        let tree = Tree::of(&directory.path().join("source"), false, true).unwrap();
        assert_eq!(
            names(&tree.files),
            [
                "source/a",
                "source/to_file",
                "source/inner/b",
                "source/to_directory/c"
            ]
        );
        assert_eq!(tree.directories, ["source/inner", "source/to_directory"]);
        let links: Vec<&str> = tree.links.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(
            links,
            [
                "source/to_nothing",
                "source/inner/round",
                "source/inner/round_about"
            ]
        );
    }

    #[test]
    fn links_stay_links_where_they_are_not_followed() {
        let directory = made();
        let tree = Tree::of(&directory.path().join("source"), true, false).unwrap();
        assert_eq!(names(&tree.files), ["a", "inner/b"]);
        assert_eq!(tree.directories, ["inner"]);
        assert_eq!(tree.links.len(), 5);
        assert!(
            tree.links
                .contains(&("../beside".to_owned(), "to_directory".to_owned()))
        );
    }
}
