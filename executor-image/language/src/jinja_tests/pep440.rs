//! Versions of Python packages, as PEP 440 orders them.

use std::cmp::Ordering;
use std::sync::LazyLock;

use fancy_regex::Regex;

/// How a part that may be missing is ordered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part<T> {
    /// Before everything.
    Lowest,
    Is(T),
    /// After everything.
    Highest,
}

/// A segment of a local version: words come before numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Local {
    Word(String),
    Number(u64),
}

/// A version, its parts in the order in which they decide.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version {
    epoch: u64,
    release: Vec<u64>,
    pre: Part<(char, u64)>,
    post: Part<u64>,
    development: Part<u64>,
    local: Part<Vec<Local>>,
}

static FORM: LazyLock<Result<Regex, String>> = LazyLock::new(|| {
    let form = r"(?ix)^\s*v?
        (?:(?P<epoch>[0-9]+)!)?
        (?P<release>[0-9]+(?:\.[0-9]+)*)
        (?:[-_.]?(?P<pre>alpha|a|beta|b|preview|pre|c|rc)[-_.]?(?P<pre_number>[0-9]+)?)?
        (?P<post>-(?P<post_short>[0-9]+)|[-_.]?(?:post|rev|r)[-_.]?(?P<post_number>[0-9]+)?)?
        (?P<development>[-_.]?dev[-_.]?(?P<development_number>[0-9]+)?)?
        (?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?
        \s*$";
    Regex::new(form).map_err(|error| error.to_string())
});

impl Version {
    fn parse(text: &str) -> Result<Self, String> {
        let invalid = || format!("Invalid version: '{text}'");
        let form = FORM.as_ref().map_err(Clone::clone)?;
        let found = form.captures(text).map_err(|error| error.to_string())?;
        let found = found.ok_or_else(invalid)?;
        let part = |name: &str| found.name(name).map(|part| part.as_str().to_ascii_lowercase());
        let number = |digits: Option<String>| -> Result<u64, String> {
            digits.map_or(Ok(0), |digits| digits.parse().map_err(|_| invalid()))
        };
        let mut release = Vec::new();
        for digits in part("release").unwrap_or_default().split('.') {
            release.push(number(Some(digits.to_owned()))?);
        }
        // 1.0 is 1.
        while release.len() > 1 && release.last() == Some(&0) {
            release.pop();
        }
        let post = match part("post") {
            Some(_) => Some(number(part("post_short").or_else(|| part("post_number")))?),
            None => None,
        };
        let development = match part("development") {
            Some(_) => Some(number(part("development_number"))?),
            None => None,
        };
        let pre = match part("pre") {
            Some(word) => {
                // Alpha, beta, candidate.
                let letter = match word.as_str() {
                    "alpha" | "a" => 'a',
                    "beta" | "b" => 'b',
                    _ => 'c',
                };
                Part::Is((letter, number(part("pre_number"))?))
            }
            // 1.dev1 comes before 1a1.
            None if post.is_none() && development.is_some() => Part::Lowest,
            None => Part::Highest,
        };
        let local = part("local").map(|local| {
            let segments = local.split(['-', '_', '.']);
            let segment = |segment: &str| {
                segment
                    .parse()
                    .map_or_else(|_| Local::Word(segment.to_owned()), Local::Number)
            };
            segments.map(segment).collect()
        });
        Ok(Self {
            epoch: number(part("epoch"))?,
            release,
            pre,
            post: post.map_or(Part::Lowest, Part::Is),
            development: development.map_or(Part::Highest, Part::Is),
            local: local.map_or(Part::Lowest, Part::Is),
        })
    }
}

/// The order of two versions.
pub(super) fn order(left: &str, right: &str) -> Result<Ordering, String> {
    Ok(Version::parse(left)?.cmp(&Version::parse(right)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_in_the_order_of_the_pep() {
        let sorted = [
            "1.dev0",
            "1.0.dev456",
            "1.0a1",
            "1.0a2.dev456",
            "1.0a12.dev456",
            "1.0a12",
            "1.0b1.dev456",
            "1.0b2",
            "1.0b2.post345.dev456",
            "1.0b2.post345",
            "1.0rc1.dev456",
            "1.0rc1",
            "1.0",
            "1.0+abc.5",
            "1.0+abc.7",
            "1.0+5",
            "1.0.post456.dev34",
            "1.0.post456",
            "1.0.15",
            "1.1.dev1",
            "1!0.1",
        ];
        for (index, left) in sorted.iter().enumerate() {
            for (other, right) in sorted.iter().enumerate() {
                assert_eq!(order(left, right), Ok(index.cmp(&other)), "{left} {right}");
            }
        }
    }

    #[test]
    fn other_spellings_are_the_same_version() {
        for (left, right) in [
            ("v1.0-1", "1.post1"),
            ("1.0-ALPHA.1", "1a1"),
            ("1c1", "1rc1"),
            ("1.0.0", "1"),
        ] {
            assert_eq!(order(left, right), Ok(Ordering::Equal), "{left} {right}");
        }
        assert_eq!(order("1.x", "1"), Err("Invalid version: '1.x'".to_owned()));
    }
}
