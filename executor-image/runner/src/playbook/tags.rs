//! Which tasks `--tags` and `--skip-tags` choose.

use std::sync::Arc;

/// The tags asked for.
#[derive(Debug, Clone, Default)]
pub struct TagSelection {
    /// `--tags`; empty stands for `all`.
    pub only: Vec<String>,
    /// `--skip-tags`.
    pub skip: Vec<String>,
}

impl TagSelection {
    /// Whether a task with these tags runs.
    pub fn allows(&self, tags: &[Arc<str>]) -> bool {
        let has = |list: &[String], tag: &str| list.iter().any(|wanted| wanted == tag);
        let any_of = |list: &[String]| tags.iter().any(|tag| has(list, tag));
        let always = tags.iter().any(|tag| tag.as_ref() == "always");
        let never = tags.iter().any(|tag| tag.as_ref() == "never");
        let tagged = !tags.is_empty();

        let wanted = if self.only.is_empty() {
            !never || always
        } else if always || any_of(&self.only) || (has(&self.only, "all") && !never) {
            true
        } else if has(&self.only, "tagged") {
            tagged && !never
        } else {
            has(&self.only, "untagged") && !tagged
        };
        if !wanted || self.skip.is_empty() {
            return wanted;
        }
        let skipped = if has(&self.skip, "all") {
            !always || has(&self.skip, "always")
        } else {
            any_of(&self.skip)
                || (has(&self.skip, "tagged") && tagged)
                || (has(&self.skip, "untagged") && !tagged)
        };
        !skipped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_choose_as_ansible_does() {
        let cases: &[(&str, &str, &str, bool)] = &[
            // only, skip, tags of the task, runs
            ("", "", "", true),
            ("", "", "a", true),
            ("", "", "never", false),
            ("", "", "never,a", false),
            ("a", "", "never,a", true),
            ("a", "", "b", false),
            ("a", "", "always", true),
            ("a", "", "", false),
            ("all", "", "b", true),
            ("all", "", "never", false),
            ("tagged", "", "", false),
            ("tagged", "", "b", true),
            ("untagged", "", "", true),
            ("untagged", "", "b", false),
            ("", "a", "a", false),
            ("", "a", "b", true),
            ("", "always", "always", false),
            ("", "tagged", "b", false),
            ("", "untagged", "", false),
            ("a", "b", "a,b", false),
            ("", "all", "always", true),
        ];
        let list = |text: &str| {
            text.split(',')
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect::<Vec<String>>()
        };
        for (only, skip, tags, runs) in cases {
            let selection = TagSelection {
                only: list(only),
                skip: list(skip),
            };
            let tags: Vec<Arc<str>> = list(tags).into_iter().map(Arc::from).collect();
            assert_eq!(
                selection.allows(&tags),
                *runs,
                "--tags {only:?} --skip-tags {skip:?} on {tags:?}"
            );
        }
    }
}
