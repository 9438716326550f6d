//! What a call says of how dnf is to work, as options of its program.

use crate::answer::Failure;
use crate::context::Context;

/// Refuses a file of configuration that cannot be read.
pub(super) fn check(context: &Context) -> Result<(), Failure> {
    let Some(file) = context.args.text("conf_file") else {
        return Ok(());
    };
    std::fs::File::open(file).map(drop).map_err(|_| {
        Failure::new("cannot read configuration file")
            .with("conf_file", file)
            .with("results", Vec::<String>::new())
    })
}

/// The options of a call.
pub(super) fn of(context: &Context) -> Vec<String> {
    let args = &context.args;
    let mut options = args.options_of_flags(&[
        ("allowerasing", "--allowerasing"),
        ("bugfix", "--bugfix"),
        ("cacheonly", "--cacheonly"),
        ("disable_gpg_check", "--nogpgcheck"),
        ("download_only", "--downloadonly"),
        ("security", "--security"),
        ("skip_broken", "--skip-broken"),
    ]);
    let mut set = |option: &str| options.push(format!("--setopt={option}"));
    if !args.flag("disable_gpg_check") {
        set("gpgcheck=True");
        set("localpkg_gpgcheck=True");
    }
    // The program would take away what a package has needed, where that is not asked for.
    if !args.flag("autoremove") {
        set("clean_requirements_on_remove=False");
    }
    if !args.flag("install_weak_deps") {
        set("install_weak_deps=False");
    }
    if !args.flag("sslverify") || !args.flag("validate_certs") {
        set("sslverify=False");
    }
    let best = args
        .optional_flag("best")
        .or_else(|| args.optional_flag("nobest").map(|nobest| !nobest));
    if let Some(best) = best {
        options.push(if best { "--best" } else { "--nobest" }.to_owned());
    }
    if args.required("installroot") != "/" {
        options.push(format!("--installroot={}", args.required("installroot")));
    }
    for (text, option) in [
        ("conf_file", "--config"),
        ("disable_excludes", "--disableexcludes"),
        ("download_dir", "--downloaddir"),
        ("releasever", "--releasever"),
    ] {
        options.extend(args.text(text).map(|value| format!("{option}={value}")));
    }
    for (list, option) in [
        ("disable_plugin", "--disableplugin"),
        ("disablerepo", "--disablerepo"),
        ("enable_plugin", "--enableplugin"),
        ("enablerepo", "--enablerepo"),
        ("exclude", "--exclude"),
    ] {
        options.extend(args.list(list).iter().map(|item| format!("{option}={item}")));
    }
    options
}
